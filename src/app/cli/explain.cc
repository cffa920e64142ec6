#include <fmt/core.h>

#include <array>

#include "app/cli/client.h"
#include "app/cli/command.h"
#include "app/cli/terminal.h"

namespace prom5::cli {

namespace {

using enum FlagKind;

constexpr Flag kUrl = {"url", Text, "http://127.0.0.1:9090", "The server to ask."};
constexpr Flag kJson = {"json", Switch, "false", "Print the answer as JSON."};
constexpr Flag kTime = {
    "time", Text, "",
    "Time of the evaluation: Unix seconds, RFC 3339, a date, or -5m; now when not given."};
constexpr Flag kStart = {"start", Text, "", "Of a range query: its start."};
constexpr Flag kEnd = {"end", Text, "", "Of a range query: its end; now when not given."};
constexpr Flag kStep = {"step", Text, "1m", "Of a range query: the distance of its points."};

constexpr std::array kExplain = std::to_array<Flag>(
    {kUrl,
     kJson,
     {"run", Switch, "false", "Run the query and tell what it took, beside the estimate."},
     kTime,
     kStart,
     kEnd,
     kStep});
constexpr std::array kDoctor = std::to_array<Flag>({kUrl, kJson, kTime, kStart, kEnd, kStep});

Result<Json> ask_about(const Flags& flags, const std::string& path, io::Parameters parameters,
                       Json* notes = nullptr) {
  const bool range = !flags.text("start").empty();
  if (!range && (flags.given("end") || flags.given("step"))) {
    return fail(ErrorCode::BadData,
                "--end and --step belong to a range query, which --start begins");
  }
  if (range && flags.given("time")) {
    return fail(ErrorCode::BadData, "--time is for an instant query, --start for a range query");
  }
  parameters.emplace_back("query", flags.arguments()[0]);
  const std::array names = std::to_array<std::string_view>({"time", "start", "end"});
  TRY(add_times(flags, names, parameters));
  if (range) parameters.emplace_back("step", flags.text("step"));
  return ask_api(flags.text("url"), path, parameters, notes);
}

std::string cost_text(const Json& cost) {
  return fmt::format("{} series, {} samples, {:.3g} ms", short_number(cost["series"].get<double>()),
                     short_number(cost["samples"].get<double>()),
                     cost["seconds"].get<double>() * 1000);
}

/// `indent` stands before what belongs to the node, `branch` before the node itself.
void print_tree(const Json& node, const std::string& indent, const std::string& branch) {
  const std::string below = indent + (node["inner"].empty() ? "    " : "│   ");
  fmt::print("{}{}\n{}{}\n", branch, printable(node["expression"].get<std::string>()), below,
             printable(node["words"].get<std::string>()));
  fmt::print("{}reads about {}", below, cost_text(node["estimate"]));
  if (node.contains("actual")) {
    const Json& actual = node["actual"];
    fmt::print(
        "; gave {} series of {} samples in {:.3g} ms", short_number(actual["series"].get<double>()),
        short_number(actual["samples"].get<double>()), actual["seconds"].get<double>() * 1000);
  }
  fmt::print("\n");
  for (size_t i = 0; i < node["inner"].size(); ++i) {
    const bool last = i + 1 == node["inner"].size();
    print_tree(node["inner"][i], indent + (last ? "    " : "│   "),
               indent + (last ? "└── " : "├── "));
  }
}

}  // namespace

const std::span<const Flag> kExplainFlags = kExplain;
const std::span<const Flag> kDoctorFlags = kDoctor;

int run_explain(const Flags& flags) {
  if (flags.arguments().size() != 1) return complain("explain needs one EXPRESSION", kWrongUse);
  Json notes = Json::array();
  const auto data = ask_about(flags, "/api/v5/query/explain",
                              {{"run", flags.on("run") ? "true" : "false"}}, &notes);
  if (!data && data.error().code == ErrorCode::BadData) {
    return complain(data.error().message, kWrongUse);
  }
  if (!data) return complain_of(data.error(), flags.text("url"));
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
    return kGood;
  }
  fmt::print("{}: {}", (*data)["type"].get<std::string>(), (*data)["words"].get<std::string>());
  const auto steps = (*data)["steps"].get<uint64_t>();
  fmt::print("{}\n\n", steps > 1 ? fmt::format("\nat {} times", steps) : "");
  print_tree((*data)["tree"], "", "");
  if (!(*data)["advice"].empty()) fmt::print("\n");
  for (const Json& text : (*data)["advice"]) fmt::print("Advice: {}\n", text.get<std::string>());
  for (const Json& note : notes) fmt::print(stderr, "{}\n", printable(note.get<std::string>()));
  return kGood;
}

int run_doctor(const Flags& flags) {
  if (flags.arguments().size() != 1) return complain("doctor needs one EXPRESSION", kWrongUse);
  const auto data = ask_about(flags, "/api/v5/query/doctor", {});
  if (!data && data.error().code == ErrorCode::BadData) {
    return complain(data.error().message, kWrongUse);
  }
  if (!data) return complain_of(data.error(), flags.text("url"));
  const bool empty = (*data)["empty"].get<bool>();
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
    return empty ? kFailure : kGood;
  }
  if (!empty) {
    fmt::print("The query has an answer.\n");
    return kGood;
  }
  for (const Json& finding : (*data)["findings"]) {
    fmt::print("{}\n  {}\n", printable(finding["expression"].get<std::string>()),
               printable(finding["text"].get<std::string>()));
    if (finding.contains("fix")) {
      fmt::print("  This has an answer: {}\n", finding["fix"].get<std::string>());
    }
  }
  return kFailure;
}

}  // namespace prom5::cli
