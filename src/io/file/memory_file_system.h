#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/rng.h"
#include "io/file/file_system.h"

namespace prom5::io {

/// Files in memory that remember which bytes were synced, for tests. Directories exist as soon as
/// they are made. Any thread.
class MemoryFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override;
  Result<std::string> read(const std::string& path) override;
  Result<std::string> read_at(const std::string& path, uint64_t offset, size_t max_bytes) override;
  Result<uint64_t> size(const std::string& path) override;
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
  Result<std::shared_ptr<const MappedFile>> map(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& /*path*/) override { return UINT64_MAX; }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  /// Replaces a file's bytes as a damaged disk would; the file must exist.
  void corrupt(const std::string& path, std::function<void(std::string& bytes)> change);

 protected:
  struct File {
    std::string bytes;
    size_t synced = 0;         ///< bytes that a power cut leaves alone
    bool name_synced = false;  ///< whether the directory entry is durable
  };
  friend class MemoryWritableFile;

  /// Called before every change; an error is returned to the caller instead of the change, of which
  /// a write may leave a part.
  virtual Result<void> before(std::string_view /*operation*/, const std::string& /*path*/) {
    return {};
  }
  /// The same before everything that only looks.
  virtual Result<void> before_reading(std::string_view /*op*/, const std::string& /*path*/) {
    return {};
  }

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_ GUARDED_BY(mutex_);
  std::set<std::string> locks_ GUARDED_BY(mutex_);
};

/// Fails on demand and forgets unsynced bytes: what a disk and a power cut do.
class FaultyFileSystem : public MemoryFileSystem {
 public:
  /// The n-th change from now (from 1) and all after it fail with Io; 0: nothing fails.
  void fail_from(uint64_t n);
  /// How many changes were asked for so far.
  [[nodiscard]] uint64_t changes() const { return changes_; }

  /// The n-th call from now (from 1), of those that change and those that read, fails with Io.
  void fail_call(uint64_t n) { fail_call_at_ = calls_ + n; }
  /// How many calls there were so far.
  [[nodiscard]] uint64_t calls() const { return calls_; }

  /// Of every file an arbitrary part of the unsynced tail is lost, at 512-byte granularity; files
  /// whose name was not synced may vanish. Deterministic for one seed.
  void power_cut(uint64_t seed);

 private:
  Result<void> before(std::string_view operation, const std::string& path) override;
  Result<void> before_reading(std::string_view operation, const std::string& path) override;

  std::atomic<uint64_t> changes_{0};
  std::atomic<uint64_t> fail_at_{0};
  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> fail_call_at_{0};
};

}  // namespace prom5::io
