#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace prom5::io {

/// A file open for appending. One thread.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// All of `bytes` or an Io error; after an error part of it may have been written.
  virtual Result<void> append(std::string_view bytes) = 0;
  /// On return the appended bytes survive a power cut.
  virtual Result<void> sync() = 0;
  virtual Result<void> truncate(uint64_t size) = 0;
};

/// The bytes of a file that does not change any more. Any thread.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  [[nodiscard]] virtual std::string_view bytes() const = 0;
};

/// Held for as long as the object lives; the operating system lets go when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Files as a parameter, so that durability can be tested by failing. Any thread.
/// Every error is Io (NotFound where the path does not exist) and names operation and path.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Opens for appending, creating it when absent.
  virtual Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) = 0;
  /// All of a regular file. Io for what is none, a FIFO or a directory, without waiting for it.
  virtual Result<std::string> read(const std::string& path) = 0;
  /// At most `max_bytes` from `offset` on; fewer at the end.
  virtual Result<std::string> read_at(const std::string& path, uint64_t offset,
                                      size_t max_bytes) = 0;
  /// Of a regular file; Io for what is none.
  virtual Result<uint64_t> size(const std::string& path) = 0;
  /// Replaces `path` by a file holding `bytes`, durably: at no moment is there half of it.
  virtual Result<void> write_atomically(const std::string& path, std::string_view bytes) = 0;
  /// The whole file, paged in as it is read. It may be removed while it is mapped.
  virtual Result<std::shared_ptr<const MappedFile>> map(const std::string& path) = 0;
  /// Gives a file another name, replacing what has it; durable with sync_directory().
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Gives a file a second name, durable with sync_directory(); the file goes when it has none
  /// left.
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  /// Durable with sync_directory(): a power cut before may bring the file back.
  virtual Result<void> remove(const std::string& path) = 0;
  /// Makes the directory and those above it, where they are not there yet, durably.
  virtual Result<void> make_directories(const std::string& path) = 0;
  /// Makes names created in or removed from the directory survive a power cut.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Names (not paths) in the directory, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  /// What may still be written to the file system that has the path.
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  /// Unavailable, naming the holder where it is known, when another process has the lock.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The machine's own files. Any thread.
///
/// /dev/null is an empty file, and what the process was given open (/dev/stdin, /dev/fd/3, as
/// shells write `<(...)`) may be anything: its bytes are read to their end.
class PosixFileSystem final : public FileSystem {
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
  Result<uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
};

}  // namespace prom5::io
