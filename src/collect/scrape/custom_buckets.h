#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/histogram.h"
#include "model/labels.h"

namespace prom5::scrape {

/// Makes native histograms with custom buckets of the classic histograms of one target's pages.
/// Each series is told once which histogram it belongs to; then a page is a matter of numbers.
/// One thread. Source: prometheus util/convertnhcb, model/textparse/nhcbparse.go.
class CustomBuckets {
 public:
  /// What a classic series is to its histogram.
  struct Place {
    enum class Role : uint8_t { Bucket, Sum, Count };
    uint32_t group = 0;
    Role role = Role::Bucket;
    double bound = 0;  ///< of a bucket
  };

  /// Where a scraped series of the histogram family `family` belongs; nothing when its name or its
  /// border makes it no part of one.
  std::optional<Place> place_of(const LabelsBuilder& series, const std::string& family);

  void begin_page();
  void take(const Place& place, double value, std::optional<TimeMs> time, TimeMs start);

  /// A histogram as far as its page told.
  struct Group {
    Labels labels;                                   ///< as scraped: the family's name and no "le"
    std::vector<std::pair<double, double>> buckets;  ///< borders and cumulative counts
    std::optional<double> sum;
    std::optional<double> count;
    std::optional<TimeMs> time;
    TimeMs start;         ///< 0 where the samples do not tell
    uint32_t metric = 0;  ///< LineCache::Line::metric of its series
    bool on_page = false;
  };
  void set_metric(uint32_t group, uint32_t metric) { groups_[group].metric = metric; }
  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  /// Forgets the groups that are not `used`. Returns where each of the others is now.
  std::vector<uint32_t> keep(const std::vector<bool>& used);

 private:
  std::vector<Group> groups_;
  std::unordered_map<Labels, uint32_t> by_labels_;
};

/// Nothing when counts fall from a bucket to the next, or there is none.
std::optional<Histogram> to_histogram(const CustomBuckets::Group& group);

}  // namespace prom5::scrape
