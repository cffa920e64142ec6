#include "io/file/control_group.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace prom5::io {
namespace {

class ControlGroup : public testing::Test {
 protected:
  ControlGroup() { EXPECT_NE(mkdtemp(root_.data()), nullptr); }
  ~ControlGroup() override { std::filesystem::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = std::filesystem::path(root_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  [[nodiscard]] ControlGroupPaths paths() const { return {root_ + "/membership", root_ + "/sys"}; }
  void expect(uint64_t bytes, double cores) const {
    EXPECT_EQ(memory_limit_bytes(paths()), bytes);
    EXPECT_EQ(cpu_limit_cores(paths()), cores);
  }

  std::string root_ = testing::TempDir() + "control-group-XXXXXX";
};

TEST_F(ControlGroup, WithoutThemThereIsNoLimit) {
  expect(0, 0);
  EXPECT_EQ(usable_cores(paths()), std::max(1U, std::thread::hardware_concurrency()));
}

TEST_F(ControlGroup, Version2) {
  write("membership", "0::/machine/prom5\n");
  expect(0, 0);
  write("sys/machine/prom5/cpu.max", "150000 100000\n");
  write("sys/machine/prom5/memory.max", "1048576\n");
  expect(1 << 20, 1.5);
  // Those around it bind it, too.
  write("sys/machine/cpu.max", "50000 100000\n");
  write("sys/machine/memory.max", "max\n");
  write("sys/memory.max", "4096\n");
  expect(4096, 0.5);
  write("sys/machine/prom5/cpu.max", "max 100000\n");
  write("sys/machine/cpu.max", "max 100000\n");
  expect(4096, 0);
}

TEST_F(ControlGroup, Version2InAContainerIsTheRoot) {
  write("membership", "0::/\n");
  write("sys/cpu.max", "200000 100000\n");
  write("sys/memory.max", "1024\n");
  expect(1024, 2);
}

TEST_F(ControlGroup, Version1) {
  write("membership", "4:memory:/a/b\n3:cpu,cpuacct:/a\n1:name=systemd:/\n0::/\n");
  write("sys/memory/a/b/memory.limit_in_bytes", "2048\n");
  write("sys/cpu,cpuacct/a/cpu.cfs_quota_us", "25000\n");
  write("sys/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
  expect(2048, 0.5);
  // Where each has a folder of its own.
  write("membership", "2:cpuacct:/\n1:cpu:/not/to/be/seen/here\n");
  write("sys/cpu/cpu.cfs_quota_us", "300000\n");
  write("sys/cpu/cpu.cfs_period_us", "100000\n");
  expect(0, 3);
  write("sys/cpu/cpu.cfs_quota_us", "-1\n");
  expect(0, 0);
}

TEST_F(ControlGroup, WhatIsMalformedIsNoLimit) {
  write("membership", "nonsense\n::\n0:\n:cpu\n0::/\n");
  for (const char* text : {"", "max", "100000", "x 100000", "100000 0", "0 100000", "-5 100000"}) {
    write("sys/cpu.max", text);
    write("sys/memory.max", "lots");
    expect(0, 0);
  }
}

TEST_F(ControlGroup, CoresAreRoundedUp) {
  write("membership", "0::/\n");
  write("sys/cpu.max", "1000 100000\n");
  EXPECT_EQ(usable_cores(paths()), 1U);
  write("sys/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable_cores(paths()), 1U);
  const size_t all = std::max(1U, std::thread::hardware_concurrency());
  write("sys/cpu.max", "100001 100000\n");
  EXPECT_EQ(usable_cores(paths()), std::min<size_t>(2, all));
  write("sys/cpu.max", "900000000 100000\n");
  EXPECT_EQ(usable_cores(paths()), all);
}

}  // namespace
}  // namespace prom5::io
