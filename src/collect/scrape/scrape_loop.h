#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "collect/scrape/custom_buckets.h"
#include "collect/scrape/line_cache.h"
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

/// What each scrape tells of itself, the first of them always, the others with extra_metrics.
constexpr std::array<std::string_view, 8> kReportSeries = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
};
constexpr size_t kAlwaysReported = 5;

/// " after a redirect to …" for errors; empty where there was none.
std::string after_redirects(const io::HttpClientResponse& response);

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

  /// The target is gone, or another loop goes on with it: ends all its series but those that have
  /// a sample of that time or a later one.
  Result<void> end(TimeMs time);

  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] const ScrapeOptions& options() const { return *options_; }
  [[nodiscard]] TargetStatus status() const EXCLUDES(status_mutex_);

 private:
  using Line = LineCache::Line;

  /// Samples on their way into the batch, and the places of their lines.
  struct Pending {
    std::vector<RefSample> samples;
    std::vector<TimeMs> starts;  ///< of each of the samples, or none
    std::vector<uint32_t> places;
    std::vector<size_t> refused;
    /// Samples of new series of which a later line may tell the start.
    struct Fresh {
      uint32_t place = 0;
      Labels labels;  ///< empty: made of the line
      Sample sample;
      TimeMs start;
    };
    std::vector<Fresh> fresh;
    /// What lines of their own tell of the start of metrics (LineCache::Line::metric).
    std::unordered_map<uint32_t, TimeMs> created;

    void push(const RefSample& sample, TimeMs start, uint32_t place);
    void set_start(size_t i, TimeMs start);
    [[nodiscard]] TimeMs created_of(uint32_t metric) const {
      const auto found = created.find(metric);
      return metric == 0 || found == created.end() ? kNoStart : found->second;
    }
  };
  /// A histogram with custom buckets, which stands in no line of its own.
  struct CustomSeries {
    SeriesRef ref = 0;
    Labels labels;
    bool known = false;    ///< what its labels are
    bool on_page = false;  ///< the newest one
    bool timed = false;    ///< as of a Line
  };
  struct Counts {
    uint64_t scraped = 0;
    uint64_t kept = 0;
    uint64_t added = 0;
    size_t bytes = 0;        ///< of the decoded page
    bool too_large = false;  ///< it was cut off for its size
  };

  /// `counts` is right for a refused page too.
  Result<void> append_page(const io::HttpClientResponse& response, TimeMs time, Appender& appender,
                           Counts& counts);
  /// A page on its way into the batch. `Parser` is TextParser or ProtobufParser.
  template <typename Parser>
  struct Page;
  template <typename Parser>
  Result<void> read_page(Page<Parser>& page);
  template <typename Parser>
  Result<void> take_family(Page<Parser>& page);
  template <typename Parser>
  Result<void> take_sample(Page<Parser>& page, typename Parser::Entry entry);
  template <typename Parser>
  Result<uint32_t> find_or_add(Page<Parser>& page);
  template <typename Parser>
  Result<void> store_sample(Page<Parser>& page, uint32_t place, typename Parser::Entry entry,
                            bool repeated);
  template <typename Parser>
  Result<void> append_exemplars(Page<Parser>& page, uint32_t place, typename Parser::Entry entry);
  Result<void> append_custom_buckets(TimeMs time, const Pending& pending, Appender& appender,
                                     Counts& counts);
  Result<void> append_pending(Pending& pending, Appender& appender);
  /// `append` takes a reference and labels, which are empty while the reference will do.
  template <typename Append>
  Result<void> append_line(Line& line, Append append);
  Result<void> append_sample(Line& line, const Sample& sample, TimeMs start, Appender& appender);
  Result<void> append_histogram(Line& line, TimeMs time, const Histogram& histogram, TimeMs start,
                                Appender& appender);
  void take_created(Pending& pending);
  /// Takes what came of an append: refused samples are counted, and the rest goes on.
  Result<void> settle(SeriesRef& ref, const Result<SeriesRef>& appended);
  Result<Histogram> within_bucket_limits(const Histogram& histogram) const;
  Result<Labels> final_labels(LabelsBuilder& scraped, const std::vector<std::string>& empty) const;
  Result<Labels> labels_of(const Line& line) const;
  static void add_schema(uint32_t schema, const exposition::PageFamily& family,
                         LabelsBuilder& labels, Line& line);
  /// Whether the line has the labels of type and unit that the page gives it now.
  [[nodiscard]] bool is_of_schema(uint32_t place, uint32_t schema) {
    return LineCache::schema(cache_.line(place)) == schema;
  }
  Result<void> check_limits(const Labels& labels) const;
  [[nodiscard]] Result<void> check_length(std::string_view series) const;
  void keep_page(bool refused);
  void forget_groups();
  void mark_stale(TimeMs time, Appender& appender);
  Result<void> report(const Outcome& outcome, const Counts& counts, bool up, Appender& appender);
  Result<void> append_report(size_t series, const Sample& sample, Appender& appender);
  void set_status(const Outcome& outcome, const Counts& counts, std::string error)
      EXCLUDES(status_mutex_);

  const Target target_;
  const std::shared_ptr<const ScrapeOptions> options_;  // shared by the loops of one pool
  Storage& storage_;
  ScrapeMetrics& metrics_;

  bool ending_ = false;
  LineCache cache_;
  CustomBuckets custom_buckets_;
  std::vector<CustomSeries> custom_series_;  ///< by group
  std::array<SeriesRef, kReportSeries.size()> report_refs_{};

  mutable Mutex status_mutex_;
  TargetStatus status_ GUARDED_BY(status_mutex_);
};

}  // namespace prom5::scrape
