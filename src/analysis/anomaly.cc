#include "analysis/anomaly.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "analysis/robust.h"

namespace prom5::analysis {

namespace {

constexpr size_t kMinBefore = 8;
/// No score is higher: beyond it "more unusual" means nothing.
constexpr double kMaxScore = 50;
/// A change by a tenth of the level of a steady series scores 5.
constexpr double kLevelFloor = 0.02;
constexpr double kPeerLevelFloor = 0.05;
/// What happened before scores this when it happens again.
constexpr double kSameAgain = 4;
/// Of a series that never moved: this, times the root of how many values have left it.
constexpr double kNovelty = 4;
/// The 95th percentile of Gaussian noise.
constexpr double kZ95 = 1.645;

/// The values before, in blocks of equal length, and what is usual in them.
struct Past {
  size_t block = 1;             ///< values in a block
  std::vector<double> medians;  ///< of the blocks, oldest first
  double level = 0;             ///< median of medians
  double slope = 0;             ///< a block's rise, where there is a drift; else 0
  double noise = 0;             ///< spread of single values about their neighbours
  double wander = 0;            ///< spread of blocks about the level or the drift
  double floor = 0;             ///< least scale, from the level and from counting
  double unit = 0;              ///< of counts: what one event adds; else 0
  double tail_above = 0;        ///< spread as the outer twentieth of values to a side shows it
  double tail_below = 0;
  std::vector<double> values_away;  ///< excursions of single values from the level or the drift
  std::vector<double> blocks_away;  ///< and of blocks
  bool constant = false;
};

/// Levels that would be no surprise.
struct Expected {
  double low = 0;
  double high = 0;
};

void fill_blocks(std::span<const double> before, size_t recent_count, Past& past) {
  past.block = std::clamp<size_t>(recent_count, 1, before.size() / kMinBefore);
  const size_t blocks = before.size() / past.block;
  const size_t skipped = before.size() - blocks * past.block;  // the oldest few
  past.medians.reserve(blocks);
  std::vector<double> work(before.begin() + static_cast<ptrdiff_t>(skipped), before.end());
  for (size_t i = 0; i < blocks; ++i) {
    past.medians.push_back(median_of(std::span(work).subspan(i * past.block, past.block)));
  }
}

double median_of_blocks(const Past& past, size_t first, size_t end) {
  std::vector<double> work(past.medians.begin() + static_cast<ptrdiff_t>(first),
                           past.medians.begin() + static_cast<ptrdiff_t>(end));
  return median_of(work);
}

double model_at(const Past& past, double block) {
  const double middle = static_cast<double>(past.medians.size() - 1) / 2;
  return past.level + past.slope * (block - middle);
}

/// Decides between a level and a drift (Tukey's line through the outer thirds).
void fit(Past& past) {
  const size_t count = past.medians.size();
  const size_t third = count / 3;
  past.level = median_of_blocks(past, 0, count);
  std::vector<double> work = past.medians;
  past.wander = mad_scale_of(work, past.level);
  const double rise =
      median_of_blocks(past, count - third, count) - median_of_blocks(past, 0, third);
  const double slope = rise / static_cast<double>(count - third);
  const double middle = static_cast<double>(count - 1) / 2;
  for (size_t i = 0; i < count; ++i) {
    work[i] = past.medians[i] - slope * (static_cast<double>(i) - middle);
  }
  std::vector<double> level = work;
  const double height = median_of(level);
  const double about_line = mad_scale_of(work, height);
  // A line always fits a little better; drift is what explains most of the wandering.
  if (about_line < 0.6 * past.wander) {
    past.slope = slope;
    past.level = height;
    past.wander = about_line;
  }
}

/// What one event adds, when values are counts or rates of rare events: they move by multiples of
/// one small move. Else 0. `steps`: differences between neighbours, without sign.
double counting_unit(std::span<const double> before, std::span<const double> steps) {
  if (*std::min_element(before.begin(), before.end()) < 0) return 0;
  // Smaller ones are rounding.
  const double least = 1e-9 * *std::max_element(before.begin(), before.end());
  std::vector<double> moves;
  moves.reserve(steps.size());
  std::copy_if(steps.begin(), steps.end(), std::back_inserter(moves),
               [&](double step) { return step > least; });
  if (moves.empty()) return 0;
  // Not the very smallest: where a rate's window begins to fill, odd moves occur.
  const auto low = moves.begin() + static_cast<ptrdiff_t>(moves.size() / 5);
  std::nth_element(moves.begin(), low, moves.end());
  const double unit = *low;
  size_t multiples = 0;
  for (const double move : moves) {
    const double units = move / unit;
    multiples += units > 0.5 && std::fabs(units - std::round(units)) < 0.1 ? 1 : 0;
  }
  // Of numbers that are no multiples a fifth would pass.
  const size_t odd = moves.size() - multiples;
  return odd <= std::max<size_t>(moves.size() / 10, moves.size() < kMinBefore ? 0 : 3) ? unit : 0;
}

/// Of n independent events the deviation is the root of n; but what hardly moves although it comes
/// in whole units (a temperature) is no count of events.
double counting_floor(std::span<const double> before, double unit) {
  const auto count = static_cast<double>(before.size());
  double mean = 0;
  double squares = 0;
  for (const double v : before) mean += v / count;
  for (const double v : before) squares += (v - mean) * (v - mean);
  return std::min(std::sqrt(unit * mean), unit + std::sqrt(squares / count));
}

double level_floor(double highest, double level) {
  // Shares near one, as availability and hit rates are, are judged by what is missing to one.
  if (level > 0.5 && level <= 1 && highest <= 1) {
    return std::max(kLevelFloor * (1 - level), 0.002);
  }
  return kLevelFloor * std::fabs(level);
}

/// How far single values and blocks went from the model.
void measure_excursions(std::span<const double> before, Past& past) {
  const auto last = static_cast<double>(past.medians.size() - 1);
  const double half = static_cast<double>(past.block - 1) / 2;
  const auto end = static_cast<double>(before.size() - 1);
  past.values_away.resize(before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    const double back = (end - half - static_cast<double>(i)) / static_cast<double>(past.block);
    past.values_away[i] = before[i] - model_at(past, last - back);
  }
  past.blocks_away.resize(past.medians.size());
  for (size_t i = 0; i < past.medians.size(); ++i) {
    past.blocks_away[i] = past.medians[i] - model_at(past, static_cast<double>(i));
  }
}

/// The largest excursion to the side of `away`. What began in the last quarter of the past and has
/// lasted since is no precedent but the same event.
double precedent_of(const std::vector<double>& excursions, double away) {
  const double side = away > 0 ? 1 : -1;
  const double reach = std::fabs(away) / 2;
  size_t end = excursions.size();
  const size_t earliest = end - end / 4;
  while (end > earliest && side * excursions[end - 1] > reach) --end;
  double largest = 0;
  for (size_t i = 0; i < end; ++i) largest = std::max(largest, side * excursions[i]);
  return largest;
}

/// What blocks say of the past. What single values say is still missing: noise, tails and the floor
/// of counts are 0, and with them scales only grow.
Past study_blocks(std::span<const double> before, size_t recent_count) {
  Past past;
  fill_blocks(before, recent_count, past);
  fit(past);
  // A small sample of blocks shows less than their whole spread.
  past.wander *= 1 + 2 / static_cast<double>(past.medians.size());
  measure_excursions(before, past);
  const auto [low, high] = std::minmax_element(before.begin(), before.end());
  past.constant = !(*high - *low > 1e-9 * std::max(std::fabs(*low), std::fabs(*high)));
  past.floor = level_floor(*high, past.level);
  return past;
}

/// The rest, which takes most of the time.
void study_values(std::span<const double> before, Past& past) {
  std::vector<double> steps(before.size() - 1);
  for (size_t i = 0; i + 1 < before.size(); ++i) steps[i] = before[i + 1] - before[i];
  past.noise = mad_scale_of(steps, 0) / std::sqrt(2.0);
  std::vector<double> work = past.values_away;
  past.tail_above = std::max(0.0, quantile_of(work, 0.95)) / kZ95;
  past.tail_below = std::max(0.0, -quantile_of(work, 0.05)) / kZ95;
  if (past.constant) return;
  past.unit = counting_unit(before, steps);
  if (past.unit > 0) past.floor = std::max(past.floor, counting_floor(before, past.unit));
}

/// Levels for a place `ahead` blocks after the last block's middle.
Expected expect(const Past& past, double ahead) {
  const size_t count = past.medians.size();
  Expected out{past.level, past.level};
  auto include = [&](double level) {
    out.low = std::min(out.low, level);
    out.high = std::max(out.high, level);
  };
  if (past.slope != 0) {
    out.low = out.high = model_at(past, static_cast<double>(count - 1) + ahead);
  }
  // How the past ended, by its last three quarters. A late drift was on its way before the last
  // quarter; a step inside the last quarter is no drift and what follows it is still unusual.
  const size_t quarter = count / 4;
  const double second = median_of_blocks(past, count - 3 * quarter, count - 2 * quarter);
  const double third = median_of_blocks(past, count - 2 * quarter, count - quarter);
  const double fourth = median_of_blocks(past, count - quarter, count);
  const double rise = fourth - third;
  const double rise_before = third - second;
  if (past.slope != 0 ||
      (rise * rise_before > 0 && std::fabs(rise_before) > 0.2 * std::fabs(rise))) {
    include(fourth);
    const auto width = static_cast<double>(quarter);
    include(fourth + rise / width * (ahead + (width - 1) / 2));
  }
  return out;
}

/// What was expected from the first recent value to the last: a drift goes on in between.
struct Window {
  Expected first;
  Expected last;
  double steps = 1;

  [[nodiscard]] Expected at(size_t i) const {
    const double weight = static_cast<double>(i) / steps;
    return {first.low + (last.low - first.low) * weight,
            first.high + (last.high - first.high) * weight};
  }
};

/// Signed distance of a value from the expected levels; 0 inside.
double outside(double value, const Expected& expected) {
  if (value > expected.high) return value - expected.high;
  if (value < expected.low) return value - expected.low;
  return 0;
}

/// The scale that a distance is measured by: the spread, but at least what the past's own largest
/// excursion to that side asks for.
double scale_of(double spread, double precedent, double floor, double away) {
  return std::max({spread, precedent / kSameAgain, floor, std::fabs(away) / kMaxScore});
}

struct Finding {
  double score = 0;
  double away = 0;
  double observed = 0;
  size_t place = 0;  ///< into the recent values: a spike's extreme, a shift's first
};

/// The best of: all recent values, their later half, their last quarter.
Finding find_shift(const Past& past, const Expected& expected, std::span<const double> recent) {
  Finding best;
  for (const size_t part : {1, 2, 4}) {
    const size_t length = (recent.size() + part - 1) / part;
    if (length < 3 && part > 1) break;
    const size_t first = recent.size() - length;
    std::vector<double> work(recent.begin() + static_cast<ptrdiff_t>(first), recent.end());
    const double median = median_of(work);
    const double away = outside(median, expected);
    // A median of few values is less certain than a block.
    const double uncertain = past.noise * past.noise * 1.57 / static_cast<double>(length);
    const double spread = std::sqrt(past.wander * past.wander + uncertain);
    const double precedent = precedent_of(past.blocks_away, away);
    const double score = std::fabs(away) / scale_of(spread, precedent, past.floor, away);
    if (score > best.score) best = {score, away, median, first};
  }
  return best;
}

/// Whether a shift or a spike could score as much, as far as blocks tell. What no trailing values
/// are left out of is the least precedent that find_spike() looks at.
bool may_score(const Past& past, const Window& window, const Expected& expected,
               std::span<const double> recent, double least) {
  if (find_shift(past, expected, recent).score >= least) return true;
  const auto known =
      std::span(past.values_away).first(past.values_away.size() - past.values_away.size() / 4);
  const auto [lowest, highest] = std::minmax_element(known.begin(), known.end());
  for (size_t i = 0; i < recent.size(); ++i) {
    const double away = outside(recent[i], window.at(i));
    if (away == 0) continue;
    const double precedent = std::max(0.0, away > 0 ? *highest : -*lowest);
    if (std::fabs(away) / scale_of(past.wander, precedent, past.floor, away) >= least) return true;
  }
  return false;
}

Finding find_spike(const Past& past, const Window& window, std::span<const double> recent) {
  const double spread = std::hypot(past.wander, past.noise);
  const double floor = std::max(past.floor, past.unit);
  Finding best;
  for (size_t i = 0; i < recent.size(); ++i) {
    const double away = outside(recent[i], window.at(i));
    if (away == 0) continue;
    const double tail = away > 0 ? past.tail_above : past.tail_below;
    double score = std::fabs(away) / scale_of(std::max(spread, tail), 0, floor, away);
    if (score <= best.score) continue;
    const double precedent = precedent_of(past.values_away, away);
    score = std::fabs(away) / scale_of(std::max(spread, tail), precedent, floor, away);
    if (score > best.score) best = {score, away, recent[i], i};
  }
  return best;
}

/// What a series that never moved may score: by how often it has, and how long it had not.
double novelty(const Past& past, size_t before_count, std::span<const double> recent) {
  double moved = 0;
  for (const double v : recent) moved += std::fabs(v - past.level) > past.floor ? 1 : 0;
  const double known = std::min(1.0, static_cast<double>(before_count) / 32);
  return kNovelty * std::sqrt(moved * known);
}

/// A spike begins with its first value on that side, at least half as far out.
size_t spike_onset(std::span<const double> values, size_t peak, double away,
                   const Expected& expected) {
  size_t first = peak;
  while (first > 0 && outside(values[first - 1], expected) / away > 0.5) --first;
  return first;
}

/// The split between "as before" and "shifted" that explains most, in values clipped to about the
/// two levels. Looks back into the past by the length of the recent part.
size_t shift_onset(std::span<const double> values, size_t first_recent, const Finding& shift) {
  const size_t recent_count = values.size() - first_recent;
  const size_t from = first_recent - std::min(first_recent, recent_count);
  const double middle = shift.observed - shift.away / 2;
  const double reach = std::fabs(shift.away);
  double sum = 0;
  double largest = 0;
  size_t onset = values.size() - 1;
  for (size_t i = values.size(); i-- > from;) {
    const double side = std::clamp(values[i] - middle, -reach, reach);
    sum += shift.away > 0 ? side : -side;
    if (sum > largest) {
      largest = sum;
      onset = i;
    }
  }
  return onset;
}

}  // namespace

std::optional<Deviation> unusual_window(std::span<const double> values, size_t first_recent,
                                        double least_score) {
  first_recent = std::min(first_recent, values.size());
  std::vector<double> all;
  all.reserve(values.size());
  size_t split = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == first_recent) split = all.size();
    if (std::isfinite(values[i])) all.push_back(values[i]);
  }
  if (split < kMinBefore || split == all.size()) return std::nullopt;
  // Very many series never move.
  if (std::ranges::count(all, all.front()) == std::ssize(all)) return std::nullopt;
  const auto before = std::span<const double>(all).first(split);
  const auto recent = std::span<const double>(all).subspan(split);
  Past past = study_blocks(before, recent.size());
  const auto block = static_cast<double>(past.block);
  const auto count = static_cast<double>(recent.size());
  // Counted from the middle of the last block.
  const double begin = (block + 1) / 2 / block;
  const Window window{.first = expect(past, begin),
                      .last = expect(past, begin + (count - 1) / block),
                      .steps = std::max(count - 1, 1.0)};
  const Expected expected = expect(past, begin + (count - 1) / 2 / block);
  if (!may_score(past, window, expected, recent, least_score)) return std::nullopt;
  study_values(before, past);
  const Finding shift = find_shift(past, expected, recent);
  const Finding spike = find_spike(past, window, recent);
  if (spike.score == 0) return std::nullopt;

  Deviation out;
  // Shifts have the smaller scale, so a true one outscores its own extremes.
  const bool shifts = recent.size() >= 3 && shift.score >= 0.75 * spike.score;
  const Finding& found = shifts ? shift : spike;
  out.kind = shifts ? Deviation::Kind::Shift : Deviation::Kind::Spike;
  out.up = found.away > 0;
  out.score = std::min(found.score, kMaxScore);
  if (past.constant) out.score = std::min(out.score, novelty(past, split, recent));
  if (out.score < least_score) return std::nullopt;
  out.observed = found.observed;
  out.expected = found.observed - found.away;
  const double usual = std::max(std::hypot(past.wander, past.noise), past.floor);
  out.expected_low = expected.low - 3 * usual;
  out.expected_high = expected.high + 3 * usual;
  const size_t onset = shifts ? shift_onset(all, split, found)
                              : spike_onset(all, split + found.place, found.away, expected);
  // Back to the index that counts gaps.
  size_t seen = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (seen++ == onset) out.onset = i;
  }
  return out;
}

std::vector<PeerOutlier> peer_outliers(std::span<const double> values_by_peer, double least_score) {
  std::vector<double> work = finite_values(values_by_peer);
  const auto count = static_cast<double>(work.size());
  std::vector<PeerOutlier> out;
  if (work.size() < 4) return out;
  const double typical = median_of(work);
  // The MAD of few values is too small on average (Croux and Rousseeuw 1992).
  const double spread = mad_scale_of(work, typical) * count / (count - 0.8);
  double deviations = 0;
  for (const double v : work) deviations += v;  // absolute by now
  for (size_t i = 0; i < values_by_peer.size(); ++i) {
    if (!std::isfinite(values_by_peer[i])) continue;
    const double away = values_by_peer[i] - typical;
    // 1.2533 makes a mean absolute deviation comparable with a standard deviation.
    const double others = 1.2533 * (deviations - std::fabs(away)) / (count - 1);
    const double scale = std::max(
        {spread, kPeerLevelFloor * std::fabs(typical), others / 2, std::fabs(away) / kMaxScore});
    if (scale == 0 || std::fabs(away) / scale < least_score) continue;
    out.push_back({.index = i, .score = away / scale, .typical = typical});
  }
  std::sort(out.begin(), out.end(), [](const PeerOutlier& a, const PeerOutlier& b) {
    return std::fabs(a.score) > std::fabs(b.score);
  });
  return out;
}

}  // namespace prom5::analysis
