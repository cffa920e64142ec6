#include "store/prometheus/wal_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "io/codec/bytes.h"
#include "io/codec/compress.h"
#include "io/codec/crc32c.h"
#include "store/prometheus/big_endian.h"
#include "store/prometheus/windows.h"

namespace prom5::prometheus {

namespace {

using codec::ByteReader;

constexpr size_t kPageBytes = 32 * 1024;
constexpr size_t kHeaderBytes = 7;
/// No record is as long, compressed or not.
constexpr size_t kMaxRecordBytes = size_t{1} << 30;

enum Fragment : uint8_t { kPageEnd = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
constexpr uint8_t kFragmentMask = 0x07;
constexpr uint8_t kSnappy = 0x08;
constexpr uint8_t kZstd = 0x10;

enum RecordType : uint8_t {
  kSeries = 1,
  kSamples = 2,
  kTombstones = 3,
  kHistograms = 7,
  kFloatHistograms = 8,
  kCustomHistograms = 9,
  kCustomFloatHistograms = 10,
  kSamplesV2 = 11,
  kHistogramsV2 = 12,
  kFloatHistogramsV2 = 13,
};

Result<uint64_t> take_u64(ByteReader& in) { return get_be(TRY(in.take(8)), 8); }
Result<double> take_f64(ByteReader& in) { return std::bit_cast<double>(TRY(take_u64(in))); }

Result<std::vector<HistogramSpan>> take_spans(ByteReader& in) {
  const uint64_t count = TRY(in.varint());
  if (count > in.remaining()) return fail(ErrorCode::Corruption, "number of spans");
  std::vector<HistogramSpan> out(count);
  for (HistogramSpan& span : out) {
    span.offset = static_cast<int32_t>(TRY(in.svarint()));
    span.length = static_cast<uint32_t>(TRY(in.varint()));
  }
  return out;
}

/// Integer histograms have each count as the difference to the one before.
Result<std::vector<double>> take_counts(ByteReader& in, bool floats) {
  const uint64_t count = TRY(in.varint());
  if (count > in.remaining()) return fail(ErrorCode::Corruption, "number of buckets");
  std::vector<double> out(count);
  uint64_t running = 0;  // wraps where nonsense was written
  for (double& v : out) {
    if (floats) {
      v = TRY(take_f64(in));
    } else {
      running += static_cast<uint64_t>(TRY(in.svarint()));
      v = static_cast<double>(static_cast<int64_t>(running));
    }
  }
  return out;
}

/// `bounds`: whether custom buckets have theirs; releases before 3.2 forgot them.
Result<std::shared_ptr<const Histogram>> take_histogram(ByteReader& in, bool floats, bool bounds) {
  auto h = std::make_shared<Histogram>();
  const uint8_t hint = TRY(in.u8());
  if (hint <= 3) h->reset_hint = static_cast<CounterResetHint>(hint);
  h->schema = static_cast<int32_t>(TRY(in.svarint()));
  h->zero_threshold = TRY(take_f64(in));
  if (floats) {
    h->zero_count = TRY(take_f64(in));
    h->count = TRY(take_f64(in));
  } else {
    h->zero_count = static_cast<double>(TRY(in.varint()));
    h->count = static_cast<double>(TRY(in.varint()));
  }
  h->sum = TRY(take_f64(in));
  h->positive_spans = TRY(take_spans(in));
  h->negative_spans = TRY(take_spans(in));
  h->positive_counts = TRY(take_counts(in, floats));
  h->negative_counts = TRY(take_counts(in, floats));
  if (h->custom() && bounds) {
    const uint64_t count = TRY(in.varint());
    if (count > in.remaining()) return fail(ErrorCode::Corruption, "number of bounds");
    for (uint64_t i = 0; i < count; ++i) h->custom_bounds.push_back(TRY(take_f64(in)));
  }
  if (is_stale(h->sum)) {
    Histogram stale;
    stale.sum = h->sum;
    *h = stale;
  } else if (const auto valid = h->validate(); !valid) {
    return fail(ErrorCode::Corruption, "histogram: {}", valid.error().message);
  }
  return h;
}

/// Calls `payload(ref, time, start)` for each sample of a record of the first form: all refer to
/// the first, and none has a start timestamp.
template <typename Payload>
Result<void> each_sample(ByteReader& in, Payload payload) {
  if (in.empty()) return {};
  const uint64_t first_ref = TRY(take_u64(in));
  const uint64_t first_time = TRY(take_u64(in));
  while (!in.empty()) {
    const uint64_t ref = first_ref + static_cast<uint64_t>(TRY(in.svarint()));
    const uint64_t time = first_time + static_cast<uint64_t>(TRY(in.svarint()));
    TRY(payload(ref, TimeMs{static_cast<int64_t>(time)}, kNoStart));
  }
  return {};
}

/// The start timestamp of a sample of the second form: a byte says that there is none, that it is
/// the one of the sample before, whatever its series, or how far it is from the record's first.
Result<uint64_t> take_start(ByteReader& in, uint64_t before, uint64_t first) {
  enum : uint8_t { kNone = 0, kSame = 1 };
  const uint8_t form = TRY(in.u8());
  if (form == kNone) return uint64_t{0};
  if (form == kSame) return before;
  return first + static_cast<uint64_t>(TRY(in.svarint()));
}

/// The same for the second form: references go on from sample to sample, times and start timestamps
/// refer to the first.
template <typename Payload>
Result<void> each_sample_v2(ByteReader& in, Payload payload) {
  uint64_t ref = 0;
  uint64_t first_time = 0;
  uint64_t first_start = 0;
  uint64_t start = 0;
  for (bool first = true; !in.empty(); first = false) {
    ref += static_cast<uint64_t>(TRY(in.svarint()));
    uint64_t time = static_cast<uint64_t>(TRY(in.svarint()));
    if (first) {
      first_time = time;
      first_start = start = static_cast<uint64_t>(TRY(in.svarint()));
    } else {
      time += first_time;
      start = TRY(take_start(in, start, first_start));
    }
    TRY(payload(ref, TimeMs{static_cast<int64_t>(time)},
                sane_start({static_cast<int64_t>(start)})));
  }
  return {};
}

Result<void> take_series(ByteReader& in, WalRecord& out) {
  while (!in.empty()) {
    WalRecord::Definition definition;
    definition.ref = TRY(take_u64(in));
    LabelsBuilder labels;
    for (uint64_t n = TRY(in.varint()); n > 0; --n) {
      const std::string_view name = TRY(in.sized_bytes());
      labels.set(name, TRY(in.sized_bytes()));
    }
    definition.labels = labels.build();
    out.series.push_back(std::move(definition));
  }
  return {};
}

Result<void> take_tombstones(ByteReader& in, WalRecord& out) {
  while (!in.empty()) {
    WalRecord::Deletion deletion;
    deletion.ref = TRY(take_u64(in));
    deletion.range.start = {TRY(in.svarint())};
    deletion.range.end = {TRY(in.svarint())};
    out.deletions.push_back(deletion);
  }
  return {};
}

/// Gathers the records of one segment out of its pages.
class SegmentReader {
 public:
  explicit SegmentReader(std::string_view segment) : segment_(segment) {}

  /// The next record, uncompressed; nothing at the end.
  Result<std::optional<std::string>> next() {
    std::string record;
    bool inside = false;
    for (;;) {
      const size_t left_in_page = kPageBytes - at_ % kPageBytes;
      if (left_in_page < kHeaderBytes) at_ += left_in_page;
      if (at_ >= segment_.size()) {
        if (inside) return fail(ErrorCode::Corruption, "the last record is torn");
        return std::nullopt;
      }
      const uint8_t type = static_cast<uint8_t>(segment_[at_]);
      if ((type & kFragmentMask) == kPageEnd) {
        at_ += kPageBytes - at_ % kPageBytes;
        continue;
      }
      if (segment_.size() - at_ < kHeaderBytes) return torn();
      const size_t length = get_be(segment_.substr(at_ + 1), 2);
      const uint64_t crc = get_be(segment_.substr(at_ + 3), 4);
      if (segment_.size() - at_ - kHeaderBytes < length) return torn();
      const std::string_view data = segment_.substr(at_ + kHeaderBytes, length);
      if (codec::crc32c(data) != crc) return fail(ErrorCode::Corruption, "checksum");
      const uint8_t fragment = type & kFragmentMask;
      const bool begins = fragment == kFull || fragment == kFirst;
      if (begins == inside || fragment > kLast) {
        return fail(ErrorCode::Corruption, "fragment out of order");
      }
      inside = true;
      record += data;
      at_ += kHeaderBytes + length;
      if (record.size() > kMaxRecordBytes) return fail(ErrorCode::Corruption, "endless record");
      if (fragment == kFull || fragment == kLast) return uncompressed(std::move(record), type);
    }
  }

  [[nodiscard]] size_t offset() const { return at_; }

 private:
  static std::unexpected<Error> torn() {
    return fail(ErrorCode::Corruption, "the last record is torn");
  }

  static Result<std::optional<std::string>> uncompressed(std::string record, uint8_t type) {
    if ((type & kSnappy) != 0) return TRY(codec::snappy_decompress(record, kMaxRecordBytes));
    if ((type & kZstd) != 0) return TRY(codec::zstd_decompress_frame(record, kMaxRecordBytes));
    return record;
  }

  const std::string_view segment_;
  size_t at_ = 0;
};

std::optional<uint64_t> number_of(std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

/// The segments of a folder from number `first` on, in order; none when there is no folder.
Result<std::vector<std::string>> segments(io::FileSystem& files, const std::string& folder,
                                          uint64_t first) {
  const auto names = files.list(folder);
  if (!names && names.error().code == ErrorCode::NotFound) return std::vector<std::string>();
  if (!names) return std::unexpected(names.error());
  std::vector<std::pair<uint64_t, std::string>> found;
  for (const std::string& name : *names) {
    const auto number = number_of(name);
    if (number && *number >= first) found.emplace_back(*number, folder + "/" + name);
  }
  std::ranges::sort(found);
  std::vector<std::string> out;
  for (auto& [number, path] : found) out.push_back(std::move(path));
  return out;
}

}  // namespace

Result<WalRecord> decode_wal_record(std::string_view bytes) {
  WalRecord out;
  ByteReader in(bytes);
  if (in.empty()) return out;
  const uint8_t type = TRY(in.u8());
  const auto sample = [&](uint64_t ref, TimeMs time, TimeMs start) -> Result<void> {
    out.samples.push_back({ref, {time, TRY(take_f64(in))}});
    if (type == kSamplesV2) out.starts.push_back(start);
    return {};
  };
  const auto histogram = [&](bool floats, bool bounds) {
    return [&, floats, bounds](uint64_t ref, TimeMs time, TimeMs start) -> Result<void> {
      out.histograms.push_back({ref, time, start, TRY(take_histogram(in, floats, bounds))});
      return {};
    };
  };
  switch (type) {
    case kSeries: TRY(take_series(in, out)); break;
    case kSamples: TRY(each_sample(in, sample)); break;
    case kTombstones: TRY(take_tombstones(in, out)); break;
    case kHistograms: TRY(each_sample(in, histogram(false, false))); break;
    case kFloatHistograms: TRY(each_sample(in, histogram(true, false))); break;
    case kCustomHistograms: TRY(each_sample(in, histogram(false, true))); break;
    case kCustomFloatHistograms: TRY(each_sample(in, histogram(true, true))); break;
    case kSamplesV2: TRY(each_sample_v2(in, sample)); break;
    case kHistogramsV2: TRY(each_sample_v2(in, histogram(false, true))); break;
    case kFloatHistogramsV2: TRY(each_sample_v2(in, histogram(true, true))); break;
    default: break;  // exemplars, metadata, marks
  }
  return out;
}

Result<WalReadStats> read_wal(io::FileSystem& files, const std::string& directory,
                              const std::function<void(const WalRecord&, bool late)>& visit) {
  constexpr std::string_view kCheckpoint = "checkpoint.";
  const std::string wal = directory + "/wal";
  std::optional<uint64_t> checkpoint;
  std::string checkpoint_folder;
  if (const auto names = files.list(wal)) {
    for (const std::string& name : *names) {
      if (!name.starts_with(kCheckpoint)) continue;
      const auto number = number_of(std::string_view(name).substr(kCheckpoint.size()));
      if (!number || (checkpoint && *checkpoint > *number)) continue;
      checkpoint = number;
      checkpoint_folder = wal + "/" + name;
    }
  }
  std::vector<std::string> paths;
  const auto add = [&](const std::string& folder, uint64_t first) -> Result<void> {
    const std::vector<std::string> more = TRY(segments(files, folder, first));
    paths.insert(paths.end(), more.begin(), more.end());
    return {};
  };
  if (checkpoint) TRY(add(checkpoint_folder, 0));
  TRY(add(wal, checkpoint ? *checkpoint + 1 : 0));
  const size_t in_order = paths.size();
  TRY(add(directory + "/wbl", 0));
  WalReadStats stats;
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string& path = paths[i];
    const std::string bytes = TRY(files.read(path));
    SegmentReader reader(bytes);
    for (;;) {
      const auto damaged = [&](const Error& error) {
        stats.damage.push_back(fmt::format("{} at {}: {}", path, reader.offset(), error.message));
      };
      const auto bytes_of_record = reader.next();
      if (!bytes_of_record) {
        damaged(bytes_of_record.error());
        break;
      }
      if (!*bytes_of_record) break;
      const auto record = decode_wal_record(**bytes_of_record);
      if (!record) {
        damaged(record.error());
        continue;
      }
      ++stats.records;
      visit(*record, i >= in_order);
    }
  }
  return stats;
}

}  // namespace prom5::prometheus
