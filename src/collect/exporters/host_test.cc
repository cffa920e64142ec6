#include "collect/exporters/host.h"

#include <gtest/gtest.h>

#include "io/file/memory_file_system.h"

namespace prom5::exporters {

namespace {

/// Files of a machine, and what one collector shows of them.
class HostTest : public testing::Test {
 protected:
  void file(const std::string& path, std::string_view text) {
    EXPECT_TRUE(files_.make_directories(path.substr(0, path.rfind('/'))));
    EXPECT_TRUE(files_.write_atomically(path, text));
  }
  std::string shown(void (*collect)(const HostContext&)) {
    Page page;
    collect(HostContext(files_, paths_, page));
    return page.text();
  }
  std::string shown_cpu(CpuTimes& times) {
    Page page;
    collect_cpu(HostContext(files_, paths_, page), times);
    return page.text();
  }

  /// Whether the page has this line.
  static void has(const std::string& page, const std::string& line) {
    EXPECT_NE(("\n" + page).find("\n" + line + "\n"), std::string::npos) << line << "\nis not in\n"
                                                                         << page;
  }
  static void has_not(const std::string& page, std::string_view text) {
    EXPECT_EQ(page.find(text), std::string::npos) << text << "\nis in\n" << page;
  }

  io::MemoryFileSystem files_;
  const HostPaths paths_{.proc = "/p", .sys = "/s", .udev = "/u", .os_release = {"/e/os-release"}};
};

}  // namespace

TEST_F(HostTest, NothingIsShownOfWhatIsNotThere) {
  for (void (*collect)(const HostContext&) :
       {collect_load, collect_stat, collect_memory, collect_vmstat, collect_pressure, collect_arp,
        collect_sockets, collect_softnet, collect_conntrack, collect_udp_queues, collect_netstat,
        collect_cpu_frequency, collect_scheduler, collect_entropy, collect_file_descriptors}) {
    EXPECT_EQ(shown(collect), "");
  }
  CpuTimes times;
  EXPECT_EQ(shown_cpu(times), "");
}

TEST_F(HostTest, Load) {
  file("/p/loadavg", "0.21 0.37 1.39 1/719 19737\n");
  const std::string page = shown(collect_load);
  has(page, "# HELP node_load1 1m load average.");
  has(page, "# TYPE node_load1 gauge");
  has(page, "node_load1 0.21");
  has(page, "node_load5 0.37");
  has(page, "node_load15 1.39");
  file("/p/loadavg", "0.21\n");
  EXPECT_EQ(shown(collect_load), "");
}

TEST_F(HostTest, Memory) {
  file("/p/meminfo",
       "MemTotal:        3742148 kB\nActive(anon):     1000 kB\nHugePages_Total:       7\n"
       "no colon 5 kB\n\nShort:\n");
  const std::string page = shown(collect_memory);
  has(page, "# TYPE node_memory_MemTotal_bytes gauge");
  has(page, "# HELP node_memory_MemTotal_bytes Memory information field MemTotal_bytes.");
  has(page, "node_memory_MemTotal_bytes 3831959552");
  has(page, "node_memory_Active_anon_bytes 1024000");
  has(page, "node_memory_HugePages_Total 7");
  has_not(page, "Short");
  has_not(page, "colon");
}

TEST_F(HostTest, Stat) {
  file("/p/stat",
       "cpu  300 10 200 4000 50 0 7 0 0 0\ncpu0 100 10 100 2000 50 0 7 0 30 5\n"
       "cpu1 200 0 100 2000 0 0 0 0 0 0\nintr 8885917 17 0\nctxt 38014093\nbtime 1418183276\n"
       "processes 26442\nprocs_running 2\nprocs_blocked 1\nsoftirq 5057579 250191\n");
  const std::string page = shown(collect_stat);
  has(page, "node_intr_total 8885917");
  has(page, "node_context_switches_total 38014093");
  has(page, "node_boot_time_seconds 1418183276");
  has(page, "node_forks_total 26442");
  has(page, "node_procs_running 2");
  has(page, "node_procs_blocked 1");
  CpuTimes times;
  const std::string cpu = shown_cpu(times);
  has(cpu, "# TYPE node_cpu_seconds_total counter");
  has(cpu, R"(node_cpu_seconds_total{cpu="0",mode="user"} 1)");
  has(cpu, R"(node_cpu_seconds_total{cpu="0",mode="nice"} 0.1)");
  has(cpu, R"(node_cpu_seconds_total{cpu="0",mode="iowait"} 0.5)");
  has(cpu, R"(node_cpu_seconds_total{cpu="1",mode="user"} 2)");
  has(cpu, R"(node_cpu_guest_seconds_total{cpu="0",mode="user"} 0.3)");
  has(cpu, R"(node_cpu_guest_seconds_total{cpu="0",mode="nice"} 0.05)");
  has_not(cpu, R"(cpu="")");
}

TEST(CpuTimes, NeverStepBackUnlessTheProcessorIsNew) {
  CpuTimes times;
  const auto row = [](double user, double idle) { return CpuTimes::Row{user, 0, 0, idle}; };
  const auto shows = [&](CpuTimes::Row read, const CpuTimes::Row& want) {
    const auto rows = times.update({read});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0], want);
  };
  shows(row(10, 100), row(10, 100));
  shows(row(9, 99), row(10, 100));  // jitter
  shows(row(11, 101), row(11, 101));
  shows(row(1, 2), row(1, 2));  // taken out and put in
  EXPECT_EQ(times.update({row(1, 1), row(2, 2)}).size(), 2U);
  EXPECT_TRUE(times.update({}).empty());
}

TEST_F(HostTest, Vmstat) {
  file("/p/vmstat", "nr_free_pages 1\npgfault 5\npgmajfault 6\npgpgin 7\npswpout 8\noom_kill 9\n");
  const std::string page = shown(collect_vmstat);
  has(page, "node_vmstat_pgfault 5");
  has(page, "node_vmstat_pgmajfault 6");
  has(page, "node_vmstat_pgpgin 7");
  has(page, "node_vmstat_pswpout 8");
  has(page, "node_vmstat_oom_kill 9");
  has(page, "# TYPE node_vmstat_pgfault untyped");
  has_not(page, "nr_free_pages");
}

TEST_F(HostTest, Arp) {
  file("/p/net/arp",
       "IP address       HW type     Flags       HW address            Mask     Device\n"
       "192.168.1.1      0x1         0x2         cc:aa:dd:ee:aa:bb     *        eth0\n"
       "192.168.1.2      0x1         0x2         bb:cc:dd:ee:ff:aa     *        eth0\n"
       "192.168.1.3      0x1         0x2         aa:bb:cc:dd:ee:ff     *        eth1\n");
  const std::string page = shown(collect_arp);
  has(page, R"(node_arp_entries{device="eth0"} 2)");
  has(page, R"(node_arp_entries{device="eth1"} 1)");
}

TEST_F(HostTest, Softnet) {
  file("/p/net/softnet_stat", "00008e78 00000001 00000011 0\n000000ff 00000000 00000000 0\n");
  const std::string page = shown(collect_softnet);
  has(page, R"(node_softnet_processed_total{cpu="0"} 36472)");
  has(page, R"(node_softnet_dropped_total{cpu="0"} 1)");
  has(page, R"(node_softnet_times_squeezed_total{cpu="0"} 17)");
  has(page, R"(node_softnet_processed_total{cpu="1"} 255)");
}

TEST_F(HostTest, UdpQueues) {
  file("/p/net/udp",
       "  sl  local_address rem_address   st tx_queue rx_queue\n"
       "   0: 00000000:0016 00000000:0000 0A 00000015:00000001 00:00000000\n"
       "   1: 00000000:0017 00000000:0000 0A 00000001:00000010 00:00000000\n");
  const std::string page = shown(collect_udp_queues);
  has(page, R"(node_udp_queues{ip="v4",queue="tx"} 22)");
  has(page, R"(node_udp_queues{ip="v4",queue="rx"} 17)");
  has_not(page, "v6");
}

TEST_F(HostTest, Conntrack) {
  file("/p/sys/net/netfilter/nf_conntrack_count", "123\n");
  EXPECT_EQ(shown(collect_conntrack), "");
  file("/p/sys/net/netfilter/nf_conntrack_max", "65536\n");
  const std::string page = shown(collect_conntrack);
  has(page, "node_nf_conntrack_entries 123");
  has(page, "node_nf_conntrack_entries_limit 65536");
}

TEST_F(HostTest, AWholePageIsShownEvenOfAnEmptyMachine) {
  HostExporter exporter(files_, paths_);
  Page page;
  exporter.collect(page);
  const std::string text = page.text();
  for (const std::string_view name : {"cpu", "meminfo", "diskstats", "netdev", "time"}) {
    EXPECT_NE(text.find("node_scrape_collector_duration_seconds{collector=\"" + std::string(name) +
                        "\"} "),
              std::string::npos)
        << name;
  }
}

TEST_F(HostTest, NumbersOfFiles) {
  Page page;
  const HostContext context(files_, paths_, page);
  const auto reads = [&](std::string_view text, std::optional<double> want) {
    file("/p/n", text);
    EXPECT_EQ(context.read_number("/p/n"), want) << text;
  };
  reads("12\n", 12);
  reads(" -3 ", -3);
  reads("1.5", 1.5);
  reads("0x1f\n", 31);
  reads("", std::nullopt);
  reads("\n", std::nullopt);
  reads("twelve", std::nullopt);
  reads("0x", std::nullopt);
  EXPECT_EQ(context.read_number("/p/absent"), std::nullopt);
  EXPECT_EQ(context.read("/p/absent"), "");
  EXPECT_TRUE(context.list("/p/absent").empty());
}

TEST(Host, Fields) {
  using Fields = std::vector<std::string_view>;
  EXPECT_EQ(fields_of(""), Fields{});
  EXPECT_EQ(fields_of(" \t "), Fields{});
  EXPECT_EQ(fields_of("a"), Fields{"a"});
  EXPECT_EQ(fields_of(" a \t b"), (Fields{"a", "b"}));
  EXPECT_EQ(lines_of(""), Fields{});
  EXPECT_EQ(lines_of("\n\n"), Fields{});
  EXPECT_EQ(lines_of("a\n\nb"), (Fields{"a", "b"}));
  EXPECT_EQ(number_of("5"), 5);
  EXPECT_EQ(number_of("x"), 0);
}

TEST(Page, FamiliesByNameEachOnce) {
  Page page;
  page.gauge("b", "Bees.", 1);
  page.add("a_total", "Ants.", MetricType::Counter, {{"x", "q\"\\\n"}}, 2);
  page.add("b", "Other help.", MetricType::Counter, {{"y", "z"}}, 3);
  EXPECT_EQ(page.text(),
            "# HELP a_total Ants.\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n\"} 2\n"
            "# HELP b Bees.\n# TYPE b gauge\nb 1\nb{y=\"z\"} 3\n");
}

}  // namespace prom5::exporters
