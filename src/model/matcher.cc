#include "model/matcher.h"

#include <algorithm>

#include "model/quote.h"

namespace prom5 {

Result<Matcher> Matcher::make(MatchType type, std::string_view name, std::string_view value) {
  Matcher out;
  out.type_ = type;
  out.name_ = name;
  out.value_ = value;
  if (type == MatchType::Regex || type == MatchType::NotRegex) {
    out.regex_ = TRY(Regex::compile(value));
  }
  return out;
}

Matcher Matcher::equal(std::string_view name, std::string_view value) {
  Matcher out;
  out.name_ = name;
  out.value_ = value;
  return out;
}

bool Matcher::matches(std::string_view value) const {
  switch (type_) {
    case MatchType::Equal: return value == value_;
    case MatchType::NotEqual: return value != value_;
    case MatchType::Regex: return regex_->matches(value);
    case MatchType::NotRegex: return !regex_->matches(value);
  }
  return false;
}

std::span<const std::string> Matcher::literal_values() const {
  if (type_ == MatchType::Equal) return {&value_, 1};
  if (type_ == MatchType::Regex) return regex_->literal_alternatives();
  return {};
}

std::string Matcher::to_string() const {
  std::string out;
  if (is_legacy_label_name(name_)) {
    out = name_;
  } else {
    append_quoted(out, name_);
  }
  out += prom5::to_string(type_);
  append_quoted(out, value_);
  return out;
}

std::string_view to_string(MatchType type) {
  switch (type) {
    case MatchType::Equal: return "=";
    case MatchType::NotEqual: return "!=";
    case MatchType::Regex: return "=~";
    case MatchType::NotRegex: return "!~";
  }
  return "=";
}

bool matches_all(std::span<const Matcher> matchers, const Labels& labels) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& m) { return m.matches(labels.get(m.name())); });
}

}  // namespace prom5
