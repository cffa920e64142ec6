#include "store/tsdb/memory_budget.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "io/file/control_group.h"

namespace prom5::tsdb {

namespace {

constexpr double kPartOfAll = 0.6;

uint64_t automatic() {
  struct sysinfo machine{};
  uint64_t all = sysinfo(&machine) == 0 ? uint64_t{machine.totalram} * machine.mem_unit : 0;
  if (const uint64_t group = io::memory_limit_bytes(); group > 0) all = std::min(all, group);
  rlimit data{};
  if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY) {
    all = std::min<uint64_t>(all, data.rlim_cur);
  }
  return static_cast<uint64_t>(static_cast<double>(all) * kPartOfAll);
}

/// Whether less than a tenth is left below a limit of the process.
bool near(int resource, uint64_t used) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return false;
  return limit.rlim_cur != RLIM_INFINITY && used > limit.rlim_cur / 10 * 9;
}

}  // namespace

MemoryBudget::MemoryBudget(uint64_t bytes) : bytes_(bytes > 0 ? bytes : automatic()) {}

bool MemoryBudget::look() const {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  uint64_t shared = 0;
  uint64_t text = 0;
  uint64_t unused = 0;
  uint64_t data = 0;
  if (!(file >> size >> resident >> shared >> text >> unused >> data)) return false;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t anonymous = (resident - std::min(resident, shared)) * page;
  return (bytes_ > 0 && anonymous > bytes_) || near(RLIMIT_DATA, data * page) ||
         near(RLIMIT_AS, size * page);
}

bool MemoryBudget::exceeded() {
  if (asked_.fetch_add(1, std::memory_order_relaxed) % kLookEvery == 0) exceeded_ = look();
  return exceeded_.load(std::memory_order_relaxed);
}

}  // namespace prom5::tsdb
