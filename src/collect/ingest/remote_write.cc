#include "collect/ingest/remote_write.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "io/codec/compress.h"
#include "io/codec/protobuf.h"
#include "model/exposition/sample_wire.h"
#include "model/histogram.h"

namespace prom5::ingest {

namespace {

using codec::ProtoField;

constexpr std::array kMessageNames =
    std::to_array<std::string_view>({"prometheus.WriteRequest", "io.prometheus.write.v2.Request"});

/// The message that a Content-Type names.
std::optional<RemoteWriteMessage> message_of(std::string_view type) {
  std::string compact;
  for (const char c : type) {
    if (c != ' ') compact += c;
  }
  constexpr std::string_view kProtobuf = "application/x-protobuf";
  constexpr std::string_view kProto = ";proto=";
  if (!compact.starts_with(kProtobuf)) return std::nullopt;
  std::string_view rest = std::string_view(compact).substr(kProtobuf.size());
  if (rest.empty()) return RemoteWriteMessage::V1;
  if (!rest.starts_with(kProto)) return std::nullopt;
  rest.remove_prefix(kProto.size());
  if (rest.starts_with('"') && rest.ends_with('"') && rest.size() > 1) {
    rest = rest.substr(1, rest.size() - 2);
  }
  for (size_t i = 0; i < kMessageNames.size(); ++i) {
    if (rest == kMessageNames[i]) return static_cast<RemoteWriteMessage>(i);
  }
  return std::nullopt;
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
  const auto version = message_of(type);
  const auto& accepted = options_.messages;
  if (!version || std::find(accepted.begin(), accepted.end(), *version) == accepted.end()) {
    std::string names;
    for (const RemoteWriteMessage m : accepted) {
      names +=
          fmt::format("{}{}", names.empty() ? "" : " or ", kMessageNames[static_cast<size_t>(m)]);
    }
    return io::HttpResponse::text(
        415,
        fmt::format(
            "Content-Type \"{}\"{} is not accepted; send application/x-protobuf with "
            "{}\n",
            type, version ? fmt::format(" ({})", kMessageNames[static_cast<size_t>(*version)]) : "",
            names));
  }
  const bool v2 = *version == RemoteWriteMessage::V2;
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
  const auto outcome = v2 ? store_v2(*message) : store(*message);
  io::HttpResponse response = answer(outcome);
  if (v2) {
    const auto written = [&](const char* what, size_t n) {
      response.headers.set(fmt::format("X-Prometheus-Remote-Write-{}-Written", what),
                           std::to_string(outcome ? n : 0));
    };
    written("Samples", outcome ? outcome->samples : 0);
    written("Histograms", outcome ? outcome->histograms : 0);
    written("Exemplars", outcome ? outcome->exemplars : 0);
  }
  return response;
}

io::HttpResponse RemoteWriteReceiver::answer(const Result<Outcome>& outcome) {
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
  if (!outcome->complaint.empty()) {
    return io::HttpResponse::text(400, outcome->complaint + "\n");
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
      case 1: TRY(exposition::read_label(f.bytes, labels)); break;
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
  for (const std::string_view bytes : messages) TRY(exposition::read_label(bytes, builder));
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

void RemoteWriteReceiver::Outcome::refuse(size_t n, const Error& error, const Labels& labels) {
  if (refused == 0) {
    first_error = {error.code,
                   labels.empty() ? error.message : labels.to_string() + ": " + error.message};
  }
  refused += n;
}

Result<void> RemoteWriteReceiver::flush_known(Window& window, Appender& appender,
                                              Outcome& outcome) {
  window.refused.clear();
  appender.append_known(window.known, {}, window.refused);
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
  const auto read = read_labels(series.labels);
  if (!read && read.error().code != ErrorCode::Execution) return std::unexpected(read.error());
  if (!read) {
    outcome.refuse(series.samples.size() + series.histograms.size(), read.error(), {});
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
      outcome.refuse(1, appended.error(), labels);
    }
  };
  const auto check = [&](TimeMs time) -> Result<void> {
    if (time <= outcome.latest) return {};
    return fail(ErrorCode::Execution, "out of bounds: the sample is {} in the future",
                format_duration(time - clock_.now()));
  };
  for (const std::string_view bytes : series.samples) {
    const Sample sample = TRY(exposition::read_sample(bytes)).sample;
    if (const auto good = check(sample.time); !good) {
      outcome.refuse(1, good.error(), labels);
    } else {
      count(appender.append(ref, labels, sample));
    }
  }
  for (const std::string_view bytes : series.histograms) {
    auto histogram = exposition::read_histogram(bytes);
    if (histogram) {
      if (auto good = check(histogram->time); !good) histogram = std::unexpected(good.error());
    }
    if (!histogram && histogram.error().code == ErrorCode::Execution) {
      outcome.refuse(1, histogram.error(), labels);
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
