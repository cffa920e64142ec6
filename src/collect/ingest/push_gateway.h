#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/codec/json.h"
#include "io/codec/json_writer.h"
#include "io/file/file_system.h"
#include "io/http/message.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace prom5::ingest {

/// Keeps what jobs push that do not live long enough to be scraped, by groups, until it is replaced
/// or deleted; a scrape of its page brings it into the database. It keeps its groups over restarts.
/// Any thread. Source: github.com/prometheus/pushgateway.
class PushGateway {
 public:
  struct Options {
    std::string persistence_file;  ///< empty: nothing is kept
    size_t max_body_bytes = size_t{64} << 20;
    size_t max_groups = 100'000;
  };

  /// Reads the groups of its file. Io or BadData when there is one that cannot be read.
  static Result<std::unique_ptr<PushGateway>> open(Options options, io::FileSystem& files,
                                                   const Clock& clock, MetricRegistry& metrics,
                                                   const Log& log);
  /// Writes the groups.
  ~PushGateway();

  /// PUT, POST and DELETE of a group; `path` is what stands behind "/metrics/", decoded.
  io::HttpResponse handle(const io::HttpRequest& request, std::string_view path);

  /// All groups as a page in the text format.
  [[nodiscard]] std::string page() const;
  /// All groups, as /api/v1/metrics of a Pushgateway tells of them.
  [[nodiscard]] io::HttpResponse api_metrics() const;
  /// Forgets everything.
  void wipe();

 private:
  using Grouping = std::map<std::string, std::string>;

  /// A sample of a family, as its line on a page.
  struct Line {
    std::string name;
    Labels labels;                   ///< without the name
    std::vector<std::string> empty;  ///< labels that are there without a value
    double value = 0;
  };
  struct Family {
    std::string help;
    MetricType type = MetricType::Unknown;
    TimeMs time;
    std::vector<Line> lines;
    bool typed = false;  ///< by a TYPE line
  };
  using Families = std::map<std::string, Family>;
  struct Group {
    Families families;
    TimeMs pushed;
    TimeMs failed;
  };

  PushGateway(Options options, io::FileSystem& files, const Clock& clock, MetricRegistry& metrics,
              const Log& log);
  template <typename Parser>
  static Result<Families> read_families(Parser parser, TimeMs now);
  Result<Families> read_body(const io::HttpRequest& request) const;
  static void add_grouping(const Grouping& grouping, Families& families);
  Result<void> push(const Grouping& grouping, const Result<Families>& pushed, bool replace);
  [[nodiscard]] Result<void> check(const Grouping& grouping, const Families& pushed,
                                   bool replace) const;
  static void shorten_borders(Family& family);
  [[nodiscard]] Families with_times(const Grouping& grouping, const Group& group) const;
  static void write_family(codec::JsonWriter& json, const Family& family);
  void read_group(const Json& entry);
  Result<void> read_file();
  void write_file() const;
  void keep(const std::stop_token& stop);

  const Options options_;
  io::FileSystem& files_;
  const Clock& clock_;
  const Log& log_;
  Counter& pushes_;
  Counter& refused_;
  mutable std::mutex mutex_;
  std::map<Grouping, Group> groups_;
  bool dirty_ = false;
  std::condition_variable_any wake_;
  std::jthread keeping_;
};

}  // namespace prom5::ingest
