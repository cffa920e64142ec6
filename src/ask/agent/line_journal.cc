#include "ask/agent/line_journal.h"

#include <charconv>

#include "io/codec/crc32c.h"

namespace prom5::agent {

namespace {

constexpr size_t kPrefix = 9;
/// What may be of no use before it is worth a rewrite.
constexpr uint64_t kSlack = uint64_t{1} << 20;
/// Larger files are not ours: the stores keep 16 MiB, and a journal is rewritten at twice that.
constexpr uint64_t kLargestFile = uint64_t{256} << 20;
/// A broken journal is tried again after so many records, as a full disk stays full for a while.
constexpr uint64_t kRetryAfter = 100;

std::string line_of(const Json& record) {
  const std::string json = codec::dump_json(record);
  return fmt::format("{:08x} {}\n", codec::crc32c(json), json);
}

/// The record of a line without its end; nothing for a damaged one.
std::optional<Json> record_of(std::string_view line) {
  if (line.size() < kPrefix || line[kPrefix - 1] != ' ') return std::nullopt;
  uint32_t checksum = 0;
  const char* end = line.data() + kPrefix - 1;
  const auto [read, error] = std::from_chars(line.data(), end, checksum, 16);
  const std::string_view json = line.substr(kPrefix);
  if (error != std::errc() || read != end || codec::crc32c(json) != checksum) return std::nullopt;
  auto record = codec::parse_json(json);
  if (!record || !record->is_object()) return std::nullopt;
  return *std::move(record);
}

}  // namespace

LineJournal::LineJournal(const JournalServices& services, std::string directory, std::string name,
                         const Take& take)
    : services_(services),
      directory_(std::move(directory)),
      name_(std::move(name)),
      errors_(services.metrics.counter(
          "prom5_assistant_journal_errors_total",
          "Errors with the files that keep conversations and feedback, damage included.",
          {{"file", name_}})) {
  if (const auto made = services_.files.make_directories(directory_); !made) {
    complain("a file of the assistant cannot be kept", made.error());
    return;
  }
  read(take);
  open();
}

LineJournal::~LineJournal() {
  if (file_ == nullptr) return;
  if (const auto synced = file_->sync(); !synced) {
    complain("a file of the assistant may lose its end", synced.error());
  }
}

void LineJournal::complain(std::string_view message, const Error& error) {
  errors_.add();
  services_.log.warn(message, {{"file", path()}, {"error", error.message}});
}

bool LineJournal::open() {
  auto opened = services_.files.open_append(path());
  if (!opened) {
    complain("a file of the assistant cannot be kept", opened.error());
    return false;
  }
  file_ = *std::move(opened);
  if (const auto synced = services_.files.sync_directory(directory_); !synced) {
    complain("a file of the assistant may not outlive a power cut", synced.error());
  }
  return true;
}

void LineJournal::read(const Take& take) {
  const auto size = services_.files.size(path());
  if (!size && size.error().code == ErrorCode::NotFound) return;
  auto whole = size && *size <= kLargestFile
                   ? services_.files.read(path())
                   : Result<std::string>(fail(ErrorCode::Corruption, "it is too large"));
  if (!whole) {
    complain("a file of the assistant cannot be read and is set aside", whole.error());
    const auto moved = services_.files.rename(path(), path() + ".damaged");
    if (!moved) complain("a file of the assistant cannot be set aside", moved.error());
    return;
  }
  std::string good;
  bool damaged = false;
  for (size_t at = 0; at < whole->size();) {
    const size_t end = whole->find('\n', at);
    const bool last = end == std::string::npos || end + 1 == whole->size();
    const std::string_view line = std::string_view(*whole).substr(
        at, end == std::string::npos ? std::string::npos : end - at);
    const auto record = end == std::string::npos ? std::nullopt : record_of(line);
    if (record) {
      good.append(line).push_back('\n');
      take(*record);
    } else {
      damaged = damaged || !last;
    }
    at = end == std::string::npos ? whole->size() : end + 1;
  }
  bytes_ = good.size();
  if (good.size() != whole->size()) {
    if (damaged) set_aside(*whole, good);
    const auto written = services_.files.write_atomically(path(), good);
    if (!written) complain("a file of the assistant cannot be mended", written.error());
  }
}

void LineJournal::set_aside(const std::string& whole, const std::string& good) {
  complain("a file of the assistant is damaged; what can be read of it is used",
           {ErrorCode::Corruption, fmt::format("{} of {} bytes are lost; all are in {}.damaged",
                                               whole.size() - good.size(), whole.size(), path())});
  const auto kept = services_.files.write_atomically(path() + ".damaged", whole);
  if (!kept) complain("a damaged file of the assistant cannot be kept", kept.error());
}

void LineJournal::append(const Json& record) {
  if (file_ == nullptr) {
    ++skipped_;
    return;
  }
  const std::string line = line_of(record);
  const auto done = file_->append(line);
  if (done) {
    bytes_ += line.size();
    return;
  }
  complain("a file of the assistant cannot be written", done.error());
  // Half a line would damage what comes behind it.
  if (!file_->truncate(bytes_)) file_ = nullptr;
}

bool LineJournal::wants_rewrite(uint64_t live_bytes) const {
  if (file_ == nullptr) return skipped_ >= kRetryAfter;
  return bytes_ > 2 * live_bytes + kSlack;
}

void LineJournal::rewrite(const std::function<void(const Take& put)>& records) {
  std::string whole;
  records([&](const Json& record) { whole += line_of(record); });
  file_ = nullptr;
  skipped_ = 0;
  if (const auto written = services_.files.write_atomically(path(), whole); !written) {
    complain("a file of the assistant cannot be written", written.error());
    return;
  }
  bytes_ = whole.size();
  open();
}

}  // namespace prom5::agent
