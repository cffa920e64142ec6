#include "store/remote/read_message.h"

#include <algorithm>
#include <numeric>

#include "io/codec/compress.h"
#include "io/codec/crc32c.h"
#include "io/codec/protobuf.h"
#include "model/exposition/sample_wire.h"
#include "store/prometheus/chunk.h"
#include "store/tsdb/columns.h"

namespace prom5::remote {

namespace {

using codec::ProtoField;
using codec::ProtoWriter;

/// A sample takes a few bits of a chunk at least, so this bounds what a chunk becomes. Chunks of
/// Prometheus have some kilobytes, those of very large histograms some hundred.
constexpr size_t kMaxChunkBytes = size_t{1} << 20;

/// In the numbers of prometheus.LabelMatcher.Type.
uint64_t type_number(MatchType type) {
  switch (type) {
    case MatchType::Equal: return 0;
    case MatchType::NotEqual: return 1;
    case MatchType::Regex: return 2;
    case MatchType::NotRegex: return 3;
  }
  return 0;
}

/// Lists the series of an answer as they are found.
class SeriesList {
 public:
  explicit SeriesList(const ReadLimits& limits) : limits_(limits) {}

  Result<void> begin(std::span<const std::string_view> labels) {
    if (labels.size() > Labels::kMaxLabels) {
      return fail(ErrorCode::LimitExceeded, "a series has {} labels, more than {}", labels.size(),
                  Labels::kMaxLabels);
    }
    builder_.reset();
    for (const std::string_view label : labels) TRY(exposition::read_label(label, builder_));
    series_.push_back({builder_.build(), {}});
    return take(sizeof(ReadSeries) + series_.back().labels.bytes().size());
  }
  Result<void> add(std::string_view part) {
    series_.back().parts.push_back(part);
    return take(sizeof part);
  }
  std::vector<ReadSeries> finish() { return std::move(series_); }

 private:
  Result<void> take(size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= limits_.list_bytes) return {};
    return fail(ErrorCode::LimitExceeded, "the answer's list of series takes more than {} bytes",
                limits_.list_bytes);
  }

  const ReadLimits& limits_;
  LabelsBuilder builder_;
  std::vector<ReadSeries> series_;
  size_t bytes_ = 0;
};

/// A prometheus.TimeSeries; its samples are looked at when they are read.
Result<void> list_time_series(std::string_view message, SeriesList& list) {
  std::vector<std::string_view> labels;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) labels.push_back(f.bytes);
    return {};
  }));
  TRY(list.begin(labels));
  return list.add(message);
}

/// A prometheus.ReadResponse.
Result<void> list_results(std::string_view message, SeriesList& list) {
  size_t results = 0;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number != 1) return {};
    ++results;
    return codec::each_field(f.bytes, [&](const ProtoField& g) -> Result<void> {
      return g.number == 1 ? list_time_series(g.bytes, list) : Result<void>();
    });
  }));
  if (results == 1) return {};
  return fail(ErrorCode::BadData, "{} results for one query", results);
}

/// A prometheus.ChunkedSeries.
Result<void> list_chunked_series(std::string_view message, SeriesList& list) {
  std::vector<std::string_view> labels;
  std::vector<std::string_view> chunks;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) labels.push_back(f.bytes);
    if (f.number == 2) chunks.push_back(f.bytes);
    return {};
  }));
  TRY(list.begin(labels));
  for (const std::string_view chunk : chunks) TRY(list.add(chunk));
  return {};
}

/// A prometheus.ChunkedReadResponse.
Result<void> list_frame(std::string_view message, SeriesList& list) {
  return codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) return list_chunked_series(f.bytes, list);
    if (f.number == 2 && f.bits != 0) {
      return fail(ErrorCode::BadData, "an answer to query {} of one", f.bits);
    }
    return {};
  });
}

Result<void> list_frames(std::string_view body, const ReadLimits& limits, SeriesList& list) {
  codec::ByteReader in(body);
  while (!in.empty()) {
    const size_t at = body.size() - in.remaining();
    const auto cut_short = [&] {
      return fail(ErrorCode::Corruption, "frame at byte {}: the answer ends early", at);
    };
    uint64_t length = 0;
    if (!in.try_varint(length)) return cut_short();
    if (length > limits.frame_bytes) {
      return fail(ErrorCode::LimitExceeded,
                  "frame at byte {}: {} bytes, more than chunked_read_limit allows ({})", at,
                  length, limits.frame_bytes);
    }
    const auto checksum = in.take(4);
    const auto message = checksum ? in.take(length) : checksum;
    if (!message) return cut_short();
    uint32_t expected = 0;
    for (const char c : *checksum) expected = expected << 8 | static_cast<uint8_t>(c);
    if (codec::crc32c(*message) != expected) {
      return fail(ErrorCode::Corruption, "frame at byte {}: checksum mismatch", at);
    }
    TRY(list_frame(*message, list));
  }
  return {};
}

Result<void> decode_time_series(std::string_view message, SampleColumns& out) {
  return codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 2) {
      const Sample sample = TRY(exposition::read_sample(f.bytes)).sample;
      tsdb::push(out, sample.time, sample.value, nullptr);
    } else if (f.number == 4) {
      auto read = TRY(exposition::read_histogram(f.bytes));
      const double sum = read.histogram.sum;
      tsdb::push(out, read.time, sum, std::make_shared<const Histogram>(std::move(read.histogram)));
    }
    return {};
  });
}

/// A prometheus.Chunk.
Result<void> decode_chunk(std::string_view message, SampleColumns& out) {
  uint64_t type = 0;
  std::string_view data;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 3) type = f.bits;
    if (f.number == 4) data = f.bytes;
    return {};
  }));
  if (data.size() > kMaxChunkBytes) {
    return fail(ErrorCode::LimitExceeded, "a chunk of {} bytes, more than {}", data.size(),
                kMaxChunkBytes);
  }
  // Beyond a byte no encoding is known, and the cast would make one of it.
  if (type > UINT8_MAX) return fail(ErrorCode::BadData, "a chunk of unknown type {}", type);
  return prometheus::decode_chunk(static_cast<uint8_t>(type), data, out);
}

}  // namespace

std::string encode_read_request(const ReadQuery& query) {
  constexpr uint64_t kSamples = 0;
  constexpr uint64_t kStreamedXorChunks = 1;
  std::string message;
  ProtoWriter fields(message);
  fields.integer(1, query.range.start.ms);
  fields.integer(2, query.range.end.ms);
  for (const Matcher& matcher : query.matchers) {
    std::string bytes;
    ProtoWriter writer(bytes);
    writer.number(1, type_number(matcher.type()));
    writer.bytes(2, matcher.name());
    writer.bytes(3, matcher.value());
    fields.bytes(3, bytes);
  }
  std::string request;
  ProtoWriter writer(request);
  writer.bytes(1, message);
  // Of these the server takes the first that it can give. Not packed: every decoder reads that.
  writer.number(2, kStreamedXorChunks);
  writer.number(2, kSamples);
  return codec::snappy_compress(request);
}

Result<std::vector<ReadSeries>> find_series(ReadForm form, std::string_view message,
                                            const ReadLimits& limits) {
  SeriesList list(limits);
  TRY(form == ReadForm::Sampled ? list_results(message, list) : list_frames(message, limits, list));
  return list.finish();
}

void arrange(std::vector<ReadSeries>& series, const ExternalLabels& taken_off) {
  for (const auto& [name, value] : taken_off) {
    for (ReadSeries& one : series) {
      if (one.labels.has(name)) one.labels = one.labels.without(name);
    }
  }
  std::ranges::stable_sort(series, {}, &ReadSeries::labels);
  size_t kept = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    if (kept > 0 && series[kept - 1].labels == series[i].labels) {
      auto& parts = series[kept - 1].parts;
      parts.insert(parts.end(), series[i].parts.begin(), series[i].parts.end());
    } else {
      if (kept != i) series[kept] = std::move(series[i]);
      ++kept;
    }
  }
  series.resize(kept);
}

Result<void> decode_part(ReadForm form, std::string_view part, SampleColumns& out) {
  const size_t before = out.size();
  auto decoded =
      form == ReadForm::Sampled ? decode_time_series(part, out) : decode_chunk(part, out);
  if (decoded) return decoded;
  out.times.resize(before);
  out.values.resize(before);
  if (!out.histograms.empty()) out.histograms.resize(before);
  return decoded;
}

void put_in_order(SampleColumns& columns) {
  const auto& times = columns.times;
  const auto not_after = [](TimeMs a, TimeMs b) { return a >= b; };
  if (std::ranges::adjacent_find(times, not_after) == times.end()) return;
  std::vector<size_t> order(columns.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return times[i]; });
  SampleColumns sorted;
  for (const size_t i : order) {
    if (!sorted.times.empty() && sorted.times.back() == times[i]) continue;
    tsdb::push(sorted, times[i], columns.values[i],
               columns.histograms.empty() ? nullptr : columns.histograms[i]);
  }
  columns = std::move(sorted);
}

}  // namespace prom5::remote
