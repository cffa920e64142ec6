#include "query/query_log.h"

#include "base/loop_turn.h"
#include "io/codec/json_writer.h"

namespace prom5::query {

QueryLog::QueryLog(io::FileSystem& files, MetricRegistry& metrics)
    : files_(files),
      enabled_(metrics.gauge("prometheus_engine_query_log_enabled",
                             "State of the query log: 1 while there is one.")),
      failures_(metrics.counter("prometheus_engine_query_log_failures_total",
                                "The number of query log failures.")) {}

Result<void> QueryLog::open(const std::string& path) {
  std::unique_ptr<io::WritableFile> file;
  if (!path.empty()) {
    auto opened = files_.open_append(path);
    if (!opened) return fail(ErrorCode::Io, "query_log_file: {}", opened.error().message);
    file = *std::move(opened);
  }
  const MutexLock lock(mutex_);
  file_ = std::move(file);
  on_ = file_ != nullptr;
  enabled_.set(on_ ? 1 : 0);
  return {};
}

void QueryLog::write(const Entry& entry) {
  if (!on_) return;
  std::string line;
  codec::JsonWriter json(line);
  json.begin_object()
      .field("time", format_rfc3339(entry.ended))
      .field("level", "INFO")
      .field("msg", "promql query logged");
  json.key("params").begin_object();
  json.field("query", entry.text)
      .field("start", format_rfc3339(entry.start))
      .field("end", format_rfc3339(entry.end));
  json.key("step").integer(entry.step.ms / 1000).end_object();
  if (!entry.error.empty()) json.field("error", entry.error);
  json.key("stats");
  write_stats(json, entry.stats);
  if (!entry.origin.path.empty()) {
    json.key("httpRequest").begin_object();
    json.field("clientIP", entry.origin.client)
        .field("method", entry.origin.method)
        .field("path", entry.origin.path)
        .end_object();
  }
  json.end_object();
  line += '\n';
  leave_event_loop();
  const MutexLock lock(mutex_);
  if (file_ != nullptr && !file_->append(line)) failures_.add();
}

}  // namespace prom5::query
