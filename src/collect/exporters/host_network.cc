#include <unistd.h>

#include <array>
#include <charconv>
#include <cmath>

#include "collect/exporters/host.h"
#include "model/regex.h"

namespace prom5::exporters {

namespace {

double hex_number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return static_cast<double>(value);
}

const Regex& wanted_netstat() {
  static const Regex regex = *Regex::compile(
      ".*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
      "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|"
      "Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|"
      "Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors)");
  return regex;
}

void add_netstat(const HostContext& context, std::string_view protocol, std::string_view field,
                 std::string_view value) {
  const std::string name = fmt::format("{}_{}", protocol, field);
  if (!wanted_netstat().matches(name)) return;
  context.page().add("node_netstat_" + name, fmt::format("Statistic {}{}.", protocol, field),
                     MetricType::Unknown, {}, number_of(value));
}

/// Pairs of lines, names and then values: "Tcp: A B" and "Tcp: 1 2".
void collect_netstat_pairs(const HostContext& context, const std::string& file) {
  const std::string text = context.read(context.paths().proc + "/net/" + file);
  const auto lines = lines_of(text);
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    const auto names = fields_of(lines[i]);
    const auto values = fields_of(lines[i + 1]);
    if (names.empty() || values.size() != names.size() || !names[0].ends_with(':')) continue;
    for (size_t k = 1; k < names.size(); ++k) {
      add_netstat(context, names[0].substr(0, names[0].size() - 1), names[k], values[k]);
    }
  }
}

void collect_sockstat_file(const HostContext& context, const std::string& file) {
  const std::string text = context.read(context.paths().proc + "/net/" + file);
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.empty() || !fields[0].ends_with(':')) continue;
    const std::string protocol(fields[0].substr(0, fields[0].size() - 1));
    std::map<std::string_view, double> values;
    for (size_t i = 1; i + 1 < fields.size(); i += 2) values[fields[i]] = number_of(fields[i + 1]);
    if (protocol == "sockets") {
      context.page().gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.",
                           values["used"]);
      continue;
    }
    values.try_emplace("inuse", 0);
    const auto gauge = [&](std::string_view key, double value) {
      context.page().gauge(fmt::format("node_sockstat_{}_{}", protocol, key),
                           fmt::format("Number of {} sockets in state {}.", protocol, key), value);
    };
    for (const std::string_view key : {"inuse", "orphan", "tw", "alloc", "mem", "memory"}) {
      const auto found = values.find(key);
      if (found != values.end()) gauge(key, found->second);
    }
    const auto pages = values.find("mem");
    if (pages != values.end()) {
      gauge("mem_bytes", pages->second * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    }
  }
}

}  // namespace

void collect_network_devices(const HostContext& context) {
  // The names under /sys whose sum each counter is; the kernel adds them up likewise for
  // /proc/net/dev, which lacks the last of the receive side.
  struct Row {
    std::string_view key;
    std::array<std::string_view, 4> files;
  };
  constexpr std::array<Row, 17> kRows = {{
      {"receive_bytes", {"rx_bytes"}},
      {"receive_packets", {"rx_packets"}},
      {"receive_errs", {"rx_errors"}},
      {"receive_drop", {"rx_dropped", "rx_missed_errors"}},
      {"receive_fifo", {"rx_fifo_errors"}},
      {"receive_frame", {"rx_frame_errors", "rx_length_errors", "rx_over_errors", "rx_crc_errors"}},
      {"receive_compressed", {"rx_compressed"}},
      {"receive_multicast", {"multicast"}},
      {"receive_nohandler", {"rx_nohandler"}},
      {"transmit_bytes", {"tx_bytes"}},
      {"transmit_packets", {"tx_packets"}},
      {"transmit_errs", {"tx_errors"}},
      {"transmit_drop", {"tx_dropped"}},
      {"transmit_fifo", {"tx_fifo_errors"}},
      {"transmit_colls", {"collisions"}},
      {"transmit_carrier",
       {"tx_carrier_errors", "tx_aborted_errors", "tx_heartbeat_errors", "tx_window_errors"}},
      {"transmit_compressed", {"tx_compressed"}},
  }};
  const std::string root = context.paths().sys + "/class/net";
  for (const std::string& device : context.list(root)) {
    const std::string folder = root + "/" + device + "/statistics/";
    if (!context.read_number(folder + "rx_bytes")) continue;  // not a device
    for (const Row& row : kRows) {
      double sum = 0;
      for (const std::string_view file : row.files) {
        if (!file.empty()) sum += context.read_number(folder + std::string(file)).value_or(0);
      }
      context.page().add(fmt::format("node_network_{}_total", row.key),
                         fmt::format("Network device statistic {}.", row.key), MetricType::Counter,
                         {{"device", device}}, sum);
    }
  }
}

void collect_network_classes(const HostContext& context) {
  struct Row {
    std::string_view key;
    std::string_view file;
    MetricType type = MetricType::Gauge;
  };
  constexpr std::array<Row, 17> kRows = {{
      {"address_assign_type", "addr_assign_type"},
      {"carrier", "carrier"},
      {"carrier_changes_total", "carrier_changes", MetricType::Counter},
      {"carrier_up_changes_total", "carrier_up_count", MetricType::Counter},
      {"carrier_down_changes_total", "carrier_down_count", MetricType::Counter},
      {"device_id", "dev_id"},
      {"dormant", "dormant"},
      {"flags", "flags"},
      {"iface_id", "ifindex"},
      {"iface_link", "iflink"},
      {"iface_link_mode", "link_mode"},
      {"mtu_bytes", "mtu"},
      {"name_assign_type", "name_assign_type"},
      {"net_dev_group", "netdev_group"},
      {"speed_bytes", "speed"},
      {"transmit_queue_length", "tx_queue_len"},
      {"protocol_type", "type"},
  }};
  const std::string root = context.paths().sys + "/class/net";
  for (const std::string& device : context.list(root)) {
    const std::string folder = root + "/" + device + "/";
    if (context.read(folder + "ifindex").empty()) continue;
    const auto text = [&](const std::string& file) { return context.read_trimmed(folder + file); };
    const std::string state = text("operstate");
    context.page().add("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.",
                       MetricType::Gauge, {{"device", device}}, state == "up" ? 1 : 0);
    context.page().add("node_network_info",
                       "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
                       MetricType::Gauge,
                       {{"address", text("address")},
                        {"broadcast", text("broadcast")},
                        {"device", device},
                        {"duplex", text("duplex")},
                        {"ifalias", text("ifalias")},
                        {"operstate", state}},
                       1);
    for (const Row& row : kRows) {
      auto value = context.read_number(folder + std::string(row.file));
      if (!value) continue;
      if (row.key == "speed_bytes") value = std::trunc(*value * 1000 * 1000 / 8);  // from Mbit/s
      context.page().add(fmt::format("node_network_{}", row.key),
                         fmt::format("Network device property: {}", row.key), row.type,
                         {{"device", device}}, *value);
    }
  }
}

void collect_netstat(const HostContext& context) {
  collect_netstat_pairs(context, "netstat");
  collect_netstat_pairs(context, "snmp");
  const std::string text = context.read(context.paths().proc + "/net/snmp6");
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() != 2) continue;
    const size_t six = fields[0].find('6');
    if (six == std::string_view::npos) continue;
    add_netstat(context, fields[0].substr(0, six + 1), fields[0].substr(six + 1), fields[1]);
  }
}

void collect_sockets(const HostContext& context) {
  collect_sockstat_file(context, "sockstat");
  collect_sockstat_file(context, "sockstat6");
}

void collect_softnet(const HostContext& context) {
  const std::string text = context.read(context.paths().proc + "/net/softnet_stat");
  size_t row = 0;
  for (const std::string_view line : lines_of(text)) {
    const auto fields = fields_of(line);
    if (fields.size() < 3) continue;
    const LabelPairs labels = {{"cpu", std::to_string(row++)}};
    const auto counter = [&](std::string_view family, std::string_view help, size_t column) {
      context.page().add(family, help, MetricType::Counter, labels, hex_number(fields[column]));
    };
    counter("node_softnet_processed_total", "Number of processed packets", 0);
    counter("node_softnet_dropped_total", "Number of dropped packets", 1);
    counter("node_softnet_times_squeezed_total",
            "Number of times processing packets ran out of quota", 2);
  }
}

void collect_conntrack(const HostContext& context) {
  struct Row {
    std::string_view family;
    std::string_view help;
    size_t column;
  };
  constexpr std::array<Row, 8> kRows = {{
      {"node_nf_conntrack_stat_found", "Number of searched entries which were successful.", 2},
      {"node_nf_conntrack_stat_invalid", "Number of packets seen which can not be tracked.", 4},
      {"node_nf_conntrack_stat_ignore",
       "Number of packets seen which are already connected to a conntrack entry.", 5},
      {"node_nf_conntrack_stat_insert", "Number of entries inserted into the list.", 8},
      {"node_nf_conntrack_stat_insert_failed",
       "Number of entries for which list insertion was attempted but failed.", 9},
      {"node_nf_conntrack_stat_drop", "Number of packets dropped due to conntrack failure.", 10},
      {"node_nf_conntrack_stat_early_drop",
       "Number of dropped conntrack entries to make room for new ones, if maximum table size was "
       "reached.",
       11},
      {"node_nf_conntrack_stat_search_restart",
       "Number of conntrack table lookups which had to be restarted due to hashtable resizes.", 16},
  }};
  const std::string folder = context.paths().proc + "/sys/net/netfilter/";
  const auto entries = context.read_number(folder + "nf_conntrack_count");
  const auto limit = context.read_number(folder + "nf_conntrack_max");
  if (!entries || !limit) return;
  context.page().gauge("node_nf_conntrack_entries",
                       "Number of currently allocated flow entries for connection tracking.",
                       *entries);
  context.page().gauge("node_nf_conntrack_entries_limit",
                       "Maximum size of connection tracking table.", *limit);
  const std::string text = context.read(context.paths().proc + "/net/stat/nf_conntrack");
  if (text.empty()) return;
  std::array<double, kRows.size()> sums{};
  const auto lines = lines_of(text);
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto fields = fields_of(lines[i]);
    for (size_t k = 0; k < kRows.size(); ++k) {
      if (kRows[k].column < fields.size()) sums[k] += hex_number(fields[kRows[k].column]);
    }
  }
  for (size_t k = 0; k < kRows.size(); ++k) {
    context.page().gauge(kRows[k].family, kRows[k].help, sums[k]);
  }
}

void collect_udp_queues(const HostContext& context) {
  for (const auto& [file, version] : {std::pair{"udp", "v4"}, std::pair{"udp6", "v6"}}) {
    const std::string text = context.read(context.paths().proc + "/net/" + file);
    if (text.empty()) continue;
    double sent = 0;
    double received = 0;
    const auto lines = lines_of(text);
    for (size_t i = 1; i < lines.size(); ++i) {
      const auto fields = fields_of(lines[i]);
      if (fields.size() < 5) continue;
      const size_t colon = std::min(fields[4].find(':'), fields[4].size());
      sent += hex_number(fields[4].substr(0, colon));
      received += hex_number(fields[4].substr(std::min(colon + 1, fields[4].size())));
    }
    for (const auto& [queue, bytes] : {std::pair{"tx", sent}, std::pair{"rx", received}}) {
      context.page().add("node_udp_queues",
                         "Number of allocated memory in the kernel for UDP datagrams in bytes.",
                         MetricType::Gauge, {{"ip", version}, {"queue", queue}}, bytes);
    }
  }
}

void collect_arp(const HostContext& context) {
  const std::string text = context.read(context.paths().proc + "/net/arp");
  if (text.empty()) return;
  std::map<std::string, double> entries;
  const auto lines = lines_of(text);
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto fields = fields_of(lines[i]);
    if (!fields.empty()) ++entries[std::string(fields.back())];
  }
  for (const auto& [device, count] : entries) {
    context.page().add("node_arp_entries", "ARP entries by device", MetricType::Gauge,
                       {{"device", device}}, count);
  }
}

}  // namespace prom5::exporters
