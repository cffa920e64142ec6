#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "io/file/file_system.h"

namespace prom5::io {

namespace {

std::unexpected<Error> system_error(std::string_view operation, const std::string& path) {
  const int number = errno;
  std::array<char, 256> buffer{};
  const char* reason = strerror_r(number, buffer.data(), buffer.size());
  return fail(number == ENOENT ? ErrorCode::NotFound : ErrorCode::Io, "{} {}: {}", operation, path,
              reason);
}

/// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string_view kind_of(const struct stat& info) {
  switch (info.st_mode & S_IFMT) {
    case S_IFDIR: return "a directory";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    case S_IFCHR:
    case S_IFBLK: return "a device";
    default: return "of an unknown kind";
  }
}

bool is_null_device(const struct stat& info) {
  constexpr unsigned kMemoryDevices = 1;  // /dev/null is the third of them
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(kMemoryDevices, 3);
}

/// Named by whoever started the process, who has it open: not by a link or a pattern that happens
/// to lead there.
bool is_own_descriptor(std::string_view path) {
  return path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

Result<void> check_regular(std::string_view operation, const std::string& path,
                           const struct stat& info) {
  if (S_ISREG(info.st_mode) || is_null_device(info)) return {};
  if (is_own_descriptor(path) && !S_ISDIR(info.st_mode)) return {};
  return fail(ErrorCode::Io, "{} {}: it is {}, not a regular file", operation, path, kind_of(info));
}

/// Where a link leads, when that is not there; else what the system says.
std::unexpected<Error> open_error(const std::string& path) {
  const int number = errno;
  std::error_code none;
  if (number == ENOENT) {
    const auto target = std::filesystem::read_symlink(path, none);
    if (!none) {
      return fail(ErrorCode::NotFound, "open {}: it is a link to {}, which is not there", path,
                  target.string());
    }
  }
  struct stat info{};
  if (number == ENXIO && ::stat(path.c_str(), &info) == 0) {  // a socket cannot be opened
    if (const auto good = check_regular("open", path, info); !good) {
      return std::unexpected(good.error());
    }
  }
  errno = number;
  return system_error("open", path);
}

/// For reading. Never waits: a FIFO without a writer would keep whoever opens it for ever.
Result<Descriptor> open_regular(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.open()) return open_error(path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return system_error("stat", path);
  TRY(check_regular("read", path, info));
  // What is still to come is waited for: somebody is about to write it.
  if (!S_ISREG(info.st_mode) && ::fcntl(fd.get(), F_SETFL, O_RDONLY) != 0) {
    return system_error("open", path);
  }
  return fd;
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<void> append(std::string_view bytes) override {
    return write_all(fd_.get(), bytes, path_);
  }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return system_error("sync", path_);
    return {};
  }
  Result<void> truncate(uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      return system_error("truncate", path_);
    }
    return {};
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(void* address, size_t size) : address_(address), size_(size) {}
  ~PosixMappedFile() override {
    if (size_ > 0) ::munmap(address_, size_);
  }
  PosixMappedFile(const PosixMappedFile&) = delete;
  PosixMappedFile& operator=(const PosixMappedFile&) = delete;
  [[nodiscard]] std::string_view bytes() const override {
    return {static_cast<const char*>(address_), size_};
  }

 private:
  void* address_;
  size_t size_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}

 private:
  Descriptor fd_;  // closing the descriptor lets the lock go
};

}  // namespace

Result<std::unique_ptr<WritableFile>> PosixFileSystem::open_append(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return system_error("open", path);
  return std::make_unique<PosixWritableFile>(fd, path);
}

Result<std::string> PosixFileSystem::read(const std::string& path) {
  const Descriptor fd = TRY(open_regular(path));
  std::string out;
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path);
    if (n == 0) return out;
    out.append(buffer.data(), static_cast<size_t>(n));
  }
}

Result<std::string> PosixFileSystem::read_at(const std::string& path, uint64_t offset,
                                             size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return system_error("open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return system_error("stat", path);
  const auto size = static_cast<uint64_t>(info.st_size);
  // Whoever follows a file asks for much and mostly gets little.
  std::string out(std::min<uint64_t>(max_bytes, size - std::min(offset, size)), '\0');
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t n = ::pread(fd.get(), out.data() + filled, out.size() - filled,
                              static_cast<off_t>(offset + filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path);
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  out.resize(filled);
  return out;
}

Result<uint64_t> PosixFileSystem::size(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return system_error("stat", path);
  TRY(check_regular("stat", path, info));
  return static_cast<uint64_t>(info.st_size);
}

Result<void> PosixFileSystem::write_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.open()) return system_error("open", temporary);
    TRY(write_all(fd.get(), bytes, temporary));
    if (::fsync(fd.get()) != 0) return system_error("sync", temporary);
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename", path);
  return sync_directory(std::filesystem::path(path).parent_path().string());
}

Result<std::shared_ptr<const MappedFile>> PosixFileSystem::map(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return system_error("open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return system_error("stat", path);
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return std::make_shared<PosixMappedFile>(nullptr, 0);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (address == MAP_FAILED) return system_error("map", path);
  return std::make_shared<PosixMappedFile>(address, size);
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from);
  return {};
}

Result<void> PosixFileSystem::link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) != 0) return system_error("link", from);
  return {};
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return system_error("remove", path);
  return {};
}

Result<void> PosixFileSystem::make_directories(const std::string& path) {
  std::filesystem::path made;
  for (const std::filesystem::path& part : std::filesystem::path(path)) {
    made /= part;
    if (::mkdir(made.c_str(), 0777) == 0) {
      TRY(sync_directory(made.parent_path().string()));
      continue;
    }
    const auto error = system_error("create directory", made.string());
    // What a file system says of a directory that is there already differs.
    struct stat info{};
    if (::stat(made.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return error;
  }
  return {};
}

Result<void> PosixFileSystem::sync_directory(const std::string& path) {
  const Descriptor fd(
      ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open()) return system_error("open", path);
  if (::fsync(fd.get()) != 0) return system_error("sync", path);
  return {};
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return system_error("list", path);
  std::vector<std::string> out;
  // An error looks like the end; a part of a list would pass for all there is.
  const auto next = [&] {
    errno = 0;
    return ::readdir(directory);
  };
  while (const dirent* entry = next()) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") out.emplace_back(name);
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) {
    errno = error;
    return system_error("list", path);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<uint64_t> PosixFileSystem::free_bytes(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return system_error("statvfs", path);
  return uint64_t{info.f_bavail} * info.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.open()) return system_error("open", path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> holder{};
    const ssize_t n = ::read(fd.get(), holder.data(), holder.size() - 1);
    std::string who(holder.data(), n > 0 ? static_cast<size_t>(n) : 0);
    while (!who.empty() && who.back() == '\n') who.pop_back();
    return fail(ErrorCode::Unavailable, "{} is locked by another process{}", path,
                who.empty() ? "" : " (pid " + who + ")");
  }
  // The pid is for people; the lock itself is the kernel's.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0) return system_error("truncate", path);
  TRY(write_all(fd.get(), pid, path));
  return std::make_unique<PosixFileLock>(fd.release());
}

}  // namespace prom5::io
