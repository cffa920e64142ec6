#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/storage.h"

namespace prom5::prometheus {

/// Encodings of Prometheus' chunks. The last three know start timestamps; they came with 3.11 and
/// 3.14, and are written where a feature asks for them.
enum class Encoding : uint8_t {
  Xor = 1,
  Histogram = 2,
  FloatHistogram = 3,
  Xor2 = 4,
  HistogramStarts = 5,
  FloatHistogramStarts = 6,
};

/// Appends a chunk's samples. `starts`, unless it is null, is replaced by the start timestamps of
/// each of them, kNoStart where there is none, and by nothing when the chunk knows none at all;
/// they are any numbers. Corruption when the data is no such chunk; nothing is appended then.
Result<void> decode_chunk(uint8_t encoding, std::string_view data, SampleColumns& out,
                          std::vector<TimeMs>* starts = nullptr);

struct EncodedChunk {
  Encoding encoding = Encoding::Xor;
  std::string data;
  TimeRange range;
  uint32_t count = 0;
};

/// Samples as chunks that Prometheus 2.42 and later read; 3.14 and later when they have `starts`,
/// of each one. Histograms whose counts are whole numbers are written as integer histograms.
std::vector<EncodedChunk> encode_chunks(const SampleColumns& samples,
                                        std::span<const TimeMs> starts = {});

}  // namespace prom5::prometheus
