#pragma once

#include <cmath>
#include <cstddef>

#include "model/kahan.h"
#include "store/storage.h"

namespace prom5 {

/// The floats of a window, summed up as Rollups has them.
struct WindowSummary {
  double count = 0;
  TimeMs first_time;
  TimeMs last_time;
  double first = 0;
  double last = 0;
  double min = 0;
  double max = 0;
  double sum = 0;
  double resets = 0;
};

/// Sums up samples and narrower windows, in the order of their time. One thread.
class WindowSum {
 public:
  void add(TimeMs time, double value) {
    add({.count = 1,
         .first_time = time,
         .last_time = time,
         .first = value,
         .last = value,
         .min = value,
         .max = value,
         .sum = value});
  }

  void add(const Rollups& from, size_t i) {
    add({.count = from.count[i],
         .first_time = from.first_times[i],
         .last_time = from.last_times[i],
         .first = from.first[i],
         .last = from.last[i],
         .min = from.min[i],
         .max = from.max[i],
         .sum = from.sum[i],
         .resets = from.resets[i]});
  }

  /// Count is 0 when there was nothing.
  [[nodiscard]] WindowSummary total() const {
    WindowSummary out = window_;
    out.sum = sum_.total();
    return out;
  }

 private:
  void add(const WindowSummary& more) {
    sum_.add(more.sum);
    if (window_.count == 0) {
      window_ = more;
      return;
    }
    window_.last_time = more.last_time;
    window_.resets += more.resets + (more.first < window_.last ? window_.last : 0);
    window_.last = more.last;
    window_.count += more.count;
    // A NaN gives way to anything, as in min_over_time.
    if (more.min < window_.min || std::isnan(window_.min)) window_.min = more.min;
    if (more.max > window_.max || std::isnan(window_.max)) window_.max = more.max;
  }

  WindowSummary window_;
  KahanSum sum_;
};

}  // namespace prom5
