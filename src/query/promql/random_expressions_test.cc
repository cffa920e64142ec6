#include "query/promql/random_expressions_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace prom5::promql {

namespace {

using std::string;
using std::string_view;

/// The format with each {} replaced. Unlike the arguments of a function, the parts come about from
/// left to right, so that a seed gives the same everywhere.
string write(string_view format, std::initializer_list<string> parts) {
  string out;
  for (const string& part : parts) {
    const size_t here = format.find("{}");
    out += format.substr(0, here);
    out += part;
    format.remove_prefix(here + 2);
  }
  return out.append(format);
}

/// Writes one expression. `depth` is how deep what is inside may be.
class Writer {
 public:
  Writer(Rng& rng, const RandomWorld& world) : rng_(rng), world_(world) {
    for (const auto& [labels, samples] : world.data) {
      const string name(labels.get(kMetricName));
      (samples[0].value.is_float() ? floats_ : histograms_).push_back(name);
    }
  }

  string any(int depth) {
    if (chance(6)) return scalar(depth);
    if (chance(4)) return range_vector(depth);
    return vector(depth);
  }

 private:
  int64_t pick(int64_t bound) {
    return static_cast<int64_t>(rng_.below(static_cast<uint64_t>(bound)));
  }
  bool chance(int64_t percent) { return pick(100) < percent; }
  template <size_t N>
  string one_of(const string_view (&choices)[N]) {
    return string(choices[pick(static_cast<int64_t>(N))]);
  }

  // --- durations and times -----------------------------------------------------------------------

  string duration() {
    return one_of({"13s", "45s", "1m", "1m", "90s", "2m", "150s", "4m", "5m", "5m", "5m", "8m"});
  }
  string range() {
    if (!chance(6)) return duration();
    return one_of({"1m + 30s", "2 * 45s", "max_of(step(), 1m)", "step() + 1m", "5m / 2",
                   "(10m % 7m)", "min_of(range() + 1m, 5m)", "2m ^ 1", "-30s + 2m", "1m - 60"});
  }
  string time_of_world() {
    const int64_t span = (world_.end - world_.start).ms;
    int64_t ms = world_.start.ms + pick(span + 120'000) - 30'000;
    if (chance(50)) ms -= ms % 5'000;
    return fmt::format("{:.3f}", static_cast<double>(ms) / 1000);
  }
  string modifiers() {
    string out;
    if (chance(12)) {
      const bool computed = chance(12);
      out += " offset ";
      out += computed ? one_of({"(1m - 30s)", "-(step() + 10s)", "(2 * 40s)"})
                      : write("{}{}", {chance(30) ? "-" : "", duration()});
    }
    if (chance(7)) {
      out += chance(40) ? " @ " + time_of_world() : one_of({" @ start()", " @ end()"});
    }
    return out;
  }

  // --- selectors ---------------------------------------------------------------------------------

  string matchers() {
    if (chance(65)) return "";
    return "{" +
           one_of({"a=\"1\"", "a=\"2\"", "a!=\"2\"", "a=~\"1|3\"", "b=\"x\"", "b!=\"\"", "b=\"\"",
                   "b!~\"y\"", "a=\"1\",b=\"x\"", "a=~\".+\",b=~\"x|\"", "nothing=\"\""}) +
           "}";
  }
  /// Mostly one that is there.
  string float_name() {
    if (floats_.empty() || chance(3)) return one_of({"g", "q", "c_total", "e_total", "k", "meta"});
    return floats_[rng_.below(floats_.size())];
  }
  string histogram_name() {
    if (histograms_.empty() || chance(3)) return one_of({"h", "h", "h", "j", "m"});
    return histograms_[rng_.below(histograms_.size())];
  }
  string name() {
    if (chance(3)) {
      return one_of({"{__name__=~\"g|q\"}", "{a=\"1\"}", "{__name__=~\"h|j|m\"}",
                     "{__name__=~\".*_total\",b=\"x\"}"});
    }
    if (chance(2)) return "nothing";
    const bool histogram = !histograms_.empty() && chance(18);
    return write("{}{}", {histogram ? histogram_name() : float_name(), matchers()});
  }
  string selector() {
    const string out = write("{}{}", {name(), modifiers()});
    // What follows a duration in parentheses would be taken for arithmetic with it.
    return out.ends_with(')') ? "(" + out + ")" : out;
  }

  string matrix(const string& of) { return write("{}[{}]{}", {of, range(), modifiers()}); }
  string subquery(int depth) {
    --subqueries_;
    const string step = chance(35) ? "" : one_of({"11s", "15s", "30s", "45s", "1m", "77s", "2m"});
    return write("({})[{}:{}]{}", {vector(depth - 1), range(), step, modifiers()});
  }
  string range_vector(int depth) {
    const bool nested = depth > 1 && subqueries_ > 0 && chance(25);
    const string out = nested ? subquery(depth) : matrix(name());
    return chance(3) ? "(" + out + ")" : out;
  }

  // --- scalars -----------------------------------------------------------------------------------

  string number() {
    return one_of(
        {"0", "1", "2", "3", "-1", "0.5", "10", "100", "1.5", "-7", "1e3", "NaN", "Inf", "-Inf"});
  }
  string share() {
    return one_of({"0", "0.1", "0.25", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"});
  }

  string scalar(int depth) {
    if (depth <= 0 || chance(40)) return number();
    switch (pick(9)) {
      case 0: return "time()";
      case 1: return one_of({"pi()", "start()", "end()", "step()", "range()"});
      case 2: return write("(-{})", {scalar(depth - 1)});
      case 3:
        return write("{}({}, {})",
                     {one_of({"max_of", "min_of"}), scalar(depth - 1), scalar(depth - 1)});
      case 4: return write("({} {} bool {})", {scalar(depth - 1), comparison(), scalar(depth - 1)});
      case 5: return write("({} {} {})", {scalar(depth - 1), arithmetic(), scalar(depth - 1)});
      default: return write("scalar({})", {vector(depth - 1)});
    }
  }

  string arithmetic() {
    return one_of({"+", "+", "-", "-", "*", "*", "/", "/", "%", "^", "atan2"});
  }
  string comparison() { return one_of({"==", "!=", "<", "<=", ">", ">="}); }
  string filter() { return write("{}{}", {comparison(), chance(40) ? " bool" : ""}); }

  // --- vectors -----------------------------------------------------------------------------------

  string vector(int depth) {
    if (depth <= 0) return selector();
    switch (pick(20)) {
      case 0:
      case 1: return selector();
      case 2:
      case 3: return element_call(depth);
      case 4:
      case 5:
      case 6:
      case 7: return range_call(depth);
      case 8:
      case 9:
      case 10: return aggregation(depth);
      case 11:
      case 12:
      case 13: return vector_operation(depth);
      case 14:
      case 15: return scalar_operation(depth);
      case 16:
      case 17: return histogram_call(depth);
      case 18: return label_call(depth);
      default: return other_call(depth);
    }
  }

  string element_call(int depth) {
    const string f =
        one_of({"abs",   "ceil",  "floor", "exp",  "sqrt", "ln",   "log2",     "log10", "sgn",
                "sin",   "cos",   "tan",   "asin", "acos", "atan", "sinh",     "cosh",  "tanh",
                "asinh", "acosh", "atanh", "rad",  "deg",  "sort", "sort_desc"});
    return write("{}({})", {f, vector(depth - 1)});
  }

  string range_call(int depth) {
    const string range = range_vector(depth);
    if (chance(5)) return write("quantile_over_time({}, {})", {scalar_or(share()), range});
    if (chance(4)) return write("predict_linear({}, {})", {range, scalar_or("60")});
    if (chance(3)) {
      return write(
          "double_exponential_smoothing({}, {}, {})",
          {range, one_of({"0.5", "0.1", "0.9", "0.3", "1"}), one_of({"0.5", "0.2", "0.8"})});
    }
    const string f = one_of({"rate",
                             "rate",
                             "rate",
                             "increase",
                             "increase",
                             "delta",
                             "irate",
                             "idelta",
                             "changes",
                             "resets",
                             "deriv",
                             "sum_over_time",
                             "sum_over_time",
                             "avg_over_time",
                             "avg_over_time",
                             "min_over_time",
                             "max_over_time",
                             "count_over_time",
                             "last_over_time",
                             "first_over_time",
                             "present_over_time",
                             "absent_over_time",
                             "stddev_over_time",
                             "stdvar_over_time",
                             "mad_over_time",
                             "ts_of_min_over_time",
                             "ts_of_max_over_time",
                             "ts_of_first_over_time",
                             "ts_of_last_over_time"});
    return write("{}({})", {f, range});
  }
  /// Mostly the number, else something that changes from step to step.
  string scalar_or(const string& number) {
    return chance(85) ? number : write("scalar({})", {name()});
  }

  string grouping() {
    if (chance(30)) return "";
    return one_of({" by (a) ", " by (a) ", " by (b) ", " by (a, b) ", " by () ", " by (le) ",
                   " by (__name__) ", " by (nothing) ", " without (a) ", " without (b) ",
                   " without (le) ", " without () ", " by (a, le) "});
  }
  string summary() {
    return one_of(
        {"sum", "sum", "sum", "avg", "avg", "count", "min", "max", "group", "stddev", "stdvar"});
  }
  string aggregation(int depth) {
    const string by = grouping();
    switch (pick(14)) {
      case 0:
      case 1: {
        const string k = one_of({"0", "1", "1", "2", "2", "3", "-1", "1.9", "NaN", "Inf"});
        return write("{}{}({}, {})",
                     {one_of({"topk", "bottomk"}), by, scalar_or(k), vector(depth - 1)});
      }
      case 2: return write("quantile{}({}, {})", {by, scalar_or(share()), vector(depth - 1)});
      case 3:
        // Which series are taken depends on their order, which is that of labels in storage only.
        return write("limitk{}({}, {})", {by, one_of({"0", "1", "2", "3"}), selector()});
      case 4:
        return write("count_values{}(\"{}\", {})", {by, one_of({"v", "a"}), vector(depth - 1)});
      case 5:
        if (chance(70)) break;
        return write("limit_ratio{}({}, {})",
                     {by, one_of({"0", "1", "-1", "2"}), vector(depth - 1)});
      default: break;
    }
    return write("{}{}({})", {summary(), by, vector(depth - 1)});
  }

  // --- operators ---------------------------------------------------------------------------------

  /// A side of which no two series have the same `labels`.
  string unique(const string& labels, int depth) {
    if (chance(30)) return vector(depth - 1);
    return write("{} by ({}) ({})", {summary(), labels, vector(depth - 2)});
  }
  string fills() {
    if (!chance(10)) return "";
    return one_of({" fill(0)", " fill(-1)", " fill_left(1)", " fill_right(2)",
                   " fill_left(3) fill_right(4)"});
  }
  string vector_operation(int depth) {
    const string op = operation();
    if (op == "and" || op == "or" || op == "unless") {
      const string by = chance(40) ? "" : matching();
      return write("({} {}{} {})", {vector(depth - 1), op, by, vector(depth - 1)});
    }
    if (chance(25)) {
      // The same on both sides, so that much matches.
      const string side = vector(depth - 1);
      return write("({} {} {})", {side, op, side});
    }
    const string labels = one_of({"a", "a", "a, b", "b"});
    switch (pick(5)) {
      case 0:
        return write("({} {}{} {})", {unique(labels, depth), op, fills(), unique(labels, depth)});
      case 1:
      case 2:
        return write("({} {} on ({}){} {})",
                     {unique(labels, depth), op, labels, fills(), unique(labels, depth)});
      case 3:
        return write("({} {}{}{} {})",
                     {vector(depth - 1), op, matching(), fills(), vector(depth - 1)});
      default: break;
    }
    const string include = one_of({" ()", " ()", " (team)", " (b)", " (team, b)"});
    string one = labels == "a" && chance(40) ? "meta" : unique(labels, depth);
    if (labels.find('b') != string::npos && include.find('b') != string::npos) return one;
    if (chance(50)) {
      return write("({} {} on ({}) group_left{}{} {})",
                   {vector(depth - 1), op, labels, include, fills(), one});
    }
    return write("({} {} on ({}) group_right{}{} {})",
                 {one, op, labels, include, fills(), vector(depth - 1)});
  }
  string operation() {
    if (chance(30)) return one_of({"and", "or", "unless"});
    return chance(70) ? arithmetic() : filter();
  }
  string matching() {
    return one_of({" on (a)", " on (a, b)", " on ()", " ignoring (b)", " ignoring (a)",
                   " ignoring (a, b)", " ignoring (le)", " on (le)", " on (__name__, a)",
                   " ignoring ()"});
  }

  string scalar_operation(int depth) {
    const string v = vector(depth - 1);
    if (chance(10)) return write("(-{})", {v});
    if (chance(4)) return write("(+{})", {v});
    if (chance(6)) {
      return write("({} {} {})", {chance(70) ? histogram(depth - 1) : v, one_of({"</", ">/"}),
                                  scalar(depth - 1)});
    }
    const string s = scalar(depth - 1);
    const string op = chance(55) ? arithmetic() : filter();
    return chance(70) ? write("({} {} {})", {v, op, s}) : write("({} {} {})", {s, op, v});
  }

  // --- histograms --------------------------------------------------------------------------------

  /// Native histograms.
  string histogram(int depth) {
    const string of = write("{}{}", {histogram_name(), matchers()});
    if (depth <= 0) return of;
    switch (pick(7)) {
      case 0:
        return write("{}({})",
                     {one_of({"rate", "increase", "delta", "irate", "idelta"}), matrix(of)});
      case 1:
        return write("{}({})",
                     {one_of({"sum_over_time", "avg_over_time", "last_over_time"}), matrix(of)});
      case 2: return write("{}{}({})", {one_of({"sum", "avg"}), grouping(), histogram(depth - 1)});
      case 3:
        return write("({} {} {})",
                     {histogram(depth - 1), one_of({"*", "/"}), one_of({"2", "0.5", "-1", "0"})});
      case 4:
        return write("({} {} {})",
                     {histogram(depth - 1), one_of({"+", "-", "or"}), histogram(depth - 1)});
      default: return "(" + of + modifiers() + ")";
    }
  }
  /// Buckets of classic histograms.
  string buckets() {
    switch (pick(4)) {
      case 0: return "d_bucket" + modifiers();
      case 1: return write("{}({})", {one_of({"rate", "increase"}), matrix("d_bucket")});
      case 2: return write("sum by (le) (rate({}))", {matrix("d_bucket")});
      default: return write("sum by (le, a) ({})", {one_of({"d_bucket", "{a=\"1\"}"})});
    }
  }
  string histogram_call(int depth) {
    const bool classic = std::ranges::find(floats_, "d_bucket") != floats_.end();
    if (histograms_.empty() && !classic && chance(90)) return range_call(depth);
    if (chance(25)) {
      const string f = one_of({"histogram_count", "histogram_sum", "histogram_avg",
                               "histogram_stddev", "histogram_stdvar"});
      return write("{}({})", {f, histogram(depth - 1)});
    }
    if (chance(25)) return histogram(depth);
    const string of = chance(8)               ? vector(depth - 1)
                      : classic && chance(60) ? buckets()
                                              : histogram(depth - 1);
    if (chance(15)) {
      return write("histogram_quantiles({}, \"{}\", {}, {})",
                   {of, one_of({"phi", "a"}), one_of({"0.5", "0.9"}), one_of({"0", "1", "0.25"})});
    }
    if (chance(30)) {
      return write(
          "histogram_fraction({}, {}, {})",
          {one_of({"0", "-Inf", "-1", "0.3", "1"}), one_of({"0.5", "1", "+Inf", "2", "0.1"}), of});
    }
    return write("histogram_quantile({}, {})", {scalar_or(share()), of});
  }

  // --- other functions ---------------------------------------------------------------------------

  string label_call(int depth) {
    const string v = vector(depth - 1);
    const string target = one_of({"b", "c", "a", "__name__"});
    if (chance(30)) {
      return write("label_join({}, \"{}\", \"{}\"{})",
                   {v, target, one_of({"-", ""}),
                    one_of({", \"a\", \"b\"", ", \"a\"", "", ", \"b\", \"nothing\""})});
    }
    return write(
        "label_replace({}, \"{}\", \"{}\", \"{}\", \"{}\")",
        {v, target, one_of({"$1", "x", "${1}y", "", "n_$1"}), one_of({"a", "b", "__name__"}),
         one_of({"(.*)", "(.+)", "([12])", "(x|y)", "(.)(.*)", "()"})});
  }
  string other_call(int depth) {
    switch (pick(12)) {
      case 0: return write("absent({})", {chance(60) ? selector() : vector(depth - 1)});
      case 1: return write("vector({})", {scalar(depth - 1)});
      case 2:
        return write("clamp({}, {}, {})",
                     {vector(depth - 1), scalar(depth - 1), scalar(depth - 1)});
      case 3:
        return write("{}({}, {})",
                     {one_of({"clamp_min", "clamp_max"}), vector(depth - 1), scalar(depth - 1)});
      case 4:
        return write("round({}{})",
                     {vector(depth - 1), one_of({"", ", 0.1", ", 5", ", 0", ", -2"})});
      case 5:
      case 6: return write("timestamp({})", {chance(60) ? selector() : vector(depth - 1)});
      case 7: return write("{}({})", {date_part(), one_of({"", "vector(time())", "timestamp(g)"})});
      case 8:
        return write("{}({}, \"a\")",
                     {one_of({"sort_by_label", "sort_by_label_desc"}), vector(depth - 1)});
      case 9: return write("absent_over_time({})", {range_vector(depth)});
      default: return write("({})", {vector(depth - 1)});
    }
  }
  string date_part() {
    return one_of({"minute", "hour", "day_of_week", "day_of_month", "day_of_year", "month",
                   "days_in_month", "year"});
  }

  Rng& rng_;
  const RandomWorld& world_;
  std::vector<string> floats_;  ///< names, as often as they have series
  std::vector<string> histograms_;
  int subqueries_ = 2;
};

}  // namespace

RandomQuery random_query(Rng& rng, const RandomWorld& world) {
  const auto pick = [&](int64_t bound) {
    return static_cast<int64_t>(rng.below(static_cast<uint64_t>(bound)));
  };
  RandomQuery out;
  out.text = Writer(rng, world).any(1 + static_cast<int>(pick(5)));
  const int64_t span = (world.end - world.start).ms;
  out.start = world.start + DurationMs{pick(span + 200'000) - 20'000};
  constexpr int64_t kStarts[] = {1, 1, 1'000, 5'000, 30'000};
  out.start.ms -= out.start.ms % kStarts[pick(std::size(kStarts))];
  out.end = out.start;
  if (pick(10) == 0) out.lookback = {1000 * (1 + pick(600))};
  if (pick(5) < 2) return out;
  constexpr int64_t kSteps[] = {1'000, 7'000, 15'000, 15'000, 30'000, 60'000, 61'234, 300'000};
  out.step = {kSteps[pick(std::size(kSteps))]};
  // The end is no step, mostly.
  out.end = out.start + out.step * pick(40);
  if (pick(2) == 0) out.end = out.end + DurationMs{pick(out.step.ms)};
  return out;
}

}  // namespace prom5::promql
