#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace prom5::io {

/// Where the system tells of control groups.
struct ControlGroupPaths {
  std::string membership = "/proc/self/cgroup";
  std::string root = "/sys/fs/cgroup";
};

/// The least that the control groups of this process (version 2 or 1), and those around them,
/// allow it; 0 when they set no limit or cannot be read. Any thread.
/// Source: the Linux kernel's cgroup-v2.rst; cgroup-v1/memory.rst; scheduler/sched-bwc.rst.
uint64_t memory_limit_bytes(const ControlGroupPaths& paths = {});
/// In cores: 1.5 are 150 ms of each 100.
double cpu_limit_cores(const ControlGroupPaths& paths = {});

/// On how many cores the process may run at once: those that it is bound to, and no more than its
/// control groups pay for, rounded up. At least 1. Any thread.
size_t usable_cores(const ControlGroupPaths& paths = {});

}  // namespace prom5::io
