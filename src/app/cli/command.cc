#include "app/cli/command.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "app/api/api_v1.h"
#include "base/spelling.h"

namespace prom5::cli {

namespace {

const auto& command_table() {
  static const std::array kCommands = std::to_array<Command>({
      // The first, which is the one that is run when none is named.
      {"serve", "", "Run the server; also without its name, by flags alone.", kServeFlags,
       run_serve},
      {"ask feedback", "", "Show what people think of the assistant's answers.", kAskFeedbackFlags,
       run_ask_feedback},
      {"ask learn", "", "Teach the assistant a synonym, or what somebody's correction says.",
       kAskLearnFlags, run_ask_learn, kAskLearnDetails},
      {"ask", "[QUESTION|-]",
       "Ask a running server in plain words; without a question, one after the other.", kAskFlags,
       run_ask, kAskDetails},
      {"mcp", "", "Offer a running server's tools to other agents, over standard input and output.",
       kMcpFlags, run_mcp},
      {"query instant", "EXPRESSION", "Evaluate PromQL at one time.", kQueryFlags,
       run_query_instant},
      {"query range", "EXPRESSION", "Evaluate PromQL over a range of time.", kQueryRangeFlags,
       run_query_range},
      {"query series", "SELECTOR…", "List series.", kQuerySeriesFlags, run_query_series},
      {"query labels", "NAME", "List the values of a label.", kQuerySeriesFlags, run_query_labels},
      {"explain", "EXPRESSION", "Tell what a query computes and costs.", kExplainFlags,
       run_explain},
      {"doctor", "EXPRESSION", "Find out why a query's answer is empty; exit 1 when it is.",
       kDoctorFlags, run_doctor},
      {"check config", "FILE…", "Check configuration files.", kCheckConfigFlags, run_check_config},
      {"check rules", "FILE…", "Check files of rules.", {}, run_check_rules},
      {"check web-config", "FILE…", "Check files of TLS and users.", {}, run_check_web_config},
      {"check metrics", "", "Check a page of metrics on standard input.", kCheckMetricsFlags,
       run_check_metrics},
      {"tsdb import", "DIRECTORY|FILE",
       "Take over a Prometheus data directory or an OpenMetrics file.", kTsdbFlags,
       run_tsdb_import},
      {"tsdb export", "DIRECTORY", "Write the data as blocks of Prometheus.", kTsdbDumpFlags,
       run_tsdb_export},
      {"tsdb list", "[DIRECTORY]", "List the blocks of a data directory.", kTsdbFlags,
       run_tsdb_list},
      {"tsdb dump", "[DIRECTORY]", "Print samples, a line each.", kTsdbDumpFlags, run_tsdb_dump},
      {"tsdb analyze", "[DIRECTORY]", "Show what takes the room.", kTsdbFlags, run_tsdb_analyze},
      {"tsdb verify", "[DIRECTORY]", "Read every byte of the blocks and the log.", kTsdbFlags,
       run_tsdb_verify},
      {"tsdb repair", "[DIRECTORY]", "Rebuild damaged blocks without what cannot be read.",
       kTsdbFlags, run_tsdb_repair},
  });
  return kCommands;
}

std::string command_help(const Command& command) {
  std::string out = fmt::format("usage: prom5 {} [flags] {}\n\n{}\n", command.name,
                                command.arguments, command.summary);
  if (!command.flags.empty()) out += "\nflags:\n" + flags_help(command.flags);
  if (!command.details.empty()) out += "\n" + std::string(command.details);
  return out;
}

std::string general_help() {
  std::string out = "usage: prom5 <command> [flags]\n\ncommands:\n";
  for (const Command& command : commands()) {
    out += fmt::format("  {:<18}{}\n", command.name, command.summary);
  }
  return out + "\nprom5 <command> --help shows a command's flags.\n";
}

/// Where the first word stands that is no flag and no flag's value, from the second on; the number
/// of words when there is none.
size_t second_word(std::span<const std::string> words, std::span<const Flag> flags) {
  size_t i = 1;
  for (; i < words.size() && words[i].starts_with("--"); ++i) {
    const std::string name = words[i].substr(2);
    if (name.empty()) return words.size();
    const auto flag = std::ranges::find(flags, name, &Flag::name);
    if (flag != flags.end() && flag->kind != FlagKind::Switch) ++i;  // its value
  }
  return std::min(i, words.size());
}

struct FoundCommand {
  const Command* command = nullptr;
  std::vector<std::string> rest;  ///< the words that are not its name
};

/// The command named by the first word or two. Flags alone are the server's, as in a command line
/// of Prometheus.
FoundCommand find_command(std::span<const std::string> words) {
  FoundCommand out{nullptr, {words.begin(), words.end()}};
  if (words[0].starts_with("--")) {
    out.command = commands().data();
    return out;
  }
  for (const Command& command : commands()) {
    const size_t space = std::min(command.name.find(' '), command.name.size());
    if (words[0] != command.name.substr(0, space)) continue;
    if (space < command.name.size()) {
      const size_t second = second_word(words, command.flags);
      if (second == words.size() || words[second] != command.name.substr(space + 1)) continue;
      out.rest.erase(out.rest.begin() + static_cast<ptrdiff_t>(second));
    }
    out.rest.erase(out.rest.begin());
    out.command = &command;
    return out;
  }
  return out;
}

int unknown_command(std::span<const std::string> words) {
  std::vector<std::string_view> names;
  std::string group;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name.starts_with(words[0] + " ")) {
      group += (group.empty() ? "" : ", ") + std::string(command.name);
    }
  }
  if (!group.empty() && words.size() > 1 && (words[1] == "--help" || words[1] == "-h")) {
    fmt::print("usage: prom5 {} ...\n\none of: {}\n", words[0], group);
    return kGood;
  }
  const bool bare_group = words.size() == 1 || words[1].starts_with("-");
  if (!group.empty() && bare_group) {
    return complain(fmt::format("\"{}\" needs a second word; one of: {}", words[0], group),
                    kWrongUse);
  }
  std::string given = words[0];
  if (words.size() > 1 && !words[1].starts_with("-")) given += " " + words[1];
  std::string_view near = nearest(given, names);
  if (near.empty()) near = nearest(words[0], names);
  return complain(
      fmt::format("unknown command \"{}\"{}; prom5 --help lists all", given,
                  near.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", near)),
      kWrongUse);
}

}  // namespace

std::span<const Command> commands() { return command_table(); }

int complain(std::string_view message, int code) {
  // Not fmt::print, which throws when there is nobody to read it.
  std::fputs(fmt::format("prom5: {}\n", message).c_str(), stderr);
  return code;
}

int run_command(std::span<const std::string> words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    fmt::print(words.empty() ? stderr : stdout, "{}", general_help());
    return words.empty() ? kWrongUse : kGood;
  }
  if (words[0] == "--version" || words[0] == "version") {
    fmt::print("prom5 {}\n", api::version());
    return kGood;
  }
  const auto [command, rest] = find_command(words);
  if (command == nullptr) return unknown_command(words);
  if (std::find(rest.begin(), rest.end(), "--help") != rest.end() ||
      std::find(rest.begin(), rest.end(), "-h") != rest.end()) {
    fmt::print("{}", command_help(*command));
    return kGood;
  }
  const auto flags = Flags::parse(command->flags, rest);
  if (!flags) {
    return complain(
        fmt::format("{}; prom5 {} --help lists the flags", flags.error().message, command->name),
        kWrongUse);
  }
  if (command->arguments.empty() && !flags->arguments().empty()) {
    return complain(fmt::format("unexpected argument \"{}\"; prom5 {} takes only flags",
                                flags->arguments()[0], command->name),
                    kWrongUse);
  }
  const int status = command->run(*flags);
  // What was printed may still be on its way to a full disk.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return complain("standard output could not be written", kFailure);
  }
  return status;
}

}  // namespace prom5::cli
