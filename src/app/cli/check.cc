#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>

#include "app/cli/command.h"
#include "app/config/config.h"
#include "app/config/rule_file.h"
#include "app/config/target_check.h"
#include "app/config/web_config.h"
#include "ask/catalogue/concept.h"
#include "ask/catalogue/operator_pack.h"
#include "base/ascii.h"
#include "io/file/file_system.h"
#include "model/exposition/openmetrics_check.h"
#include "model/exposition/page_check.h"

namespace prom5::cli {

namespace {

constexpr std::array kConfigFlags = std::to_array<Flag>({
    {"syntax-only", FlagKind::Switch, "false",
     "Look at the text alone: files that it names need not be there, and what this version cannot "
     "do yet is noted, not refused."},
});
constexpr std::array kMetricsFlags = std::to_array<Flag>({
    {"format", FlagKind::Text, "text", "Format of the page: text, openmetrics or protobuf."},
    {"syntax-only", FlagKind::Switch, "false",
     "Give no advice on names. There is none yet, with and without it the standard is checked."},
});

}  // namespace

const std::span<const Flag> kCheckConfigFlags = kConfigFlags;
const std::span<const Flag> kCheckMetricsFlags = kMetricsFlags;

namespace {

/// The operator's own words for the assistant; nothing where none are configured, a note where they
/// are not there yet, as the server writes them when it is taught.
Result<std::string> check_pack(const std::string& file) {
  if (file.empty()) return "";
  io::PosixFileSystem files;
  const auto yaml = files.read(file);
  if (!yaml && yaml.error().code == ErrorCode::NotFound) {
    return fmt::format("assistant: pack_file: {} is not there yet", file);
  }
  if (!yaml) return std::unexpected(yaml.error());
  catalogue::ConceptPack pack = catalogue::shipped_pack();
  if (const auto good = catalogue::merge_checked(pack, *yaml); !good) {
    const std::string& told = good.error().message;  // what is no YAML has its place in front
    return fail(ErrorCode::BadData, "{}{}{}", file, is_digit(told[0]) ? ":" : ": ", told);
  }
  return "";
}

/// "en, de, fr (languages/fr.yml, 2 of 190 texts)"
std::string languages_of(const config::AssistantConfig& assistant) {
  std::string out;
  for (const std::string& tag : assistant.languages.tags()) {
    out += (out.empty() ? "" : ", ") + tag;
    for (const config::TranslationFiles::File& own : assistant.translations) {
      if (!equal_ignoring_case(own.tag, tag)) continue;
      out += fmt::format(" ({}, {} of {} texts)", own.path, own.texts, texts::kTexts.size());
    }
  }
  return out;
}

int check_config_file(const std::string& file, config::Check depth) {
  const auto config = config::load_config(file, depth);
  if (!config) return complain(config.error().message, kFailure);
  const auto targets =
      depth == config::Check::Whole ? config::check_known_targets(*config) : config::TargetReport{};
  int code = kGood;
  for (const std::string& problem : targets.problems) code = complain(problem, kFailure);
  const auto pack = depth == config::Check::Whole ? check_pack(config->assistant.pack_file)
                                                  : Result<std::string>("");
  if (!pack) code = complain(pack.error().message, kFailure);
  if (code == kGood) fmt::print("{}: good; {} scrape configs\n", file, config->scrapes.size());
  if (code == kGood && !config->assistant.translations.empty()) {
    fmt::print("languages of the assistant: {}\n", languages_of(config->assistant));
  }
  for (const std::string& note : config->notes) fmt::print("note: {}\n", note);
  for (const std::string& note : targets.notes) fmt::print("note: {}\n", note);
  if (pack && !pack->empty()) fmt::print("note: {}\n", *pack);
  return code;
}

}  // namespace

int run_check_config(const Flags& flags) {
  if (flags.arguments().empty()) return complain("check config needs a FILE", kWrongUse);
  const auto depth = flags.on("syntax-only") ? config::Check::SyntaxOnly : config::Check::Whole;
  int code = kGood;
  for (const std::string& file : flags.arguments()) {
    code = std::max(code, check_config_file(file, depth));
  }
  return code;
}

namespace {

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

Result<size_t> check_metrics(std::string_view format, std::string_view page) {
  if (format == "openmetrics") return check_openmetrics(page);
  return format == "text" ? exposition::check_text_page(page)
                          : exposition::check_protobuf_page(page);
}

}  // namespace

int run_check_rules(const Flags& flags) {
  if (flags.arguments().empty()) return complain("check rules needs a FILE", kWrongUse);
  int code = kGood;
  for (const std::string& file : flags.arguments()) {
    const auto groups = config::load_rule_file(file);
    if (!groups) {
      code = complain(groups.error().message, kFailure);
      continue;
    }
    size_t rules = 0;
    for (const config::RuleGroup& group : *groups) rules += group.rules.size();
    fmt::print("{}: good; {} rules in {} groups\n", file, rules, groups->size());
  }
  return code;
}

int run_check_web_config(const Flags& flags) {
  if (flags.arguments().empty()) return complain("check web-config needs a FILE", kWrongUse);
  int code = kGood;
  for (const std::string& file : flags.arguments()) {
    const auto config = config::load_web_config(file);
    if (!config) {
      code = complain(config.error().message, kFailure);
      continue;
    }
    fmt::print("{}: good; {} users, {} TLS\n", file, config->users.size(),
               config->tls() ? "with" : "without");
  }
  return code;
}

int run_check_metrics(const Flags& flags) {
  const std::string format = flags.text("format");
  if (format != "text" && format != "openmetrics" && format != "protobuf") {
    return complain(fmt::format("--format: \"{}\" is none of text, openmetrics, protobuf", format),
                    kWrongUse);
  }
  const std::string page(std::istreambuf_iterator<char>(std::cin), {});
  const auto samples = check_metrics(format, page);
  if (!samples) return complain("standard input: " + samples.error().message, kFailure);
  // An OpenMetrics page may be empty but for its end.
  if (*samples == 0 && format == "text") {
    return complain("standard input: there is no sample", kFailure);
  }
  fmt::print("good; {} samples\n", *samples);
  return kGood;
}

}  // namespace prom5::cli
