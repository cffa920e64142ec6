#include "model/label_index.h"

#include <algorithm>

namespace prom5 {

void LabelIndex::grow() {
  constexpr size_t kLeast = 16;
  places_.assign(std::max(kLeast, places_.size() * 2), kFree);
  for (size_t number = 0; number < hashes_.size(); ++number) {
    size_t at = hashes_[number] & (places_.size() - 1);
    while (places_[at] != kFree) at = (at + 1) & (places_.size() - 1);
    places_[at] = static_cast<uint32_t>(number);
  }
}

LabelProjection::LabelProjection(std::vector<std::string> names, Keep keep)
    : names_(std::move(names)), keep_(keep) {
  std::ranges::sort(names_);
}

void LabelProjection::apply(const Labels& labels, Labels& out) const {
  auto listed = names_.begin();
  out.assign_where(labels, [&](std::string_view name) {
    while (listed != names_.end() && *listed < name) ++listed;
    return (listed != names_.end() && *listed == name) == (keep_ == Keep::Listed);
  });
}

}  // namespace prom5
