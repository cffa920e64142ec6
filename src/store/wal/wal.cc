#include "store/wal/wal.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "store/wal/segment.h"

namespace prom5::wal {

Result<std::unique_ptr<WalWriter>> WalWriter::open(io::FileSystem& files, std::string directory,
                                                   Options options) {
  std::unique_ptr<WalWriter> out(new WalWriter(files, std::move(directory), options));
  const MutexLock lock(out->mutex_);
  for (const uint64_t number : TRY(list_segments(files, out->directory_))) {
    const std::string path = out->directory_ + "/" + segment_name(number);
    out->segments_.push_back({number, TRY(files.size(path))});
  }
  // Always a new segment: the end of the old one may be torn.
  TRY(out->start_segment());
  return out;
}

Result<void> WalWriter::start_segment() {
  // What was appended to the old segment must be durable before it is let go of: a later sync
  // reaches the new one only.
  if (file_ && !broken_) {
    if (auto synced = file_->sync(); !synced) {
      lose(durable_);
      return fail_at("wal", synced.error());
    }
    durable_ = written_;
  }
  const uint64_t number = segments_.empty() ? 1 : segments_.back().number + 1;
  auto file = TRY(files_.open_append(directory_ + "/" + segment_name(number)));
  TRY(files_.sync_directory(directory_));
  file_ = std::move(file);
  segments_.push_back({number, 0});
  broken_ = false;
  return {};
}

Result<void> WalWriter::append(const Batch& batch) {
  uint64_t position = 0;
  {
    const MutexLock lock(mutex_);
    if (broken_ || segments_.back().bytes >= options_.segment_bytes) TRY(start_segment());
    TRY(write(batch));
    position = written_;
  }
  if (options_.sync == Sync::EveryCommit) TRY(sync_up_to(position));
  return {};
}

Result<void> WalWriter::write(const Batch& batch) {
  Segment& segment = segments_.back();
  const std::string definitions = batch.definitions(segment.number);
  if (const size_t longest = std::max(definitions.size(), batch.payload.size());
      longest > options_.max_record_bytes) {
    return fail(ErrorCode::LimitExceeded, "wal: a record of {} bytes", longest);
  }
  std::string records;
  records.reserve(2 * definitions.size() + batch.payload.size() + 3 * kHeaderBytes);
  // Twice: other records need it, and damage to one record shall cost no other.
  const auto end = [&] { return Position{segment.number, segment.bytes + records.size()}; };
  for (int copy = 0; copy < 2 && !definitions.empty(); ++copy) {
    encode(definitions, end(), records);
  }
  encode(batch.payload, end(), records);
  if (auto written = file_->append(records); !written) {
    // Part of it may be in the file. Cut it off; where even that fails, go on in a new segment,
    // since a reader skips the torn end.
    if (!file_->truncate(segment.bytes)) broken_ = true;
    return fail_at("wal", written.error());
  }
  segment.bytes += records.size();
  written_ += records.size();
  batch.written(segment.number);
  return {};
}

/// After a failed fsync the kernel may have dropped the pages, and the next fsync of the file may
/// succeed all the same: what it was to cover is given up, and the file is never trusted again.
void WalWriter::lose(uint64_t from) {
  if (!lost_.empty() && lost_.back().to >= from) {
    lost_.back().to = written_;
  } else {
    lost_.push_back({from, written_});
  }
  durable_ = written_;
  broken_ = true;
}

bool WalWriter::is_lost(uint64_t position) const {
  return std::any_of(lost_.begin(), lost_.end(),
                     [&](const Lost& lost) { return position > lost.from && position <= lost.to; });
}

Result<void> WalWriter::sync() {
  uint64_t position = 0;
  {
    const MutexLock lock(mutex_);
    position = written_;
    if (durable_ == position) return {};
  }
  return sync_up_to(position);
}

/// Group commit: one thread syncs for all that wait.
Result<void> WalWriter::sync_up_to(uint64_t position) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (is_lost(position)) {
      return fail(ErrorCode::Io, "wal: the sync that was to cover this batch failed");
    }
    if (durable_ >= position) return {};
    if (syncing_) {
      synced_.wait(lock);
      continue;
    }
    syncing_ = true;
    const uint64_t from = durable_;
    const uint64_t target = written_;
    const std::shared_ptr<io::WritableFile> file = file_;
    lock.unlock();
    const Result<void> result = file->sync();
    lock.lock();
    syncing_ = false;
    synced_.notify_all();
    if (!result) {
      lose(from);
      return fail_at("wal", result.error());
    }
    durable_ = std::max(durable_, target);
  }
}

Result<uint64_t> WalWriter::rotate() {
  const MutexLock lock(mutex_);
  if (segments_.back().bytes > 0 || broken_) TRY(start_segment());
  return segments_.back().number;
}

Result<void> WalWriter::empty(const std::string& path) {
  const auto file = TRY(files_.open_append(path));
  TRY(file->truncate(0));
  return file->sync();
}

Result<void> WalWriter::remove_before(uint64_t first_kept) {
  const MutexLock lock(mutex_);
  const auto sync_removals = [this]() REQUIRES(mutex_) -> Result<void> {
    if (!removed_) return {};
    TRY(files_.sync_directory(directory_));
    removed_ = false;
    return {};
  };
  TRY(sync_removals());  // of a call that failed
  while (segments_.size() > 1 && segments_.front().number < first_kept) {
    const std::string path = directory_ + "/" + segment_name(segments_.front().number);
    const auto removed = files_.remove(path);
    // An operator may have been faster, to make room.
    if (!removed && removed.error().code != ErrorCode::NotFound) {
      // Emptied it holds up no later one, and goes after the next start.
      if (!empty(path)) return removed;
    }
    segments_.erase(segments_.begin());
    removed_ = true;
    // Each before the next: one that came back without a later one might tell of what was deleted.
    TRY(sync_removals());
  }
  return {};
}

uint64_t WalWriter::current_segment() const {
  const MutexLock lock(mutex_);
  return segments_.back().number;
}

uint64_t WalWriter::total_bytes() const {
  const MutexLock lock(mutex_);
  uint64_t total = 0;
  for (const Segment& segment : segments_) total += segment.bytes;
  return total;
}

Result<WalReadStats> read_wal(
    io::FileSystem& files, const std::string& directory,
    const std::function<Result<void>(uint64_t segment, std::string_view payload)>& record) {
  WalReadStats stats;
  for (const uint64_t number : TRY(list_segments(files, directory))) {
    const auto file = files.map(directory + "/" + segment_name(number));
    // The server that writes the log may have been done with it meanwhile.
    if (!file && file.error().code == ErrorCode::NotFound) continue;
    if (!file) return std::unexpected(file.error());
    const std::string_view bytes = (*file)->bytes();
    ++stats.segments;
    size_t at = 0;
    while (at < bytes.size()) {
      const auto payload = intact_record(bytes.substr(at), {number, at});
      if (!payload) {
        const size_t next = find_record(bytes, at + 1, {number, 0});
        ++stats.damaged;
        stats.bytes_skipped += next - at;
        at = next;
        continue;
      }
      if (auto done = record(number, *payload); !done) {
        return fail_at(fmt::format("wal segment {}, offset {}", number, at), done.error());
      }
      ++stats.records;
      at += kHeaderBytes + payload->size();
    }
  }
  return stats;
}

}  // namespace prom5::wal
