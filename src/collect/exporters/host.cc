#include "collect/exporters/host.h"

#include <array>
#include <charconv>
#include <chrono>

#include "io/codec/number.h"

namespace prom5::exporters {

namespace {

struct Collector {
  std::string_view name;
  void (*collect)(const HostContext&);
};

/// Every collector but cpu, which keeps state between two pages.
constexpr std::array kCollectors = std::to_array<Collector>({
    {"arp", collect_arp},
    {"conntrack", collect_conntrack},
    {"cpufreq", collect_cpu_frequency},
    {"diskstats", collect_disks},
    {"dmi", collect_dmi},
    {"entropy", collect_entropy},
    {"filefd", collect_file_descriptors},
    {"filesystem", collect_filesystems},
    {"hwmon", collect_hwmon},
    {"loadavg", collect_load},
    {"meminfo", collect_memory},
    {"netclass", collect_network_classes},
    {"netdev", collect_network_devices},
    {"netstat", collect_netstat},
    {"nvme", collect_nvme},
    {"os", collect_os},
    {"pressure", collect_pressure},
    {"processes", collect_processes},
    {"schedstat", collect_scheduler},
    {"selinux", collect_selinux},
    {"sockstat", collect_sockets},
    {"softnet", collect_softnet},
    {"stat", collect_stat},
    {"thermal_zone", collect_thermal},
    {"time", collect_time},
    {"timex", collect_timex},
    {"udp_queues", collect_udp_queues},
    {"uname", collect_uname},
    {"vmstat", collect_vmstat},
});

/// Runs one collector and says how long it took.
template <typename Run>
void timed(Page& page, std::string_view name, Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  page.add("node_scrape_collector_duration_seconds",
           "node_exporter: Duration of a collector scrape.", MetricType::Gauge,
           {{"collector", std::string(name)}}, took.count());
}

}  // namespace

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos) return out;
    const size_t end = std::min(line.find_first_of(" \t", start), line.size());
    out.push_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

double number_of(std::string_view text) { return codec::parse_double(text).value_or(0); }

std::string HostContext::read(const std::string& path) const {
  return files_.read(path).value_or("");
}

std::string HostContext::read_trimmed(const std::string& path) const {
  const std::string text = read(path);
  const size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string::npos) return "";
  return text.substr(start, text.find_last_not_of(" \t\n") - start + 1);
}

std::optional<double> HostContext::read_number(const std::string& path) const {
  const std::string text = read_trimmed(path);
  if (text.starts_with("0x")) {
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (error != std::errc{}) return std::nullopt;
    return static_cast<double>(value);
  }
  return codec::parse_double(text);
}

std::vector<std::string> HostContext::list(const std::string& path) const {
  return files_.list(path).value_or(std::vector<std::string>{});
}

HostExporter::HostExporter(io::FileSystem& files, HostPaths paths)
    : files_(files), paths_(std::move(paths)) {}

void HostExporter::collect(Page& page) {
  const HostContext context(files_, paths_, page);
  timed(page, "cpu", [&] { collect_cpu(context, cpu_times_); });
  for (const Collector& collector : kCollectors) {
    timed(page, collector.name, [&] { collector.collect(context); });
  }
}

}  // namespace prom5::exporters
