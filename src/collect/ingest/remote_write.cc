#include "collect/ingest/remote_write.h"

#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "io/codec/compress.h"
#include "io/codec/protobuf.h"
#include "io/codec/utf8.h"
#include "model/histogram.h"

namespace prom5::ingest {

namespace {

using codec::ProtoField;

Result<void> read_label(std::string_view message, LabelsBuilder& labels) {
  std::string_view name;
  std::string_view value;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) name = f.bytes;
    if (f.number == 2) value = f.bytes;
    return {};
  }));
  if (name.empty()) return fail(ErrorCode::Execution, "a label has no name");
  if (name.size() > Labels::kMaxStringBytes || value.size() > Labels::kMaxStringBytes) {
    return fail(ErrorCode::Execution, "label {}: value of {} bytes", name.substr(0, 100),
                value.size());
  }
  if (!codec::utf8_valid(name) || !codec::utf8_valid(value)) {
    return fail(ErrorCode::Execution, "label name or value is not valid UTF-8");
  }
  if (!labels.get(name).empty()) {
    return fail(ErrorCode::Execution, "label name \"{}\" is not unique", name);
  }
  labels.set(name, value);
  return {};
}

Result<Sample> read_sample(std::string_view message) {
  Sample out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.value = f.as_double();
    if (f.number == 2) out.time = {f.as_int64()};
    return {};
  }));
  return out;
}

Result<HistogramSpan> read_span(std::string_view message) {
  HistogramSpan out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.offset = static_cast<int32_t>(f.as_sint());
    if (f.number == 2) out.length = static_cast<uint32_t>(f.bits);
    return {};
  }));
  return out;
}

/// A repeated number, packed or one field each.
template <typename Read>
Result<void> read_repeated(const ProtoField& field, Read read) {
  if (field.wire_type != 2) return read(field.bits);
  codec::ByteReader in(field.bytes);
  while (!in.empty()) {
    const auto bits = in.varint();
    if (!bits) return fail(ErrorCode::BadData, "protobuf: malformed packed field");
    TRY(read(*bits));
  }
  return {};
}

Result<void> read_doubles(const ProtoField& field, std::vector<double>& out) {
  if (field.wire_type == 1) {
    out.push_back(field.as_double());
    return {};
  }
  if (field.bytes.size() % 8 != 0) {
    return fail(ErrorCode::BadData, "protobuf: malformed packed field");
  }
  codec::ByteReader in(field.bytes);
  while (!in.empty()) out.push_back(TRY(in.f64()));
  return {};
}

struct TimedHistogram {
  TimeMs time;
  Histogram histogram;
};

/// Integer histograms carry each bucket as the difference to the one before.
Result<void> read_deltas(const ProtoField& field, std::vector<double>& counts, uint64_t& running) {
  return read_repeated(field, [&](uint64_t bits) -> Result<void> {
    running += (bits >> 1) ^ -(bits & 1);  // wraps where the sender writes nonsense
    counts.push_back(static_cast<double>(static_cast<int64_t>(running)));
    return {};
  });
}

/// Integer counts add up exactly; NaN observations are in no bucket, and make the sum NaN.
Result<void> check_count(const Histogram& h) {
  double in_buckets = h.zero_count;
  for (const double n : h.negative_counts) in_buckets += n;
  for (const double n : h.positive_counts) in_buckets += n;
  if (std::isnan(h.sum) ? in_buckets <= h.count : in_buckets == h.count) return {};
  return fail(ErrorCode::Execution,
              "{:.0f} observations found in buckets, but the Count field is {:.0f}", in_buckets,
              h.count);
}

Result<TimedHistogram> read_histogram(std::string_view message) {
  TimedHistogram out;
  Histogram& h = out.histogram;
  uint64_t positive = 0;
  uint64_t negative = 0;
  bool floats = false;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: h.count = static_cast<double>(f.bits); break;
      case 2:
        h.count = f.as_double();
        floats = true;
        break;
      case 3: h.sum = f.as_double(); break;
      case 4: h.schema = static_cast<int32_t>(f.as_sint()); break;
      case 5: h.zero_threshold = f.as_double(); break;
      case 6: h.zero_count = static_cast<double>(f.bits); break;
      case 7: h.zero_count = f.as_double(); break;
      case 8: h.negative_spans.push_back(TRY(read_span(f.bytes))); break;
      case 9: TRY(read_deltas(f, h.negative_counts, negative)); break;
      case 10: TRY(read_doubles(f, h.negative_counts)); break;
      case 11: h.positive_spans.push_back(TRY(read_span(f.bytes))); break;
      case 12: TRY(read_deltas(f, h.positive_counts, positive)); break;
      case 13: TRY(read_doubles(f, h.positive_counts)); break;
      case 14:
        if (f.bits <= 3) h.reset_hint = static_cast<CounterResetHint>(f.bits);
        break;
      case 15: out.time = {f.as_int64()}; break;
      case 16: TRY(read_doubles(f, h.custom_bounds)); break;
      default: break;
    }
    return {};
  }));
  if (auto valid = h.validate(); !valid) {
    return fail(ErrorCode::Execution, "{}", valid.error().message);
  }
  if (!floats && !is_stale(h.sum)) TRY(check_count(h));
  return out;
}

bool accepted_type(std::string_view type) {
  std::string compact;
  for (const char c : type) {
    if (c != ' ') compact += c;
  }
  return compact == "application/x-protobuf" ||
         compact == "application/x-protobuf;proto=prometheus.WriteRequest";
}

}  // namespace

RemoteWriteReceiver::RemoteWriteReceiver(Storage& storage, RemoteWriteOptions options,
                                         const Clock& clock, MetricRegistry& metrics)
    : storage_(storage),
      options_(options),
      clock_(clock),
      requests_(
          metrics.counter("prom5_remote_write_requests_total", "Remote write requests received.")),
      samples_(metrics.counter("prom5_remote_write_samples_total",
                               "Samples stored from remote write requests.")),
      refused_(metrics.counter("prom5_remote_write_refused_samples_total",
                               "Samples of remote write requests that could not be stored.")),
      exemplars_refused_(
          metrics.counter("prom5_remote_write_exemplars_refused_total",
                          "Exemplars that were too long, out of order, or there already.")) {}

io::HttpResponse RemoteWriteReceiver::handle(const io::HttpRequest& request) {
  requests_.add();
  const std::string_view type = request.headers.get("Content-Type");
  if (!accepted_type(type)) {
    return io::HttpResponse::text(
        415, fmt::format("Content-Type \"{}\" is not accepted; send application/x-protobuf with a "
                         "prometheus.WriteRequest\n",
                         type));
  }
  const std::string_view encoding = request.headers.get("Content-Encoding");
  if (!encoding.empty() && encoding != "snappy") {
    return io::HttpResponse::text(
        415, fmt::format("Content-Encoding \"{}\" is not accepted; send snappy\n", encoding));
  }
  auto message = codec::snappy_decompress(request.body, options_.max_body_bytes);
  if (!message) {
    const bool too_large = message.error().code == ErrorCode::LimitExceeded;
    return io::HttpResponse::text(too_large ? 413 : 400, message.error().message + "\n");
  }
  const auto outcome = store(*message);
  if (!outcome) {
    const ErrorCode code = outcome.error().code;
    const bool malformed = code == ErrorCode::BadData || code == ErrorCode::Corruption;
    if (malformed) return io::HttpResponse::text(400, outcome.error().message + "\n");
    // A full disk, a log that is still replayed: it is worth trying again, but not at once.
    const bool passes = code == ErrorCode::Io || code == ErrorCode::Unavailable;
    auto answer = io::HttpResponse::text(passes ? 503 : 500, outcome.error().message + "\n");
    if (passes) answer.headers.set("Retry-After", "5");
    return answer;
  }
  if (outcome->refused > 0) {
    return io::HttpResponse::text(
        400, fmt::format("{} of {} samples were not stored; first: {}\n", outcome->refused,
                         outcome->refused + outcome->stored, outcome->first_error.message));
  }
  io::HttpResponse done;
  done.status = 204;
  return done;
}

namespace {

/// The labels that a series begins with, as bytes: all of them, for every sender there is.
std::string_view leading_labels(std::string_view message) {
  constexpr char kLabelTag = 1 << 3 | 2;
  size_t end = 0;
  while (end + 1 < message.size() && message[end] == kLabelTag) {
    const auto length = static_cast<uint8_t>(message[end + 1]);
    // Labels of 128 bytes and more are left to the one who reads all fields.
    if (length >= 0x80 || message.size() - end - 2 < length) return {};
    end += 2 + length;
  }
  return message.substr(0, end);
}

/// Execution when a label breaks a rule.
Result<Exemplar> read_exemplar(std::string_view message) {
  Exemplar out;
  LabelsBuilder labels;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: TRY(read_label(f.bytes, labels)); break;
      case 2: out.value = f.as_double(); break;
      case 3: out.time = {f.as_int64()}; break;
      default: break;
    }
    return {};
  }));
  out.labels = labels.build();
  return out;
}

/// A series of a request, its labels not read yet.
struct SeriesMessage {
  std::vector<std::string_view> labels;
  std::vector<std::string_view> samples;
  std::vector<std::string_view> histograms;
  std::vector<std::string_view> exemplars;
};

Result<SeriesMessage> read_series(std::string_view message) {
  SeriesMessage out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: out.labels.push_back(f.bytes); break;
      case 2: out.samples.push_back(f.bytes); break;
      case 3: out.exemplars.push_back(f.bytes); break;
      case 4: out.histograms.push_back(f.bytes); break;
      default: break;
    }
    return {};
  }));
  return out;
}

/// Execution when a label breaks a rule, which costs its series; other errors end the request.
Result<Labels> read_labels(const std::vector<std::string_view>& messages) {
  if (messages.size() > Labels::kMaxLabels) {
    return fail(ErrorCode::Execution, "series has {} labels, more than {}", messages.size(),
                Labels::kMaxLabels);
  }
  LabelsBuilder builder;
  for (const std::string_view bytes : messages) TRY(read_label(bytes, builder));
  if (builder.get(kMetricName).empty()) {
    return fail(ErrorCode::Execution, "series has no metric name");
  }
  return builder.build();
}

}  // namespace

/// Some series of a request, one after the other. They are looked up together, so that the waits
/// for memory overlap.
struct RemoteWriteReceiver::Window {
  static constexpr size_t kSeries = 64;
  std::array<std::string_view, kSeries> messages;
  std::array<size_t, kSeries> label_bytes;
  std::array<SeriesCache::Key, kSeries> keys;
  std::array<SeriesRef, kSeries> refs;
  size_t size = 0;
  // Samples of known series that are not in the batch yet, and whose they are.
  std::vector<RefSample> known;
  std::vector<std::string_view> known_messages;
  std::vector<size_t> refused;
};

Result<RemoteWriteReceiver::Outcome> RemoteWriteReceiver::store(std::string_view message) {
  const std::unique_ptr<Appender> appender = storage_.appender();
  Outcome outcome;
  outcome.latest = clock_.now() + options_.max_ahead;
  Window window;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 3) return store_metadata(f.bytes, *appender);
    if (f.number != 1) return {};
    const std::string_view labels = leading_labels(f.bytes);
    window.messages[window.size] = f.bytes;
    window.label_bytes[window.size] = labels.size();
    window.keys[window.size] = known_.key_of(labels);
    if (++window.size == Window::kSeries) return store_window(window, *appender, outcome);
    return {};
  }));
  TRY(store_window(window, *appender, outcome));
  TRY(appender->commit());
  samples_.add(outcome.stored);
  refused_.add(outcome.refused);
  return outcome;
}

namespace {

/// The one sample that nearly every series brings, when nothing else stands behind the labels and
/// it is written as every sender does: value, then time.
std::optional<Sample> only_sample(std::string_view rest) {
  constexpr char kSampleTag = 2 << 3 | 2;
  constexpr char kValueTag = 1 << 3 | 1;
  constexpr char kTimeTag = 2 << 3 | 0;
  constexpr size_t kHead = 2 + 1 + 8 + 1;
  if (rest.size() <= kHead || rest[0] != kSampleTag || rest[2] != kValueTag ||
      rest[kHead - 1] != kTimeTag || static_cast<uint8_t>(rest[1]) != rest.size() - 2) {
    return std::nullopt;
  }
  Sample out;
  std::memcpy(&out.value, rest.data() + 3, 8);
  codec::ByteReader time(rest.substr(kHead));
  const auto ms = time.varint();
  if (!ms || !time.empty()) return std::nullopt;
  out.time = {static_cast<int64_t>(*ms)};
  return out;
}

}  // namespace

/// Known series that bring one sample, which is nearly all, are not read but for the sample.
Result<void> RemoteWriteReceiver::store_window(Window& window, Appender& appender,
                                               Outcome& outcome) {
  known_.find({window.keys.data(), window.size}, {window.refs.data(), window.size});
  for (size_t i = 0; i < window.size; ++i) {
    const std::string_view message = window.messages[i];
    if (window.refs[i] != 0 && window.label_bytes[i] > 0) {
      const auto sample = only_sample(message.substr(window.label_bytes[i]));
      if (sample && sample->time <= outcome.latest) {
        window.known.push_back({window.refs[i], *sample});
        window.known_messages.push_back(message);
        continue;
      }
    }
    // What came before stays before: it may be the same series.
    TRY(flush_known(window, appender, outcome));
    TRY(store_series(message, appender, outcome));
  }
  window.size = 0;
  return flush_known(window, appender, outcome);
}

Result<void> RemoteWriteReceiver::flush_known(Window& window, Appender& appender,
                                              Outcome& outcome) {
  window.refused.clear();
  appender.append_known(window.known, window.refused);
  outcome.stored += window.known.size() - window.refused.size();
  // What is refused is refused again with the labels, which the reason names.
  for (const size_t i : window.refused) {
    TRY(store_series(window.known_messages[i], appender, outcome));
  }
  window.known.clear();
  window.known_messages.clear();
  return {};
}

Result<void> RemoteWriteReceiver::store_series(std::string_view message, Appender& appender,
                                               Outcome& outcome) {
  const std::string_view label_bytes = leading_labels(message);
  const SeriesMessage series = TRY(read_series(message));
  const auto refuse = [&](size_t n, const Error& error, const Labels& labels) {
    if (outcome.refused == 0) {
      outcome.first_error = {
          error.code, labels.empty() ? error.message : labels.to_string() + ": " + error.message};
    }
    outcome.refused += n;
  };
  const auto read = read_labels(series.labels);
  if (!read && read.error().code != ErrorCode::Execution) return std::unexpected(read.error());
  if (!read) {
    refuse(series.samples.size() + series.histograms.size(), read.error(), {});
    exemplars_refused_.add(series.exemplars.size());
    return {};
  }
  const Labels& labels = *read;
  for (const std::string_view bytes : series.exemplars) {
    const auto exemplar = read_exemplar(bytes);
    if (!exemplar && exemplar.error().code != ErrorCode::Execution) {
      return std::unexpected(exemplar.error());
    }
    // The request does not fail for them, as Prometheus' does not.
    const bool kept = exemplar && appender.append_exemplar(labels, *exemplar);
    if (!kept) exemplars_refused_.add();
  }
  SeriesRef ref = 0;
  const auto count = [&](const Result<SeriesRef>& appended) {
    if (appended) {
      ref = *appended;
      ++outcome.stored;
    } else {
      refuse(1, appended.error(), labels);
    }
  };
  const auto check = [&](TimeMs time) -> Result<void> {
    if (time <= outcome.latest) return {};
    return fail(ErrorCode::Execution, "out of bounds: the sample is {} in the future",
                format_duration(time - clock_.now()));
  };
  for (const std::string_view bytes : series.samples) {
    const Sample sample = TRY(read_sample(bytes));
    if (const auto good = check(sample.time); !good) {
      refuse(1, good.error(), labels);
    } else {
      count(appender.append(ref, labels, sample));
    }
  }
  for (const std::string_view bytes : series.histograms) {
    auto histogram = read_histogram(bytes);
    if (histogram) {
      if (auto good = check(histogram->time); !good) histogram = std::unexpected(good.error());
    }
    if (!histogram && histogram.error().code == ErrorCode::Execution) {
      refuse(1, histogram.error(), labels);
    } else if (!histogram) {
      return std::unexpected(histogram.error());
    } else {
      count(appender.append_histogram(ref, labels, histogram->time, histogram->histogram));
    }
  }
  const bool all_leading =
      !label_bytes.empty() &&
      static_cast<size_t>(series.labels.back().data() + series.labels.back().size() -
                          message.data()) == label_bytes.size();
  if (ref != 0 && all_leading) known_.put(known_.key_of(label_bytes), ref);
  return {};
}

Result<void> RemoteWriteReceiver::store_metadata(std::string_view message, Appender& appender) {
  std::string_view family;
  Metadata metadata;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1:
        if (f.bits <= static_cast<uint64_t>(MetricType::StateSet)) {
          metadata.type = static_cast<MetricType>(f.bits);
        }
        break;
      case 2: family = f.bytes; break;
      case 4: metadata.help = f.bytes; break;
      case 5: metadata.unit = f.bytes; break;
      default: break;
    }
    return {};
  }));
  if (!family.empty()) appender.set_metadata(family, metadata);
  return {};
}

}  // namespace prom5::ingest
