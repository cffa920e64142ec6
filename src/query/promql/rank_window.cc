#include "query/promql/rank_window.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "query/promql/quantile.h"

namespace prom5::promql {

namespace {

constexpr size_t kBits = 64;

}  // namespace

RankWindow::RankWindow(std::span<const double> values)
    : ranks_(values.size()),
      bits_((values.size() + kBits - 1) / kBits),
      counts_(bits_.size() + 1),
      widest_(std::bit_floor(bits_.size())) {
  std::vector<std::pair<double, uint32_t>> order;
  order.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) order.emplace_back(values[i], i);
  std::ranges::sort(order);
  sorted_.reserve(values.size());
  for (uint32_t rank = 0; rank < order.size(); ++rank) {
    sorted_.push_back(order[rank].first);
    ranks_[order[rank].second] = rank;
  }
}

void RankWindow::move(size_t first, size_t past) {
  const bool apart = first >= past_ || past <= first_;
  const size_t kept_from = apart ? past_ : std::clamp(first, first_, past_);
  const size_t kept_to = apart ? past_ : std::clamp(past, first_, past_);
  for (size_t i = first_; i < kept_from; ++i) remove(ranks_[i]);
  for (size_t i = kept_to; i < past_; ++i) remove(ranks_[i]);
  for (size_t i = first; i < (apart ? past : first_); ++i) put(ranks_[i]);
  for (size_t i = apart ? past : past_; i < past; ++i) put(ranks_[i]);
  first_ = first;
  past_ = past;
}

double RankWindow::at(size_t k) const {
  size_t word = 0;
  for (size_t run = widest_; run > 0; run /= 2) {
    if (word + run < counts_.size() && counts_[word + run] <= k) {
      word += run;
      k -= counts_[word];
    }
  }
  uint64_t bits = bits_[word];
  for (; k > 0; --k) bits &= bits - 1;
  return sorted_[(word * kBits) + static_cast<size_t>(std::countr_zero(bits))];
}

void RankWindow::put(uint32_t rank) {
  bits_[rank / kBits] |= uint64_t{1} << (rank % kBits);
  count(rank / kBits, 1);
}

void RankWindow::remove(uint32_t rank) {
  bits_[rank / kBits] &= ~(uint64_t{1} << (rank % kBits));
  count(rank / kBits, ~uint32_t{0});
}

void RankWindow::count(size_t word, uint32_t by) {
  for (size_t i = word + 1; i < counts_.size(); i += i & (~i + 1)) counts_[i] += by;
}

double median_absolute_deviation(const RankWindow& window) {
  const size_t n = window.size();
  const double median = quantile_of_sorted(0.5, n, [&](size_t k) { return window.at(k); });
  // Down from the median and up from it deviations ascend, also when they are rounded.
  const size_t below = (n + 1) / 2;
  const size_t above = n - below;
  const auto down = [&](size_t i) { return median - window.at(below - 1 - i); };
  const auto up = [&](size_t i) { return window.at(below + i) - median; };
  // The two in the middle have as many deviations before them: some from below, the rest from
  // above.
  const size_t before = (n - 1) / 2;
  size_t low = before > above ? before - above : 0;
  size_t high = std::min(before, below);
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (down(middle) < up(before - middle - 1)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::array<double, 2> middle{};
  size_t i = low;
  size_t j = before - low;
  for (double& deviation : middle) {
    if (i + j == n) break;
    const bool from_below = j == above || (i < below && down(i) < up(j));
    deviation = from_below ? down(i++) : up(j++);
  }
  return quantile_of_sorted(0.5, n, [&](size_t k) { return middle[k - before]; });
}

}  // namespace prom5::promql
