#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ask/llm/subject.h"

namespace prom5::llm {

/// How a query is put together beside what its subject's recipe says.
struct Shape {
  std::vector<std::string> by;  ///< labels of the result; empty: as `total` and the recipe say
  bool total = false;           ///< one series
  DurationMs window = DurationMs::minutes(5);
  DurationMs offset;        ///< back in time
  std::string over_time;    ///< avg, max, min over `window` instead of a value; or empty
  bool growth = false;      ///< how much in `window` instead of how much a second
  bool since_ever = false;  ///< a counter itself, instead of its growth in five minutes
};

/// The query for a subject, narrowed by the reading's filters.
class Expression {
 public:
  Expression(const Subject& subject, const Reading& reading, const catalogue::Snapshot& snapshot,
             const catalogue::Lexicon& lexicon);

  /// The shape that the reading's words ask for.
  [[nodiscard]] Shape shape() const;
  /// Whether several names of one kind are asked for, "card and paypal", and no other grouping.
  [[nodiscard]] bool tells_names_apart() const;
  /// The labels that tell the things apart which are listed or compared; empty when there are none.
  [[nodiscard]] std::vector<std::string> things() const;
  [[nodiscard]] std::string promql(const Shape& shape) const;
  /// Of the recipe, with the reading's filters; for limits beside it.
  [[nodiscard]] std::string narrowed(std::string_view recipe, const Shape& shape) const;
  /// The unit of promql(shape).
  [[nodiscard]] std::string unit(const Shape& shape) const;
  /// Whether the subject is the bare series of one metric.
  [[nodiscard]] bool is_bare() const;
  [[nodiscard]] bool is_single() const;
  /// The same without what narrows by a property ("status=failed"), and with what narrows by name;
  /// nothing when no property narrows it.
  [[nodiscard]] std::optional<Expression> without_attributes() const;
  /// A name that is left out is the very state the subject is about: "units that are not active".
  [[nodiscard]] bool inverted() const;
  /// Kinds that were asked for and that the metric has no label for.
  [[nodiscard]] const std::vector<std::string>& lost_kinds() const { return lost_kinds_; }
  [[nodiscard]] std::string matchers_of(const std::string& metric) const;

 private:
  [[nodiscard]] std::vector<std::string> named_by() const;
  /// "status codes" of a recipe that tells nothing but codes apart.
  [[nodiscard]] bool splits_things() const;
  [[nodiscard]] bool says_already(const catalogue::Binding& binding) const;
  [[nodiscard]] bool contradicts(const catalogue::Binding& binding) const;
  [[nodiscard]] bool is_parted(const std::vector<std::string>& by) const;
  [[nodiscard]] std::string base(std::string_view recipe, const Shape& shape,
                                 const std::vector<std::string>& by) const;

  const Subject& subject_;
  const Reading& reading_;
  const catalogue::Snapshot& snapshot_;
  const catalogue::Lexicon& lexicon_;
  const catalogue::Metric* metric_;
  std::vector<size_t> filters_;  // of the reading's mentions
  std::vector<std::string> asked_by_;
  std::vector<std::string> lost_kinds_;
};

/// In brackets unless it is one call or selector.
std::string in_brackets(const std::string& promql);

/// `promql` times what makes its unit the one that is asked for; the same where that makes no
/// sense.
std::string convert_unit(const std::string& promql, std::string_view from, Unit to,
                         std::string& unit);

/// A value that a question names, in a recipe's unit: 80 % of a ratio is 0.8. Nothing where they
/// are of different kinds.
std::optional<double> in_unit(const Quantity& quantity, std::string_view unit);

/// The step for looking at a window in about `points` points.
DurationMs step_of(DurationMs window, int64_t points);

/// The step of a chart of at most `points` points. No finer than kLeastChartStep: between two
/// scrapes there is nothing to see.
inline constexpr DurationMs kLeastChartStep = DurationMs::seconds(5);
DurationMs chart_step(DurationMs window, int64_t points);

std::string join_words(const std::vector<std::string>& words, std::string_view separator);

}  // namespace prom5::llm
