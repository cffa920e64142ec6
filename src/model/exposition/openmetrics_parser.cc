#include "model/exposition/openmetrics_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/ascii.h"
#include "io/codec/utf8.h"

namespace prom5::exposition {

namespace {

constexpr std::string_view kEnd = "# EOF";
constexpr size_t kQuotedInErrors = 40;
/// Of names and values of an exemplar together.
constexpr size_t kMaxExemplarCharacters = 128;

constexpr std::array<std::pair<std::string_view, MetricType>, 8> kTypes = {{
    {"counter", MetricType::Counter},
    {"gauge", MetricType::Gauge},
    {"histogram", MetricType::Histogram},
    {"gaugehistogram", MetricType::GaugeHistogram},
    {"stateset", MetricType::StateSet},
    {"info", MetricType::Info},
    {"summary", MetricType::Summary},
    {"unknown", MetricType::Unknown},
}};

/// Up to the space, or all.
std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

/// Not bytes.
size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

bool take_space(std::string_view& text) {
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  return true;
}

size_t digits(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
  return n;
}

/// [digits] ["." [digits]] [e [sign] digits], with a digit before or behind the point.
bool is_unsigned_real(std::string_view text) {
  const size_t whole = digits(text);
  text.remove_prefix(whole);
  size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = digits(text);
    text.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return false;
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && digits(text) == text.size();
}

/// How many places before the point the number has, roughly: for those beyond what a double holds.
int64_t decimal_places(std::string_view real) {
  constexpr int64_t kFar = 1'000'000'000;
  const size_t mark = std::min(real.find_first_of("eE"), real.size());
  const std::string_view mantissa = real.substr(0, mark);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  int64_t places = static_cast<int64_t>(point) - static_cast<int64_t>(first);
  if (mark < real.size()) {
    std::string_view exponent = real.substr(mark + 1);
    const bool negative = exponent.starts_with('-');
    if (negative || exponent.starts_with('+')) exponent.remove_prefix(1);
    int64_t written = kFar;
    const auto read = std::from_chars(exponent.data(), exponent.data() + exponent.size(), written);
    if (read.ec != std::errc{}) written = kFar;
    places += negative ? -std::min(written, kFar) : std::min(written, kFar);
  }
  return places;
}

}  // namespace

std::optional<double> parse_openmetrics_number(std::string_view word) {
  const bool negative = word.starts_with('-');
  const bool has_sign = negative || word.starts_with('+');
  const std::string_view magnitude = word.substr(has_sign ? 1 : 0);
  double value = 0;
  if (is_unsigned_real(magnitude)) {
    const auto read = std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), value);
    if (read.ec == std::errc::result_out_of_range) {
      // from_chars does not say whether it is too large or too small.
      value = decimal_places(magnitude) > 0 ? std::numeric_limits<double>::infinity() : 0;
    }
  } else if (equal_ignoring_case(magnitude, "inf") || equal_ignoring_case(magnitude, "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else if (!has_sign && equal_ignoring_case(magnitude, "nan")) {
    return std::numeric_limits<double>::quiet_NaN();
  } else {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::unexpected<Error> OpenMetricsParser::error(std::string_view what, std::string_view at) const {
  std::string shown;
  for (const char c : at.substr(0, kQuotedInErrors)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte >= 0x7F ? '?' : c;
  }
  return fail(ErrorCode::BadData, "line {}: {}, at \"{}{}\"", line_number_, what, shown,
              at.size() > kQuotedInErrors ? "…" : "");
}

Result<OpenMetricsParser::Entry> OpenMetricsParser::next() {
  ++line_number_;
  if (rest_.empty()) return error("the page does not end with \"# EOF\"", "");
  const size_t newline = rest_.find('\n');
  const std::string_view line = rest_.substr(0, newline);
  if (newline == std::string_view::npos && line != kEnd) {
    return error("the line does not end, and the page not with \"# EOF\"", line);
  }
  rest_.remove_prefix(newline == std::string_view::npos ? rest_.size() : newline + 1);
  if (line == kEnd) {
    if (rest_.empty()) return Entry::End;
    ++line_number_;
    return error("text after \"# EOF\"", rest_);
  }
  if (line.empty()) return error("blank line", line);
  if (line.ends_with('\r') && !line.starts_with("# HELP ")) {
    return error("the line ends in CR LF, where the standard wants LF alone", line);
  }
  if (!codec::utf8_valid(line)) return error("not valid UTF-8", line);
  if (line[0] == '#') return descriptor(line);
  TRY(sample(line));
  return Entry::Sample;
}

Result<OpenMetricsParser::Entry> OpenMetricsParser::descriptor(std::string_view line) {
  std::string_view rest = line.substr(1);
  const bool spaced = take_space(rest);
  const std::string_view keyword = take_word(rest);
  if (!spaced || (keyword != "HELP" && keyword != "TYPE" && keyword != "UNIT")) {
    return error("expected \"# HELP\", \"# TYPE\", \"# UNIT\" or \"# EOF\"", line);
  }
  if (!take_space(rest)) return error("expected one space and the family's name", line);
  family_ = take_word(rest);
  if (!is_legacy_metric_name(family_)) return error("invalid metric family name", family_);
  if (!take_space(rest)) return error("expected one space behind the family's name", line);
  if (keyword == "TYPE") {
    for (const auto& [word, type] : kTypes) {
      if (rest != word) continue;
      type_ = type;
      return Entry::Type;
    }
    return error(
        "invalid type, expected counter, gauge, histogram, gaugehistogram, stateset, info, summary "
        "or unknown",
        rest);
  }
  if (keyword == "UNIT") {
    for (const char c : rest) {
      if (!is_legacy_metric_name(std::string("_") + c)) return error("invalid unit", rest);
    }
    unit_ = rest;
    return Entry::Unit;
  }
  help_.clear();
  for (size_t i = 0; i < rest.size(); ++i) {
    const bool escaped = rest[i] == '\\' && i + 1 < rest.size();
    const char next = escaped ? rest[i + 1] : '\0';
    if (next == 'n' || next == '"' || next == '\\') {
      help_ += next == 'n' ? '\n' : next;
      ++i;
    } else {
      help_ += rest[i];
    }
  }
  return Entry::Help;
}

Result<void> OpenMetricsParser::sample(std::string_view line) {
  std::string_view rest = line;
  name_ = rest.substr(0, std::min(rest.find_first_of("{ "), rest.size()));
  rest.remove_prefix(name_.size());
  if (!is_legacy_metric_name(name_)) return error("invalid metric name", line);
  if (name_.size() > Labels::kMaxStringBytes)
    return error("metric name is longer than 16 MiB", line);
  builder_.reset();
  if (rest.starts_with('{')) TRY(label_set(rest));
  if (!builder_.get(kMetricName).empty()) return error("a label is named __name__", line);
  builder_.set(kMetricName, name_);
  labels_ = builder_.build();
  if (!take_space(rest)) return error("expected one space and a value", rest.empty() ? line : rest);
  value_ = TRY(number(take_word(rest), "value"));
  seconds_.reset();
  exemplar_.reset();
  if (rest.empty()) return {};
  take_space(rest);
  if (!rest.starts_with('#')) {
    seconds_ = TRY(time(take_word(rest)));
    if (rest.empty()) return {};
    take_space(rest);
  }
  return exemplar(rest);
}

Result<void> OpenMetricsParser::exemplar(std::string_view text) {
  std::string_view rest = text;
  if (!rest.starts_with("# {")) return error("expected \"# {\" and an exemplar, or the end", text);
  rest.remove_prefix(2);
  builder_.reset();
  characters_ = 0;
  TRY(label_set(rest));
  Exemplar out;
  if (characters_ > kMaxExemplarCharacters) {
    return error(
        fmt::format("labels of an exemplar longer than {} characters", kMaxExemplarCharacters),
        text);
  }
  out.labels = builder_.build();
  if (!take_space(rest)) return error("expected one space and the exemplar's value", text);
  out.value = TRY(number(take_word(rest), "value of the exemplar"));
  if (!rest.empty()) {
    take_space(rest);
    out.seconds = TRY(time(take_word(rest)));
    if (!rest.empty()) return error("text after the exemplar", rest);
  }
  exemplar_ = std::move(out);
  return {};
}

Result<void> OpenMetricsParser::label_set(std::string_view& text) {
  const std::string_view all = text;
  text.remove_prefix(1);
  if (text.starts_with('}')) {
    text.remove_prefix(1);
    return {};
  }
  std::vector<std::string_view> seen;
  for (;;) {
    const size_t length = std::min(text.find_first_of("=,}\" "), text.size());
    const std::string_view name = text.substr(0, length);
    if (!is_legacy_label_name(name)) return error("invalid label name", text);
    if (std::ranges::find(seen, name) != seen.end()) {
      return error(fmt::format("label \"{}\" is there twice", name), all);
    }
    if (seen.size() + 1 == Labels::kMaxLabels) {  // the name is one, too
      return error(fmt::format("more than {} labels", Labels::kMaxLabels), all);
    }
    seen.push_back(name);
    text.remove_prefix(length);
    if (!text.starts_with("=\"")) return error("expected =\" behind the label's name", text);
    text.remove_prefix(2);
    const std::string value = TRY(quoted(text, "label value"));
    if (std::max(name.size(), value.size()) > Labels::kMaxStringBytes) {
      return error("label is longer than 16 MiB", name);
    }
    characters_ += characters(name) + characters(value);
    builder_.set(name, value);
    if (text.starts_with('}')) {
      text.remove_prefix(1);
      return {};
    }
    if (!text.starts_with(',')) return error("expected \",\" or \"}\" after a label", text);
    text.remove_prefix(1);
  }
}

/// Begins behind the opening quote and leaves `text` behind the closing one.
Result<std::string> OpenMetricsParser::quoted(std::string_view& text, std::string_view what) const {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    ++i;
    // A backslash before anything else is itself.
    if (text[i] == 'n') {
      out += '\n';
    } else {
      if (text[i] != '"' && text[i] != '\\') out += '\\';
      out += text[i];
    }
  }
  return error(fmt::format("{} is not closed", what), text);
}

Result<double> OpenMetricsParser::number(std::string_view word, std::string_view what) const {
  if (const auto value = parse_openmetrics_number(word)) return *value;
  return error(fmt::format("invalid {}", what), word);
}

Result<double> OpenMetricsParser::time(std::string_view word) const {
  const auto seconds = parse_openmetrics_number(word);
  if (!seconds || !std::isfinite(*seconds)) {
    return error("invalid timestamp, expected seconds since 1970", word);
  }
  return *seconds;
}

}  // namespace prom5::exposition
