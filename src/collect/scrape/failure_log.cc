#include "collect/scrape/failure_log.h"

#include "io/codec/json_writer.h"

namespace prom5::scrape {

void FailureLog::write(const std::string& file, TimeMs time, const std::string& job,
                       const std::string& url, const std::string& error) {
  std::string line;
  codec::JsonWriter(line)
      .begin_object()
      .field("time", format_rfc3339(time))
      .field("level", "ERROR")
      .field("msg", error)
      .field("job_name", job)
      .field("target", url)
      .end_object();
  line += '\n';
  const MutexLock lock(mutex_);
  auto& open = open_[file];
  if (open == nullptr) {
    auto opened = files_.open_append(file);
    if (!opened) return;  // a log that cannot be written must not stop the scrapes
    open = *std::move(opened);
  }
  (void)open->append(line);
}

void FailureLog::reopen() {
  const MutexLock lock(mutex_);
  open_.clear();
}

}  // namespace prom5::scrape
