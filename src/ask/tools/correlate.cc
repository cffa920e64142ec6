#include "ask/tools/correlate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "analysis/correlation.h"
#include "ask/catalogue/recipe_query.h"
#include "ask/tools/range_frame.h"
#include "ask/tools/vital_signs.h"

namespace prom5::tools {

namespace {

constexpr int64_t kPoints = 240;
constexpr DurationMs kFinest = DurationMs::seconds(30);
/// A stretch is narrowed to where there is data from this part without on, in percent.
constexpr size_t kWithout = 50;
constexpr size_t kMaxPairs = 20;
/// Of very many series on both sides the first pairs are compared.
constexpr size_t kMaxCompared = 100'000;
/// Lags are looked for up to this share of the time.
constexpr size_t kLagShare = 12;
constexpr double kWorthTelling = 0.6;
/// A lag is told where it explains clearly more than none.
constexpr double kBetterByLag = 0.03;
/// What is told without being asked for is not likely to be chance.
constexpr double kLikelyChance = 0.1;

/// One side of a pair: what is measured, and of which thing; the thing may be empty.
struct Side {
  std::string name;
  std::string thing;

  [[nodiscard]] std::string told() const { return thing.empty() ? name : name + " of " + thing; }
};

Side named(const std::string& name, const Labels& labels) {
  Side out{name, ""};
  for (const LabelView label : labels) {
    if (label.name == kMetricName) continue;
    out.thing += (out.thing.empty() ? "" : " ") + std::string(label.value);
  }
  return out;
}

FrameRequest grid_of(TimeMs start, TimeMs end) {
  return {start, end, {std::max<int64_t>(kFinest.ms, (end - start).ms / kPoints)}};
}

/// The stretch without its beginning, where that is most of it and has no data: what there is of it
/// would be a few points of a coarse grid.
FrameRequest with_data(const FrameRequest& request, const RangeFrame& frame) {
  size_t first = frame.steps;
  for (const FrameSeries& series : frame.series) {
    const auto at = std::ranges::find_if(series.values, [](double v) { return std::isfinite(v); });
    first = std::min(first, static_cast<size_t>(at - series.values.begin()));
  }
  if (first == 0 || first == frame.steps || first < frame.steps * kWithout / 100) return request;
  return grid_of(frame.time_of(first - 1), request.end);
}

/// Below `least` it is only known that they do not move together.
analysis::LaggedCorrelation compare(const analysis::LagSearch& of_a, const std::vector<double>& a,
                                    const std::vector<double>& b, double least) {
  const analysis::LaggedCorrelation best = of_a.with(b, a.size() / kLagShare, least);
  if (std::fabs(best.correlation.coefficient) < least) return best;
  const analysis::Correlation now = analysis::pearson(a, b);
  if (std::fabs(best.correlation.coefficient) < std::fabs(now.coefficient) + kBetterByLag) {
    return {0, now};
  }
  return best;
}

}  // namespace

/// Of the pairs that a query makes with the series of one, all, or the strongest if it is worth
/// telling.
enum class Of : uint8_t { All, Best };

struct Pair {
  Side a;
  Side b;
  std::string promql;
  analysis::LaggedCorrelation found;
  std::optional<FrameSeries> shown;  ///< b, where it was found among everything

  [[nodiscard]] double strength() const { return std::fabs(found.correlation.coefficient); }
};

/// What is compared with everything else, and what came out.
struct Comparison {
  FrameRequest request;
  const ToolContext& context;
  std::string name;
  RangeFrame first;
  std::vector<Pair> pairs;
  size_t looked_at = 0;

  /// Errors: those of ToolContext::may_go_on().
  Result<void> with(const std::string& other_name, const std::string& promql,
                    const RangeFrame& other, Of of) {
    const bool all = of == Of::All;
    // Things of both sides are compared each with its own.
    std::map<Labels, const FrameSeries*> partners;
    const bool each = first.series.size() > 1 && other.series.size() > 1;
    for (const FrameSeries& y : other.series) {
      if (each) partners.emplace(y.labels, &y);
    }
    for (const FrameSeries& x : first.series) {
      TRY(context.may_go_on());
      std::optional<Pair> best;
      const analysis::LagSearch of_x(x.values);
      const auto look = [&](const FrameSeries& y) {
        if (looked_at >= kMaxCompared) return;
        ++looked_at;
        const double least = all ? 0 : best ? best->strength() : kWorthTelling;
        const auto found = compare(of_x, x.values, y.values, least);
        const double r = std::fabs(found.correlation.coefficient);
        if (!all && (r < kWorthTelling || (best && r <= best->strength()))) return;
        Pair pair{named(name, x.labels), named(other_name, y.labels), promql, found, {}};
        if (all) {
          pairs.push_back(std::move(pair));
        } else {
          pair.shown = y;
          best = std::move(pair);
        }
      };
      if (each) {
        if (const auto y = partners.find(x.labels); y != partners.end()) look(*y->second);
      } else {
        std::ranges::for_each(other.series, look);
      }
      if (best) pairs.push_back(*std::move(best));
    }
    return {};
  }

  /// What was found among everything is shown as well.
  [[nodiscard]] Json strongest() {
    std::ranges::stable_sort(pairs, std::greater(), &Pair::strength);
    Json out = Json::array();
    std::set<std::string> told;
    for (const Pair& pair : pairs) {
      if (out.size() == kMaxPairs) break;
      const std::string a = pair.a.told();
      const std::string b = pair.b.told();
      if (!told.insert(a + "\n" + b).second) continue;
      if (pair.shown) {
        const SeriesView shown{pair.shown->labels, pair.shown->values};
        show(pair.promql, request, {&shown, 1}, context);
      }
      const analysis::Correlation& c = pair.found.correlation;
      out.push_back({{"a", a},
                     {"a_name", pair.a.name},
                     {"a_thing", pair.a.thing},
                     {"b", b},
                     {"b_name", pair.b.name},
                     {"b_thing", pair.b.thing},
                     {"promql", pair.promql},
                     {"r", c.coefficient},
                     {"lag_s", static_cast<double>(pair.found.lag) * request.step.as_seconds()},
                     {"count", c.count},
                     {"p", c.p_value}});
    }
    return out;
  }
};

ToolSpec Correlate::spec() const {
  return {"correlate",
          "How query a moves with query b between start and end: coefficient, lag, chance. Without "
          "b: which of everything known moves with a.",
          object_schema({{"a", "string", "PromQL"},
                         {"b?", "string", "PromQL"},
                         {"a_name?", "string", "what a is called in the answer"},
                         {"b_name?", "string", "what b is called"},
                         {"start?", "number", "Unix seconds, default six hours before end"},
                         {"end?", "number", "Unix seconds, default now"}})};
}

Result<Json> Correlate::call(const Json& arguments, const ToolContext& context) {
  const std::string a = TRY(text_of(arguments, "a", "correlate"));
  const TimeMs end = time_of(arguments, "end", context.now);
  const TimeMs start = time_of(arguments, "start", end - DurationMs::hours(6));
  if (start >= end) return fail(ErrorCode::BadData, "correlate: \"start\" must be before \"end\"");
  FrameRequest request = grid_of(start, end);
  RangeFrame first = TRY(range_frame(engine_, a, request, context));
  if (const FrameRequest known = with_data(request, first); known.start != request.start) {
    request = known;
    first = TRY(range_frame(engine_, a, request, context));
  }
  Comparison comparison{request, context, text_or(arguments, "a_name", a), std::move(first), {}, 0};
  show(a, request, comparison.first, context);
  if (arguments.contains("b")) {
    const std::string b = TRY(text_of(arguments, "b", "correlate"));
    const RangeFrame other = TRY(range_frame(engine_, b, request, context));
    show(b, request, other, context);
    TRY(comparison.with(text_or(arguments, "b_name", b), b, other, Of::All));
  } else {
    TRY(with_everything(a, comparison));
  }
  return Json{{"pairs", comparison.strongest()},
              {"looked_at", comparison.looked_at},
              {"start", request.start.as_seconds()},
              {"end", end.as_seconds()},
              {"step", request.step.as_seconds()}};
}

Result<void> Correlate::with_everything(const std::string& a, Comparison& comparison) {
  const ToolContext& context = comparison.context;
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  for (const VitalSign& sign : vital_signs(pack_, *snapshot, Json::array())) {
    if (reads_of(sign, a)) continue;
    TRY(context.may_go_on());
    // A sign that cannot be asked tells nothing.
    if (const auto frame = range_frame(engine_, sign.promql, comparison.request, context)) {
      TRY(comparison.with(sign.name, sign.promql, *frame, Of::Best));
    }
  }
  std::erase_if(comparison.pairs,
                [](const Pair& p) { return p.found.correlation.p_value > kLikelyChance; });
  return {};
}

}  // namespace prom5::tools
