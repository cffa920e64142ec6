#include "io/file/memory_file_system.h"

#include <algorithm>
#include <utility>

namespace prom5::io {

namespace {

std::string parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

class MemoryWritableFile final : public WritableFile {
 public:
  MemoryWritableFile(MemoryFileSystem& system, std::shared_ptr<MemoryFileSystem::File> file,
                     std::string path)
      : system_(system), file_(std::move(file)), path_(std::move(path)) {}

  Result<void> append(std::string_view bytes) override {
    const auto may = system_.before("write", path_);
    const MutexLock lock(system_.mutex_);
    file_->bytes.append(may ? bytes : bytes.substr(0, bytes.size() / 2));
    return may;
  }
  Result<void> sync() override {
    TRY(system_.before("sync", path_));
    const MutexLock lock(system_.mutex_);
    file_->synced = file_->bytes.size();
    return {};
  }
  Result<void> truncate(uint64_t size) override {
    TRY(system_.before("truncate", path_));
    const MutexLock lock(system_.mutex_);
    file_->bytes.resize(size);
    file_->synced = std::min(file_->synced, file_->bytes.size());
    return {};
  }

 private:
  MemoryFileSystem& system_;
  std::shared_ptr<MemoryFileSystem::File> file_;  // shared with the directory, as an inode is
  std::string path_;
};

namespace {

class MemoryFileLock final : public FileLock {
 public:
  explicit MemoryFileLock(std::function<void()> unlock) : unlock_(std::move(unlock)) {}
  ~MemoryFileLock() override { unlock_(); }

 private:
  std::function<void()> unlock_;
};

}  // namespace

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::open_append(const std::string& path) {
  TRY(before("open", path));
  const MutexLock lock(mutex_);
  if (!files_.contains(path)) make({{path, std::make_shared<File>()}});
  return std::make_unique<MemoryWritableFile>(*this, files_[path], path);
}

void MemoryFileSystem::apply(const Change& change, Names& names) {
  for (const auto& [name, file] : change) {
    if (file) {
      names[name] = file;
    } else {
      names.erase(name);
    }
  }
}

void MemoryFileSystem::make(Change change) {
  apply(change, files_);
  unsynced_.push_back(std::move(change));
}

Result<std::string> MemoryFileSystem::read(const std::string& path) {
  TRY(before_reading("open", path));
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return fail(ErrorCode::NotFound, "open {}: no such file", path);
  return found->second->bytes;
}

Result<std::string> MemoryFileSystem::read_at(const std::string& path, uint64_t offset,
                                              size_t max_bytes) {
  const std::string bytes = TRY(read(path));
  return bytes.substr(std::min<size_t>(offset, bytes.size()), max_bytes);
}

Result<uint64_t> MemoryFileSystem::size(const std::string& path) {
  TRY(before_reading("stat", path));
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return fail(ErrorCode::NotFound, "stat {}: no such file", path);
  return found->second->bytes.size();
}

/// In the steps of the machine's own, each of which may fail.
Result<void> MemoryFileSystem::write_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  const auto file = TRY(open_append(temporary));
  TRY(file->truncate(0));
  TRY(file->append(bytes));
  TRY(file->sync());
  TRY(rename(temporary, path));
  return sync_directory(parent(path));
}

namespace {

class MemoryMappedFile final : public MappedFile {
 public:
  explicit MemoryMappedFile(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::string_view bytes() const override { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace

Result<std::shared_ptr<const MappedFile>> MemoryFileSystem::map(const std::string& path) {
  return std::make_shared<MemoryMappedFile>(TRY(read(path)));
}

Result<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  TRY(before("rename", from));
  const MutexLock lock(mutex_);
  const auto found = files_.find(from);
  if (found == files_.end()) return fail(ErrorCode::NotFound, "rename {}: no such file", from);
  const std::shared_ptr<File> file = found->second;
  if (from == to) return {};
  if (parent(from) == parent(to)) {
    make({{to, file}, {from, nullptr}});
  } else {
    make({{to, file}});
    make({{from, nullptr}});
  }
  return {};
}

Result<void> MemoryFileSystem::link(const std::string& from, const std::string& to) {
  TRY(before("link", from));
  const MutexLock lock(mutex_);
  const auto found = files_.find(from);
  if (found == files_.end()) return fail(ErrorCode::NotFound, "link {}: no such file", from);
  if (files_.contains(to)) return fail(ErrorCode::Io, "link {}: File exists", to);
  make({{to, found->second}});
  return {};
}

Result<void> MemoryFileSystem::remove(const std::string& path) {
  TRY(before("remove", path));
  const MutexLock lock(mutex_);
  if (!files_.contains(path)) return fail(ErrorCode::NotFound, "remove {}: no such file", path);
  make({{path, nullptr}});
  return {};
}

Result<void> MemoryFileSystem::make_directories(const std::string& path) {
  return before("create directory", path);
}

Result<void> MemoryFileSystem::sync_directory(const std::string& path) {
  TRY(before("sync", path));
  const MutexLock lock(mutex_);
  for (Change& change : unsynced_) {
    const auto here = std::ranges::partition(
        change, [&](const auto& entry) { return parent(entry.first) != path; });
    apply({here.begin(), here.end()}, durable_);
    change.erase(here.begin(), here.end());
  }
  std::erase_if(unsynced_, [](const Change& change) { return change.empty(); });
  return {};
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& path) {
  TRY(before_reading("list", path));
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, file] : files_) {
    if (parent(name) == path) out.push_back(name.substr(path.size() + 1));
  }
  return out;
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path) {
  TRY(before_reading("lock", path));
  const MutexLock guard(mutex_);
  if (!locks_.insert(path).second) {
    return fail(ErrorCode::Unavailable, "{} is locked by another process", path);
  }
  return std::make_unique<MemoryFileLock>([this, path] {
    const MutexLock inner(mutex_);
    locks_.erase(path);
  });
}

void MemoryFileSystem::corrupt(const std::string& path,
                               std::function<void(std::string& bytes)> change) {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  CHECK(found != files_.end());
  change(found->second->bytes);
  found->second->synced = std::min(found->second->synced, found->second->bytes.size());
}

void FaultyFileSystem::fail_from(uint64_t n) { fail_at_ = n == 0 ? 0 : changes_ + n; }

Result<void> FaultyFileSystem::before_reading(std::string_view operation, const std::string& path) {
  if (++calls_ == fail_call_at_)
    return fail(ErrorCode::Io, "{} {}: injected fault", operation, path);
  return {};
}

Result<void> FaultyFileSystem::before(std::string_view operation, const std::string& path) {
  TRY(before_reading(operation, path));
  const uint64_t number = ++changes_;
  const uint64_t limit = fail_at_;
  if (limit != 0 && number >= limit) {
    return fail(ErrorCode::Io, "{} {}: injected fault", operation, path);
  }
  return {};
}

/// The names become those that the disk has.
void FaultyFileSystem::lose_names(Rng& rng) {
  // A disk that was fast, one that was slow, one that keeps the order of all, and any.
  enum Disk : uint8_t { kAll, kNone, kFirst, kSome, kKinds };
  const uint64_t disk = rng.below(kKinds);
  const size_t first = rng.below(unsynced_.size() + 1);
  std::set<std::string> stuck;  // names that lost a change and with it all later ones
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    const Change& change = unsynced_[i];
    bool done =
        disk == kAll || (disk == kFirst && i < first) || (disk == kSome && rng.below(2) == 0);
    for (const auto& [name, file] : change) done = done && !stuck.contains(name);
    if (done) {
      apply(change, durable_);
    } else {
      for (const auto& [name, file] : change) stuck.insert(name);
    }
  }
  files_ = durable_;
  unsynced_.clear();
}

void FaultyFileSystem::lose_bytes(File& file, Rng& rng) {
  const size_t sector = rng.below(2) == 0 ? 512 : 4096;
  const size_t unsynced = file.bytes.size() - file.synced;
  const size_t kept = unsynced == 0 ? 0 : rng.below(unsynced + 1);
  file.bytes.resize(file.synced + kept);
  // Sectors reach the disk in any order: what lies between may still be zeros.
  for (size_t at = file.synced; at < file.bytes.size();) {
    const size_t end = std::min((at / sector + 1) * sector, file.bytes.size());
    if (rng.below(4) == 0) {
      std::fill(file.bytes.begin() + static_cast<ptrdiff_t>(at),
                file.bytes.begin() + static_cast<ptrdiff_t>(end), '\0');
    }
    at = end;
  }
  file.synced = file.bytes.size();
}

void FaultyFileSystem::power_cut(uint64_t seed) {
  const MutexLock lock(mutex_);
  Rng rng(seed);
  lose_names(rng);
  // What a file with two names lost, it lost once.
  for (const auto& [name, file] : files_) lose_bytes(*file, rng);
  locks_.clear();
}

}  // namespace prom5::io
