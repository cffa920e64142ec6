#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/mutex.h"
#include "io/file/file_system.h"
#include "query/query_stats.h"

namespace prom5::query {

/// Who asked, for the log; empty fields where the question did not come over HTTP.
struct QueryOrigin {
  std::string client;  ///< "127.0.0.1"
  std::string method;
  std::string path;
};

/// One line of JSON for each query that ended, in the form of Prometheus' query_log_file. Any
/// thread. A line that cannot be written is counted and left out; queries go on.
class QueryLog {
 public:
  struct Entry {
    std::string_view text;
    TimeMs start;
    TimeMs end;
    DurationMs step;
    TimeMs ended;
    const QueryStats& stats;
    const QueryOrigin& origin;
    std::string_view error;  ///< empty for a good one
  };

  QueryLog(io::FileSystem& files, MetricRegistry& metrics);

  /// Goes on in the file from now on, made when it is not there; an empty path ends the log. The
  /// same path opens the file anew, for whoever moved it away. Io: nothing has changed.
  Result<void> open(const std::string& path);

  void write(const Entry& entry);

 private:
  io::FileSystem& files_;
  Mutex mutex_;
  std::unique_ptr<io::WritableFile> file_ GUARDED_BY(mutex_);
  std::atomic<bool> on_{false};  // so that queries take no lock when there is no log
  Gauge& enabled_;
  Counter& failures_;
};

}  // namespace prom5::query
