#include <cstddef>
#include <cstdint>

#include "model/sample.h"
#include "store/prometheus/chunk.h"

// Any chunk of Prometheus is decoded or refused; what decodes and ascends is written and read the
// same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  using namespace prom5::prometheus;
  if (size == 0) return 0;
  SampleColumns samples;
  std::vector<TimeMs> starts;
  const auto encoding = static_cast<uint8_t>(1 + data[0] % 6);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (const auto decoded = decode_chunk(encoding, bytes, samples, &starts); !decoded) {
    CHECK(decoded.error().code == ErrorCode::Corruption);
    CHECK(samples.size() == 0 && starts.empty());
    return 0;
  }
  CHECK(starts.empty() || starts.size() == samples.size());
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples.times[i] <= samples.times[i - 1]) return 0;
  }
  SampleColumns again;
  std::vector<TimeMs> starts_again;
  std::vector<TimeMs> of_chunk;
  for (const EncodedChunk& chunk : encode_chunks(samples, starts)) {
    const auto kind = static_cast<uint8_t>(chunk.encoding);
    CHECK(decode_chunk(kind, chunk.data, again, &of_chunk).has_value());
    starts_again.insert(starts_again.end(), of_chunk.begin(), of_chunk.end());
    if (!starts.empty()) starts_again.resize(again.size(), kNoStart);
  }
  CHECK(again.times == samples.times);
  CHECK(starts_again == starts);
  for (size_t i = 0; i < samples.size(); ++i) {
    CHECK(same_bits(again.values[i], samples.values[i]));
  }
  return 0;
}
