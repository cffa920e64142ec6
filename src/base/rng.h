#pragma once

#include <cstdint>

namespace prom5 {

/// SplitMix64 (Steele, Lea, Flood 2014): a seeded generator whose sequence is the same everywhere,
/// so that a failing random test can be repeated from the seed it printed. One thread.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound) { return next() % bound; }

  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

}  // namespace prom5
