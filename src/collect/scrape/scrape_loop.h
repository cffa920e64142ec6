#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "collect/scrape/custom_buckets.h"
#include "collect/scrape/target.h"
#include "model/exposition/protobuf_parser.h"
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
  size_t last_samples = 0;  ///< on the page
  size_t last_bytes = 0;    ///< of the page, decoded
};

/// Counters that all loops share.
struct ScrapeMetrics {
  explicit ScrapeMetrics(MetricRegistry& metrics);

  Counter& scrapes;
  Counter& failures;
  Counter& body_too_large;
  Counter& sample_limit;
  Counter& label_limits;
  Counter& native_bucket_limit;
  Counter& duplicates;
  Counter& out_of_order;
  Counter& out_of_bounds;
  Counter& exemplars_out_of_order;
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
    bool histogram = false;
    bool only_buckets = false;  ///< stored as a part of a histogram with custom buckets alone
    std::optional<CustomBuckets::Place> bucket;  ///< what it is of one of those
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
  /// What is known of a metric family, and the scrape it was last on.
  struct Family {
    Metadata metadata;
    uint64_t seen = 0;
    bool told = false;  ///< to the storage
  };
  using FamilyMap = std::unordered_map<std::string, Family, StringHash, std::equal_to<>>;
  using FamilyEntry = FamilyMap::value_type;
  struct Counts {
    uint64_t scraped = 0;
    uint64_t kept = 0;
    uint64_t added = 0;
    size_t bytes = 0;        ///< of the decoded page
    bool too_large = false;  ///< it was cut off for its size
  };

  /// `counts` is right for a refused page too.
  /// `before` is the page before, where it was good.
  Result<void> append_page(const io::HttpClientResponse& response, TimeMs time,
                           std::span<SeriesEntry* const> before, Appender& appender,
                           Counts& counts);
  /// A page on its way into the batch. `Parser` is TextParser or ProtobufParser.
  template <typename Parser>
  struct Page;
  template <typename Parser>
  Result<void> read_page(Page<Parser>& page);
  template <typename Parser>
  Result<void> note_family(Page<Parser>& page, typename Parser::Entry entry);
  template <typename Parser>
  Result<void> take_sample(Page<Parser>& page, typename Parser::Entry entry);
  template <typename Parser>
  Result<SeriesEntry*> find_or_add(Page<Parser>& page);
  template <typename Parser>
  Result<void> store_sample(Page<Parser>& page, CachedSeries& series, typename Parser::Entry entry,
                            bool repeated);
  template <typename Parser>
  Result<void> append_exemplars(Page<Parser>& page, const CachedSeries& series,
                                typename Parser::Entry entry);
  Result<void> append_custom_buckets(TimeMs time, Appender& appender, Counts& counts);
  Result<void> append_pending(Pending& pending, Appender& appender);
  Result<void> append_sample(CachedSeries& series, const Sample& sample, Appender& appender);
  Result<void> append_histogram(CachedSeries& series, TimeMs time, const Histogram& histogram,
                                Appender& appender);
  /// Takes what came of an append: refused samples are counted, and the rest goes on.
  Result<void> settle(CachedSeries& series, const Result<SeriesRef>& appended);
  Result<Histogram> within_bucket_limits(const Histogram& histogram) const;
  Result<Labels> final_labels(LabelsBuilder& scraped, const std::vector<std::string>& empty) const;
  Result<void> check_limits(const Labels& labels) const;
  [[nodiscard]] Result<void> check_length(std::string_view series) const;
  void forget_ended();
  void mark_stale(TimeMs time, Appender& appender);
  Result<void> report(const Outcome& outcome, const Counts& counts, bool up, Appender& appender);
  void set_status(const Outcome& outcome, const Counts& counts, std::string error)
      EXCLUDES(status_mutex_);
  const Target target_;
  const std::shared_ptr<const ScrapeOptions> options_;  // shared by the loops of one pool
  Storage& storage_;
  ScrapeMetrics& metrics_;

  uint64_t scrape_number_ = 0;
  SeriesMap series_;
  std::vector<SeriesEntry*> order_;  ///< of the newest page; empty when it was refused
  FamilyMap families_;
  std::unordered_map<std::string, CachedSeries> report_series_;
  CustomBuckets custom_buckets_;
  std::vector<CachedSeries> custom_series_;  ///< by group

  mutable Mutex status_mutex_;
  TargetStatus status_ GUARDED_BY(status_mutex_);
};

}  // namespace prom5::scrape
