#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "collect/exporters/exporter.h"
#include "io/file/file_system.h"

namespace prom5::exporters {

/// Where the kernel shows itself; other folders in tests.
struct HostPaths {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string udev = "/run/udev/data";
  std::vector<std::string> os_release = {"/etc/os-release", "/usr/lib/os-release"};
};

/// What one collector works with.
class HostContext {
 public:
  HostContext(io::FileSystem& files, const HostPaths& paths, Page& page)
      : files_(files), paths_(paths), page_(page) {}

  [[nodiscard]] const HostPaths& paths() const { return paths_; }
  [[nodiscard]] Page& page() const { return page_; }

  /// The file's text, empty when it is absent or the kernel refuses it.
  [[nodiscard]] std::string read(const std::string& path) const;
  /// The same without space at both ends.
  [[nodiscard]] std::string read_trimmed(const std::string& path) const;
  /// A file that holds one number, decimal or 0x….
  [[nodiscard]] std::optional<double> read_number(const std::string& path) const;
  /// Names in a folder; none when it is absent.
  [[nodiscard]] std::vector<std::string> list(const std::string& path) const;

 private:
  io::FileSystem& files_;
  const HostPaths& paths_;
  Page& page_;
};

/// Processor time as last shown, because the kernel's own numbers step back at times.
class CpuTimes {
 public:
  static constexpr size_t kColumns = 10;
  using Row = std::array<double, kColumns>;

  /// The rows to show for what was read: never less than before, unless a processor came anew.
  std::vector<Row> update(const std::vector<Row>& read) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::vector<Row> shown_ GUARDED_BY(mutex_);
};

/// Linux as node_exporter 1.5 shows it: the same names, types, labels and help texts, so that its
/// dashboards and rules work unchanged. Differences: loopback and mounts below /mnt and /media are
/// shown, and the processes collector is on.
class HostExporter final : public Exporter {
 public:
  explicit HostExporter(io::FileSystem& files, HostPaths paths = {});

  void collect(Page& page) override;

 private:
  io::FileSystem& files_;
  const HostPaths paths_;
  CpuTimes cpu_times_;
};

// The collectors, by the file that holds them. Each shows what the machine has and no more.

// host_cpu.cc
void collect_cpu(const HostContext& context, CpuTimes& times);
void collect_cpu_frequency(const HostContext& context);
void collect_load(const HostContext& context);
void collect_stat(const HostContext& context);
void collect_pressure(const HostContext& context);
void collect_scheduler(const HostContext& context);

// host_memory.cc
void collect_memory(const HostContext& context);
void collect_vmstat(const HostContext& context);

// host_disk.cc
void collect_filesystems(const HostContext& context);
void collect_disks(const HostContext& context);

// host_network.cc
void collect_network_devices(const HostContext& context);
void collect_network_classes(const HostContext& context);
void collect_netstat(const HostContext& context);
void collect_sockets(const HostContext& context);
void collect_softnet(const HostContext& context);
void collect_conntrack(const HostContext& context);
void collect_udp_queues(const HostContext& context);
void collect_arp(const HostContext& context);

// host_system.cc
void collect_uname(const HostContext& context);
void collect_os(const HostContext& context);
void collect_time(const HostContext& context);
void collect_timex(const HostContext& context);
void collect_file_descriptors(const HostContext& context);
void collect_entropy(const HostContext& context);
void collect_processes(const HostContext& context);
void collect_selinux(const HostContext& context);
void collect_dmi(const HostContext& context);
void collect_nvme(const HostContext& context);

// host_sensors.cc
void collect_thermal(const HostContext& context);
void collect_hwmon(const HostContext& context);

/// Words between spaces and tabs.
std::vector<std::string_view> fields_of(std::string_view line);
std::vector<std::string_view> lines_of(std::string_view text);
/// The number that `text` is, or 0.
double number_of(std::string_view text);

}  // namespace prom5::exporters
