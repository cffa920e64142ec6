#pragma once

#include <cmath>

namespace prom5 {

/// Kahan-Neumaier summation (Neumaier 1974): keeps what rounding loses beside the sum.
struct KahanSum {
  double sum = 0;
  double lost = 0;

  void add(double value) {
    const double next = sum + value;
    if (std::isinf(next)) {
      lost = 0;
    } else if (std::fabs(sum) >= std::fabs(value)) {
      lost += (sum - next) + value;
    } else {
      lost += (value - next) + sum;
    }
    sum = next;
  }

  /// Adds what another one has summed up.
  void join(const KahanSum& other) {
    add(other.sum);
    if (!std::isinf(sum)) lost += other.lost;
  }

  [[nodiscard]] double total() const { return std::isinf(sum) ? sum : sum + lost; }
};

/// The mean, exact as long as the sum does not overflow, then incremental.
class KahanMean {
 public:
  void add(double value) {
    ++count_;
    if (!incremental_) {
      KahanSum next = sum_;
      next.add(value);
      if (count_ == 1 || !std::isinf(next.sum)) {
        sum_ = next;
        return;
      }
      incremental_ = true;
      sum_.sum /= count_ - 1;
      sum_.lost /= count_ - 1;
    }
    const double weight = (count_ - 1) / count_;
    sum_.sum *= weight;
    sum_.lost *= weight;
    sum_.add(value / count_);
  }

  /// The mean of its values and those of another one; both have some.
  void join(const KahanMean& other) {
    const double all = count_ + other.count_;
    if (!incremental_ && !other.incremental_) {
      KahanSum next = sum_;
      next.join(other.sum_);
      if (!std::isinf(next.sum)) {
        sum_ = next;
        count_ = all;
        return;
      }
    }
    const double own = incremental_ ? 1 : count_;
    sum_.sum = sum_.sum / own * (count_ / all);
    sum_.lost = sum_.lost / own * (count_ / all);
    sum_.add(other.mean() * (other.count_ / all));
    count_ = all;
    incremental_ = true;
  }

  [[nodiscard]] double mean() const {
    if (incremental_) return sum_.sum + sum_.lost;
    return sum_.sum / count_ + sum_.lost / count_;
  }

 private:
  KahanSum sum_;
  double count_ = 0;
  bool incremental_ = false;
};

}  // namespace prom5
