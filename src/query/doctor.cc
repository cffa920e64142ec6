#include "query/doctor.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "query/promql/functions.h"
#include "query/promql/parser.h"
#include "query/selector_doctor.h"

namespace prom5::query {

namespace {

using promql::Expr;
using promql::ExprPtr;
using promql::TokenType;

/// An empty expression is evaluated part by part; more parts than this nobody writes by hand.
constexpr size_t kMaxQuestions = 100;

constexpr std::array kCauseNames = std::to_array<std::string_view>({
    "metric_unknown",
    "metric_similar",
    "label_unknown",
    "label_value_unknown",
    "matchers_exclude",
    "outside_data",
    "stopped_target_down",
    "stopped",
    "range_too_short",
    "operands_unmatched",
    "filtered",
    "no_le",
    "not_native",
    "absent_present",
    "type_changed",
    "others_unseen",
    "unexplained",
});
static_assert(kCauseNames.size() == static_cast<size_t>(Cause::Unexplained) + 1);

/// Functions that give nothing for a window of one sample.
constexpr std::array kNeedTwo =
    std::to_array<std::string_view>({"rate", "increase", "irate", "delta", "idelta", "deriv",
                                     "predict_linear", "double_exponential_smoothing"});

template <typename Table>
bool contains(const Table& table, std::string_view word) {
  return std::ranges::find(table, word) != table.end();
}

bool is_vector(const Expr& expr) { return promql::type_of(expr) == ValueType::InstantVector; }

const std::vector<Series>* series_of(const QueryResult& result) {
  if (const auto* vector = std::get_if<VectorValue>(&result.value)) return &vector->series;
  if (const auto* matrix = std::get_if<MatrixValue>(&result.value)) return &matrix->series;
  return nullptr;
}

/// One diagnosis. One thread.
class Examination {
 public:
  struct Budget {
    std::chrono::steady_clock::time_point deadline;
    size_t asked = 0;
  };

  Examination(Engine& engine, Storage& storage, const QueryRequest& request, TimeMs now,
              Budget& budget)
      : engine_(engine), storage_(storage), request_(request), now_(now), budget_(&budget) {
    request_.per_step_stats = false;
  }

  Result<bool> empty(const std::string& text) {
    const QueryResult result = TRY(ask(text));
    const auto* series = series_of(result);
    return series != nullptr && series->empty();
  }

  /// Appends why the expression, which gives nothing, does.
  Result<void> examine(const Expr& expr) {
    const Expr& node = promql::unwrap(expr);
    if (const auto* selector = node.as<promql::VectorSelector>()) {
      return examine_selector(node, *selector, engine_.options().lookback_delta);
    }
    if (const auto* matrix = node.as<promql::MatrixSelector>()) {
      return examine_selector(*matrix->vector, *matrix->vector->as<promql::VectorSelector>(),
                              matrix->range);
    }
    if (const auto* aggregate = node.as<promql::Aggregate>()) {
      if (TRY(empty(promql::print(*aggregate->expr)))) return examine(*aggregate->expr);
      if (std::string told = TRY(warning_of(node)); !told.empty()) {
        return note(Cause::NotNative, node, std::move(told));
      }
      return note(Cause::Filtered, node, "The aggregation's parameter leaves no series over.");
    }
    if (const auto* unary = node.as<promql::Unary>()) return examine(*unary->expr);
    if (const auto* call = node.as<promql::Call>()) return examine_call(node, *call);
    if (const auto* binary = node.as<promql::Binary>()) return examine_binary(node, *binary);
    return note(Cause::Unexplained, node, "Nothing is known to be wrong with it.");
  }

  /// Appends the selectors of an expression that fails which have series twice, with and without
  /// __type__ and __unit__ or with others: without these and the name they are the same.
  Result<void> examine_twins(const Expr& expr) {
    const Expr& node = promql::unwrap(expr);
    if (const auto* selector = node.as<promql::VectorSelector>()) {
      return examine_twins_of(node, node, *selector);
    }
    if (const auto* matrix = node.as<promql::MatrixSelector>()) {
      return examine_twins_of(node, *matrix->vector, *matrix->vector->as<promql::VectorSelector>());
    }
    for (const Expr* inner : promql::children(node)) TRY(examine_twins(*inner));
    return {};
  }

  /// The findings; where each correction alone is not enough, the first gets all of them at once.
  std::vector<Finding> take() {
    const bool any =
        std::ranges::any_of(findings_, [](const Finding& f) { return !f.fix.empty(); });
    if (any || edits_.size() < 2) return std::move(findings_);
    std::ranges::sort(edits_, std::greater(), &Edit::start);
    std::string fixed = request_.text;
    for (const Edit& edit : edits_) fixed.replace(edit.start, edit.length, edit.text);
    const auto still_empty = empty(fixed);
    if (still_empty && !*still_empty) findings_.front().fix = std::move(fixed);
    return std::move(findings_);
  }

  /// What evaluating it warns of, if anything: that is nearer the cause than what is empty.
  Result<std::string> warning_of(const Expr& expr) {
    const QueryResult result = TRY(ask(promql::print(expr)));
    for (const auto* texts : {&result.annotations.warnings(), &result.annotations.infos()}) {
      if (!texts->empty()) return texts->front();
    }
    return std::string();
  }

 private:
  /// Within the time and the number of questions that all of it may take.
  Result<QueryResult> ask(const std::string& text) {
    if (++budget_->asked > kMaxQuestions) {
      return fail(ErrorCode::LimitExceeded, "the query has too many parts for a diagnosis");
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        budget_->deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::Timeout, "the diagnosis timed out");
    QueryRequest request = request_;
    request.text = text;
    request.timeout = DurationMs{left.count()};
    return engine_.run(request);
  }

  Result<void> note(Cause cause, const Expr& at, std::string text, std::string fix = {}) {
    findings_.push_back({.cause = cause,
                         .expression = promql::print(at),
                         .text = std::move(text),
                         .fix = std::move(fix)});
    return {};
  }

  /// The query with another text in the place of `at`; empty when that has no answer either.
  std::string with_fix(const Expr& at, const std::string& text) {
    std::string fixed = request_.text;
    const auto start = static_cast<size_t>(at.position.start);
    fixed.replace(start, static_cast<size_t>(at.position.end) - start, text);
    const auto still_empty = empty(fixed);
    return still_empty && !*still_empty ? fixed : std::string();
  }

  // --- selectors ---------------------------------------------------------------------------------

  Result<void> examine_selector(const Expr& at, const promql::VectorSelector& selector,
                                DurationMs window) {
    TimeMs start = request_.start;
    TimeMs end = request_.end;
    if (selector.time.at == promql::AtKind::Time) start = end = selector.time.at_time;
    if (selector.time.at == promql::AtKind::Start) end = start;
    if (selector.time.at == promql::AtKind::End) start = end;
    const DurationMs offset = selector.time.offset;
    SelectorFinding found = TRY(diagnose_selector(
        storage_, {.selector = selector,
                   .asked = {start - offset - window + DurationMs{1}, end - offset},
                   .lookback = engine_.options().lookback_delta,
                   .now = now_}));
    found.finding.expression = promql::print(at);
    if (found.better) {
      const std::string better = promql::print(Expr{{}, *std::move(found.better)});
      found.finding.fix = with_fix(at, better);
      edits_.push_back({static_cast<size_t>(at.position.start),
                        static_cast<size_t>(at.position.end - at.position.start), better});
    }
    findings_.push_back(std::move(found.finding));
    return {};
  }

  /// `node`: the selector with its range, if it has one; `at`: without.
  Result<void> examine_twins_of(const Expr& node, const Expr& at,
                                const promql::VectorSelector& selector) {
    if (selector.name.empty()) return {};  // other names are other series
    const std::string all = promql::print(node);
    const bool ranges = promql::type_of(node) == ValueType::RangeVector;
    if (TRY(empty(fmt::format("count without ({}, {}) ({}) > 1", kTypeLabel, kUnitLabel,
                              ranges ? fmt::format("last_over_time({})", all) : all)))) {
      return {};
    }
    promql::VectorSelector typed{selector.name, selector.matchers, {}, {}, selector.may_be_empty};
    if (!ranges) {  // behind a range they stay as they are
      typed.time.offset = selector.time.offset;
      typed.time.at = selector.time.at;
      typed.time.at_time = selector.time.at_time;
    }
    typed.matchers.push_back(TRY(Matcher::make(MatchType::NotEqual, std::string(kTypeLabel), "")));
    const std::string better = promql::print(Expr{{}, std::move(typed)});
    return note(
        Cause::TypeChanged, node,
        fmt::format("There are series of {} that differ in nothing but {} and {}, which are "
                    "dropped with the name: the type has changed, or the feature "
                    "type-and-unit-labels was switched on or off. Ask for one kind of them for as "
                    "long as both are looked at.",
                    selector.name, kTypeLabel, kUnitLabel),
        with_fix(at, better));
  }

  // --- functions ---------------------------------------------------------------------------------

  Result<void> examine_call(const Expr& node, const promql::Call& call) {
    const std::string_view name = call.function->info.name;
    for (const ExprPtr& argument : call.arguments) {
      const ValueType type = promql::type_of(*argument);
      if (type == ValueType::RangeVector) return examine_range(node, call, *argument);
      if (type != ValueType::InstantVector) continue;
      if (TRY(empty(promql::print(*argument)))) return examine(*argument);
    }
    if (name.starts_with("absent")) {
      return note(Cause::AbsentPresent, node,
                  "absent() gives nothing while there are series, and there are.");
    }
    if (name.starts_with("histogram_quantile") || name == "histogram_fraction") {
      return note(
          Cause::NoLe, node,
          fmt::format("The series under {}() are neither native histograms nor buckets with a "
                      "label le. Take the _bucket series, and keep le in by (…).",
                      name));
    }
    if (name.starts_with("histogram_")) {
      return note(Cause::NotNative, node,
                  fmt::format("{}() takes native histograms; these series are floats. Classic "
                              "histograms have series _sum, _count and _bucket of their own.",
                              name));
    }
    return note(Cause::Unexplained, node, "The function gives nothing for these series.");
  }

  Result<void> examine_range(const Expr& node, const promql::Call& call, const Expr& argument) {
    const std::string_view name = call.function->info.name;
    const Expr& range = promql::unwrap(argument);
    if (!TRY(empty(fmt::format("count_over_time({})", promql::print(range))))) {
      if (name == "absent_over_time") {
        return note(Cause::AbsentPresent, node,
                    "absent_over_time() gives nothing while there are samples, and there are.");
      }
      if (contains(kNeedTwo, name)) return too_short(range, name);
      return note(Cause::Unexplained, node, "The function gives nothing for these samples.");
    }
    if (const auto* matrix = range.as<promql::MatrixSelector>()) {
      return examine_selector(*matrix->vector, *matrix->vector->as<promql::VectorSelector>(),
                              matrix->range);
    }
    const auto& subquery = *range.as<promql::Subquery>();
    // What gives nothing at any of the subquery's steps mostly gives nothing at its end.
    Examination inner(engine_, storage_, request_, now_, *budget_);
    inner.request_.end = request_.end - subquery.time.offset;
    inner.request_.start = request_.start - subquery.time.offset - subquery.range;
    inner.request_.step = std::max(subquery.step, DurationMs::seconds(1));
    if (subquery.step.ms == 0) inner.request_.step = DurationMs::minutes(1);
    if (!TRY(inner.empty(promql::print(*subquery.expr)))) return too_short(range, name);
    TRY(inner.examine(*subquery.expr));
    findings_.insert(findings_.end(), inner.findings_.begin(), inner.findings_.end());
    edits_.insert(edits_.end(), inner.edits_.begin(), inner.edits_.end());
    return {};
  }

  Result<void> too_short(const Expr& range, std::string_view function) {
    const auto* matrix = range.as<promql::MatrixSelector>();
    if (matrix == nullptr) {
      return note(
          Cause::RangeTooShort, range,
          fmt::format("{}() needs two values in its range, and the subquery gives fewer: take "
                      "a longer range or a shorter step.",
                      function));
    }
    const auto& selector = *matrix->vector->as<promql::VectorSelector>();
    const DurationMs interval =
        TRY(usual_interval(storage_, selector, request_.end - selector.time.offset));
    if (interval.ms == 0) {
      return note(Cause::RangeTooShort, range,
                  fmt::format("{}() needs two samples in its range, and these series have but one "
                              "yet.",
                              function));
    }
    // Four intervals, so that one lost scrape leaves it working.
    const std::string longer = format_duration(interval * 4);
    Expr better{{}, promql::VectorSelector{selector.name, selector.matchers, {}, {}, false}};
    std::string text = promql::print(better) + "[" + longer + "]";
    if (selector.time.offset.ms > 0) text += " offset " + format_duration(selector.time.offset);
    return note(
        Cause::RangeTooShort, range,
        fmt::format("{}() needs two samples in its range; they come every {}, and the range "
                    "is {}. Take {} or longer.",
                    function, format_duration(interval), format_duration(matrix->range), longer),
        with_fix(range, text));
  }

  // --- operators ---------------------------------------------------------------------------------

  Result<void> examine_binary(const Expr& node, const promql::Binary& binary) {
    const bool left_empty = is_vector(*binary.left) && TRY(empty(promql::print(*binary.left)));
    const bool right_empty = is_vector(*binary.right) && TRY(empty(promql::print(*binary.right)));
    if (left_empty) TRY(examine(*binary.left));
    // What `unless` takes away may well be nothing.
    if (right_empty && binary.op != TokenType::Unless) TRY(examine(*binary.right));
    if (!findings_.empty()) return {};
    if (std::string told = TRY(warning_of(node)); !told.empty()) {
      return note(Cause::NotNative, node, std::move(told));
    }
    if (binary.op == TokenType::Unless) {
      return note(Cause::Filtered, node,
                  "`unless` removes every series: each has one with its labels on the right.");
    }
    if (promql::is_comparison(binary.op) && !binary.matching) {
      return filtered_by_scalar(node, binary);
    }
    if ((promql::is_comparison(binary.op) || binary.op == TokenType::And) &&
        TRY(matches_at_all(node))) {
      return note(Cause::Filtered, node,
                  "Both sides have series that pair, but for no pair the comparisons hold.");
    }
    return unmatched(node, binary);
  }

  /// Whether the sides pair when no comparison takes series away.
  Result<bool> matches_at_all(const Expr& node) {
    const ExprPtr copy = TRY(promql::parse(promql::print(node)));
    auto* binary = copy->as<promql::Binary>();
    if (binary == nullptr) return false;
    for (Expr* side : {copy.get(), binary->left.get(), binary->right.get()}) {
      while (side->as<promql::Paren>() != nullptr) side = side->as<promql::Paren>()->expr.get();
      auto* comparison = side->as<promql::Binary>();
      if (comparison != nullptr && promql::is_comparison(comparison->op)) {
        comparison->return_bool = true;
      }
    }
    return !TRY(empty(promql::print(*copy)));
  }

  Result<void> filtered_by_scalar(const Expr& node, const promql::Binary& binary) {
    const Expr& vector = is_vector(*binary.left) ? *binary.left : *binary.right;
    const QueryResult result = TRY(ask(promql::print(vector)));
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const Series& series : *series_of(result)) {
      for (const Point& point : series.points) {
        least = std::min(least, point.value);
        most = std::max(most, point.value);
      }
    }
    const std::string values = least == most ? fmt::format("is {}", least)
                                             : fmt::format("lies between {} and {}", least, most);
    return note(Cause::Filtered, node,
                fmt::format("There are values, but none passes the comparison: {} {}.",
                            promql::print(vector), values));
  }

  using LabelNames = std::set<std::string>;
  /// Label names of the series that an expression gives.
  Result<LabelNames> labels_of(const Expr& expr) {
    const QueryResult result = TRY(ask(promql::print(expr)));
    LabelNames out;
    for (const Series& series : *series_of(result)) {
      for (const LabelView label : series.labels) {
        if (label.name != kMetricName) out.emplace(label.name);
      }
    }
    return out;
  }

  Result<void> unmatched(const Expr& node, const promql::Binary& binary) {
    const LabelNames left = TRY(labels_of(*binary.left));
    const LabelNames right = TRY(labels_of(*binary.right));
    std::vector<std::string> only_left;
    std::vector<std::string> only_right;
    std::vector<std::string> both;
    std::ranges::set_difference(left, right, std::back_inserter(only_left));
    std::ranges::set_difference(right, left, std::back_inserter(only_right));
    std::ranges::set_intersection(left, right, std::back_inserter(both));
    std::string text = "Both sides have series, but no two with the same labels";
    if (binary.matching && binary.matching->on) {
      text += fmt::format(" {}", fmt::join(binary.matching->labels, ", "));
    }
    if (text.ends_with(' ')) text.pop_back();
    const auto on_one_side = [&](std::string_view side, const std::vector<std::string>& names) {
      if (!names.empty()) {
        text += fmt::format("; only the {} side has {}", side, fmt::join(names, ", "));
      }
    };
    on_one_side("left", only_left);
    on_one_side("right", only_right);
    if (only_left.empty() && only_right.empty() && !both.empty()) {
      text += fmt::format("; their values of {} differ", fmt::join(differing(binary, both), ", "));
    }
    return note(Cause::OperandsUnmatched, node, text + ".", paired(node, both));
  }

  /// Those of the labels of which no value is on both sides; all of them where there is none such.
  std::vector<std::string> differing(const promql::Binary& binary,
                                     const std::vector<std::string>& names) {
    std::vector<std::string> out;
    const auto left = ask(promql::print(*binary.left));
    const auto right = ask(promql::print(*binary.right));
    if (!left || !right) return names;
    const auto values = [](const QueryResult& result, const std::string& name) {
      LabelNames found;
      for (const Series& series : *series_of(result)) found.emplace(series.labels.get(name));
      return found;
    };
    for (const std::string& name : names) {
      std::vector<std::string> shared;
      std::ranges::set_intersection(values(*left, name), values(*right, name),
                                    std::back_inserter(shared));
      if (shared.empty()) out.push_back(name);
    }
    return out.empty() ? names : out;
  }

  /// The query with the sides paired by the labels they share, in the first way that has an answer.
  std::string paired(const Expr& node, const std::vector<std::string>& shared) {
    using promql::Cardinality;
    const auto copy = promql::parse(promql::print(node));
    if (!copy) return {};
    auto* binary = (*copy)->as<promql::Binary>();
    if (binary == nullptr || !binary->matching) return {};
    binary->matching->on = true;
    binary->matching->labels = shared;
    if (promql::is_set_operator(binary->op)) return with_fix(node, promql::print(**copy));
    for (const Cardinality way :
         {Cardinality::OneToOne, Cardinality::ManyToOne, Cardinality::OneToMany}) {
      binary->matching->cardinality = way;
      std::string fixed = with_fix(node, promql::print(**copy));
      if (!fixed.empty()) return fixed;
    }
    return {};
  }

  Engine& engine_;
  Storage& storage_;
  QueryRequest request_;
  const TimeMs now_;
  Budget* const budget_;
  std::vector<Finding> findings_;
  struct Edit {
    size_t start;  ///< in the query's text
    size_t length;
    std::string text;
  };
  std::vector<Edit> edits_;
};

}  // namespace

std::string_view to_string(Cause cause) { return kCauseNames[static_cast<size_t>(cause)]; }

Result<Diagnosis> Doctor::diagnose(const QueryRequest& request) {
  const ExprPtr expr = TRY(promql::parse(request.text));
  DurationMs timeout = engine_.options().timeout;
  if (request.timeout.ms > 0) timeout = std::min(timeout, request.timeout);
  Examination::Budget budget{std::chrono::steady_clock::now() +
                             std::chrono::milliseconds(timeout.ms)};
  Examination examination(engine_, storage_, request, clock_.now(), budget);
  Diagnosis out;
  const std::string text = promql::print(*expr);
  const bool ranges = promql::type_of(*expr) == ValueType::RangeVector;
  const auto empty = examination.empty(ranges ? fmt::format("count_over_time({})", text) : text);
  if (!empty && empty.error().code == ErrorCode::Execution) {
    TRY(examination.examine_twins(*expr));
    out.findings = examination.take();
    if (!out.findings.empty()) return out;
  }
  out.empty = TRY(Result<bool>(empty));
  if (!out.empty) return out;
  TRY(examination.examine(*expr));
  out.findings = examination.take();
  if (!engine_.asks_other_servers()) return out;
  std::string others =
      "Only what is stored here is looked at, not what remote_read brings from other servers.";
  if (const auto warning = examination.warning_of(*expr); warning && !warning->empty()) {
    others += " " + *warning;
  }
  out.findings.insert(out.findings.begin(),
                      {.cause = Cause::OthersUnseen, .expression = text, .text = others});
  return out;
}

}  // namespace prom5::query
