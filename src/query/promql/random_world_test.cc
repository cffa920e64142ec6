#include "query/promql/random_world_test.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "model/sample.h"

namespace prom5::promql {

namespace {

/// One scrape: a sample, or the marker that the series is gone.
struct Tick {
  TimeMs time;
  bool stale = false;
};

/// Makes the series of one world.
class WorldMaker {
 public:
  explicit WorldMaker(Rng& rng) : rng_(rng) {}

  RandomWorld make() {
    // Near 0 windows reach below it; else somewhere in 2023, mostly not on a whole second.
    world_.start = {chance(15) ? pick(600'000) : 1'700'000'000'000 + pick(1'000'000) * 1000};
    // Samples that lie on the borders of windows, and such that do not.
    aligned_ = chance(40);
    if (aligned_) world_.start.ms -= world_.start.ms % 60'000;
    if (!aligned_ && chance(60)) world_.start = world_.start + DurationMs{pick(1000)};
    world_.end = world_.start + DurationMs::minutes(12 + pick(40));
    const int64_t floats = 4 + pick(6);
    for (int64_t i = 0; i < floats; ++i) add_float();
    if (chance(40)) add_meta();
    if (chance(35)) add_classic("1");
    if (chance(15)) add_classic("2");
    for (int64_t n = chance(60) ? 1 + pick(3) : 0; n > 0; --n) add_native();
    if (chance(20)) add_mixed();
    return std::move(world_);
  }

 private:
  int64_t pick(int64_t bound) {
    return static_cast<int64_t>(rng_.below(static_cast<uint64_t>(bound)));
  }
  bool chance(int64_t percent) { return pick(100) < percent; }
  template <typename T, size_t N>
  T one_of(const T (&choices)[N]) {
    return choices[pick(static_cast<int64_t>(N))];
  }
  /// Of few bits, seldom the same twice.
  double some_number() { return static_cast<double>(pick(2'000'000) - 700'000) / 256; }

  std::vector<Tick> ticks() {
    const int64_t interval =
        one_of({5'000, 10'000, 15'000, 15'000, 30'000, 30'000, 60'000, 83'000});
    const bool irregular = !aligned_ && chance(50);
    const int64_t missing = chance(50) ? 3 : 0;
    const int64_t gaps = chance(50) ? 2 : 0;
    int64_t ms = world_.start.ms + (aligned_ ? pick(3) * 5'000 : pick(interval));
    if (chance(15)) ms += pick((world_.end - world_.start).ms / 30'000) * 15'000;
    int64_t until = world_.end.ms;
    if (chance(15)) until -= pick((world_.end - world_.start).ms / 2);
    std::vector<Tick> out;
    while (ms < until && out.size() < 300) {
      if (chance(gaps)) {
        if (chance(50)) out.push_back({{ms}, true});
        ms += interval * (2 + pick(30));
      } else if (!chance(missing)) {
        out.push_back({{ms + (irregular ? pick(interval / 2) : 0)}, false});
      }
      ms += interval;
    }
    if (chance(30)) out.push_back({{ms}, true});
    return out;
  }

  Labels labels_of(std::string_view name) {
    LabelsBuilder out;
    out.set(kMetricName, name).set("a", one_of({"1", "2", "3"}));
    if (chance(70)) out.set("b", one_of({"x", "y"}));

    if (chance(1)) out.set("__type__", "gauge");
    return out.build();
  }

  /// `value()` gives the next sample's.
  template <typename Value>
  void add(const Labels& labels, const std::vector<Tick>& ticks, Value value) {
    if (world_.data.contains(labels)) return;
    std::vector<TwinSample> samples;
    for (const Tick& tick : ticks) {
      TwinValue next = value();
      if (tick.stale) {
        next.number = kStale;
        if (!next.is_float()) {
          Histogram h;
          h.sum = kStale;
          next.histogram = std::make_shared<Histogram>(std::move(h));
        }
      }
      samples.push_back({tick.time, std::move(next)});
    }
    if (!samples.empty()) world_.data[labels] = std::move(samples);
  }

  void add_float() {
    const std::string_view name =
        one_of({"g", "g", "q", "q", "c_total", "c_total", "e_total", "k"});
    const bool wild = chance(20);
    const bool counter = name.ends_with("_total");
    double value = counter ? std::fabs(some_number()) : some_number();
    const int64_t resets = chance(50) ? 4 : 0;
    const Labels labels = labels_of(name);
    add(labels, ticks(), [&]() -> TwinValue {
      if (counter) {
        value = chance(resets) ? static_cast<double>(pick(50)) / 4
                               : value + static_cast<double>(pick(4000)) / 64;
      } else if (name != "k") {
        value = chance(10) ? some_number() : value + static_cast<double>(pick(4001) - 2000) / 128;
      }
      constexpr double kInf = std::numeric_limits<double>::infinity();
      if (wild && chance(6)) {
        return {one_of({kInf, -kInf, std::nan(""), std::nan(""), 0.0, -0.0, 0x1p30, 0x1p-1000}),
                nullptr};
      }
      return {value, nullptr};
    });
  }

  void add_meta() {
    for (const std::string_view a : {"1", "2", "3"}) {
      if (chance(30)) continue;
      const Labels labels{{kMetricName, "meta"}, {"a", a}, {"team", chance(50) ? "blue" : "red"}};
      add(labels, ticks(), [] { return TwinValue{1, nullptr}; });
    }
  }

  void add_classic(std::string_view a) {
    const std::vector<Tick> shared = ticks();
    constexpr std::array<std::string_view, 4> kBounds = {"0.5", "1", "2.5", "+Inf"};
    std::vector<std::array<double, 4>> counts;
    std::array<double, 4> now{};
    for (size_t i = 0; i < shared.size(); ++i) {
      if (chance(2)) now = {};
      for (double& n : now) n += static_cast<double>(pick(6));
      counts.push_back(now);
    }
    for (size_t bound = 0; bound < kBounds.size(); ++bound) {
      size_t i = 0;
      add(Labels{{kMetricName, "d_bucket"}, {"a", a}, {"le", kBounds[bound]}}, shared, [&] {
        double total = 0;
        for (size_t k = 0; k <= bound; ++k) total += counts[i][k];
        ++i;
        // Now and then a bucket has less than the one below it.
        return TwinValue{chance(1) ? std::floor(total / 2) : total, nullptr};
      });
    }
  }

  // --- native histograms -------------------------------------------------------------------------

  /// A histogram that grows from sample to sample.
  struct Native {
    Histogram h;  ///< but for the buckets
    std::map<int32_t, double> positive;
    std::map<int32_t, double> negative;
    bool two_sided = false;
    bool gauge = false;
    bool nan = false;
    bool hinted = false;  ///< says of each sample whether it is a reset
  };

  static void pack(const std::map<int32_t, double>& buckets, std::vector<HistogramSpan>& spans,
                   std::vector<double>& counts) {
    int32_t next = 0;
    for (const auto& [index, count] : buckets) {
      if (spans.empty() || index != next) spans.push_back({index - next, 0});
      ++spans.back().length;
      counts.push_back(count);
      next = index + 1;
    }
  }

  Native some_native() {
    Native out;
    out.two_sided = chance(30);
    out.gauge = chance(20);
    out.nan = chance(3);
    out.hinted = chance(10);
    if (chance(20)) {
      out.two_sided = false;
      out.h.schema = Histogram::kCustomSchema;
      out.h.custom_bounds = {0.5, 1, 2.5, 5};
      if (chance(30)) out.h.custom_bounds = {-1, 1, 5};
    } else {
      out.h.schema = static_cast<int32_t>(pick(4)) - 1;
      out.h.zero_threshold = one_of({0.0, 0.001, 0x1p-10, 0.5});
    }
    if (out.gauge) out.h.reset_hint = CounterResetHint::Gauge;
    return out;
  }

  TwinValue next(Native& native) {
    const bool custom = native.h.custom();
    // A target that was restarted may see the world at another resolution; one whose hints are to
    // be true does so then only.
    const bool rescaled = !custom && chance(2);
    const bool begins = native.gauge || chance(3) || (native.hinted && rescaled);
    if (rescaled) native.h.schema = static_cast<int32_t>(pick(4)) - 1;
    if (native.hinted && !native.gauge) {
      native.h.reset_hint = begins ? CounterResetHint::Reset : CounterResetHint::NotReset;
    }
    if (begins) {
      native.positive.clear();
      native.negative.clear();
      native.h.zero_count = 0;
    }
    for (int64_t n = pick(4); n >= 0; --n) {
      const auto index = static_cast<int32_t>(
          custom ? pick(static_cast<int64_t>(native.h.custom_bounds.size()) + 1) : pick(7));
      native.positive[index] += static_cast<double>(1 + pick(5));
      if (native.two_sided) native.negative[index] += static_cast<double>(1 + pick(3));
    }
    if (!custom && chance(30)) native.h.zero_count += static_cast<double>(pick(3));
    Histogram out = native.h;
    pack(native.positive, out.positive_spans, out.positive_counts);
    pack(native.negative, out.negative_spans, out.negative_counts);
    out.count = out.zero_count;
    for (const double n : out.positive_counts) out.count += n;
    for (const double n : out.negative_counts) out.count += n;
    out.sum = static_cast<double>(pick(64)) / 8 + out.count / 2;
    if (native.nan) {
      out.count += 2;
      out.sum = std::nan("");
    }
    return {0, std::make_shared<Histogram>(std::move(out))};
  }

  void add_native() {
    Native native = some_native();
    const Labels labels = labels_of(one_of({"h", "h", "j"}));
    add(labels, ticks(), [&] { return next(native); });
  }

  /// A series that is now a float, now a histogram.
  void add_mixed() {
    Native native = some_native();
    bool is_float = chance(50);
    double value = some_number();
    const Labels labels = labels_of("m");
    add(labels, ticks(), [&]() -> TwinValue {
      if (chance(5)) is_float = !is_float;
      value += static_cast<double>(pick(1000)) / 32;
      return is_float ? TwinValue{value, nullptr} : next(native);
    });
  }

  Rng& rng_;
  RandomWorld world_;
  bool aligned_ = false;
};

}  // namespace

RandomWorld random_world(Rng& rng) { return WorldMaker(rng).make(); }

}  // namespace prom5::promql
