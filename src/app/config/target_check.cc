#include "app/config/target_check.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>

#include "collect/discovery/file.h"
#include "io/file/file_system.h"

namespace prom5::config {

namespace {

/// Far more than anybody reads.
constexpr size_t kMostProblems = 100;

class TargetCheck {
 public:
  TargetReport check(const Config& config) {
    for (const ScrapeJob& job : config.scrapes) {
      take_static(job);
      for (const discovery::DiscoveryConfig& source : job.discoveries) {
        const auto* options = std::get_if<discovery::FileOptions>(&source.options);
        if (options == nullptr) continue;
        for (const std::string& pattern : options->files) take_files(job, pattern);
      }
    }
    return std::move(report_);
  }

 private:
  void take_static(const ScrapeJob& job) {
    for (size_t i = 0; i < job.options.static_groups.size(); ++i) {
      TargetGroup one = job.options.static_groups[i];
      const std::vector<Labels> targets = std::exchange(one.targets, {});
      for (size_t j = 0; j < targets.size(); ++j) {
        one.targets = {targets[j]};
        take(job, one, job.static_places[i][j]);
      }
    }
  }

  void take_files(const ScrapeJob& job, const std::string& pattern) {
    io::PosixFileSystem files;
    const auto found = matching_files(pattern);
    if (found.empty() || (found.size() == 1 && !std::filesystem::exists(found[0]))) {
      report_.notes.push_back(fmt::format("job {}: file_sd_configs: there is no file {}",
                                          job.options.job_name, pattern));
      return;
    }
    for (const std::string& file : found) {
      const auto groups = discovery::read_target_file(files, file);
      if (!groups) {
        problem(groups.error().message);
        continue;
      }
      for (const TargetGroup& group : *groups) take(job, group, file);
    }
  }

  void take(const ScrapeJob& job, const TargetGroup& group, std::string_view place) {
    for (const scrape::DroppedTarget& target : make_targets(group, job.options).dropped) {
      if (!target.invalid) continue;
      problem(fmt::format("{}: job {}: target {}: {}", place, job.options.job_name,
                          target.discovered.get("__address__"), target.reason));
    }
  }

  void problem(std::string text) {
    if (report_.problems.size() < kMostProblems) report_.problems.push_back(std::move(text));
  }

  TargetReport report_;
};

}  // namespace

TargetReport check_known_targets(const Config& config) { return TargetCheck().check(config); }

std::vector<std::string> matching_files(const std::string& pattern) {
  const std::filesystem::path path = pattern;
  const std::string name = path.filename().string();
  if (name.find_first_of("*?[") == std::string::npos) return {pattern};
  std::vector<std::string> out;
  std::error_code ignored;  // a folder that is not there has no files
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored)) {
    if (::fnmatch(name.c_str(), entry.path().filename().c_str(), FNM_PERIOD) == 0) {
      out.push_back(entry.path().string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace prom5::config
