#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "collect/discovery/refresh.h"
#include "io/file/file_system.h"

namespace prom5::discovery {

/// Reads one of its files, JSON or YAML by its name's end. Io when it cannot be read; BadData with
/// the path, and the place in it.
Result<std::vector<TargetGroup>> read_target_file(io::FileSystem& files, const std::string& path);

/// Targets from files (prometheus discovery/file). A file is read again when it changes; one that
/// cannot be read keeps the targets it had.
class FileDiscoverer final : public RefreshDiscoverer {
 public:
  FileDiscoverer(const FileOptions& options, const std::string& job, const Services& services);

 protected:
  Result<std::vector<TargetGroup>> refresh(const std::stop_token& stop) override;
  /// Until a file changed, or the interval is over.
  bool wait(const std::stop_token& stop) override;

 private:
  /// What tells whether a file is still the same.
  using Stamp = std::map<std::string, std::pair<int64_t, uint64_t>>;
  [[nodiscard]] Stamp look() const;
  void tell_of_missing();

  const FileOptions options_;
  Counter& read_errors_;
  Stamp seen_;
  std::map<std::string, std::vector<TargetGroup>> groups_;  ///< by file
  std::set<std::string> unread_;                            ///< files that cannot be read
  std::set<std::string> missing_;                           ///< entries of `files` that name none
};

}  // namespace prom5::discovery
