#include "collect/exporters/host.h"

namespace prom5::exporters {

namespace {

constexpr double kBytesPerKilobyte = 1024;

/// "Active(anon)" to "Active_anon".
std::string memory_key(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '(') {
      out += '_';
    } else if (c != ')') {
      out += c;
    }
  }
  return out;
}

}  // namespace

void collect_memory(const HostContext& context) {
  const std::string text = context.read(context.paths().proc + "/meminfo");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() < 2 || !fields[0].ends_with(':')) continue;
    std::string key = memory_key(fields[0].substr(0, fields[0].size() - 1));
    double value = number_of(fields[1]);
    if (fields.size() == 3) {  // the unit, which is always kB
      key += "_bytes";
      value *= kBytesPerKilobyte;
    }
    context.page().gauge("node_memory_" + key, "Memory information field " + key + ".", value);
  }
}

void collect_vmstat(const HostContext& context) {
  const auto wanted = [](std::string_view field) {
    const bool fault = field.starts_with("pg") && field.find("fault") != std::string_view::npos;
    return field.starts_with("oom_kill") || field.starts_with("pgpg") ||
           field.starts_with("pswp") || fault;
  };
  const std::string text = context.read(context.paths().proc + "/vmstat");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() != 2 || !wanted(fields[0])) continue;
    const std::string name(fields[0]);
    context.page().add("node_vmstat_" + name, "/proc/vmstat information field " + name + ".",
                       MetricType::Unknown, {}, number_of(fields[1]));
  }
}

}  // namespace prom5::exporters
