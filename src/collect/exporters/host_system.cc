#include <sys/timex.h>
#include <sys/utsname.h>

#include <array>
#include <chrono>
#include <ctime>

#include "collect/exporters/host.h"

namespace prom5::exporters {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A value of os-release without the shell's quotes.
std::string unquote_shell(std::string_view text) {
  if (text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0]) {
    text = text.substr(1, text.size() - 2);
  }
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

/// The fields of /proc/PID/stat from the state on: the name before may hold spaces and brackets.
std::vector<std::string_view> process_fields(std::string_view stat) {
  const size_t close = stat.rfind(')');
  return close == std::string_view::npos ? std::vector<std::string_view>{}
                                         : fields_of(stat.substr(close + 1));
}

}  // namespace

void collect_uname(const HostContext& context) {
  struct utsname name{};
  if (::uname(&name) != 0) return;
  context.page().add("node_uname_info",
                     "Labeled system information as provided by the uname system call.",
                     MetricType::Gauge,
                     {{"domainname", name.domainname},
                      {"machine", name.machine},
                      {"nodename", name.nodename},
                      {"release", name.release},
                      {"sysname", name.sysname},
                      {"version", name.version}},
                     1);
}

void collect_os(const HostContext& context) {
  std::string text;
  for (const std::string& path : context.paths().os_release) {
    if (text.empty()) text = context.read(path);
  }
  if (text.empty()) return;
  std::map<std::string, std::string, std::less<>> values;
  for (const std::string_view line : lines_of(text)) {
    const size_t equal = line.find('=');
    if (equal == std::string_view::npos || line[0] == '#') continue;
    values.emplace(line.substr(0, equal), unquote_shell(line.substr(equal + 1)));
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kLabels = {{
      {"build_id", "BUILD_ID"},
      {"id", "ID"},
      {"id_like", "ID_LIKE"},
      {"image_id", "IMAGE_ID"},
      {"image_version", "IMAGE_VERSION"},
      {"name", "NAME"},
      {"pretty_name", "PRETTY_NAME"},
      {"variant", "VARIANT"},
      {"variant_id", "VARIANT_ID"},
      {"version", "VERSION"},
      {"version_codename", "VERSION_CODENAME"},
      {"version_id", "VERSION_ID"},
  }};
  LabelPairs labels;
  for (const auto& [label, key] : kLabels) labels.emplace_back(label, values[std::string(key)]);
  context.page().add(
      "node_os_info",
      "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, "
      "image_version, name, pretty_name, variant, variant_id, version, version_codename, "
      "version_id.",
      MetricType::Gauge, std::move(labels), 1);
  std::string version = values["VERSION_ID"];
  const size_t first = version.find('.');
  if (first != std::string::npos) version = version.substr(0, version.find('.', first + 1));
  const double number = number_of(version);
  if (number > 0) {
    context.page().add(
        "node_os_version", "Metric containing the major.minor part of the OS version.",
        MetricType::Gauge,
        {{"id", values["ID"]}, {"id_like", values["ID_LIKE"]}, {"name", values["NAME"]}}, number);
  }
}

void collect_time(const HostContext& context) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  context.page().gauge("node_time_seconds", "System time in seconds since epoch (1970).",
                       std::chrono::duration<double>(now).count());
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  context.page().add("node_time_zone_offset_seconds", "System time zone offset in seconds.",
                     MetricType::Gauge, {{"time_zone", local.tm_zone}},
                     static_cast<double>(local.tm_gmtoff));
  const std::string root = context.paths().sys + "/devices/system/clocksource";
  size_t device = 0;
  for (const std::string& name : context.list(root)) {
    if (!name.starts_with("clocksource")) continue;
    const std::string number = std::to_string(device++);
    const std::string available = context.read(root + "/" + name + "/available_clocksource");
    for (const std::string_view line : lines_of(available)) {
      for (const std::string_view source : fields_of(line)) {
        context.page().add("node_time_clocksource_available_info",
                           "Available clocksources read from '/sys/devices/system/clocksource'.",
                           MetricType::Gauge,
                           {{"clocksource", std::string(source)}, {"device", number}}, 1);
      }
    }
    const std::string current = context.read_trimmed(root + "/" + name + "/current_clocksource");
    if (!current.empty()) {
      context.page().add("node_time_clocksource_current_info",
                         "Current clocksource read from '/sys/devices/system/clocksource'.",
                         MetricType::Gauge, {{"clocksource", current}, {"device", number}}, 1);
    }
  }
}

void collect_timex(const HostContext& context) {
  struct timex t{};
  const int state = ::adjtimex(&t);
  if (state < 0) return;
  const double divisor = (t.status & STA_NANO) != 0 ? 1e9 : 1e6;
  constexpr double kMicro = 1e6;
  constexpr double kPpm = 1e6 * 65536;
  Page& page = context.page();
  const auto gauge = [&](std::string_view family, std::string_view help, double value) {
    page.gauge(family, help, value);
  };
  const auto counter = [&](std::string_view family, std::string_view help, long value) {
    page.counter(family, help, static_cast<double>(value));
  };
  const auto number = [](long value) { return static_cast<double>(value); };
  gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock.",
        number(t.offset) / divisor);
  gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment.",
        1 + number(t.freq) / kPpm);
  gauge("node_timex_maxerror_seconds", "Maximum error in seconds.", number(t.maxerror) / kMicro);
  gauge("node_timex_estimated_error_seconds", "Estimated error in seconds.",
        number(t.esterror) / kMicro);
  gauge("node_timex_status", "Value of the status array bits.", number(t.status));
  gauge("node_timex_loop_time_constant", "Phase-locked loop time constant.", number(t.constant));
  gauge("node_timex_tick_seconds", "Seconds between clock ticks.", number(t.tick) / kMicro);
  gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency.", number(t.ppsfreq) / kPpm);
  gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter.", number(t.jitter) / divisor);
  gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration.", number(t.shift));
  gauge("node_timex_pps_stability_hertz",
        "Pulse per second stability, average of recent frequency changes.",
        number(t.stabil) / kPpm);
  counter("node_timex_pps_jitter_total", "Pulse per second count of jitter limit exceeded events.",
          t.jitcnt);
  counter("node_timex_pps_calibration_total", "Pulse per second count of calibration intervals.",
          t.calcnt);
  counter("node_timex_pps_error_total", "Pulse per second count of calibration errors.", t.errcnt);
  counter("node_timex_pps_stability_exceeded_total",
          "Pulse per second count of stability limit exceeded events.", t.stbcnt);
  gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset.", number(t.tai));
  gauge("node_timex_sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
        state == TIME_ERROR ? 0 : 1);
}

void collect_file_descriptors(const HostContext& context) {
  const std::string text = context.read_trimmed(context.paths().proc + "/sys/fs/file-nr");
  const auto fields = fields_of(text);
  if (fields.size() < 3) return;
  context.page().gauge("node_filefd_allocated", "File descriptor statistics: allocated.",
                       number_of(fields[0]));
  context.page().gauge("node_filefd_maximum", "File descriptor statistics: maximum.",
                       number_of(fields[2]));
}

void collect_entropy(const HostContext& context) {
  const std::string folder = context.paths().proc + "/sys/kernel/random/";
  if (const auto bits = context.read_number(folder + "entropy_avail")) {
    context.page().gauge("node_entropy_available_bits", "Bits of available entropy.", *bits);
  }
  if (const auto bits = context.read_number(folder + "poolsize")) {
    context.page().gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", *bits);
  }
}

void collect_processes(const HostContext& context) {
  const std::string& proc = context.paths().proc;
  std::map<std::string, double> states;
  std::map<std::string, double> thread_states;
  double processes = 0;
  double threads = 0;
  for (const std::string& pid : context.list(proc)) {
    if (!is_number(pid)) continue;
    const std::string stat = context.read(proc + "/" + pid + "/stat");
    const auto fields = process_fields(stat);
    if (fields.size() < 18) continue;  // it has ended meanwhile
    ++processes;
    ++states[std::string(fields[0])];
    const double count = number_of(fields[17]);
    threads += count;
    if (count == 1) {
      ++thread_states[std::string(fields[0])];
      continue;
    }
    for (const std::string& thread : context.list(proc + "/" + pid + "/task")) {
      const std::string thread_stat = context.read(proc + "/" + pid + "/task/" + thread + "/stat");
      const auto thread_fields = process_fields(thread_stat);
      if (!thread_fields.empty()) ++thread_states[std::string(thread_fields[0])];
    }
  }
  Page& page = context.page();
  for (const auto& [state, count] : states) {
    page.add("node_processes_state", "Number of processes in each state.", MetricType::Gauge,
             {{"state", state}}, count);
  }
  for (const auto& [state, count] : thread_states) {
    page.add("node_processes_threads_state", "Number of threads in each state.", MetricType::Gauge,
             {{"thread_state", state}}, count);
  }
  page.gauge("node_processes_pids", "Number of PIDs", processes);
  page.gauge("node_processes_threads", "Allocated threads in system", threads);
  if (const auto limit = context.read_number(proc + "/sys/kernel/threads-max")) {
    page.gauge("node_processes_max_threads", "Limit of threads in the system", *limit);
  }
  if (const auto limit = context.read_number(proc + "/sys/kernel/pid_max")) {
    page.gauge("node_processes_max_processes", "Number of max PIDs limit", *limit);
  }
}

void collect_selinux(const HostContext& context) {
  const auto enforcing = context.read_number(context.paths().sys + "/fs/selinux/enforce");
  context.page().gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false",
                       enforcing ? 1 : 0);
  if (!enforcing) return;
  context.page().gauge("node_selinux_current_mode", "Current SELinux enforcement mode", *enforcing);
}

void collect_dmi(const HostContext& context) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kLabels = {{
      {"bios_date", "bios_date"},
      {"bios_release", "bios_release"},
      {"bios_vendor", "bios_vendor"},
      {"bios_version", "bios_version"},
      {"board_asset_tag", "board_asset_tag"},
      {"board_name", "board_name"},
      {"board_serial", "board_serial"},
      {"board_vendor", "board_vendor"},
      {"board_version", "board_version"},
      {"chassis_asset_tag", "chassis_asset_tag"},
      {"chassis_serial", "chassis_serial"},
      {"chassis_vendor", "chassis_vendor"},
      {"chassis_version", "chassis_version"},
      {"product_family", "product_family"},
      {"product_name", "product_name"},
      {"product_serial", "product_serial"},
      {"product_sku", "product_sku"},
      {"product_uuid", "product_uuid"},
      {"product_version", "product_version"},
      {"system_vendor", "sys_vendor"},
  }};
  const std::string folder = context.paths().sys + "/class/dmi/id/";
  LabelPairs labels;
  for (const auto& [label, file] : kLabels) {
    std::string value = context.read_trimmed(folder + std::string(file));
    if (!value.empty()) labels.emplace_back(label, std::move(value));
  }
  if (labels.empty()) return;
  context.page().add(
      "node_dmi_info",
      "A metric with a constant '1' value labeled by bios_date, bios_release, bios_vendor, "
      "bios_version, board_asset_tag, board_name, board_serial, board_vendor, board_version, "
      "chassis_asset_tag, chassis_serial, chassis_vendor, chassis_version, product_family, "
      "product_name, product_serial, product_sku, product_uuid, product_version, system_vendor if "
      "provided by DMI.",
      MetricType::Gauge, std::move(labels), 1);
}

void collect_nvme(const HostContext& context) {
  const std::string root = context.paths().sys + "/class/nvme";
  for (const std::string& device : context.list(root)) {
    const auto text = [&](const std::string& file) {
      return context.read_trimmed(root + "/" + device + "/" + file);
    };
    context.page().add("node_nvme_info",
                       "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
                       MetricType::Gauge,
                       {{"device", device},
                        {"firmware_revision", text("firmware_rev")},
                        {"model", text("model")},
                        {"serial", text("serial")},
                        {"state", text("state")}},
                       1);
  }
}

}  // namespace prom5::exporters
