#include <ctime>

#include "query/promql/evaluator.h"

namespace prom5::promql {

namespace {

using DateField = double (*)(const std::tm&);

bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

double days_in(const std::tm& date) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.tm_mon == 1 && leap(date.tm_year + 1900)) return 29;
  return kDays[date.tm_mon];
}

double field_of(double seconds, DateField field) {
  // As Go does, what has no integer (NaN, Inf, too large) becomes the smallest one; gmtime then has
  // no year for it.
  const bool representable = seconds >= -0x1p63 && seconds < 0x1p63;
  const std::time_t time = representable ? static_cast<std::time_t>(seconds) : INT64_MIN;
  std::tm date{};
  if (gmtime_r(&time, &date) == nullptr) return 0;
  return field(date);
}

/// Of each sample taken as seconds since 1970, or of the step's time without an argument.
Result<StepValue> date(Evaluator& evaluator, const Call& call, DateField field) {
  StepValue out;
  if (call.arguments.empty()) {
    StepSeries series(evaluator.grid().count);
    for (size_t i = 0; i < series.steps(); ++i) {
      series.set(i, field_of(evaluator.grid().at(i).as_seconds(), field));
    }
    out.vector.push_back(std::move(series));
    return out;
  }
  StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  for (StepSeries& series : vector) {
    evaluator.drop_name(series);
    for (size_t i = 0; i < series.steps(); ++i) {
      if (series.kinds[i] == PointKind::Float) {
        series.values[i] = field_of(series.values[i], field);
      } else {
        series.clear(i);
      }
    }
  }
  std::erase_if(vector, [](const StepSeries& s) { return s.empty(); });
  out.vector = TRY(evaluator.merge_same_labels(std::move(vector)));
  return out;
}

}  // namespace

Result<StepValue> eval_minute(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_min; });
}
Result<StepValue> eval_hour(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_hour; });
}
Result<StepValue> eval_day_of_week(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_wday; });
}
Result<StepValue> eval_day_of_month(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_mday; });
}
Result<StepValue> eval_day_of_year(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_yday + 1; });
}
Result<StepValue> eval_days_in_month(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, days_in);
}
Result<StepValue> eval_month(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_mon + 1; });
}
Result<StepValue> eval_year(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  return date(evaluator, call, [](const std::tm& d) -> double { return d.tm_year + 1900; });
}

}  // namespace prom5::promql
