#include <bit>
#include <cstddef>
#include <cstdint>

#include "store/chunk/column_chunk.h"

// Any bytes are decoded or refused; what decodes and has ascending times comes back the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<TimeMs> times;
  std::vector<double> values;
  if (const auto decoded = chunk::decode_chunk(bytes, times, values); !decoded) {
    CHECK(decoded.error().code == ErrorCode::Corruption);
    CHECK(times.empty() && values.empty());
    return 0;
  }
  std::string again;
  chunk::encode_chunk(times, values, again);
  std::vector<TimeMs> times_again;
  std::vector<double> values_again;
  CHECK(chunk::decode_chunk(again, times_again, values_again).has_value());
  CHECK(times_again == times);
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(std::bit_cast<uint64_t>(values_again[i]) == std::bit_cast<uint64_t>(values[i]));
  }
  return 0;
}
