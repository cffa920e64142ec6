#pragma once

// A journal is a file of lines, one record each:
//
//   8 bytes   CRC-32C of the JSON, in lower-case hex digits
//   1 byte    ' '
//   n bytes   a JSON object
//   1 byte    '\n'
//
// Records are only ever appended. A last line without its end, or with a wrong checksum, is what a
// crash leaves of an append and is cut off. A wrong line before others is damage: the file is kept
// beside as NAME.damaged, and a new one is written from the good lines.

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "io/codec/json.h"
#include "io/file/file_system.h"

namespace prom5::agent {

struct JournalServices {
  io::FileSystem& files;
  MetricRegistry& metrics;
  const Log& log;
};

/// Appends small records to a file and reads them back at the next start. Nothing that is wrong
/// with the file keeps a server from starting or a question from being answered: it is logged and
/// counted in prom5_assistant_journal_errors_total. An append is not synced, so a power cut may
/// take the last ones; the end of the process does not. One thread at a time.
class LineJournal {
 public:
  using Take = std::function<void(const Json& record)>;

  /// Gives every record that is there to `take`, in order.
  LineJournal(const JournalServices& services, std::string directory, std::string name,
              const Take& take);
  ~LineJournal();
  LineJournal(const LineJournal&) = delete;
  LineJournal& operator=(const LineJournal&) = delete;

  /// After an error of the disk nothing is written until rewrite() has worked.
  void append(const Json& record);
  /// Whether rewrite() should be called, now that so many bytes of it are still of use.
  [[nodiscard]] bool wants_rewrite(uint64_t live_bytes) const;
  /// Replaces all records.
  void rewrite(const std::function<void(const Take& put)>& records);

 private:
  [[nodiscard]] std::string path() const { return directory_ + "/" + name_; }
  void read(const Take& take);
  void set_aside(const std::string& whole, const std::string& good);
  void complain(std::string_view message, const Error& error);
  bool open();

  const JournalServices services_;
  const std::string directory_;
  const std::string name_;
  Counter& errors_;
  std::unique_ptr<io::WritableFile> file_;  // null: broken
  uint64_t bytes_ = 0;
  uint64_t skipped_ = 0;  // records, since it broke
};

}  // namespace prom5::agent
