#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "store/chunk/xor_chunk.h"

/// First byte: how many samples to decode. What decodes in ascending order survives re-encoding.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  std::vector<TimeMs> times;
  std::vector<double> values;
  const bool good = chunk::decode_xor(bytes, data[0], times, values).has_value();
  CHECK(times.size() == values.size());
  if (!good) return 0;
  chunk::XorChunk again;
  for (size_t i = 0; i < times.size(); ++i) {
    if (i > 0 && times[i] <= times[i - 1]) return 0;
    again.append({times[i], values[i]});
  }
  std::vector<TimeMs> times2;
  std::vector<double> values2;
  CHECK(chunk::decode_xor(again.data(), again.count(), times2, values2).has_value());
  CHECK(times2 == times);
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(std::bit_cast<uint64_t>(values2[i]) == std::bit_cast<uint64_t>(values[i]));
  }
  return 0;
}
