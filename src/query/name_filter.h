#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace prom5::query {

/// How well the letters of `pattern` stand in `text` in their order, 0 (not at all) to 1 (it begins
/// with them): long runs count by their square, gaps take away.
/// Source: prometheus util/strutil/subsequence.go.
double subsequence_score(std::u32string_view pattern, std::u32string_view text);

/// The similarity of Jaro and Winkler, 0 to 1, with a common prefix of up to four letters raised.
double jaro_winkler(std::u32string_view a, std::u32string_view b);

/// Chooses among names by what somebody typed, as Prometheus' search API does.
class NameFilter {
 public:
  enum class Algorithm : uint8_t { Subsequence, JaroWinkler };
  struct Options {
    Algorithm algorithm = Algorithm::Subsequence;
    double threshold = 0;  ///< least score, 0 to 1
    bool case_sensitive = true;
  };

  /// Empty terms count for nothing; without terms every name is taken.
  NameFilter(const std::vector<std::string>& terms, Options options);

  /// The name's score (by its first kilobyte), 0 to 1, the best of all terms'; nothing when it is
  /// not taken.
  [[nodiscard]] std::optional<double> score(std::string_view name) const;

 private:
  [[nodiscard]] std::optional<double> score_of(std::u32string_view term,
                                               std::u32string_view name) const;

  const Options options_;
  std::vector<std::u32string> terms_;
};

}  // namespace prom5::query
