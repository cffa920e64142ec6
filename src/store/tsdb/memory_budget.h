#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace prom5::tsdb {

/// Whether the process may take more memory for new series. Any thread.
///
/// The budget is on anonymous memory. Beside it the limits that the system sets on the process
/// (RLIMIT_DATA, RLIMIT_AS) are kept a tenth away from, since what passes them is not refused
/// politely.
class MemoryBudget {
 public:
  /// 0: a part of what the control group allows, or of the machine's memory.
  explicit MemoryBudget(uint64_t bytes);

  [[nodiscard]] uint64_t bytes() const { return bytes_; }

  /// Looks at the process each time it is asked some hundred times, which is what the memory of so
  /// many series is worth.
  bool exceeded();

 private:
  /// Series between two looks.
  static constexpr uint32_t kLookEvery = 256;

  [[nodiscard]] bool look() const;

  const uint64_t bytes_;
  std::atomic<uint32_t> asked_ = 0;
  std::atomic<bool> exceeded_ = false;
};

}  // namespace prom5::tsdb
