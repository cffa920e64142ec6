#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ask/catalogue/flat_search.cc"
#include <hwy/foreach_target.h>
// After it, as Highway asks: this file is compiled once for each target.
#include <hwy/highway.h>

#include <algorithm>

#include "ask/catalogue/flat_search.h"

HWY_BEFORE_NAMESPACE();
namespace prom5::catalogue::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void inner_products(const float* HWY_RESTRICT rows, size_t count, const float* HWY_RESTRICT query,
                    float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t row = 0; row < count; ++row, rows += kDimensions) {
    // Two sums, as each addition waits for the one before.
    auto even = hn::Zero(d);
    auto odd = hn::Zero(d);
    for (size_t i = 0; i < kDimensions; i += 2 * lanes) {
      even = hn::MulAdd(hn::LoadU(d, rows + i), hn::LoadU(d, query + i), even);
      odd = hn::MulAdd(hn::LoadU(d, rows + i + lanes), hn::LoadU(d, query + i + lanes), odd);
    }
    out[row] = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  }
}

}  // namespace prom5::catalogue::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace prom5::catalogue {

HWY_EXPORT(inner_products);

std::vector<Neighbour> nearest_rows(std::span<const Embedding> rows, const Embedding& query,
                                    size_t count) {
  static_assert(sizeof(Embedding) == kDimensions * sizeof(float));
  if (rows.empty()) return {};
  std::vector<float> products(rows.size());
  HWY_DYNAMIC_DISPATCH(inner_products)
  (rows.front().data(), rows.size(), query.data(), products.data());
  std::vector<Neighbour> out(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) out[i] = {static_cast<uint32_t>(i), products[i]};
  const auto end = out.begin() + static_cast<ptrdiff_t>(std::min(count, out.size()));
  std::partial_sort(out.begin(), end, out.end(), [](const Neighbour& a, const Neighbour& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
  });
  out.erase(end, out.end());
  return out;
}

}  // namespace prom5::catalogue
#endif
