#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "io/codec/protobuf.h"
#include "model/sample.h"
#include "store/prometheus/chunk.h"
#include "store/remote/read_message.h"
#include "store/remote/write_message.h"
#include "store/storage.h"

namespace prom5::remote {

// Answers as a server writes them, in the plainest way.

struct AnsweredSeries {
  Labels labels;
  SampleColumns samples;
};

inline bool is_histogram(const SampleColumns& samples, size_t i) {
  return !samples.histograms.empty() && samples.histograms[i] != nullptr;
}

/// A prometheus.TimeSeries.
inline std::string time_series(const AnsweredSeries& series) {
  std::string out = encode_labels_v1(series.labels);
  codec::ProtoWriter writer(out);
  const SampleColumns& s = series.samples;
  for (size_t i = 0; i < s.size(); ++i) {
    if (is_histogram(s, i)) {
      writer.bytes(4, encode_histogram(*s.histograms[i], s.times[i]));
    } else {
      writer.bytes(2, encode_sample({s.times[i], s.values[i]}));
    }
  }
  return out;
}

/// A prometheus.ReadResponse, not yet compressed.
inline std::string sampled_message(const std::vector<AnsweredSeries>& all) {
  std::string result;
  for (const AnsweredSeries& series : all) codec::ProtoWriter(result).bytes(1, time_series(series));
  std::string out;
  codec::ProtoWriter(out).bytes(1, result);
  return out;
}

inline std::string frame(std::string_view message) {
  std::string out;
  codec::ByteWriter writer(out);
  writer.varint(message.size());
  const uint32_t crc = codec::crc32c(message);
  for (const int shift : {24, 16, 8, 0}) writer.u8(static_cast<uint8_t>(crc >> shift));
  writer.bytes(message);
  return out;
}

/// A prometheus.Chunk.
inline std::string chunk_message(const prometheus::EncodedChunk& chunk) {
  std::string out;
  codec::ProtoWriter writer(out);
  writer.integer(1, chunk.range.start.ms);
  writer.integer(2, chunk.range.end.ms);
  writer.number(3, static_cast<uint64_t>(chunk.encoding));
  writer.bytes(4, chunk.data);
  return out;
}

/// Frames of one series each, with at most so many chunks.
inline std::string streamed_body(const std::vector<AnsweredSeries>& all,
                                 size_t chunks_in_frame = 100) {
  std::string out;
  for (const AnsweredSeries& one : all) {
    const auto chunks = prometheus::encode_chunks(one.samples);
    for (size_t i = 0; i < chunks.size() || i == 0;) {
      std::string series = encode_labels_v1(one.labels);
      do {
        if (i < chunks.size()) codec::ProtoWriter(series).bytes(2, chunk_message(chunks[i]));
        ++i;
      } while (i < chunks.size() && i % chunks_in_frame != 0);
      std::string message;
      codec::ProtoWriter(message).bytes(1, series);
      codec::ProtoWriter(message).integer(2, 0);
      out += frame(message);
    }
  }
  return out;
}

}  // namespace prom5::remote
