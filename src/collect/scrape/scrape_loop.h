#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "collect/scrape/target.h"
#include "model/exposition/text_parser.h"
#include "store/storage.h"

namespace prom5::scrape {

/// What a target's page and API show of it.
struct TargetStatus {
  std::string job;
  Target target;
  std::string health = "unknown";  ///< "up", "down" or "unknown"
  std::string last_error;
  TimeMs last_scrape{};  ///< 0 before the first
  double last_duration_seconds = 0;
};

/// Counters that all loops share.
struct ScrapeMetrics {
  explicit ScrapeMetrics(MetricRegistry& metrics);

  Counter& scrapes;
  Counter& failures;
  Counter& body_too_large;
  Counter& sample_limit;
  Counter& duplicates;
  Counter& out_of_order;
};

/// Turns the pages of one target into batches: remembers which line is which series, marks series
/// that went away as stale, adds `up` and the scrape's own samples. One page at a time; status()
/// from any thread.
class ScrapeLoop {
 public:
  ScrapeLoop(Target target, std::shared_ptr<const ScrapeOptions> options, Storage& storage,
             ScrapeMetrics& metrics);

  /// What came of one scrape.
  struct Outcome {
    TimeMs time;  ///< of the samples
    double duration_seconds = 0;
    Result<io::HttpClientResponse> response;
  };
  /// Stores it as one batch. Io: nothing was stored.
  Result<void> take(Outcome outcome);

  /// The target is gone: ends all its series.
  Result<void> end(TimeMs time);

  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] const ScrapeOptions& options() const { return *options_; }
  [[nodiscard]] TargetStatus status() const EXCLUDES(status_mutex_);

 private:
  /// A series of the target, by the text that names it on the page.
  struct CachedSeries {
    SeriesRef ref = 0;
    Labels labels;       ///< empty: dropped by relabelling
    uint64_t seen = 0;   ///< the scrape it was last in
    uint64_t born = 0;   ///< the scrape it was first in
    uint32_t place = 0;  ///< on the page it was last on
    bool timed = false;  ///< carries its own timestamps, so its end is not ours to tell
  };
  using SeriesMap = std::unordered_map<std::string, CachedSeries>;
  using SeriesEntry = SeriesMap::value_type;

  /// Samples on their way into the batch, and whose they are.
  struct Pending {
    std::vector<RefSample> samples;
    std::vector<CachedSeries*> series;
    std::vector<size_t> refused;
  };

  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Counts {
    uint64_t scraped = 0;
    uint64_t kept = 0;
    uint64_t added = 0;
  };

  /// `counts` is right for a refused page too.
  /// `before` is the page before, where it was good.
  Result<void> append_page(const io::HttpClientResponse& response, TimeMs time,
                           std::span<SeriesEntry* const> before, Appender& appender,
                           Counts& counts);
  Result<SeriesEntry*> find_or_add(std::string_view text, const exposition::TextParser& parser,
                                   const Metadata& metadata, Counts& counts);
  Result<void> append_pending(Pending& pending, Appender& appender);
  Result<void> append_sample(CachedSeries& series, const Sample& sample, Appender& appender);
  Result<Labels> final_labels(LabelsBuilder& scraped, const std::vector<std::string>& empty) const;
  Result<void> check_limits(const Labels& labels) const;
  void forget_ended();
  void mark_stale(TimeMs time, Appender& appender);
  Result<void> report(const Outcome& outcome, const Counts& counts, bool up, Appender& appender);
  void set_status(const Outcome& outcome, std::string error) EXCLUDES(status_mutex_);
  /// A family as it is known after a line about it, and whether that said something new.
  struct NotedFamily {
    const std::string& name;
    const Metadata& metadata;
    bool fresh = false;
  };
  NotedFamily note_family(const exposition::TextParser& parser,
                          exposition::TextParser::Entry entry);

  const Target target_;
  const std::shared_ptr<const ScrapeOptions> options_;  // shared by the loops of one pool
  Storage& storage_;
  ScrapeMetrics& metrics_;

  uint64_t scrape_number_ = 0;
  SeriesMap series_;
  std::vector<SeriesEntry*> order_;  ///< of the newest page; empty when it was refused
  std::unordered_map<std::string, Metadata, StringHash, std::equal_to<>> families_;
  std::unordered_map<std::string, CachedSeries> report_series_;

  mutable Mutex status_mutex_;
  TargetStatus status_ GUARDED_BY(status_mutex_);
};

}  // namespace prom5::scrape
