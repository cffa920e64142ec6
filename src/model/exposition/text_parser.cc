#include "model/exposition/text_parser.h"

#include <algorithm>
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

/// Whether a line that begins so is neither blank nor a comment.
bool begins_sample(char c) { return c != '#' && c != '\n' && c != '\r' && !is_blank(c); }

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

void unescape_help(std::string_view text, bool quotes, std::string& out) {
  out.clear();
  const auto escapes = [quotes](char c) { return c == '\\' || c == 'n' || (quotes && c == '"'); };
  for (;;) {
    const size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const bool escape = text.size() > 1 && escapes(text[1]);
    out += !escape ? '\\' : text[1] == 'n' ? '\n' : text[1];
    text.remove_prefix(escape ? 2 : 1);
  }
}

/// What a character may be in a name: 1 at its begin and later, 2 later alone, 4 both in a metric
/// name.
constexpr std::array<uint8_t, 256> kNameCharacters = [] {
  std::array<uint8_t, 256> out{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) out[c] = 1;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) out[c] = 1;
  for (unsigned char c = '0'; c <= '9'; ++c) out[c] = 2;
  out['_'] = 1;
  out[':'] = 4;
  return out;
}();

std::string_view take_name(std::string_view& text, bool colon) {
  const uint8_t first = 1 | (colon ? 4 : 0);
  size_t n = 0;
  while (n < text.size()) {
    const uint8_t is = kNameCharacters[static_cast<unsigned char>(text[n])];
    if ((is & (n == 0 ? first : first | 2)) == 0) break;
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

/// Reads "e+09" and the like where it is there. False where it is malformed.
bool take_exponent(const char*& at, const char* end, int& exponent) {
  if (at == end || (*at != 'e' && *at != 'E')) return true;
  ++at;
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  const char* const first = at;
  int value = 0;
  while (at != end && static_cast<unsigned char>(*at - '0') < 10 && at - first < 3) {
    value = value * 10 + (*at++ - '0');
  }
  exponent += negative ? -value : value;
  return at != first;
}

/// Reads blanks, a decimal number and the end of the line, which is nearly always what follows a
/// series. Returns how long that is; 0, when there is anything else, or a number that takes more
/// than one operation without error (Clinger 1990): digits and power of ten must each be exact.
size_t plain_number(std::string_view text, double& value) {
  constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr int kMostPower = static_cast<int>(kPowers.size()) - 1;
  constexpr uint64_t kExact = uint64_t{1} << 53;
  constexpr ptrdiff_t kMostDigits = 19;  // of 64 bits
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end && is_blank(*at)) ++at;
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  uint64_t digits = 0;
  const char* const first = at;
  const char* point = nullptr;
  for (; at != end; ++at) {
    const auto digit = static_cast<unsigned char>(*at - '0');
    if (digit < 10) {
      digits = digits * 10 + digit;
    } else if (*at == '.' && point == nullptr) {
      point = at;
    } else {
      break;
    }
  }
  const ptrdiff_t length = at - first - (point == nullptr ? 0 : 1);
  if (length == 0 || length > kMostDigits) return 0;
  int power = point == nullptr ? 0 : static_cast<int>(point + 1 - at);
  if (!take_exponent(at, end, power)) return 0;
  if (at != end && *at == '\r') ++at;
  if (at != end && *at++ != '\n') return 0;
  // Without a power, the conversion rounds once, however many digits there are.
  if (power != 0 && (digits > kExact || std::abs(power) > kMostPower)) return 0;
  value = static_cast<double>(digits);
  if (power > 0) value *= kPowers[static_cast<size_t>(power)];
  if (power < 0) value /= kPowers[static_cast<size_t>(-power)];
  if (negative) value = -value;
  return static_cast<size_t>(at - text.data());
}

bool is_end_of_page(std::string_view comment) {
  std::string_view rest = comment.substr(1);
  return take_word(rest) == "EOF" && trim_left(rest).empty();
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
  const auto before = page_.substr(0, static_cast<size_t>(line_.data() - page_.data()));
  return fail(ErrorCode::BadData, "line {}: {}, at \"{}{}\"",
              1 + std::count(before.begin(), before.end(), '\n'), what, shown,
              at.size() > kQuotedInErrors ? "…" : "");
}

/// The line without its end.
std::string_view TextParser::take_line() {
  const size_t newline = rest_.find('\n');
  line_ = rest_.substr(0, newline);
  rest_.remove_prefix(newline == std::string_view::npos ? rest_.size() : newline + 1);
  return line_.ends_with('\r') ? line_.substr(0, line_.size() - 1) : line_;
}

Result<TextParser::Entry> TextParser::next() {
  while (!rest_.empty()) {
    if (is_expected()) return take_expected();
    as_expected_ = false;
    std::string_view line = take_line();
    if (ended_) return error("text after # EOF", line);
    if (!open_metrics_) line = trim_left(line);
    if (line.empty()) {
      if (open_metrics_) return error("blank line, which OpenMetrics does not allow", line);
      continue;
    }
    if (line[0] != '#') {
      TRY(sample(line));
      return Entry::Sample;
    }
    const std::optional<Descriptor> told = TRY(descriptor(line));
    if (told) {
      TRY(take_family(*told, line));
      return Entry::Family;
    }
    ended_ = open_metrics_ && is_end_of_page(line);
  }
  if (!open_metrics_ || ended_) return Entry::End;
  line_ = rest_;
  return error("the page does not end with # EOF: it was cut", "");
}

/// Whether the page goes on with the expected entry and no other.
bool TextParser::is_expected() const {
  const size_t n = expected_.size();
  // An entry has an end: of the page, or of its line, or a value.
  if (n == 0 || rest_.size() <= n || !rest_.starts_with(expected_) || ended_) return false;
  if (expected_[0] == '#') {
    // A line that has no end may go on here, and more of the family may follow.
    return expected_.back() == '\n' && begins_sample(rest_[n]);
  }
  if (expected_.back() == '}') return true;
  return is_blank(rest_[n]) && !trim_left(rest_.substr(n)).starts_with('{');
}

Result<TextParser::Entry> TextParser::take_expected() {
  as_expected_ = true;
  text_ = rest_.substr(0, expected_.size());
  const std::string_view after = rest_.substr(text_.size());
  if (text_[0] == '#') {
    unread_family_ = text_;
    rest_ = after;
    return Entry::Family;
  }
  time_.reset();
  exemplar_ = {};
  // Nearly every line ends with a plain number: then its end need not be looked for first.
  if (const size_t length = plain_number(after, value_); length > 0) {
    rest_ = after.substr(length);
    return Entry::Sample;
  }
  TRY(value_and_rest(take_line().substr(text_.size())));
  return Entry::Sample;
}

/// What a comment tells of a family; nothing for other comments.
Result<std::optional<TextParser::Descriptor>> TextParser::descriptor(std::string_view line) const {
  std::string_view rest = line.substr(1);
  const std::string_view keyword = take_word(rest);
  Descriptor out{};
  if (keyword == "HELP") {
    out.kind = Descriptor::Kind::Help;
  } else if (keyword == "TYPE") {
    out.kind = Descriptor::Kind::Type;
  } else if (open_metrics_ && keyword == "UNIT") {
    out.kind = Descriptor::Kind::Unit;
  } else {
    return std::nullopt;
  }
  rest = trim_left(rest);
  out.name = rest;
  if (rest.starts_with('"')) {
    rest.remove_prefix(1);
    if (!take_quoted(rest)) return error("metric name in quotes is not closed", line);
  } else {
    const std::string_view name = take_name(rest, true);
    const bool ended = rest.empty() || is_blank(rest[0]);
    if (name.empty() || !ended) return error("invalid metric name", line);
  }
  out.name.remove_suffix(rest.size());
  out.rest = trim_left(rest);
  return out;
}

/// Adds what one line tells to the family.
Result<void> TextParser::learn(const Descriptor& descriptor) {
  std::string_view rest = descriptor.rest;
  if (descriptor.kind == Descriptor::Kind::Help) {
    if (!codec::utf8_valid(rest)) return error("help text is not valid UTF-8", line_);
    unescape_help(rest, open_metrics_, family_.metadata.help);
    return {};
  }
  const std::string_view word = take_word(rest);
  if (descriptor.kind == Descriptor::Kind::Unit) {
    family_.metadata.unit = word;
    return {};
  }
  const std::optional<MetricType> type =
      parse_text_type(word, open_metrics_ ? Format::OpenMetrics : Format::Text);
  if (!type) {
    return error("invalid metric type, expected counter, gauge, histogram, summary or untyped",
                 word);
  }
  if (!trim_left(rest).empty()) return error("unexpected text after the metric type", rest);
  family_.metadata.type = *type;
  ++family_.types;
  return {};
}

void TextParser::begin_family(std::string_view name) {
  unread_family_ = {};
  std::string unquoted;
  if (name.starts_with('"')) {
    name.remove_prefix(1);
    unquoted = *take_quoted(name);
    name = unquoted;
  }
  // Nothing is allocated where there is room.
  family_.name = name;
  family_.metadata.type = MetricType::Unknown;
  family_.metadata.help.clear();
  family_.metadata.unit.clear();
  family_.types = 0;
}

/// Takes the lines that follow, too, as long as they tell of the same family.
Result<void> TextParser::take_family(const Descriptor& first, std::string_view line) {
  begin_family(first.name);
  TRY(learn(first));
  const char* const begin = line.data();
  const char* end = rest_.data();
  while (!rest_.empty() && !begins_sample(rest_[0])) {
    const std::string_view before = rest_;
    std::string_view next_line = take_line();
    if (!open_metrics_) next_line = trim_left(next_line);
    if (next_line.empty() && !open_metrics_) continue;
    const bool comment = next_line.starts_with('#') && !is_end_of_page(next_line);
    const auto next = comment ? descriptor(next_line) : std::optional<Descriptor>();
    if (comment && next && !*next) continue;
    if (!next || !*next || (*next)->name != first.name) {
      rest_ = before;  // another entry, or an error of its own line
      break;
    }
    TRY(learn(**next));
    end = rest_.data();
  }
  text_ = {begin, end};
  as_expected_ = text_ == expected_;
  return {};
}

void TextParser::read_family() {
  TextParser lines(std::exchange(unread_family_, {}),
                   open_metrics_ ? Format::OpenMetrics : Format::Text);
  family_ = {};
  // They were good on an earlier page.
  if (lines.next()) family_ = std::move(lines.family_);
}

const PageFamily& TextParser::family() {
  if (!unread_family_.empty()) read_family();
  return family_;
}

/// How much of the line names the series: everything up to the value.
Result<size_t> TextParser::series_length(std::string_view line) const {
  // Nothing but a label set ends with a brace, unless there are exemplars.
  if (const size_t brace = open_metrics_ ? line.npos : line.rfind('}'); brace != line.npos) {
    return brace + 1;
  }
  size_t stop = 0;
  while (stop < line.size() && line[stop] != '{' && !is_blank(line[stop])) ++stop;
  if (stop == line.size()) return error("no value after the metric name", line);
  if (line[stop] != '{' && !trim_left(line.substr(stop)).starts_with('{')) return stop;
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
  text_ = line.substr(0, TRY(series_length(line)));
  time_.reset();
  exemplar_ = {};
  return value_and_rest(line.substr(text_.size()));
}

Result<void> TextParser::value_and_rest(std::string_view rest) {
  // The line's end is cut off already, of which a carriage return would be another one.
  if (!rest.ends_with('\r') && plain_number(rest, value_) > 0) return {};
  const std::string_view value_word = take_word(rest);
  if (value_word.empty()) return error("no value after the series", line_);
  const std::optional<double> value = parse_value(value_word);
  if (!value) return error("invalid value", value_word);
  value_ = *value;
  return time_and_exemplar(rest);
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

Result<void> TextParser::series_labels(std::string_view series, LabelsBuilder& labels,
                                       std::vector<std::string>* empty) const {
  labels.reset();
  std::string_view rest = series;
  const std::string_view name = take_name(rest, true);
  bool named = !name.empty();
  if (name.size() > Labels::kMaxStringBytes) return error("metric name is longer than 16 MiB", "");
  if (named) labels.set(kMetricName, name);
  rest = trim_left(rest);
  if (rest.empty()) {
    if (!named) return error("invalid metric name", series);
    return {};
  }
  if (rest[0] != '{') return error("invalid character in metric name", rest);
  rest.remove_prefix(1);
  TRY(label_set(rest, labels, &named, empty));
  if (!named) return error("series has no metric name", series);
  if (!rest.empty()) return error("text after the label set", rest);
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
      if (!quoted_name) return error("label name in quotes is not closed", line_);
      label_name = *std::move(quoted_name);
    } else {
      label_name = take_name(rest, false);
    }
    if (label_name.empty()) return error("invalid label name", rest);
    if (!codec::utf8_valid(label_name)) return error("label name is not valid UTF-8", line_);
    rest = trim_left(rest);
    if (rest.starts_with(',') || rest.starts_with('}')) {
      if (named == nullptr || *named || !in_quotes) {
        return error("metric name set twice, or label without a value", line_);
      }
      *named = true;
      labels.set(kMetricName, label_name);
    } else {
      if (!rest.starts_with('=')) return error("expected \"=\" after the label name", rest);
      rest = trim_left(rest.substr(1));
      if (!rest.starts_with('"')) return error("label value is not in double quotes", rest);
      rest.remove_prefix(1);
      const auto value = take_quoted(rest);
      if (!value) return error("label value is not closed", line_);
      if (!codec::utf8_valid(*value)) return error("label value is not valid UTF-8", line_);
      if (std::max(label_name.size(), value->size()) > Labels::kMaxStringBytes) {
        return error("label is longer than 16 MiB", label_name);
      }
      if (labels.labels().size() > Labels::kMaxLabels) {
        return error(fmt::format("more than {} labels", Labels::kMaxLabels), line_);
      }
      if (!labels.get(label_name).empty()) {
        return error(fmt::format("label name \"{}\" is not unique", label_name), line_);
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
