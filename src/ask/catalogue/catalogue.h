#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/storage.h"

namespace prom5::catalogue {

/// What can be asked about, learned from the live storage: metric names with type and help, and
/// the labels of each. Kept for a few seconds. Any thread.
class Catalogue {
 public:
  Catalogue(Storage& storage, const Clock& clock) : storage_(storage), clock_(clock) {}

  struct Metric {
    std::string name;
    MetricType type = MetricType::Unknown;
    std::string help;
  };
  struct Snapshot {
    std::vector<Metric> metrics;  ///< by name
    [[nodiscard]] const Metric* find(std::string_view name) const;
  };
  Result<std::shared_ptr<const Snapshot>> snapshot();

  /// Label names of a metric's series, each with its values.
  using LabelValues = std::map<std::string, std::set<std::string>, std::less<>>;
  Result<LabelValues> labels_of(std::string_view metric);

 private:
  Storage& storage_;
  const Clock& clock_;
  Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ GUARDED_BY(mutex_);  // shared with questions under way
  TimeMs loaded_ GUARDED_BY(mutex_) = TimeMs{0};
};

/// The type that a metric's name tells when its exporter does not.
MetricType guess_type(std::string_view name);

}  // namespace prom5::catalogue
