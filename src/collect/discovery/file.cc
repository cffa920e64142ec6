#include "collect/discovery/file.h"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "base/ascii.h"
#include "collect/discovery/target_list.h"
#include "io/http/message.h"

namespace prom5::discovery {

namespace {

constexpr DurationMs kLookAgain = DurationMs::seconds(1);
constexpr std::string_view kMtime = "prometheus_sd_file_mtime_seconds";

bool has_pattern(std::string_view name) { return name.find_first_of("*?[") != name.npos; }

/// Whether the path is what an entry of `files` names: a * may stand in its last part.
bool names(const std::filesystem::path& entry, const std::filesystem::path& path) {
  const std::string last = entry.filename().string();
  if (!has_pattern(last)) return entry == path;
  return entry.parent_path() == path.parent_path() &&
         ::fnmatch(last.c_str(), path.filename().c_str(), FNM_PERIOD) == 0;
}

}  // namespace

Result<std::vector<TargetGroup>> read_target_file(io::FileSystem& files, const std::string& path) {
  const bool json = equal_ignoring_case(std::filesystem::path(path).extension().string(), ".json");
  const std::string text = TRY(files.read(path));
  auto groups =
      parse_target_list(text, path, json ? TargetListFormat::Json : TargetListFormat::Yaml);
  if (groups) return groups;
  // "a.yml:1:2: …" where the place is known.
  const std::string& what = groups.error().message;
  const bool placed = what.find_first_not_of("0123456789") != 0;
  return fail(ErrorCode::BadData, "{}:{}{}", path, placed ? "" : " ", what);
}

FileDiscoverer::FileDiscoverer(const FileOptions& options, const std::string& job,
                               const Services& services)
    : RefreshDiscoverer("file", job, options.refresh_interval, services),
      options_(options),
      read_errors_(services.metrics.counter("prometheus_sd_file_read_errors_total",
                                            "The number of File-SD read errors.")) {}

FileDiscoverer::Stamp FileDiscoverer::look() const {
  Stamp out;
  std::error_code ignored;  // what cannot be looked at is not there
  const auto note = [&](const std::filesystem::path& path) {
    const auto time = std::filesystem::last_write_time(path, ignored);
    if (ignored) return;
    const auto size = std::filesystem::file_size(path, ignored);
    const auto since_1970 = std::chrono::file_clock::to_sys(time).time_since_epoch();
    out[path.string()] = {std::chrono::nanoseconds(since_1970).count(), size};
  };
  for (const std::string& name : options_.files) {
    const std::filesystem::path path = name;
    if (!has_pattern(path.filename().string())) {
      note(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored)) {
      if (names(path, entry.path())) note(entry.path());
    }
  }
  return out;
}

/// An entry of `files` that names nothing is no failure, as a file may come later; but whoever
/// misses targets looks for it among the problems.
void FileDiscoverer::tell_of_missing() {
  for (const std::string& entry : options_.files) {
    const bool there = std::any_of(seen_.begin(), seen_.end(),
                                   [&](const auto& file) { return names(entry, file.first); });
    if (!there) {
      missing_.insert(entry);
      services_.problems.set(entry, fmt::format("there is no file {}", entry));
    } else if (missing_.erase(entry) > 0) {
      services_.problems.clear(entry);
    }
  }
}

Result<std::vector<TargetGroup>> FileDiscoverer::refresh(const std::stop_token& /*stop*/) {
  seen_ = look();
  std::erase_if(groups_, [&](const auto& entry) {
    const bool gone = !seen_.contains(entry.first);
    if (gone) services_.metrics.hide(kMtime, {{"filename", entry.first}});
    return gone;
  });
  std::erase_if(unread_, [&](const std::string& path) {
    const bool gone = !seen_.contains(path);
    if (gone) services_.problems.clear(path);
    return gone;
  });
  tell_of_missing();
  io::PosixFileSystem files;
  for (const auto& [path, stamp] : seen_) {
    auto groups = read_target_file(files, path);
    if (!groups) {
      read_errors_.add();
      services_.problems.set(path, groups.error().message);
      unread_.insert(path);
      services_.log.error("Error reading file; its targets stay as they were",
                          {{"path", path}, {"err", groups.error().message}});
      continue;
    }
    if (unread_.erase(path) > 0) services_.problems.clear(path);
    constexpr double kNanos = 1e9;
    services_.metrics
        .gauge(kMtime, "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
               {{"filename", path}})
        .set(std::floor(static_cast<double>(stamp.first) / kNanos));
    for (TargetGroup& group : *groups) {
      group.labels = LabelsBuilder(group.labels).set("__meta_filepath", path).build();
    }
    groups_[path] = *std::move(groups);
  }
  std::vector<TargetGroup> out;
  for (const auto& [path, groups] : groups_) out.insert(out.end(), groups.begin(), groups.end());
  return out;
}

bool FileDiscoverer::wait(const std::stop_token& stop) {
  for (int64_t waited = 0; waited < interval_.ms; waited += kLookAgain.ms) {
    if (!wait_for(kLookAgain, stop)) return false;
    if (look() != seen_) break;
  }
  return true;
}

}  // namespace prom5::discovery
