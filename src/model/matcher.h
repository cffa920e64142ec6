#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/labels.h"
#include "model/regex.h"

namespace prom5 {

enum class MatchType : uint8_t { Equal, NotEqual, Regex, NotRegex };

/// One condition on one label. A missing label counts as the empty string. Cheap to copy.
class Matcher {
 public:
  /// BadData when the regular expression does not compile.
  static Result<Matcher> make(MatchType type, std::string_view name, std::string_view value);

  /// For matchers that cannot fail.
  static Matcher equal(std::string_view name, std::string_view value);

  [[nodiscard]] bool matches(std::string_view value) const;
  [[nodiscard]] bool matches_empty() const { return matches(""); }

  [[nodiscard]] MatchType type() const { return type_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& value() const { return value_; }

  /// The values that can match, when they are few and known: "=" and "=~" of literals.
  [[nodiscard]] std::span<const std::string> literal_values() const;

  /// What matching it costs in memory, in instructions; 0 without a regular expression.
  [[nodiscard]] size_t program_size() const { return regex_ ? regex_->program_size() : 0; }

  /// `job="api"`, with the name quoted when it is not a plain label name.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.type_ == b.type_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  MatchType type_ = MatchType::Equal;
  std::string name_;
  std::string value_;
  std::optional<Regex> regex_;
};

/// What all regular expressions of one request may have together: each is given memory for its
/// instructions and for what it finds out about them.
inline constexpr size_t kMaxRegexProgram = 200'000;
inline constexpr std::string_view kRegexesTooLarge =
    "the regular expressions are too large altogether";

/// "=", "!=", "=~", "!~"
std::string_view to_string(MatchType type);

/// Whether all matchers hold.
bool matches_all(std::span<const Matcher> matchers, const Labels& labels);

}  // namespace prom5
