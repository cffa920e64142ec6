#include "ask/catalogue/catalogue.h"

#include <algorithm>

namespace prom5::catalogue {

namespace {

constexpr DurationMs kFreshFor = DurationMs::seconds(5);

/// Only what has had samples lately can be asked about.
constexpr DurationMs kRecent = DurationMs::hours(1);

/// The family that a histogram's or summary's series belong to.
std::string_view family_of(std::string_view name) {
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

}  // namespace

MetricType guess_type(std::string_view name) {
  if (name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") ||
      name.ends_with("_bucket")) {
    return MetricType::Counter;
  }
  return MetricType::Gauge;
}

const Catalogue::Metric* Catalogue::Snapshot::find(std::string_view name) const {
  const auto found =
      std::lower_bound(metrics.begin(), metrics.end(), name,
                       [](const Metric& m, std::string_view n) { return m.name < n; });
  return found != metrics.end() && found->name == name ? &*found : nullptr;
}

Result<std::shared_ptr<const Catalogue::Snapshot>> Catalogue::snapshot() {
  const TimeMs now = clock_.now();
  {
    const MutexLock lock(mutex_);
    if (snapshot_ && now - loaded_ < kFreshFor) return snapshot_;
  }
  const auto querier = TRY(storage_.querier({now - kRecent, TimeMs::max()}));
  const auto names = TRY(querier->label_values(kMetricName, {}));
  const Storage::MetadataMap metadata = storage_.metadata();
  auto snapshot = std::make_shared<Snapshot>();
  for (const std::string& name : names) {
    Metric metric{name, guess_type(name), ""};
    auto known = metadata.find(name);
    if (known == metadata.end()) known = metadata.find(family_of(name));
    if (known != metadata.end() && !known->second.empty()) {
      metric.help = known->second.front().help;
      const MetricType type = known->second.front().type;
      // A series of a histogram is a counter in itself.
      const bool part = known->first != name;
      if (!part && type != MetricType::Unknown) metric.type = type;
    }
    snapshot->metrics.push_back(std::move(metric));
  }
  const MutexLock lock(mutex_);
  snapshot_ = snapshot;
  loaded_ = now;
  return snapshot_;
}

Result<Catalogue::LabelValues> Catalogue::labels_of(std::string_view metric) {
  const auto querier = TRY(storage_.querier({clock_.now() - kRecent, TimeMs::max()}));
  const Matcher matcher = Matcher::equal(kMetricName, metric);
  const auto set = TRY(querier->select({&matcher, 1}));
  LabelValues out;
  while (set->next()) {
    for (const LabelView label : set->labels()) {
      if (label.name == kMetricName) continue;
      auto found = out.find(label.name);
      if (found == out.end()) found = out.emplace(label.name, std::set<std::string>()).first;
      found->second.emplace(label.value);
    }
  }
  return out;
}

}  // namespace prom5::catalogue
