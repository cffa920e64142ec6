#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace prom5 {

/// RE2 with Prometheus' conventions: anchored at both ends, "." matches a newline too.
/// Cheap to copy; any thread.
class Regex {
 public:
  /// BadData with RE2's reason. The program is limited to 8 MiB of memory.
  static Result<Regex> compile(std::string_view pattern);

  [[nodiscard]] bool matches(std::string_view text) const;

  /// Matches `text` and, when it matches, fills `$1`, `${name}` and `$$` of `replacement`
  /// (Go's regexp.Expand). Nothing is appended and false returned when it does not match.
  bool expand(std::string_view text, std::string_view replacement, std::string& out) const;

  [[nodiscard]] const std::string& pattern() const { return pattern_; }
  [[nodiscard]] size_t group_count() const;
  /// Instructions to be run; 0 for an alternation of literals, which needs none.
  [[nodiscard]] size_t program_size() const;

  /// The literals, when the pattern is nothing but an alternation of literals ("a|b|c").
  [[nodiscard]] const std::vector<std::string>& literal_alternatives() const { return literals_; }

 private:
  struct Program;
  std::string pattern_;
  std::vector<std::string> literals_;
  std::shared_ptr<const Program> program_;  // shared: matchers are copied into queries and scrapes
};

}  // namespace prom5
