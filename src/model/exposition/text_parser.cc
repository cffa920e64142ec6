#include "model/exposition/text_parser.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "io/codec/number.h"
#include "io/codec/utf8.h"

namespace prom5::exposition {

namespace {

constexpr size_t kQuotedInErrors = 40;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim_left(std::string_view text) {
  size_t start = 0;  // a loop: find_first_not_of searches its set for each character
  while (start < text.size() && is_blank(text[start])) ++start;
  return text.substr(start);
}

std::string_view take_word(std::string_view& text) {
  text = trim_left(text);
  size_t end = 0;
  while (end < text.size() && !is_blank(text[end])) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

/// Reads a double-quoted string; `text` begins after the opening quote and is left after the
/// closing one. Nothing when it is not closed.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) break;
    if (text[i] == 'n') {
      out += '\n';
    } else if (text[i] == '"' || text[i] == '\\') {
      out += text[i];
    } else {
      out += '\\';
      out += text[i];
    }
  }
  return std::nullopt;
}

std::string unescape_help(std::string_view text, bool quotes) {
  std::string out;
  const auto escapes = [quotes](char c) { return c == '\\' || c == 'n' || (quotes && c == '"'); };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && escapes(text[i + 1])) {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view take_name(std::string_view& text, bool colon) {
  size_t n = 0;
  while (n < text.size()) {
    const char c = text[n];
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
    if (!letter && (n == 0 || c < '0' || c > '9')) break;
    ++n;
  }
  const std::string_view name = text.substr(0, n);
  text.remove_prefix(n);
  return name;
}

std::optional<double> parse_value(std::string_view word) {
  // Go's parser, which decides what a valid page is, takes no hex or underscores here.
  if (word.find_first_of("xXpP_(") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc{} && end == word.data() + word.size() && word[0] != 'i' &&
      word[0] != 'n') {
    return value;
  }
  return codec::parse_double(word);
}

}  // namespace

std::optional<MetricType> parse_text_type(std::string_view word, TextParser::Format format) {
  struct Type {
    std::string_view name;
    MetricType type;
    bool text;
    bool open_metrics;
  };
  constexpr std::array<Type, 9> kTypes = {{
      {"counter", MetricType::Counter, true, true},
      {"gauge", MetricType::Gauge, true, true},
      {"histogram", MetricType::Histogram, true, true},
      {"summary", MetricType::Summary, true, true},
      {"untyped", MetricType::Unknown, true, false},
      {"unknown", MetricType::Unknown, true, true},
      {"gaugehistogram", MetricType::GaugeHistogram, false, true},
      {"info", MetricType::Info, false, true},
      {"stateset", MetricType::StateSet, false, true},
  }};
  for (const Type& t : kTypes) {
    if (word == t.name && (format == TextParser::Format::Text ? t.text : t.open_metrics)) {
      return t.type;
    }
  }
  return std::nullopt;
}

std::unexpected<Error> TextParser::error(std::string_view what, std::string_view at) const {
  std::string shown;
  for (const char c : at.substr(0, kQuotedInErrors)) {
    shown +=
        static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F ? '?' : c;
  }
  return fail(ErrorCode::BadData, "line {}: {}, at \"{}{}\"", line_number_, what, shown,
              at.size() > kQuotedInErrors ? "…" : "");
}

Result<TextParser::Entry> TextParser::next() {
  while (!rest_.empty()) {
    const size_t newline = rest_.find('\n');
    std::string_view line = rest_.substr(0, newline);
    rest_.remove_prefix(newline == std::string_view::npos ? rest_.size() : newline + 1);
    ++line_number_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (ended_) return error("text after # EOF", line);
    if (!open_metrics_) line = trim_left(line);
    if (line.empty()) {
      if (open_metrics_) return error("blank line, which OpenMetrics does not allow", line);
      continue;
    }
    if (line[0] == '#') {
      const std::optional<Entry> entry = TRY(comment(line));
      if (entry) return *entry;
      continue;
    }
    TRY(sample(line));
    return Entry::Sample;
  }
  if (open_metrics_ && !ended_) return error("the page does not end with # EOF: it was cut", "");
  return Entry::End;
}

Result<std::optional<TextParser::Entry>> TextParser::comment(std::string_view line) {
  std::string_view rest = line.substr(1);
  const std::string_view keyword = take_word(rest);
  if (open_metrics_ && keyword == "EOF" && trim_left(rest).empty()) {
    ended_ = true;
    return std::nullopt;
  }
  const bool is_unit = open_metrics_ && keyword == "UNIT";
  if (keyword != "HELP" && keyword != "TYPE" && !is_unit) return std::nullopt;
  rest = trim_left(rest);
  if (rest.starts_with('"')) {
    rest.remove_prefix(1);
    auto name = take_quoted(rest);
    if (!name) return error("metric name in quotes is not closed", line);
    family_ = *std::move(name);
  } else {
    family_ = take_name(rest, true);
    const bool ended = rest.empty() || rest[0] == ' ' || rest[0] == '\t';
    if (family_.empty() || !ended) return error("invalid metric name", line);
  }
  if (keyword == "HELP") {
    help_ = unescape_help(trim_left(rest), open_metrics_);
    if (!codec::utf8_valid(help_)) return error("help text is not valid UTF-8", line);
    return Entry::Help;
  }
  const std::string_view word = take_word(rest);
  if (is_unit) {
    unit_ = word;
    return Entry::Unit;
  }
  const std::optional<MetricType> type =
      parse_text_type(word, open_metrics_ ? Format::OpenMetrics : Format::Text);
  if (!type) {
    return error("invalid metric type, expected counter, gauge, histogram, summary or untyped",
                 word);
  }
  if (!trim_left(rest).empty()) return error("unexpected text after the metric type", rest);
  type_ = *type;
  return Entry::Type;
}

/// Whether the line begins with the expected series and no other: what follows would be the value.
bool TextParser::is_expected(std::string_view line) const {
  if (expected_.empty() || !line.starts_with(expected_) || line.size() == expected_.size()) {
    return false;
  }
  if (expected_.back() == '}') return true;
  const char next = line[expected_.size()];
  return (next == ' ' || next == '\t') &&
         !trim_left(line.substr(expected_.size())).starts_with('{');
}

/// How much of the line names the series: everything up to the value.
Result<size_t> TextParser::series_length(std::string_view line) const {
  size_t stop = 0;
  while (stop < line.size() && line[stop] != '{' && !is_blank(line[stop])) ++stop;
  if (stop == line.size()) return error("no value after the metric name", line);
  if (line[stop] != '{') {
    const std::string_view after = trim_left(line.substr(stop));
    if (!after.starts_with('{')) return stop;
  }
  bool in_quotes = false;
  for (size_t i = stop; i < line.size(); ++i) {
    if (in_quotes) {
      if (line[i] == '\\')
        ++i;
      else if (line[i] == '"')
        in_quotes = false;
    } else if (line[i] == '"') {
      in_quotes = true;
    } else if (line[i] == '}') {
      return i + 1;
    }
  }
  return error("label set is not closed", line);
}

Result<void> TextParser::sample(std::string_view line) {
  as_expected_ = is_expected(line);
  const size_t length = as_expected_ ? expected_.size() : TRY(series_length(line));
  series_ = line.substr(0, length);
  std::string_view rest = line.substr(length);
  const std::string_view value_word = take_word(rest);
  if (value_word.empty()) return error("no value after the series", line);
  const std::optional<double> value = parse_value(value_word);
  if (!value) return error("invalid value", value_word);
  value_ = *value;
  time_.reset();
  exemplar_ = {};
  // Nearly every line ends here.
  return rest.empty() ? Result<void>() : time_and_exemplar(rest);
}

Result<void> TextParser::time_and_exemplar(std::string_view rest) {
  rest = trim_left(rest);
  if (rest.empty()) return {};
  if (rest[0] != '#') {
    const std::string_view word = take_word(rest);
    if (open_metrics_) {
      const std::optional<double> seconds = parse_value(word);
      // Beyond this there are no milliseconds in 64 bits.
      if (!seconds || !(std::abs(*seconds) < 9e15)) {
        return error("invalid timestamp, expected seconds", word);
      }
      time_ = TimeMs{std::llround(*seconds * 1000)};
    } else {
      int64_t ms = 0;
      const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), ms);
      if (failure != std::errc{} || end != word.data() + word.size()) {
        return error("invalid timestamp, expected integer milliseconds", word);
      }
      time_ = TimeMs{ms};
    }
    rest = trim_left(rest);
  }
  if (rest.empty()) return {};
  if (!open_metrics_ || rest[0] != '#') return error("text after the timestamp", rest);
  exemplar_ = trim_left(rest.substr(1));
  return exemplar_.starts_with('{') ? Result<void>() : error("invalid exemplar", rest);
}

Result<PageExemplar> TextParser::exemplar() const {
  PageExemplar out;
  LabelsBuilder builder;
  std::string_view rest = exemplar_.substr(1);
  TRY(label_set(rest, builder, nullptr, nullptr));
  out.labels = builder.build();
  const std::string_view value_word = take_word(rest);
  const std::optional<double> value = value_word.empty() ? std::nullopt : parse_value(value_word);
  if (!value) return error("invalid value of an exemplar", value_word);
  out.value = *value;
  if (const std::string_view word = take_word(rest); !word.empty()) {
    const std::optional<double> seconds = parse_value(word);
    if (!seconds || !(std::abs(*seconds) < 9e15)) {
      return error("invalid timestamp of an exemplar", word);
    }
    out.time = TimeMs{std::llround(*seconds * 1000)};
  }
  if (!trim_left(rest).empty()) return error("text after the exemplar", rest);
  return out;
}

Result<void> TextParser::labels(LabelsBuilder& labels, std::vector<std::string>* empty) const {
  labels.reset();
  std::string_view rest = series_;
  const std::string_view name = take_name(rest, true);
  bool named = !name.empty();
  if (name.size() > Labels::kMaxStringBytes) return error("metric name is longer than 16 MiB", "");
  if (named) labels.set(kMetricName, name);
  rest = trim_left(rest);
  if (rest.empty()) {
    if (!named) return error("invalid metric name", series_);
    return {};
  }
  if (rest[0] != '{') return error("invalid character in metric name", rest);
  rest.remove_prefix(1);
  TRY(label_set(rest, labels, &named, empty));
  if (!named) return error("series has no metric name", series_);
  return {};
}

Result<void> TextParser::label_set(std::string_view& rest, LabelsBuilder& labels, bool* named,
                                   std::vector<std::string>* empty) const {
  rest = trim_left(rest);
  while (!rest.starts_with('}')) {
    std::string label_name;
    const bool in_quotes = rest.starts_with('"');
    if (in_quotes) {
      rest.remove_prefix(1);
      auto quoted_name = take_quoted(rest);
      if (!quoted_name) return error("label name in quotes is not closed", series_);
      label_name = *std::move(quoted_name);
    } else {
      label_name = take_name(rest, false);
    }
    if (label_name.empty()) return error("invalid label name", rest);
    if (!codec::utf8_valid(label_name)) return error("label name is not valid UTF-8", series_);
    rest = trim_left(rest);
    if (rest.starts_with(',') || rest.starts_with('}')) {
      if (named == nullptr || *named || !in_quotes) {
        return error("metric name set twice, or label without a value", series_);
      }
      *named = true;
      labels.set(kMetricName, label_name);
    } else {
      if (!rest.starts_with('=')) return error("expected \"=\" after the label name", rest);
      rest = trim_left(rest.substr(1));
      if (!rest.starts_with('"')) return error("label value is not in double quotes", rest);
      rest.remove_prefix(1);
      const auto value = take_quoted(rest);
      if (!value) return error("label value is not closed", series_);
      if (!codec::utf8_valid(*value)) return error("label value is not valid UTF-8", series_);
      if (std::max(label_name.size(), value->size()) > Labels::kMaxStringBytes) {
        return error("label is longer than 16 MiB", label_name);
      }
      if (labels.labels().size() > Labels::kMaxLabels) {
        return error(fmt::format("more than {} labels", Labels::kMaxLabels), series_);
      }
      if (!labels.get(label_name).empty()) {
        return error(fmt::format("label name \"{}\" is not unique", label_name), series_);
      }
      labels.set(label_name, *value);
      if (value->empty() && empty != nullptr) empty->push_back(label_name);
    }
    rest = trim_left(rest);
    if (rest.starts_with(',')) {
      rest = trim_left(rest.substr(1));
    } else if (!rest.starts_with('}')) {
      return error("expected \",\" or \"}\" after a label", rest);
    }
  }
  rest.remove_prefix(1);
  return {};
}

}  // namespace prom5::exposition
