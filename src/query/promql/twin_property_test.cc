#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "query/engine.h"
#include "query/promql/parser.h"
#include "query/promql/random_expressions_test.h"
#include "query/promql/slow_twin_test.h"
#include "store/memory_storage.h"
#include "store/tsdb/db_test.h"

// The engine beside its slow twin, on random expressions over random series: 10,000 of them, or
// with PROM5_LONG=1 a million. PROM5_TWIN_SEED=n repeats the world of that number alone.

namespace prom5::promql {

namespace {

using query::Engine;
using query::QueryRequest;

constexpr uint64_t kQueriesOfAWorld = 25;
constexpr uint64_t kQueries = 10'000;
constexpr uint64_t kQueriesLong = 1'000'000;
/// So many that a tie broken by noise is not broken the same way each time.
constexpr uint64_t kShakes = 16;
constexpr uint64_t kMismatchesShown = 5;

uint64_t rounds(uint64_t short_form, uint64_t long_form) {
  const char* wanted = std::getenv("PROM5_LONG");
  return wanted != nullptr && std::string_view(wanted) == "1" ? long_form : short_form;
}

// --- what is compared ----------------------------------------------------------------------------

bool close(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b));
}

bool close(const Histogram& a, const Histogram& b) {
  if (!close(a.count, b.count) || !close(a.sum, b.sum) || !close(a.zero_count, b.zero_count)) {
    return false;
  }
  return std::ranges::equal(
      a.buckets(), b.buckets(), [](const HistogramBucket& x, const HistogramBucket& y) {
        return close(x.lower, y.lower) && close(x.upper, y.upper) && close(x.count, y.count);
      });
}

bool close(const TwinValue& a, const TwinValue& b) {
  if (a.is_float() != b.is_float()) return false;
  return a.is_float() ? close(a.number, b.number) : close(*a.histogram, *b.histogram);
}

std::string shown(const TwinValue& value) {
  return value.is_float() ? fmt::format("{}", value.number) : value.histogram->to_string();
}

std::string shown(const std::vector<TwinSample>& samples) {
  std::string out;
  for (const TwinSample& s : samples) {
    if (out.size() > 2000) return out + " …";
    out += fmt::format(" {}@{}", shown(s.value), s.time.ms);
  }
  return out;
}

std::string shown(const RandomQuery& query) {
  return fmt::format("{}\n  start {} end {} step {} lookback {}", query.text, query.start.ms,
                     query.end.ms, query.step.ms, query.lookback.ms);
}

/// The first thing in which the answers differ; empty when they do not.
std::string difference(const TwinData& engine, const TwinData& twin) {
  for (const auto& [labels, samples] : engine) {
    if (!twin.contains(labels)) return fmt::format("only the engine has {}", labels.to_string());
  }
  for (const auto& [labels, want] : twin) {
    const auto found = engine.find(labels);
    if (found == engine.end()) return fmt::format("only the twin has {}", labels.to_string());
    const auto& got = found->second;
    const bool same = std::ranges::equal(got, want, [](const TwinSample& a, const TwinSample& b) {
      return a.time == b.time && close(a.value, b.value);
    });
    if (same) continue;
    return fmt::format("{}\n  engine{}\n  twin  {}", labels.to_string(), shown(got), shown(want));
  }
  return "";
}

std::string difference(const Result<TwinData>& engine, const Result<TwinData>& twin) {
  if (!engine && !twin) return "";
  if (!engine) return "only the engine fails: " + engine.error().message;
  if (!twin) return "only the twin fails: " + twin.error().message;
  return difference(*engine, *twin);
}

/// A storage's engine.
class Asked {
 public:
  explicit Asked(Storage& storage) : engine_(storage, {}, metrics_, clock_) {}

  Result<TwinData> run(const RandomQuery& query) {
    QueryRequest request;
    request.text = query.text;
    request.start = query.start;
    request.end = query.end;
    request.step = query.step;
    request.lookback_delta = query.lookback;
    auto result = TRY(engine_.run(request));
    TwinData out;
    if (const auto* scalar = std::get_if<query::ScalarValue>(&result.value)) {
      out[Labels()].push_back({scalar->time, {scalar->value, nullptr}});
    }
    if (auto* vector = std::get_if<query::VectorValue>(&result.value)) take(vector->series, out);
    if (auto* matrix = std::get_if<query::MatrixValue>(&result.value)) take(matrix->series, out);
    return out;
  }

 private:
  static void take(const std::vector<query::Series>& series, TwinData& out) {
    for (const query::Series& s : series) {
      EXPECT_FALSE(out.contains(s.labels)) << s.labels.to_string() << " is there twice";
      for (size_t i = 0; i < s.points.size(); ++i) {
        out[s.labels].push_back(
            {s.points[i].time,
             {s.points[i].value, s.histograms.empty() ? nullptr : s.histograms[i]}});
      }
    }
  }

  MetricRegistry metrics_;
  ManualClock clock_{TimeMs{0}};
  Engine engine_;
};

void store(const TwinData& data, Storage& storage) {
  const auto appender = storage.appender();
  for (const auto& [labels, samples] : data) {
    for (const TwinSample& s : samples) {
      const auto added = s.value.is_float()
                             ? appender->append(0, labels, {s.time, s.value.number})
                             : appender->append_histogram(0, labels, s.time, *s.value.histogram);
      ASSERT_TRUE(added) << labels.to_string() << ": " << added.error().message;
    }
  }
  ASSERT_TRUE(appender->commit());
}

enum class Verdict : uint8_t { Same, BothFail, NotJudged, Different };

struct Judgement {
  Verdict verdict = Verdict::Same;
  std::string difference;
};

/// Whether it may add histograms under a function for which the engine finds out itself where
/// counters were reset, which the twin leaves to the data.
bool may_detect_resets(const std::string& text) {
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  return (has("histogram_count(") || has("histogram_sum(") || has("histogram_avg(")) &&
         (has(" + ") || has(" - "));
}

Judgement judge(const TwinData& data, Asked& engine, const RandomQuery& query) {
  const auto twin_of = [&](uint64_t shake) {
    TwinOptions options{.shake = shake};
    if (query.lookback.ms > 0) options.lookback = query.lookback;
    return SlowTwin(data, options).run(query.text, query.start, query.end, query.step);
  };
  const auto twin = twin_of(0);
  if (!twin && twin.error().code == ErrorCode::Unavailable) return {Verdict::NotJudged, ""};
  const auto got = engine.run(query);
  const std::string found = difference(got, twin);
  if (found.empty()) return {twin ? Verdict::Same : Verdict::BothFail, ""};
  if (may_detect_resets(query.text)) return {Verdict::NotJudged, ""};
  // Where rounding decides, the twin does not agree with itself either.
  for (uint64_t shake = 1; shake <= kShakes; ++shake) {
    if (!difference(twin_of(shake), twin).empty()) return {Verdict::NotJudged, ""};
  }
  return {Verdict::Different, found};
}

// --- smaller cases -------------------------------------------------------------------------------

/// A case in which the two differ, made smaller as long as they do.
class Shrinker {
 public:
  Shrinker(TwinData data, RandomQuery query) : data_(std::move(data)), query_(std::move(query)) {}

  std::string run() {
    if (!differs(data_, query_)) return "a new engine, with all data there at once, agrees";
    while (shrink_expression() || shrink_range()) continue;
    shrink_series();
    shrink_samples();
    std::string out = shown(query_) + "\n";
    for (const auto& [labels, samples] : data_) {
      out += "  " + labels.to_string() + shown(samples) + "\n";
    }
    MemoryStorage storage;
    store(data_, storage);
    Asked engine(storage);
    return out + judge(data_, engine, query_).difference;
  }

 private:
  static bool differs(const TwinData& data, const RandomQuery& query) {
    MemoryStorage storage;
    store(data, storage);
    Asked engine(storage);
    return judge(data, engine, query).verdict == Verdict::Different;
  }

  bool shrink_expression() {
    const auto expr = parse(query_.text);
    if (!expr) return false;
    return shrink_to_part(**expr);
  }
  bool shrink_to_part(const Expr& expr) {
    for (const Expr* part : children(expr)) {
      RandomQuery smaller = query_;
      smaller.text = print(*part);
      if (differs(data_, smaller)) {
        query_ = std::move(smaller);
        return true;
      }
      if (shrink_to_part(*part)) return true;
    }
    return false;
  }
  bool shrink_range() {
    for (TimeMs t = query_.start; query_.step.ms > 0 && t <= query_.end; t = t + query_.step) {
      const RandomQuery instant{query_.text, t, t, {}, query_.lookback};
      if (!differs(data_, instant)) continue;
      query_ = instant;
      return true;
    }
    return false;
  }
  void shrink_series() {
    std::vector<Labels> all;
    for (const auto& [labels, samples] : data_) all.push_back(labels);
    for (const Labels& labels : all) {
      TwinData smaller = data_;
      smaller.erase(labels);
      if (differs(smaller, query_)) data_ = std::move(smaller);
    }
  }
  void shrink_samples() {
    std::vector<Labels> all;
    for (const auto& [labels, samples] : data_) all.push_back(labels);
    for (const Labels& labels : all) {
      for (size_t length = data_[labels].size(); length > 0; length /= 2) {
        for (size_t from = 0; from + length <= data_[labels].size();) {
          TwinData smaller = data_;
          auto& samples = smaller[labels];
          const auto first = samples.begin() + static_cast<std::ptrdiff_t>(from);
          samples.erase(first, first + static_cast<std::ptrdiff_t>(length));
          if (differs(smaller, query_)) {
            data_ = std::move(smaller);
          } else {
            from += length;
          }
        }
      }
    }
  }

  TwinData data_;
  RandomQuery query_;
};

/// Worlds with their queries, and how they were judged.
class Trial {
 public:
  [[nodiscard]] bool goes_on() const { return different_ < kMismatchesShown; }

  /// All queries of the world of this number.
  void ask_world(uint64_t seed) {
    Rng rng(seed);
    const RandomWorld world = random_world(rng);
    MemoryStorage storage;
    store(world.data, storage);
    Asked engine(storage);
    for (uint64_t i = 0; i < kQueriesOfAWorld; ++i) {
      ask(world.data, engine, random_query(rng, world), fmt::format("{}, query {}", seed, i));
    }
  }

  /// The same of a database that gets the second half of the data when everything was asked twice,
  /// so that what an engine keeps of its answers is stale, in part.
  void ask_growing_world(uint64_t seed) {
    Rng rng(seed);
    const RandomWorld world = random_world(rng);
    const TimeMs middle = world.start + DurationMs{(world.end - world.start).ms / 2};
    std::vector<RandomQuery> queries;
    for (uint64_t i = 0; i < kQueriesOfAWorld; ++i) queries.push_back(random_query(rng, world));
    tsdb::House house;
    // Markers may come long after the end.
    const TimeMs now = world.end + DurationMs::hours(2);
    house.clock.advance(std::max(now - house.clock.now(), DurationMs{0}));
    Asked engine(*house.db);
    const auto ask_all = [&](const TwinData& data, std::string_view when, int64_t steps_later) {
      for (uint64_t i = 0; i < queries.size(); ++i) {
        RandomQuery query = queries[i];
        query.start = query.start + query.step * steps_later;
        query.end = query.end + query.step * steps_later;
        ask(data, engine, query, fmt::format("{} on the database, query {}, {}", seed, i, when));
      }
    };
    const TwinData first = between(world.data, TimeMs::min(), middle);
    store(first, *house.db);
    ask_all(first, "first", 0);
    ask_all(first, "again", 0);
    store(between(world.data, middle, TimeMs::max()), *house.db);
    ask_all(world.data, "with all data", 0);
    ask_all(world.data, "later", 3);
  }

  /// Of many answers most must have been worth comparing.
  void check() const {
    if (!goes_on() || asked_ < 1000) return;
    EXPECT_LE(fail_, asked_ / 4);
    EXPECT_LE(not_judged_, asked_ / 50);
    testing::Test::RecordProperty("asked", std::to_string(asked_));
    testing::Test::RecordProperty("both_fail", std::to_string(fail_));
    testing::Test::RecordProperty("not_judged", std::to_string(not_judged_));
  }

 private:
  /// The samples in (after, until].
  static TwinData between(const TwinData& data, TimeMs after, TimeMs until) {
    TwinData out;
    for (const auto& [labels, samples] : data) {
      for (const TwinSample& s : samples) {
        if (after < s.time && s.time <= until) out[labels].push_back(s);
      }
    }
    return out;
  }

  void ask(const TwinData& data, Asked& engine, const RandomQuery& query, const std::string& name) {
    if (!goes_on()) return;
    ++asked_;
    const Judgement judgement = judge(data, engine, query);
    if (judgement.verdict == Verdict::BothFail) ++fail_;
    if (judgement.verdict == Verdict::NotJudged) ++not_judged_;
    if (judgement.verdict != Verdict::Different) return;
    ++different_;
    ADD_FAILURE() << "PROM5_TWIN_SEED=" << name << ":\n  " << shown(query) << "\n"
                  << judgement.difference << "\nSmaller: " << Shrinker(data, query).run();
  }

  uint64_t asked_ = 0;
  uint64_t fail_ = 0;
  uint64_t not_judged_ = 0;
  uint64_t different_ = 0;
};

/// The numbers of the worlds to ask.
std::pair<uint64_t, uint64_t> worlds(uint64_t share) {
  if (const char* only = std::getenv("PROM5_TWIN_SEED")) {
    const uint64_t seed = std::strtoull(only, nullptr, 10);
    return {seed, seed};
  }
  return {1, rounds(kQueries, kQueriesLong) / kQueriesOfAWorld / share};
}

/// Samples a minute apart from 0 on; a value of kStale ends a series.
void add_series(TwinData& data, const Labels& labels, int64_t first_minute,
                const std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const TimeMs time{(first_minute + static_cast<int64_t>(i)) * 60'000};
    data[labels].push_back({time, {values[i], nullptr}});
  }
}

TwinData disputed_data() {
  TwinData data;
  add_series(data, Labels{{kMetricName, "early"}, {"a", "1"}}, 0, {1, 2, 3, kStale});
  add_series(data, Labels{{kMetricName, "early"}, {"a", "2"}}, 0, {1, 2, 3, kStale});
  add_series(data, Labels{{kMetricName, "late"}}, 4, {4, 5, 6, 7, 8, 9});
  add_series(data, Labels{{kMetricName, "typed"}, {"__type__", "gauge"}, {"__unit__", "s"}}, 4,
             {4, 5});
  for (const auto& [name, hint] : {std::pair{"begun", CounterResetHint::Reset},
                                   std::pair{"going", CounterResetHint::NotReset}}) {
    Histogram h;
    h.count = h.sum = 2;
    h.positive_spans = {{0, 1}};
    h.positive_counts = {2};
    h.reset_hint = hint;
    const TwinValue value{0, std::make_shared<Histogram>(std::move(h))};
    data[Labels{{kMetricName, name}}].push_back({TimeMs{300'000}, value});
  }
  // The first sample's resolution, then a lower one, then the first again, and never a reset.
  std::vector<TwinSample>& rescaled = data[Labels{{kMetricName, "rescaled"}}];
  for (const int32_t schema : {1, 0, 1}) {
    Histogram h;
    h.schema = schema;
    h.count = h.sum = 4 * static_cast<double>(rescaled.size() + 1);
    h.positive_spans = {{1, 2}};
    h.positive_counts = {h.count / 2, h.count / 2};
    h.reset_hint = CounterResetHint::NotReset;
    const TimeMs time{120'000 + 60'000 * static_cast<int64_t>(rescaled.size())};
    rescaled.push_back({time, {0, std::make_shared<Histogram>(std::move(h))}});
  }
  return data;
}

}  // namespace

/// What Prometheus gives where the engine gave something else when the two were first compared.
TEST(SlowTwin, KnowsWhatWasDisputed) {
  const TwinData data = disputed_data();
  MemoryStorage storage;
  store(data, storage);
  Asked engine(storage);
  const auto check = [&](const RandomQuery& query, std::string_view want) {
    const auto twin = SlowTwin(data).run(query.text, query.start, query.end, query.step);
    std::string got = twin ? "" : "fails";
    if (twin) {
      for (const auto& [labels, samples] : *twin) got += labels.to_string() + shown(samples);
    }
    EXPECT_EQ(got, want) << query.text;
    EXPECT_EQ(judge(data, engine, query).difference, "") << query.text;
  };
  const auto at_5m = [&](const std::string& text, std::string_view want) {
    check({text, TimeMs{300'000}, TimeMs{300'000}, {}, {}}, want);
  };
  const auto from_1m_to_5m = [&](const std::string& text, std::string_view want) {
    check({text, TimeMs{60'000}, TimeMs{300'000}, DurationMs{120'000}, {}}, want);
  };
  // Factors are looked at where there is something to smooth, and NaN is none that is wrong.
  at_5m("double_exponential_smoothing(nothing[5m], 2, 0.5)", "");
  at_5m("double_exponential_smoothing(late[5m], NaN, 0.5)", "{} nan@300000");
  // math.Max and math.Min: an infinity wins over NaN, and zeros have a sign.
  at_5m("max_of(NaN, Inf)", "{} inf@300000");
  at_5m("min_of(-Inf, NaN)", "{} -inf@300000");
  at_5m("1 / min_of(0, -0)", "{} -inf@300000");
  at_5m("1 / max_of(-0, 0)", "{} inf@300000");
  at_5m("clamp_min(vector(Inf), NaN)", "{} inf@300000");
  at_5m("clamp_max(vector(-Inf), NaN)", "{} -inf@300000");
  at_5m("clamp(vector(1), Inf, NaN)", "{} inf@300000");
  // Type and unit go with the name, but histogram functions and aggregations keep them.
  at_5m("abs(typed)", "{} 5@300000");
  at_5m("typed * 2", "{} 10@300000");
  at_5m("typed > bool 2", "{} 1@300000");
  at_5m("-typed", "{} -5@300000");
  at_5m("sum_over_time(typed[5m])", "{} 9@300000");
  at_5m("sum without () (typed)", "{__type__=\"gauge\", __unit__=\"s\"} 5@300000");
  // A query that could be an instant query has no step.
  check({"step()", TimeMs{300'000}, TimeMs{300'000}, DurationMs{60'000}, {}}, "{} 0@300000");
  // Durations are worked out before anything is evaluated, also what never is.
  check({"rate((rate(late[1m - 60]))[45s:1m])", TimeMs{350'000}, TimeMs{350'000}, {}, {}}, "fails");
  // Where one side is empty at a step, nobody minds that the other is not unique.
  from_1m_to_5m("late + on () early", "");
  from_1m_to_5m("late + on () group_left () early", "");
  // That one histogram says reset and the other not takes their sum away.
  at_5m("begun + on () going", "");
  at_5m("begun - on () going", "");
  // A rate has the lowest resolution of all its samples.
  at_5m("increase(rescaled[5m])", "{} {count:14, sum:14, (1,2]:14}@300000");
  // Parentheses around arguments are not there.
  at_5m("absent((nothing{a=\"1\"}))", "{a=\"1\"} 1@300000");
  at_5m("absent_over_time((nothing{a=\"1\"}[5m]))", "{a=\"1\"} 1@300000");
}

TEST(SlowTwin, AgreesWithTheEngine) {
  Trial trial;
  const auto [first, last] = worlds(1);
  for (uint64_t seed = first; seed <= last && trial.goes_on(); ++seed) trial.ask_world(seed);
  trial.check();
}

TEST(SlowTwin, AgreesWithTheEngineOnADatabaseThatGrows) {
  Trial trial;
  const auto [first, last] = worlds(10);
  for (uint64_t seed = first; seed <= last && trial.goes_on(); ++seed) {
    trial.ask_growing_world(seed);
  }
  trial.check();
}

}  // namespace prom5::promql
