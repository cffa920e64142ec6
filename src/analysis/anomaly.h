#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace prom5::analysis {

/// How far the recent part of a series lies from what came before.
struct Deviation {
  enum class Kind : uint8_t {
    Spike,  ///< some values stand out; the recent part as a whole, or its end, does not
    Shift,  ///< the end of the recent part (its last quarter, at least three values) has moved
  };
  Kind kind = Kind::Spike;
  bool up = false;
  /// Distance from the expected range of levels in units of what is usual for this series, as a
  /// robust |z|; comparable between series, at most 50. Of plain noise fewer than one series in
  /// 1000 exceeds 6, of slowly wandering ones one or two in 100, of very skewed ones (log-normal)
  /// about five.
  double score = 0;
  double observed = 0;      ///< a shift's median; a spike's extreme
  double expected = 0;      ///< the nearest level that would have been no surprise
  double expected_low = 0;  ///< single values between these two are usual
  double expected_high = 0;
  size_t onset = 0;  ///< index where it began; for a shift it may precede the recent part
};

/// values: at a fixed step, oldest first; NaN and ±Inf are gaps. Those before first_recent tell
/// what is usual; works best with at least four times as many of them as of recent ones.
/// Nothing when there are fewer than eight usable values before or none after, when the recent
/// part stays within the expected range, or when the score is below least_score: most series are
/// told apart from those by bounds that take a quarter of the time.
///
/// Expected is what the past leads to: its median level and, where it drifted, the continuation of
/// its drift, early, late or stopped. Usual is the spread of single values and of stretches as long
/// as the recent part, and no less than a quarter of the largest excursion so far (the same again
/// scores 4), 2 % of the level (of what is missing to one, for shares above a half), and Poisson's
/// deviation where values are counts or rates of rare events. What began shortly before the recent
/// part and has lasted since belongs to it. A series that never moved before scores
/// 4 for one value that leaves its level, 8 for four.
/// O(n), a few µs for 100 values. Pure; any thread.
std::optional<Deviation> unusual_window(std::span<const double> values, size_t first_recent,
                                        double least_score = 0);

struct PeerOutlier {
  size_t index = 0;    ///< into the peers
  double score = 0;    ///< robust z-score; negative below the others
  double typical = 0;  ///< the peers' median
};

/// Which of several like things differ from the rest: those with |z| >= least_score, the farthest
/// first. NaN and ±Inf are no peers; fewer than four peers give nothing. The scale is the peers'
/// MAD (corrected for few peers), at least 5 % of their median and half of the other peers' mean
/// deviation, so that one in a group of equals does not get an endless score: at most 50.
/// O(n log n). Pure; any thread.
std::vector<PeerOutlier> peer_outliers(std::span<const double> values_by_peer,
                                       double least_score = 5);

}  // namespace prom5::analysis
