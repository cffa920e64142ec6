#include <fmt/core.h>

#include <array>
#include <iostream>
#include <iterator>
#include <unordered_set>

#include "app/cli/command.h"
#include "app/config/config.h"
#include "model/exposition/text_parser.h"

namespace prom5::cli {

namespace {

constexpr std::array kConfigFlags = std::to_array<Flag>({
    {"syntax-only", FlagKind::Switch, "false",
     "Do not look for the files that the configuration names."},
});
constexpr std::array kMetricsFlags = std::to_array<Flag>({
    {"format", FlagKind::Text, "text", "Format of the page: text."},
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

int run_check_metrics(const Flags& flags) {
  if (flags.text("format") != "text") {
    return complain(fmt::format("--format: \"{}\" is not supported by this version; use text",
                                flags.text("format")),
                    kWrongUse);
  }
  const std::string page(std::istreambuf_iterator<char>(std::cin), {});
  exposition::TextParser parser(page);
  LabelsBuilder labels;
  size_t samples = 0;
  std::unordered_set<std::string> seen;  // series with their timestamps
  for (;;) {
    const auto entry = parser.next();
    if (!entry) return complain("standard input: " + entry.error().message, kFailure);
    if (*entry == exposition::TextParser::Entry::End) break;
    if (*entry != exposition::TextParser::Entry::Sample) continue;
    ++samples;
    if (auto read = parser.labels(labels); !read) {
      return complain("standard input: " + read.error().message, kFailure);
    }
    const Labels series = labels.build();
    const auto time = parser.time();
    std::string key(series.bytes());
    if (time) key += fmt::format("@{}", time->ms);
    if (!seen.insert(std::move(key)).second) {
      return complain(fmt::format("standard input: {} is there twice", series.to_string()),
                      kFailure);
    }
  }
  if (samples == 0) return complain("standard input: there is no sample", kFailure);
  fmt::print("good; {} samples\n", samples);
  return kGood;
}

}  // namespace prom5::cli
