#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/storage.h"

namespace prom5::prometheus {

/// Encodings of Prometheus' chunks. What else there is (XOR2 and chunks with start timestamps,
/// experimental from 3.11 on) is refused.
enum class Encoding : uint8_t { Xor = 1, Histogram = 2, FloatHistogram = 3 };

/// Appends a chunk's samples. Corruption when the data is no such chunk; nothing is appended then.
Result<void> decode_chunk(uint8_t encoding, std::string_view data, SampleColumns& out);

struct EncodedChunk {
  Encoding encoding = Encoding::Xor;
  std::string data;
  TimeRange range;
  uint32_t count = 0;
};

/// Samples as chunks that Prometheus 2.42 and later read. Histograms whose counts are whole numbers
/// are written as integer histograms.
std::vector<EncodedChunk> encode_chunks(const SampleColumns& samples);

}  // namespace prom5::prometheus
