#include "io/file/control_group.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace prom5::io {

namespace {

/// The group of a controller that the process is in.
struct Group {
  std::string mount;
  std::string path;  ///< "/a/b"
  bool unified = false;
};

bool lists(std::string_view controllers, std::string_view controller) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == controller) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

/// Of lines "ID:CONTROLLERS:PATH"; version 2 has one with the id 0 and no controllers.
std::vector<Group> groups_of(const ControlGroupPaths& paths, std::string_view controller) {
  std::vector<Group> out;
  std::ifstream membership(paths.membership);
  for (std::string line; std::getline(membership, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', std::min(first, line.size() - 1) + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      out.push_back({paths.root, path, true});
    } else if (lists(controllers, controller)) {
      out.push_back({paths.root + "/" + controllers, path});
      if (controllers != controller) {
        out.push_back({paths.root + "/" + std::string(controller), path});
      }
    }
  }
  return out;
}

/// The least that `limit_in` finds in the folders of the groups and of those around them.
template <typename Limit, typename LimitIn>
Limit least_limit(const ControlGroupPaths& paths, std::string_view controller, LimitIn limit_in) {
  std::optional<Limit> least;
  for (const Group& group : groups_of(paths, controller)) {
    std::string path = group.path == "/" ? "" : group.path;
    for (;;) {
      const std::optional<Limit> limit = limit_in(group.mount + path, group.unified);
      if (limit && *limit > 0) least = std::min(least.value_or(*limit), *limit);
      const size_t slash = path.rfind('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return least.value_or(0);
}

/// What a file begins with; nothing when there is no such file or it says "max".
template <typename Number>
std::optional<Number> number_in(const std::string& path) {
  std::ifstream file(path);
  Number number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

std::optional<double> cores_in(const std::string& folder, bool unified) {
  std::optional<double> quota;
  std::optional<double> period;
  if (unified) {
    std::ifstream file(folder + "/cpu.max");
    double values[2] = {};
    if (file >> values[0] >> values[1]) quota = values[0], period = values[1];
  } else {
    quota = number_in<double>(folder + "/cpu.cfs_quota_us");  // -1 for none
    period = number_in<double>(folder + "/cpu.cfs_period_us");
  }
  if (!quota || !period || *period <= 0) return std::nullopt;
  return *quota / *period;
}

}  // namespace

uint64_t memory_limit_bytes(const ControlGroupPaths& paths) {
  return least_limit<uint64_t>(paths, "memory", [](const std::string& folder, bool unified) {
    return number_in<uint64_t>(folder + (unified ? "/memory.max" : "/memory.limit_in_bytes"));
  });
}

double cpu_limit_cores(const ControlGroupPaths& paths) {
  return least_limit<double>(paths, "cpu", cores_in);
}

size_t usable_cores(const ControlGroupPaths& paths) {
  const size_t bound = std::max(1U, std::thread::hardware_concurrency());
  const double paid = cpu_limit_cores(paths);
  if (paid <= 0 || paid >= static_cast<double>(bound)) return bound;
  return static_cast<size_t>(std::ceil(paid));
}

}  // namespace prom5::io
