#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "model/sample.h"
#include "store/chunk/open_chunk.h"

// Any values come back bit for bit.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  std::vector<double> values(std::min(size / 8, chunk::OpenChunk::kMaxValues));
  if (values.empty()) return 0;
  std::memcpy(values.data(), data, values.size() * 8);
  // Every other one a decimal, or hardly any would be.
  for (size_t i = 0; i < values.size(); i += 2) {
    int32_t integer = 0;
    std::memcpy(&integer, &values[i], 4);
    values[i] = static_cast<double>(integer) / 100;
  }
  chunk::OpenChunk open;
  for (const double value : values) open.append(value);
  std::vector<double> again;
  open.decode(again);
  CHECK(again.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i) CHECK(same_bits(again[i], values[i]));
  return 0;
}
