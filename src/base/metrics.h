#pragma once

#include <atomic>
#include <deque>
#include <functional>
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

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// The numbers that the program tells about itself. Components ask for their counters once, at
/// construction, and keep the reference; /metrics walks the families. Any thread.
class MetricRegistry {
 public:
  enum class Type : uint8_t { Counter, Gauge };
  struct Point {
    MetricLabels labels;
    double value = 0;
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
    std::function<double()> read;
  };

  Entry& entry(std::string_view name, std::string_view help, Type type, MetricLabels labels)
      REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::deque<Entry> entries_ GUARDED_BY(mutex_);  // a deque: references stay valid
};

}  // namespace prom5
