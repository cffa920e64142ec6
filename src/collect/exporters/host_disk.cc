#include <sys/vfs.h>

#include <array>
#include <set>

#include "collect/exporters/host.h"
#include "model/regex.h"

namespace prom5::exporters {

namespace {

constexpr double kBytesPerSector = 512;
constexpr double kMillisecondsPerSecond = 1000;

const Regex& ignored_mounts() {
  static const Regex regex =
      *Regex::compile("/(dev|proc|run|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/.*)");
  return regex;
}

const Regex& ignored_types() {
  static const Regex regex = *Regex::compile(
      "autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|"
      "mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|"
      "tracefs");
  return regex;
}

const Regex& ignored_disks() {
  static const Regex regex =
      *Regex::compile("(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme[0-9]+n[0-9]+p)[0-9]+");
  return regex;
}

/// The two escapes of /proc/mounts that occur in names of folders.
std::string unescape_mount(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 4) == "\\040") {
      out += ' ';
      i += 3;
    } else if (text.substr(i, 4) == "\\011") {
      out += '\t';
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const size_t comma = std::min(options.find(','), options.size());
    if (options.substr(0, comma) == wanted) return true;
    options.remove_prefix(std::min(comma + 1, options.size()));
  }
  return false;
}

void collect_filesystem(const HostContext& context, const LabelPairs& labels, bool readonly) {
  struct statfs info{};
  const bool failed = ::statfs(labels[2].second.c_str(), &info) != 0;
  Page& page = context.page();
  const auto gauge = [&](std::string_view family, std::string_view help, double value) {
    page.add(family, help, MetricType::Gauge, labels, value);
  };
  gauge("node_filesystem_device_error",
        "Whether an error occurred while getting statistics for the given device.", failed ? 1 : 0);
  if (failed) return;
  const auto block = static_cast<double>(info.f_bsize);
  gauge("node_filesystem_size_bytes", "Filesystem size in bytes.",
        static_cast<double>(info.f_blocks) * block);
  gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.",
        static_cast<double>(info.f_bfree) * block);
  gauge("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.",
        static_cast<double>(info.f_bavail) * block);
  gauge("node_filesystem_files", "Filesystem total file nodes.", static_cast<double>(info.f_files));
  gauge("node_filesystem_files_free", "Filesystem total free file nodes.",
        static_cast<double>(info.f_ffree));
  gauge("node_filesystem_readonly", "Filesystem read-only status.", readonly ? 1 : 0);
}

struct DiskColumn {
  std::string_view family;
  std::string_view help;
  MetricType type = MetricType::Counter;
  double factor = 1;
};

constexpr double kMs = 1 / kMillisecondsPerSecond;
constexpr MetricType kCounter = MetricType::Counter;
constexpr std::array<DiskColumn, 17> kDiskColumns = {{
    {"node_disk_reads_completed_total", "The total number of reads completed successfully."},
    {"node_disk_reads_merged_total", "The total number of reads merged."},
    {"node_disk_read_bytes_total", "The total number of bytes read successfully.", kCounter,
     kBytesPerSector},
    {"node_disk_read_time_seconds_total", "The total number of seconds spent by all reads.",
     kCounter, kMs},
    {"node_disk_writes_completed_total", "The total number of writes completed successfully."},
    {"node_disk_writes_merged_total", "The number of writes merged."},
    {"node_disk_written_bytes_total", "The total number of bytes written successfully.", kCounter,
     kBytesPerSector},
    {"node_disk_write_time_seconds_total",
     "This is the total number of seconds spent by all writes.", kCounter, kMs},
    {"node_disk_io_now", "The number of I/Os currently in progress.", MetricType::Gauge},
    {"node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", kCounter, kMs},
    {"node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.",
     kCounter, kMs},
    {"node_disk_discards_completed_total", "The total number of discards completed successfully."},
    {"node_disk_discards_merged_total", "The total number of discards merged."},
    {"node_disk_discarded_sectors_total", "The total number of sectors discarded successfully."},
    {"node_disk_discard_time_seconds_total",
     "This is the total number of seconds spent by all discards.", kCounter, kMs},
    {"node_disk_flush_requests_total", "The total number of flush requests completed successfully"},
    {"node_disk_flush_requests_time_seconds_total",
     "This is the total number of seconds spent by all flush requests.", kCounter, kMs},
}};

/// What udev knows of a block device; empty without udev.
std::map<std::string, std::string, std::less<>> udev_properties(const HostContext& context,
                                                                std::string_view major,
                                                                std::string_view minor) {
  std::map<std::string, std::string, std::less<>> out;
  const std::string text =
      context.read(fmt::format("{}/b{}:{}", context.paths().udev, major, minor));
  for (const std::string_view line : lines_of(text)) {
    const size_t equal = line.find('=');
    if (!line.starts_with("E:") || equal == std::string_view::npos) continue;
    out.emplace(line.substr(2, equal - 2), line.substr(equal + 1));
  }
  return out;
}

void collect_disk_info(const HostContext& context, const std::string& device,
                       std::string_view major, std::string_view minor) {
  const auto udev = udev_properties(context, major, minor);
  const auto get = [&](std::string_view key) {
    const auto found = udev.find(key);
    return found == udev.end() ? std::string() : found->second;
  };
  Page& page = context.page();
  const auto info = [&](std::string_view family, std::string_view help, LabelPairs labels) {
    page.add(family, help, MetricType::Gauge, std::move(labels), 1);
  };
  info("node_disk_info", "Info of /sys/block/<block_device>.",
       {{"device", device},
        {"major", std::string(major)},
        {"minor", std::string(minor)},
        {"model", get("ID_MODEL")},
        {"path", get("ID_PATH")},
        {"revision", get("ID_REVISION")},
        {"serial", get("ID_SERIAL_SHORT")},
        {"wwn", get("ID_WWN")}});
  if (!get("ID_FS_TYPE").empty()) {
    info("node_disk_filesystem_info", "Info about disk filesystem.",
         {{"device", device},
          {"type", get("ID_FS_TYPE")},
          {"usage", get("ID_FS_USAGE")},
          {"uuid", get("ID_FS_UUID")},
          {"version", get("ID_FS_VERSION")}});
  }
  if (!get("DM_NAME").empty()) {
    info("node_disk_device_mapper_info", "Info about disk device mapper.",
         {{"device", device},
          {"lv_layer", get("DM_LV_LAYER")},
          {"lv_name", get("DM_LV_NAME")},
          {"name", get("DM_NAME")},
          {"uuid", get("DM_UUID")},
          {"vg_name", get("DM_VG_NAME")}});
  }
  if (get("ID_ATA").empty()) return;
  const auto ata = [&](std::string_view key, std::string_view family, std::string_view help) {
    const std::string value = get(key);
    if (!value.empty()) {
      page.add(family, help, MetricType::Gauge, {{"device", device}}, number_of(value));
    }
  };
  ata("ID_ATA_WRITE_CACHE", "node_disk_ata_write_cache", "ATA disk has a write cache.");
  ata("ID_ATA_WRITE_CACHE_ENABLED", "node_disk_ata_write_cache_enabled",
      "ATA disk has its write cache enabled.");
  ata("ID_ATA_ROTATION_RATE_RPM", "node_disk_ata_rotation_rate_rpm",
      "ATA disk rotation rate in RPMs (0 for SSDs).");
}

}  // namespace

void collect_filesystems(const HostContext& context) {
  // The first process sees the host's mounts; our own may be fewer.
  std::string text = context.read(context.paths().proc + "/1/mounts");
  if (text.empty()) text = context.read(context.paths().proc + "/mounts");
  std::set<std::string> seen;
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() < 4) continue;
    const std::string mountpoint = unescape_mount(fields[1]);
    if (ignored_mounts().matches(mountpoint) || ignored_types().matches(fields[2])) continue;
    LabelPairs labels = {{"device", std::string(fields[0])},
                         {"fstype", std::string(fields[2])},
                         {"mountpoint", mountpoint}};
    const std::string key = labels[0].second + "\n" + labels[1].second + "\n" + mountpoint;
    if (!seen.insert(key).second) continue;
    collect_filesystem(context, labels, has_option(fields[3], "ro"));
  }
}

void collect_disks(const HostContext& context) {
  const std::string text = context.read(context.paths().proc + "/diskstats");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() < 4 || ignored_disks().matches(fields[2])) continue;
    const std::string device(fields[2]);
    collect_disk_info(context, device, fields[0], fields[1]);
    for (size_t i = 0; i < kDiskColumns.size() && i + 3 < fields.size(); ++i) {
      const DiskColumn& column = kDiskColumns[i];
      context.page().add(column.family, column.help, column.type, {{"device", device}},
                         number_of(fields[i + 3]) * column.factor);
    }
  }
}

}  // namespace prom5::exporters
