#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/ascii.h"
#include "io/codec/utf8.h"
#include "model/regex.h"
#include "query/promql/evaluator.h"

namespace prom5::promql {

namespace {

const std::string& string_argument(const Call& call, size_t i) {
  return unwrap(*call.arguments[i]).as<StringLiteral>()->value;
}

bool valid_label_name(std::string_view name) { return !name.empty() && codec::utf8_valid(name); }

StepValue of_vector(StepVector vector) {
  StepValue out;
  out.vector = std::move(vector);
  return out;
}

std::string_view take_chunk(std::string_view& text) {
  const bool digits = is_digit(text[0]);
  size_t n = 1;
  while (n < text.size() && is_digit(text[n]) == digits) ++n;
  const std::string_view chunk = text.substr(0, n);
  text.remove_prefix(n);
  return chunk;
}

/// Natural order: runs of digits compare as numbers, everything else byte by byte.
std::strong_ordering natural_order(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view x = take_chunk(a);
    const std::string_view y = take_chunk(b);
    if (x == y) continue;
    if (is_digit(x[0]) && is_digit(y[0])) {
      const auto strip = [](std::string_view digits) {
        return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
      };
      const std::string_view i = strip(x);
      const std::string_view j = strip(y);
      if (i.size() != j.size()) return i.size() <=> j.size();
      if (i != j) return i <=> j;
      return x.size() <=> y.size();
    }
    return x <=> y;
  }
  return a.size() <=> b.size();
}

Result<StepValue> sort_by_labels(Evaluator& evaluator, const Expr& expr, const Call& call,
                                 bool descending) {
  if (evaluator.grid().count > 1) {
    evaluator.context().warn(
        "sort is ineffective for range queries since results are always ordered by labels",
        expr.position);
  }
  StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  if (evaluator.grid().count > 1) return of_vector(std::move(vector));
  std::stable_sort(vector.begin(), vector.end(), [&](const StepSeries& a, const StepSeries& b) {
    const StepSeries& x = descending ? b : a;
    const StepSeries& y = descending ? a : b;
    for (size_t i = 1; i < call.arguments.size(); ++i) {
      const std::string& name = string_argument(call, i);
      const auto order = natural_order(x.labels.get(name), y.labels.get(name));
      if (order != 0) return order < 0;
    }
    return x.labels < y.labels;
  });
  return of_vector(std::move(vector));
}

// --- info() --------------------------------------------------------------------------------------

constexpr std::string_view kIdentifying[] = {"instance", "job"};

/// The time at which info series are looked up: that of the first selector inside `expr`. The
/// innermost @ of the selector and the subqueries around it anchors it; offsets add up until there.
Result<std::optional<TimeShift>> first_selector_time(Evaluator& evaluator, const Expr& expr) {
  if (const auto* s = expr.as<VectorSelector>()) return TRY(evaluator.shift_of(s->time));
  if (const auto* s = expr.as<Subquery>()) {
    auto inner = TRY(first_selector_time(evaluator, *s->expr));
    if (!inner || inner->fixed) return inner;
    TimeShift outer = TRY(evaluator.shift_of(s->time));
    outer.offset = outer.offset + inner->offset;
    return outer;
  }
  for (const Expr* child : children(expr)) {
    auto found = TRY(first_selector_time(evaluator, *child));
    if (found) return found;
  }
  return std::nullopt;
}

/// What the second argument asks of info series: by metric name and by data label.
struct InfoSelector {
  std::vector<Matcher> name_matchers;
  std::map<std::string, std::vector<Matcher>, std::less<>> data_matchers;

  [[nodiscard]] bool wants(std::string_view label) const {
    return data_matchers.empty() || data_matchers.contains(label);
  }
  [[nodiscard]] bool accepts_nothing() const {
    for (const auto& [name, matchers] : data_matchers) {
      for (const Matcher& m : matchers) {
        if (!m.matches_empty()) return false;
      }
    }
    return true;
  }
};

Result<InfoSelector> info_selector(const Call& call) {
  InfoSelector out;
  if (call.arguments.size() > 1) {
    for (const Matcher& m : call.arguments[1]->as<VectorSelector>()->matchers) {
      if (m.name() == kMetricName) {
        out.name_matchers.push_back(m);
      } else {
        out.data_matchers[m.name()].push_back(m);
      }
    }
  }
  const bool positive =
      std::any_of(out.name_matchers.begin(), out.name_matchers.end(), [](const Matcher& m) {
        return m.type() == MatchType::Equal || m.type() == MatchType::Regex;
      });
  if (!positive) {
    const bool none = out.name_matchers.empty();
    out.name_matchers.push_back(none
                                    ? Matcher::equal(kMetricName, "target_info")
                                    : TRY(Matcher::make(MatchType::Regex, kMetricName, ".+_info")));
  }
  return out;
}

std::string identity(const Labels& labels) {
  std::string out;
  for (const std::string_view name : kIdentifying) {
    out += labels.get(name);
    out += '\xFF';
  }
  return out;
}

/// Adds the wanted labels of an info series. Execution when two info series disagree.
Result<void> add_data_labels(const Labels& base, const Labels& info, const InfoSelector& selector,
                             LabelsBuilder& added) {
  for (const LabelView label : info) {
    if (label.name == kMetricName || !selector.wants(label.name)) continue;
    const std::string_view before = added.get(label.name);
    if (!before.empty() && before != label.value) {
      return fail(ErrorCode::Execution, "conflicting label: {}", label.name);
    }
    if (!base.has(label.name)) added.set(label.name, label.value);
  }
  return {};
}

using InfoByIdentity = std::unordered_map<std::string, std::vector<const StepSeries*>>;

/// For one step, by metric name the newest info series of an identity. The values of `series` are
/// the times of their samples.
Result<std::map<std::string_view, const StepSeries*>> newest_at(
    const std::vector<const StepSeries*>& series, size_t step) {
  std::map<std::string_view, const StepSeries*> out;
  for (const StepSeries* candidate : series) {
    if (!candidate->has(step)) continue;
    const auto [found, inserted] = out.try_emplace(candidate->labels.get(kMetricName), candidate);
    if (inserted) continue;
    const double old_time = found->second->values[step];
    const double new_time = candidate->values[step];
    if (old_time == new_time) {
      return fail(ErrorCode::Execution,
                  "found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                  found->second->labels.to_string(), static_cast<int64_t>(old_time * 1000),
                  candidate->labels.to_string(), static_cast<int64_t>(new_time * 1000));
    }
    if (new_time > old_time) found->second = candidate;
  }
  return out;
}

/// One base series, split by the label sets that its info series give it over time.
Result<void> enrich(const StepSeries& base, const std::vector<const StepSeries*>& candidates,
                    const InfoSelector& selector, StepVector& out) {
  std::map<Labels, size_t> results;
  for (size_t i = 0; i < base.steps(); ++i) {
    if (!base.has(i)) continue;
    const auto infos = TRY(newest_at(candidates, i));
    if (infos.empty() && !selector.accepts_nothing()) continue;
    LabelsBuilder added;
    for (const auto& [name, info] : infos) {
      TRY(add_data_labels(base.labels, info->labels, selector, added));
    }
    LabelsBuilder all(base.labels);
    for (const auto& [name, value] : added.labels()) all.set(name, value);
    const auto [found, inserted] = results.try_emplace(all.build(), out.size());
    if (inserted) {
      out.emplace_back(base.steps());
      out.back().labels = found->first;
      out.back().drop_name = base.drop_name;
    }
    out[found->second].copy_point(i, base);
  }
  return {};
}

}  // namespace

Result<StepValue> eval_label_replace(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const std::string& target = string_argument(call, 1);
  const std::string& replacement = string_argument(call, 2);
  const std::string& source = string_argument(call, 3);
  const auto regex = Regex::compile(string_argument(call, 4));
  if (!regex) {
    return fail(ErrorCode::Execution, "invalid regular expression in label_replace(): {}",
                string_argument(call, 4));
  }
  if (!valid_label_name(target)) {
    return fail(ErrorCode::Execution, "invalid destination label name in label_replace(): {}",
                target);
  }
  StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  for (StepSeries& series : vector) {
    std::string value;
    if (!regex->expand(series.labels.get(source), replacement, value)) continue;
    LabelsBuilder builder(series.labels);
    series.labels = builder.set(target, value).build();
    TRY(evaluator.context().hold_bytes(series.labels.bytes().size()));
    TRY(evaluator.context().check_alive_after(value.size()));
    if (target == kMetricName) series.drop_name = false;
  }
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

Result<StepValue> eval_label_join(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const std::string& target = string_argument(call, 1);
  const std::string& separator = string_argument(call, 2);
  for (size_t i = 3; i < call.arguments.size(); ++i) {
    if (!valid_label_name(string_argument(call, i))) {
      return fail(ErrorCode::Execution, "invalid source label name in label_join(): {}",
                  string_argument(call, i));
    }
  }
  if (!valid_label_name(target)) {
    return fail(ErrorCode::Execution, "invalid destination label name in label_join(): {}", target);
  }
  StepVector vector = TRY(evaluator.eval_vector(*call.arguments[0]));
  for (StepSeries& series : vector) {
    std::string value;
    // A longer one would be cut.
    for (size_t i = 3; i < call.arguments.size() && value.size() <= Labels::kMaxStringBytes; ++i) {
      if (i > 3) value += separator;
      value += series.labels.get(string_argument(call, i));
    }
    LabelsBuilder builder(series.labels);
    series.labels = builder.set(target, value).build();
    TRY(evaluator.context().hold_bytes(series.labels.bytes().size()));
    TRY(evaluator.context().check_alive_after(value.size()));
    if (target == kMetricName) series.drop_name = false;
  }
  return of_vector(TRY(evaluator.merge_same_labels(std::move(vector))));
}

Result<StepValue> eval_sort_by_label(Evaluator& evaluator, const Expr& expr, const Call& call) {
  return sort_by_labels(evaluator, expr, call, false);
}

Result<StepValue> eval_sort_by_label_desc(Evaluator& evaluator, const Expr& expr,
                                          const Call& call) {
  return sort_by_labels(evaluator, expr, call, true);
}

Result<StepValue> eval_info(Evaluator& evaluator, const Expr& /*expr*/, const Call& call) {
  const InfoSelector selector = TRY(info_selector(call));
  StepVector base = TRY(evaluator.eval_vector(*call.arguments[0]));
  const auto is_info = [&](const StepSeries& series) {
    return std::all_of(selector.name_matchers.begin(), selector.name_matchers.end(),
                       [&](const Matcher& m) { return m.matches(series.labels.get(kMetricName)); });
  };
  const bool identified = std::any_of(base.begin(), base.end(), [&](const StepSeries& s) {
    return !is_info(s) && (s.labels.has("instance") || s.labels.has("job"));
  });
  StepVector infos;
  if (identified) {
    VectorSelector info_series;
    info_series.matchers = selector.name_matchers;
    for (const auto& [name, matchers] : selector.data_matchers) {
      info_series.matchers.insert(info_series.matchers.end(), matchers.begin(), matchers.end());
    }
    if (const auto time = TRY(first_selector_time(evaluator, *call.arguments[0]))) {
      info_series.time.offset = time->offset;
      info_series.time.at = time->fixed ? AtKind::Time : AtKind::None;
      info_series.time.at_time = time->at;
    }
    const ExprPtr expr = make_expr({}, std::move(info_series));
    infos = TRY(evaluator.select_timestamps(*expr, Evaluator::Select::TimestampsOfFloats));
  }
  InfoByIdentity by_identity;
  for (const StepSeries& info : infos) by_identity[identity(info.labels)].push_back(&info);
  StepVector out;
  for (StepSeries& series : base) {
    if (is_info(series)) {
      out.push_back(std::move(series));
    } else {
      TRY(enrich(series, by_identity[identity(series.labels)], selector, out));
    }
  }
  return of_vector(TRY(evaluator.merge_same_labels(std::move(out))));
}

}  // namespace prom5::promql
