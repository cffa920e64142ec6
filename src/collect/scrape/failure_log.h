#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/time.h"
#include "io/file/file_system.h"

namespace prom5::scrape {

/// Writes failed scrapes into the files that scrape_failure_log_file names, a JSON object a line.
/// Any thread.
class FailureLog {
 public:
  void write(const std::string& file, TimeMs time, const std::string& job, const std::string& url,
             const std::string& error) EXCLUDES(mutex_);
  /// Opens all files anew with the next line, so that they can be rotated.
  void reopen() EXCLUDES(mutex_);

 private:
  io::PosixFileSystem files_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<io::WritableFile>> open_ GUARDED_BY(mutex_);
};

}  // namespace prom5::scrape
