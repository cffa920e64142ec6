#include "collect/scrape/custom_buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/codec/number.h"

namespace prom5::scrape {

std::optional<CustomBuckets::Place> CustomBuckets::place_of(const LabelsBuilder& series,
                                                            const std::string& family) {
  const std::string_view name = series.get(kMetricName);
  if (!name.starts_with(family)) return std::nullopt;
  const std::string_view suffix = name.substr(family.size());
  Place place;
  if (suffix == "_sum") {
    place.role = Place::Role::Sum;
  } else if (suffix == "_count") {
    place.role = Place::Role::Count;
  } else if (suffix == "_bucket") {
    const auto bound = codec::parse_double(series.get("le"));
    if (!bound || std::isnan(*bound)) return std::nullopt;
    place.bound = *bound;
  } else {
    return std::nullopt;
  }
  LabelsBuilder base = series;
  Labels labels = base.set(kMetricName, family).remove("le").build();
  const auto [found, fresh] = by_labels_.try_emplace(labels, static_cast<uint32_t>(groups_.size()));
  if (fresh) groups_.push_back({.labels = std::move(labels)});
  place.group = found->second;
  return place;
}

void CustomBuckets::begin_page() {
  for (Group& group : groups_) {
    group.buckets.clear();
    group.sum.reset();
    group.count.reset();
    group.time.reset();
    group.on_page = false;
  }
}

void CustomBuckets::take(const Place& place, double value, std::optional<TimeMs> time,
                         TimeMs start) {
  Group& group = groups_[place.group];
  group.on_page = true;
  group.time = time;
  group.start = start;
  switch (place.role) {
    case Place::Role::Bucket: group.buckets.emplace_back(place.bound, value); break;
    case Place::Role::Sum: group.sum = value; break;
    case Place::Role::Count: group.count = value; break;
  }
}

std::vector<uint32_t> CustomBuckets::keep(const std::vector<bool>& used) {
  std::vector<uint32_t> now_at(groups_.size());
  uint32_t kept = 0;
  for (uint32_t i = 0; i < groups_.size(); ++i) {
    if (!used[i]) {
      by_labels_.erase(groups_[i].labels);
      continue;
    }
    by_labels_[groups_[i].labels] = kept;
    if (kept != i) groups_[kept] = std::move(groups_[i]);
    now_at[i] = kept++;
  }
  groups_.resize(kept);
  return now_at;
}

std::optional<Histogram> to_histogram(const CustomBuckets::Group& group) {
  auto buckets = group.buckets;
  std::sort(buckets.begin(), buckets.end());
  const bool has_infinity = !buckets.empty() && std::isinf(buckets.back().first);
  if (buckets.empty() && !group.count) return std::nullopt;
  const double count = group.count.value_or(buckets.empty() ? 0 : buckets.back().second);
  if (!has_infinity) buckets.emplace_back(std::numeric_limits<double>::infinity(), count);
  Histogram out;
  out.schema = Histogram::kCustomSchema;
  out.count = count;
  out.sum = group.sum.value_or(0);
  double before = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto [bound, cumulative] = buckets[i];
    if (i > 0 && bound == buckets[i - 1].first) return std::nullopt;
    if (!(cumulative >= before)) return std::nullopt;
    if (!std::isinf(bound)) out.custom_bounds.push_back(bound);
    out.positive_counts.push_back(cumulative - before);
    before = cumulative;
  }
  if (before != count) return std::nullopt;
  out.positive_spans = {{0, static_cast<uint32_t>(out.positive_counts.size())}};
  return out;
}

}  // namespace prom5::scrape
