#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/sample.cc"
#include <hwy/foreach_target.h>
// After it, as Highway asks: this file is compiled once for each target.
#include <hwy/highway.h>

#include "model/sample.h"

HWY_BEFORE_NAMESPACE();
namespace prom5::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

bool any_stale(const double* HWY_RESTRICT values, size_t count) {
  const hn::ScalableTag<uint64_t> d;
  const size_t lanes = hn::Lanes(d);
  const auto stale = hn::Set(d, kStaleBits);
  const auto* bits = reinterpret_cast<const uint64_t*>(values);
  size_t i = 0;
  // Without a way out of the inner loop several are seen at a time.
  constexpr size_t kAtOnce = 64;
  for (; i + kAtOnce <= count; i += kAtOnce) {
    auto found = hn::Zero(d);
    for (size_t j = 0; j < kAtOnce; j += lanes) {
      found = hn::Or(found, hn::VecFromMask(d, hn::Eq(hn::LoadU(d, bits + i + j), stale)));
    }
    if (!hn::AllTrue(d, hn::Eq(found, hn::Zero(d)))) return true;
  }
  for (; i < count; ++i) {
    if (is_stale(values[i])) return true;
  }
  return false;
}

}  // namespace prom5::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace prom5 {

HWY_EXPORT(any_stale);

bool any_stale(std::span<const double> values) {
  return HWY_DYNAMIC_DISPATCH(any_stale)(values.data(), values.size());
}

}  // namespace prom5
#endif
