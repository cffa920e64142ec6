#include <algorithm>
#include <array>

#include "collect/exporters/host.h"

namespace prom5::exporters {

namespace {

// The kernel shows times to user space in hundredths of a second, whatever its own tick is.
constexpr double kTicksPerSecond = 100;
constexpr double kNanosecondsPerSecond = 1e9;
constexpr double kMicrosecondsPerSecond = 1e6;

constexpr std::array<std::string_view, 8> kModes = {"user",   "nice", "system",  "idle",
                                                    "iowait", "irq",  "softirq", "steal"};
constexpr size_t kIdle = 3;
constexpr size_t kGuest = 8;

/// Idle time that falls by this much is no jitter: the processor was taken out and came back.
constexpr double kHotplugSeconds = 3;

std::optional<size_t> cpu_number(std::string_view name) {
  if (!name.starts_with("cpu") || name.size() == 3) return std::nullopt;
  const std::string_view digits = name.substr(3);
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return static_cast<size_t>(number_of(digits));
}

void collect_throttling(const HostContext& context) {
  const std::string root = context.paths().sys + "/devices/system/cpu";
  std::vector<std::string> seen_cores;
  std::vector<std::string> seen_packages;
  for (const std::string& name : context.list(root)) {
    if (!cpu_number(name)) continue;
    const std::string cpu = root + "/" + name;
    const std::string package = context.read_trimmed(cpu + "/topology/physical_package_id");
    const std::string core = context.read_trimmed(cpu + "/topology/core_id");
    if (package.empty() || core.empty()) continue;
    const auto first = [](std::vector<std::string>& seen, const std::string& key) {
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) return false;
      seen.push_back(key);
      return true;
    };
    const auto core_count = context.read_number(cpu + "/thermal_throttle/core_throttle_count");
    if (core_count && first(seen_cores, package + "/" + core)) {
      context.page().add("node_cpu_core_throttles_total",
                         "Number of times this CPU core has been throttled.", MetricType::Counter,
                         {{"core", core}, {"package", package}}, *core_count);
    }
    const auto package_count =
        context.read_number(cpu + "/thermal_throttle/package_throttle_count");
    if (package_count && first(seen_packages, package)) {
      context.page().add("node_cpu_package_throttles_total",
                         "Number of times this CPU package has been throttled.",
                         MetricType::Counter, {{"package", package}}, *package_count);
    }
  }
}

}  // namespace

std::vector<CpuTimes::Row> CpuTimes::update(const std::vector<Row>& read) {
  const MutexLock lock(mutex_);
  if (read.size() != shown_.size()) shown_.assign(read.size(), Row{});
  for (size_t cpu = 0; cpu < read.size(); ++cpu) {
    if (read[cpu][kIdle] + kHotplugSeconds <= shown_[cpu][kIdle]) shown_[cpu] = Row{};
    for (size_t i = 0; i < kColumns; ++i) {
      shown_[cpu][i] = std::max(shown_[cpu][i], read[cpu][i]);
    }
  }
  return shown_;
}

void collect_cpu(const HostContext& context, CpuTimes& times) {
  const std::string text = context.read(context.paths().proc + "/stat");
  if (text.empty()) return;
  std::vector<CpuTimes::Row> rows;
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    const auto number = fields.empty() ? std::nullopt : cpu_number(fields[0]);
    if (!number) continue;
    if (rows.size() <= *number) rows.resize(*number + 1);
    for (size_t i = 0; i < CpuTimes::kColumns && i + 1 < fields.size(); ++i) {
      rows[*number][i] = number_of(fields[i + 1]) / kTicksPerSecond;
    }
  }
  rows = times.update(rows);
  for (size_t cpu = 0; cpu < rows.size(); ++cpu) {
    for (size_t i = 0; i < kModes.size(); ++i) {
      context.page().add(
          "node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", MetricType::Counter,
          {{"cpu", std::to_string(cpu)}, {"mode", std::string(kModes[i])}}, rows[cpu][i]);
    }
    for (const auto& [mode, column] : {std::pair{"nice", kGuest + 1}, std::pair{"user", kGuest}}) {
      context.page().add(
          "node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.",
          MetricType::Counter, {{"cpu", std::to_string(cpu)}, {"mode", mode}}, rows[cpu][column]);
    }
  }
  collect_throttling(context);
}

void collect_cpu_frequency(const HostContext& context) {
  struct Row {
    std::string_view file;
    std::string_view family;
    std::string_view help;
  };
  constexpr std::array<Row, 6> kRows = {{
      {"cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current cpu thread frequency in hertz."},
      {"cpuinfo_min_freq", "node_cpu_frequency_min_hertz",
       "Minimum cpu thread frequency in hertz."},
      {"cpuinfo_max_freq", "node_cpu_frequency_max_hertz",
       "Maximum cpu thread frequency in hertz."},
      {"scaling_cur_freq", "node_cpu_scaling_frequency_hertz",
       "Current scaled CPU thread frequency in hertz."},
      {"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz",
       "Minimum scaled CPU thread frequency in hertz."},
      {"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz",
       "Maximum scaled CPU thread frequency in hertz."},
  }};
  const std::string root = context.paths().sys + "/devices/system/cpu";
  for (const std::string& name : context.list(root)) {
    const auto number = cpu_number(name);
    if (!number) continue;
    for (const Row& row : kRows) {
      const auto kilohertz =
          context.read_number(root + "/" + name + "/cpufreq/" + std::string(row.file));
      if (!kilohertz) continue;
      context.page().add(row.family, row.help, MetricType::Gauge,
                         {{"cpu", std::to_string(*number)}}, *kilohertz * 1000);
    }
  }
}

void collect_load(const HostContext& context) {
  const std::string text = context.read(context.paths().proc + "/loadavg");
  const auto fields = fields_of(text);
  if (fields.size() < 3) return;
  context.page().gauge("node_load1", "1m load average.", number_of(fields[0]));
  context.page().gauge("node_load5", "5m load average.", number_of(fields[1]));
  context.page().gauge("node_load15", "15m load average.", number_of(fields[2]));
}

void collect_stat(const HostContext& context) {
  struct Row {
    std::string_view key;
    std::string_view family;
    std::string_view help;
    MetricType type;
  };
  constexpr std::array<Row, 6> kRows = {{
      {"intr", "node_intr_total", "Total number of interrupts serviced.", MetricType::Counter},
      {"ctxt", "node_context_switches_total", "Total number of context switches.",
       MetricType::Counter},
      {"processes", "node_forks_total", "Total number of forks.", MetricType::Counter},
      {"btime", "node_boot_time_seconds", "Node boot time, in unixtime.", MetricType::Gauge},
      {"procs_running", "node_procs_running", "Number of processes in runnable state.",
       MetricType::Gauge},
      {"procs_blocked", "node_procs_blocked",
       "Number of processes blocked waiting for I/O to complete.", MetricType::Gauge},
  }};
  const std::string text = context.read(context.paths().proc + "/stat");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() < 2) continue;
    for (const Row& row : kRows) {
      if (fields[0] == row.key) {
        context.page().add(row.family, row.help, row.type, {}, number_of(fields[1]));
      }
    }
  }
}

void collect_pressure(const HostContext& context) {
  struct Row {
    std::string_view file;
    std::string_view line;
    std::string_view family;
    std::string_view help;
  };
  constexpr std::array<Row, 5> kRows = {{
      {"cpu", "some", "node_pressure_cpu_waiting_seconds_total",
       "Total time in seconds that processes have waited for CPU time"},
      {"io", "some", "node_pressure_io_waiting_seconds_total",
       "Total time in seconds that processes have waited due to IO congestion"},
      {"io", "full", "node_pressure_io_stalled_seconds_total",
       "Total time in seconds no process could make progress due to IO congestion"},
      {"memory", "some", "node_pressure_memory_waiting_seconds_total",
       "Total time in seconds that processes have waited for memory"},
      {"memory", "full", "node_pressure_memory_stalled_seconds_total",
       "Total time in seconds no process could make progress due to memory congestion"},
  }};
  for (const Row& row : kRows) {
    const std::string text =
        context.read(context.paths().proc + "/pressure/" + std::string(row.file));
    for (const std::string_view line : lines_of(text)) {
      const auto fields = fields_of(line);
      if (fields.empty() || fields[0] != row.line || !fields.back().starts_with("total=")) continue;
      context.page().counter(row.family, row.help,
                             number_of(fields.back().substr(6)) / kMicrosecondsPerSecond);
    }
  }
}

void collect_scheduler(const HostContext& context) {
  const std::string text = context.read(context.paths().proc + "/schedstat");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    const auto number = fields.size() < 10 ? std::nullopt : cpu_number(fields[0]);
    if (!number) continue;
    const LabelPairs labels = {{"cpu", std::to_string(*number)}};
    context.page().add("node_schedstat_running_seconds_total",
                       "Number of seconds CPU spent running a process.", MetricType::Counter,
                       labels, number_of(fields[7]) / kNanosecondsPerSecond);
    context.page().add("node_schedstat_waiting_seconds_total",
                       "Number of seconds spent by processing waiting for this CPU.",
                       MetricType::Counter, labels, number_of(fields[8]) / kNanosecondsPerSecond);
    context.page().add("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.",
                       MetricType::Counter, labels, number_of(fields[9]));
  }
}

}  // namespace prom5::exporters
