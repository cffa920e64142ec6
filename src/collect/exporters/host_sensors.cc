#include <array>
#include <filesystem>
#include <set>

#include "base/ascii.h"
#include "collect/exporters/host.h"

namespace prom5::exporters {

namespace {

constexpr double kMilli = 0.001;
constexpr double kMicro = 1e-6;

/// Lower case, everything outside [a-z0-9:_] an underscore, none at the ends.
std::string clean(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += is_word_byte(c) || c == ':' ? to_lower(c) : '_';
  }
  return std::string(trimmed(out, "_"));
}

struct SensorFile {
  std::string type;
  std::string sensor;   ///< type and number
  std::string element;  ///< after the first underscore behind the number
};

/// "temp1_crit_alarm" is type temp, sensor temp1, element crit_alarm.
std::optional<SensorFile> parse_sensor(std::string_view file) {
  const size_t digits = std::min(file.find_first_of("0123456789"), file.size());
  SensorFile out;
  if (digits == file.size()) {
    // Without a number the first underscore may belong to the type: "update_interval".
    out.type = file;
    out.sensor = out.type + "0";
  } else {
    out.type = file.substr(0, digits);
    const size_t end = std::min(file.find_first_not_of("0123456789", digits), file.size());
    out.sensor = file.substr(0, end);
    if (end < file.size()) {
      if (file[end] != '_') return std::nullopt;
      out.element = file.substr(end + 1);
    }
  }
  constexpr std::array<std::string_view, 14> kTypes = {
      "vrm",  "beep_enable", "update_interval", "in",     "cpu",      "fan",       "pwm",
      "temp", "curr",        "power",           "energy", "humidity", "intrusion", ""};
  for (const std::string_view type : kTypes) {
    if (!type.empty() && out.type == type) return out;
  }
  return std::nullopt;
}

struct Shape {
  std::string family;
  std::string help;
  double factor = 1;
  MetricType type = MetricType::Gauge;
};

/// How node_exporter names and scales a sensor's element; the first rule that fits.
Shape shape_of(const SensorFile& s, bool has_plain_element) {
  std::string name = "node_hwmon_" + s.type;
  if (s.element == "input") {
    if (has_plain_element) name += "_input";
  } else if (!s.element.empty()) {
    name += "_" + clean(s.element);
  }
  const std::string& e = s.element;
  const std::string& t = s.type;
  if (t == "beep_enable") return {"node_hwmon_beep_enabled", "Hardware beep enabled"};
  if (t == "vrm") return {"node_hwmon_voltage_regulator_version", "Hardware voltage regulator"};
  if (t == "update_interval") {
    return {"node_hwmon_update_interval_seconds", "Hardware monitor update interval", kMilli};
  }
  if (e == "fault" || e == "alarm") {
    return {name, fmt::format("Hardware sensor {} status ({})", e, t)};
  }
  if (e == "beep") return {name + "_enabled", "Hardware monitor sensor has beeping enabled"};
  if (t == "in" || t == "cpu") {
    return {name + "_volts", fmt::format("Hardware monitor for voltage ({})", e), kMilli};
  }
  if (t == "temp" && e != "type") {
    return {name + "_celsius",
            fmt::format("Hardware monitor for temperature ({})", e.empty() ? "input" : e), kMilli};
  }
  if (t == "curr") {
    return {name + "_amps", fmt::format("Hardware monitor for current ({})", e), kMilli};
  }
  if (t == "energy") {
    return {name + "_joule_total", fmt::format("Hardware monitor for joules used so far ({})", e),
            kMicro, MetricType::Counter};
  }
  if (t == "power" && e == "accuracy") {
    return {name, "Hardware monitor power meter accuracy, as a ratio", kMicro};
  }
  if (t == "power" && e.starts_with("average_interval")) {
    return {name + "_seconds", fmt::format("Hardware monitor power usage update interval ({})", e),
            kMilli};
  }
  if (t == "power") {
    return {name + "_watt", fmt::format("Hardware monitor for power usage in watts ({})", e),
            kMicro};
  }
  if (t == "humidity") {
    return {name,
            fmt::format("Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the "
                        "humidity as a percentage) ({})",
                        e),
            kMicro};
  }
  if (t == "fan" && (e == "input" || e == "min" || e == "max" || e == "target")) {
    return {name + "_rpm", fmt::format("Hardware monitor for fan revolutions per minute ({})", e)};
  }
  return {name, fmt::format("Hardware monitor {} element {}", t, e)};
}

std::string chip_of(const HostContext& context, const std::string& folder) {
  std::error_code error;
  const auto device = std::filesystem::canonical(folder + "/device", error);
  if (!error) {
    const std::string kind = clean(device.parent_path().filename().string());
    const std::string name = clean(device.filename().string());
    if (!kind.empty() && !name.empty()) return kind + "_" + name;
    if (!name.empty()) return name;
  }
  const std::string name = clean(context.read_trimmed(folder + "/name"));
  return name.empty() ? clean(std::filesystem::path(folder).filename().string()) : name;
}

void collect_sensors(const HostContext& context, const std::string& folder,
                     const std::string& chip) {
  std::vector<SensorFile> sensors;
  std::set<std::string> plain;
  for (const std::string& file : context.list(folder)) {
    auto sensor = parse_sensor(file);
    if (!sensor) continue;
    if (sensor->element.empty()) plain.insert(sensor->sensor);
    sensors.push_back(*std::move(sensor));
  }
  for (const SensorFile& s : sensors) {
    const bool numbered = s.sensor != s.type + "0";
    const std::string file =
        (numbered ? s.sensor : s.type) + (s.element.empty() ? "" : "_" + s.element);
    const std::string text = context.read_trimmed(folder + "/" + file);
    if (text.empty()) continue;
    if (s.element == "label") {
      context.page().add("node_hwmon_sensor_label", "Label for given chip and sensor",
                         MetricType::Gauge, {{"chip", chip}, {"label", text}, {"sensor", s.sensor}},
                         1);
      continue;
    }
    const auto value = context.read_number(folder + "/" + file);
    if (!value) continue;
    const Shape shape = shape_of(s, plain.contains(s.sensor));
    context.page().add(shape.family, shape.help, shape.type, {{"chip", chip}, {"sensor", s.sensor}},
                       *value * shape.factor);
  }
}

}  // namespace

void collect_thermal(const HostContext& context) {
  const std::string root = context.paths().sys + "/class/thermal";
  for (const std::string& name : context.list(root)) {
    const std::string folder = root + "/" + name + "/";
    const std::string type = context.read_trimmed(folder + "type");
    constexpr std::string_view kZone = "thermal_zone";
    constexpr std::string_view kCooling = "cooling_device";
    if (name.starts_with(kZone)) {
      if (context.read_trimmed(folder + "mode") == "disabled") continue;
      if (const auto temperature = context.read_number(folder + "temp")) {
        context.page().add("node_thermal_zone_temp", "Zone temperature in Celsius",
                           MetricType::Gauge, {{"type", type}, {"zone", name.substr(kZone.size())}},
                           *temperature * kMilli);
      }
    } else if (name.starts_with(kCooling)) {
      const LabelPairs labels = {{"name", name.substr(kCooling.size())}, {"type", type}};
      if (const auto state = context.read_number(folder + "cur_state")) {
        context.page().add("node_cooling_device_cur_state",
                           "Current throttle state of the cooling device", MetricType::Gauge,
                           labels, *state);
      }
      if (const auto state = context.read_number(folder + "max_state")) {
        context.page().add("node_cooling_device_max_state",
                           "Maximum throttle state of the cooling device", MetricType::Gauge,
                           labels, *state);
      }
    }
  }
}

void collect_hwmon(const HostContext& context) {
  const std::string root = context.paths().sys + "/class/hwmon";
  for (const std::string& name : context.list(root)) {
    const std::string folder = root + "/" + name;
    const std::string chip = chip_of(context, folder);
    const std::string chip_name = clean(context.read_trimmed(folder + "/name"));
    if (!chip_name.empty()) {
      context.page().add("node_hwmon_chip_names", "Annotation metric for human-readable chip names",
                         MetricType::Gauge, {{"chip", chip}, {"chip_name", chip_name}}, 1);
    }
    collect_sensors(context, folder, chip);
    collect_sensors(context, folder + "/device", chip);
  }
}

}  // namespace prom5::exporters
