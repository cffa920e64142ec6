#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace prom5 {

/// A number that only grows. Any thread; one relaxed atomic add.
class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// A number that goes up and down. Any thread.
class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// How often something took how much: counts by upper bound, and the sum. Any thread; an
/// observation is three relaxed atomic adds, so that a scrape beside it may see some of them only.
class ClassicHistogram {
 public:
  /// Ascending; the bucket without a bound is added.
  explicit ClassicHistogram(std::vector<double> bounds)
      : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void observe(double value) {
    const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
    counts_[static_cast<size_t>(bucket)].add();
    sum_.add(value);
  }
  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  /// Of one bucket alone, the one without a bound last.
  [[nodiscard]] uint64_t count(size_t bucket) const { return counts_[bucket].value(); }
  [[nodiscard]] double sum() const { return sum_.value(); }

 private:
  const std::vector<double> bounds_;
  std::vector<Counter> counts_;
  Gauge sum_;
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// The numbers that the program tells about itself. Components ask for their counters once, at
/// construction, and keep the reference; /metrics walks the families. Any thread.
class MetricRegistry {
 public:
  enum class Type : uint8_t { Counter, Gauge, Histogram };
  struct Point {
    MetricLabels labels;
    double value = 0;
    std::string_view suffix = {};  ///< of a histogram's name: "_bucket", "_sum", "_count"
  };
  struct Family {
    std::string name;
    std::string help;
    Type type = Type::Counter;
    std::vector<Point> points;
  };

  /// The same name and labels give the same counter. `name` ends in _total for counters.
  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  /// `bounds` as ClassicHistogram takes them; those of the first call for a name and labels hold.
  ClassicHistogram& histogram(std::string_view name, std::string_view help,
                              std::vector<double> bounds, MetricLabels labels = {});
  /// Shows it no longer, until somebody asks for it again. References to it stay valid.
  void hide(std::string_view name, const MetricLabels& labels);

  /// A value read at the moment of the scrape. `read` may be called from any thread until
  /// the registry dies, so it must not outlive what it looks at.
  void on_collect(std::string_view name, std::string_view help, Type type,
                  std::function<double()> read, MetricLabels labels = {});

  /// All families, sorted by name, with the values of this moment.
  [[nodiscard]] std::vector<Family> collect() const;

 private:
  struct Entry {
    std::string name;
    std::string help;
    Type type = Type::Counter;
    MetricLabels labels;
    bool hidden = false;
    Counter counter;
    Gauge gauge;
    std::unique_ptr<ClassicHistogram> histogram;  // of Type::Histogram
    std::function<double()> read;
  };

  Entry& entry(std::string_view name, std::string_view help, Type type, MetricLabels labels)
      REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::deque<Entry> entries_ GUARDED_BY(mutex_);  // a deque: references stay valid
};

}  // namespace prom5
