#include <fmt/core.h>

#include <array>
#include <iostream>
#include <iterator>
#include <unordered_set>

#include "app/cli/command.h"
#include "app/config/config.h"
#include "model/exposition/openmetrics_check.h"
#include "model/exposition/text_parser.h"

namespace prom5::cli {

namespace {

constexpr std::array kConfigFlags = std::to_array<Flag>({
    {"syntax-only", FlagKind::Switch, "false",
     "Do not look for the files that the configuration names."},
});
constexpr std::array kMetricsFlags = std::to_array<Flag>({
    {"format", FlagKind::Text, "text", "Format of the page: text or openmetrics."},
    {"syntax-only", FlagKind::Switch, "false",
     "Give no advice on names. There is none yet, with and without it the standard is checked."},
});

}  // namespace

const std::span<const Flag> kCheckConfigFlags = kConfigFlags;
const std::span<const Flag> kCheckMetricsFlags = kMetricsFlags;

int run_check_config(const Flags& flags) {
  if (flags.arguments().empty()) return complain("check config needs a FILE", kWrongUse);
  int code = kGood;
  for (const std::string& file : flags.arguments()) {
    const auto config = config::load_config(
        file, flags.on("syntax-only") ? config::NamedFiles::Ignore : config::NamedFiles::Read);
    if (!config) {
      code = complain(config.error().message, kFailure);
      continue;
    }
    fmt::print("{}: good; {} scrape configs\n", file, config->scrapes.size());
    for (const std::string& note : config->notes) fmt::print("note: {}\n", note);
  }
  return code;
}

namespace {

/// Reads a page of the text format to its end. Result: how many samples it has.
Result<size_t> check_text(std::string_view page) {
  exposition::TextParser parser(page);
  LabelsBuilder labels;
  size_t samples = 0;
  std::unordered_set<std::string> seen;  // series with their timestamps
  for (;;) {
    const auto entry = TRY(parser.next());
    if (entry == exposition::TextParser::Entry::End) return samples;
    if (entry != exposition::TextParser::Entry::Sample) continue;
    ++samples;
    TRY(parser.labels(labels));
    const Labels series = labels.build();
    std::string key(series.bytes());
    if (const auto time = parser.time()) key += fmt::format("@{}", time->ms);
    if (!seen.insert(std::move(key)).second) {
      return fail(ErrorCode::BadData, "{} is there twice", series.to_string());
    }
  }
}

Result<size_t> check_openmetrics(std::string_view page) {
  exposition::OpenMetricsParser parser(page);
  exposition::OpenMetricsCheck check;
  size_t samples = 0;
  for (;;) {
    const auto entry = TRY(parser.next());
    TRY(check.take(parser, entry));
    if (entry == exposition::OpenMetricsParser::Entry::End) return samples;
    if (entry == exposition::OpenMetricsParser::Entry::Sample) ++samples;
  }
}

}  // namespace

int run_check_metrics(const Flags& flags) {
  const std::string format = flags.text("format");
  if (format != "text" && format != "openmetrics") {
    return complain(
        fmt::format("--format: \"{}\" is not supported by this version; use text or openmetrics",
                    format),
        kWrongUse);
  }
  const std::string page(std::istreambuf_iterator<char>(std::cin), {});
  const auto samples = format == "text" ? check_text(page) : check_openmetrics(page);
  if (!samples) return complain("standard input: " + samples.error().message, kFailure);
  // An OpenMetrics page may be empty but for its end.
  if (*samples == 0 && format == "text") {
    return complain("standard input: there is no sample", kFailure);
  }
  fmt::print("good; {} samples\n", *samples);
  return kGood;
}

}  // namespace prom5::cli
