#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ask/catalogue/lexicon.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "store/storage.h"

namespace prom5::catalogue {

struct Recipe;

/// A label of a metric's series and the values it takes.
struct LabelInfo {
  std::string name;
  std::vector<std::string> values;  ///< ascending; the first kMaxValues where there are more
  bool cut = false;
};

struct Metric {
  std::string name;
  MetricType type = MetricType::Unknown;
  std::string help;
  std::string unit;
  size_t series = 0;
  std::vector<LabelInfo> labels;   ///< by name, without the metric's name
  std::vector<std::string> words;  ///< of its name, in the lexicon's form

  [[nodiscard]] const LabelInfo* label(std::string_view name) const;
  /// Whether a series has, or where not all values are known may have, this label and value.
  [[nodiscard]] bool has(std::string_view label, std::string_view value) const;
};

/// A label and one of its values.
struct Place {
  std::string label;
  std::string value;

  friend bool operator==(const Place&, const Place&) = default;
};

/// What can be asked about at one time. Immutable.
class Snapshot {
 public:
  static constexpr size_t kMaxValues = 5000;

  [[nodiscard]] std::span<const Metric> metrics() const { return metrics_; }
  [[nodiscard]] const Metric* find(std::string_view name) const;
  /// The metrics with a word, in the lexicon's form, in name or help.
  [[nodiscard]] std::span<const uint32_t> with_word(std::string_view word) const;
  /// The label values that a text may name, `folded` by fold(): "web01" of instance="web-01:9100".
  [[nodiscard]] std::span<const Place> places(std::string_view folded) const;
  /// All folded names of values, for those who look for the nearest.
  [[nodiscard]] const std::unordered_map<std::string, std::vector<Place>>& names() const {
    return places_;
  }
  [[nodiscard]] bool has_label(std::string_view name) const { return labels_.contains(name); }
  /// Whether names of things begin with this, folded, before a "-" or "_": "web" for "web-01".
  [[nodiscard]] bool leads(const std::string& folded) const { return leads_.contains(folded); }

 private:
  friend class SnapshotBuilder;

  std::vector<Metric> metrics_;  // by name
  std::unordered_map<std::string_view, uint32_t> by_name_;
  std::map<std::string, std::vector<uint32_t>, std::less<>> by_word_;
  std::unordered_map<std::string, std::vector<Place>> places_;
  std::unordered_set<std::string> leads_;
  std::map<std::string, size_t, std::less<>> labels_;
};

/// Letters and digits in lower case, nothing else: as a name is recognised however it is written.
std::string fold(std::string_view text);

/// The family that a histogram's or summary's series belong to: without _bucket, _count or _sum.
std::string_view family_of(std::string_view name);

/// The type that a metric's name tells when its exporter does not.
MetricType guess_type(std::string_view name);

/// Learns from the live storage what can be asked about: metrics with type, unit and help, their
/// labels and values. What is older than half a minute is brought up to date in the background
/// while it still serves (a quarter of an hour at most), so that a question waits for the first
/// time only. Any thread.
class Catalogue {
 public:
  Catalogue(Storage& storage, const Lexicon& lexicon, const Clock& clock);
  ~Catalogue();

  /// Of the day before `at`. Errors: those of the storage.
  Result<std::shared_ptr<const Snapshot>> snapshot(TimeMs at);
  /// The same, learned now unless that was done in the last seconds: for what was not found.
  Result<std::shared_ptr<const Snapshot>> fresh_snapshot(TimeMs at);

 private:
  struct Entry {
    TimeMs at;                                 // of the question it was made for
    TimeMs loaded;                             // by the clock
    std::shared_ptr<const Snapshot> snapshot;  // shared with questions under way
  };
  static constexpr size_t kMaxEntries = 3;

  Result<std::shared_ptr<const Snapshot>> learn(TimeMs at);
  std::shared_ptr<const Snapshot> known(TimeMs at, DurationMs fresh_for);
  void run(const std::stop_token& stop) NO_THREAD_SAFETY_ANALYSIS;

  Storage& storage_;
  const Lexicon& lexicon_;
  const Clock& clock_;
  Mutex learning_;  // held while learning, so that questions that come together wait for one
  Mutex mutex_;
  std::vector<Entry> entries_ GUARDED_BY(mutex_);  // most recently used first
  bool refresh_wanted_ GUARDED_BY(mutex_) = false;
  TimeMs refresh_at_ GUARDED_BY(mutex_);
  std::condition_variable_any wake_;
  std::jthread worker_;
};

/// Whether the server has all that a recipe needs.
bool is_available(const Recipe& recipe, const Snapshot& snapshot);

}  // namespace prom5::catalogue
