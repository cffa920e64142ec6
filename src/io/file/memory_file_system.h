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

// What a power cut may leave of files and names
//
// Bytes: those that a file's sync() covered stay. Of what was appended since, sectors (512 bytes or
// 4 KiB) are there or are zeros, each by itself, and the file may end anywhere behind the synced
// bytes.
//
// Names: each change of a directory that no sync_directory() of it covered may be lost: the name
// of a new file is gone again, a removed file is back, a rename is undone.
//   1. Changes of one name reach the disk in the order in which they were made: what is left of a
//      name is what it was after some of them, counted from the first.
//   2. Changes of different names reach it in any order.
//   3. A rename within a directory is one change: the file has the old name or the new one. One
//      from a directory to another is two: it may have both names afterwards, or none.
//   4. To sync a file does not sync its name.
// That is the abstract persistence model of Pillai et al., "All File Systems Are Not Created Equal"
// (OSDI 2014), with what POSIX leaves open; ext4 and XFS, whose journals keep changes in order,
// allow less. Directories outlive a power cut as soon as they are made, as make_directories()
// promises.

/// Files in memory that remember which bytes and names were synced, for tests. Directories exist
/// as soon as they are made. Any thread.
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
    size_t synced = 0;  ///< bytes that a power cut leaves alone
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;
  /// What names become at once; null: gone.
  using Change = std::vector<std::pair<std::string, std::shared_ptr<File>>>;
  friend class MemoryWritableFile;

  static void apply(const Change& change, Names& names);
  void make(Change change) REQUIRES(mutex_);

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
  Names files_ GUARDED_BY(mutex_);
  Names durable_ GUARDED_BY(mutex_);                 ///< the names that are on the disk for certain
  std::vector<Change> unsynced_ GUARDED_BY(mutex_);  ///< since then, in their order
  std::set<std::string> locks_ GUARDED_BY(mutex_);
};

/// Fails on demand and forgets unsynced bytes: what a disk and a power cut do.
class FaultyFileSystem : public MemoryFileSystem {
 public:
  /// The n-th change from now (from 1) and all after it fail with Io; 0: nothing fails.
  void fail_from(uint64_t n);
  /// How many changes were asked for so far.
  [[nodiscard]] uint64_t changes() const { return changes_; }

  /// The n-th call from now (from 1), of those that change and those that read, fails with Io;
  /// 0: none.
  void fail_call(uint64_t n) { fail_call_at_ = calls_ + n; }
  /// How many calls there were so far.
  [[nodiscard]] uint64_t calls() const { return calls_; }

  /// Leaves of the files and names what the model above allows. Deterministic for one seed.
  void power_cut(uint64_t seed);

 private:
  void lose_names(Rng& rng) REQUIRES(mutex_);
  static void lose_bytes(File& file, Rng& rng);
  Result<void> before(std::string_view operation, const std::string& path) override;
  Result<void> before_reading(std::string_view operation, const std::string& path) override;

  std::atomic<uint64_t> changes_{0};
  std::atomic<uint64_t> fail_at_{0};
  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> fail_call_at_{0};
};

}  // namespace prom5::io
