#include <fmt/core.h>

#include <array>
#include <charconv>

#include "app/cli/client.h"
#include "app/cli/command.h"
#include "app/cli/terminal.h"

namespace prom5::cli {

namespace {

constexpr Flag kUrl = {"url", FlagKind::Text, "http://127.0.0.1:9090", "The server to ask."};
constexpr Flag kJson = {"json", FlagKind::Switch, "false", "Print JSON."};

constexpr std::array kReportFlags = {kUrl, kJson};
constexpr std::array kLearnFlags = {
    kUrl,
    kJson,
    Flag{"synonym", FlagKind::Text, "",
         "WORD=MEANING: a word that means another, or a phrase that means a concept."},
    Flag{"from-feedback", FlagKind::Text, "", "The number of a correction that is to be learned."},
};

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>()) : "";
}

void print_report(const Json& report) {
  fmt::print("{} good, {} bad\n", report.value("up", 0), report.value("down", 0));
  const auto corrections = report.find("corrections");
  if (corrections == report.end() || corrections->empty()) return;
  using Align = Table::Align;
  Table table({"ID", "TIME", "QUESTION", "QUERY", "CORRECTION", "SUGGESTED"},
              {Align::Right, Align::Left, Align::Left, Align::Left, Align::Left, Align::Left});
  for (const Json& one : *corrections) {
    const TimeMs time{static_cast<int64_t>(one.value("time", 0.0)) * 1000};
    table.add({std::to_string(one.value("id", 0)), format_rfc3339(time), text_of(one, "question"),
               text_of(one, "promql"), text_of(one, "correction"), text_of(one, "suggested")});
  }
  fmt::print("\n{}", table.text());
}

/// What is to be learned, as the server takes it. BadData for wrong flags.
Result<Json> lesson(const Flags& flags) {
  const std::string synonym = flags.text("synonym");
  const std::string id = flags.text("from-feedback");
  if (synonym.empty() == id.empty()) {
    return fail(ErrorCode::BadData, "give one of --synonym and --from-feedback");
  }
  if (!synonym.empty()) {
    const size_t equals = synonym.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == synonym.size()) {
      return fail(ErrorCode::BadData, "--synonym: write WORD=MEANING, not \"{}\"", synonym);
    }
    return Json{{"synonym",
                 {{"word", synonym.substr(0, equals)}, {"meaning", synonym.substr(equals + 1)}}}};
  }
  int64_t number = 0;
  const char* end = id.data() + id.size();
  const auto [read, error] = std::from_chars(id.data(), end, number);
  if (error != std::errc() || read != end) {
    return fail(ErrorCode::BadData, "--from-feedback: \"{}\" is no number", id);
  }
  return Json{{"from_feedback", number}};
}

}  // namespace

const std::span<const Flag> kAskFeedbackFlags = kReportFlags;
const std::span<const Flag> kAskLearnFlags = kLearnFlags;

const std::string_view kAskLearnDetails =
    "The server must run with --web.enable-admin-api. It writes its pack (assistant: pack_file; "
    "else\n"
    "assistant/pack.yaml in its data directory) anew, without the comments that were there; what "
    "is\n"
    "learned counts when the server starts again.\n";

int run_ask_feedback(const Flags& flags) {
  const auto report = get_json(flags.text("url"), "/api/v5/agent/feedback");
  if (!report) return complain_of(report.error(), flags.text("url"));
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*report));
  } else {
    print_report(*report);
  }
  return kGood;
}

int run_ask_learn(const Flags& flags) {
  const auto body = lesson(flags);
  if (!body) return complain(body.error().message, kWrongUse);
  const auto answer = post_json(flags.text("url"), "/api/v5/agent/pack", *body);
  if (!answer) return complain_of(answer.error(), flags.text("url"));
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*answer));
  } else {
    fmt::print("Written to {}; it counts when the server starts again.\n",
               text_of(*answer, "file"));
  }
  return kGood;
}

}  // namespace prom5::cli
