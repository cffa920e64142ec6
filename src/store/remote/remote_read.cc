#include "store/remote/remote_read.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "io/codec/compress.h"
#include "io/http/url.h"
#include "store/tsdb/columns.h"

namespace prom5::remote {

namespace {

/// Of an answer that says why there is none.
constexpr size_t kMaxErrorBytes = size_t{1} << 20;
constexpr size_t kShownErrorBytes = 256;
/// Of one series once decoded; a hundred bytes may stand for many histograms.
constexpr size_t kMaxSeriesBytes = size_t{256} << 20;
/// Told of damage in one answer; then enough is said.
constexpr size_t kMaxWarnings = 10;
/// The HTTP client keeps the time; this is for a client that fails to.
constexpr std::chrono::seconds kGrace{5};

MetricLabels labels_of(const ReadOptions& options) {
  return {{"remote_name", io::without_password(options.name)},
          {"url", io::without_password(options.url)}};
}

constexpr const char* kQueriesTotal = "prometheus_remote_storage_read_queries_total";
constexpr const char* kInFlight = "prometheus_remote_storage_remote_read_queries";
constexpr const char* kFailures = "prom5_remote_storage_read_failures_total";

struct Outcome {
  const char* response_type;
  const char* code;
};
constexpr Outcome kSampled = {"sampled", "200"};
constexpr Outcome kStreamed = {"chunked", "200"};
constexpr Outcome kAborted = {"chunked", "aborted_stream"};
constexpr Outcome kUnsupported = {"unsupported", "200"};

MetricLabels labels_of(const ReadOptions& options, const Outcome& outcome) {
  MetricLabels labels = labels_of(options);
  labels.emplace_back("response_type", outcome.response_type);
  labels.emplace_back("code", outcome.code);
  return labels;
}

Counter& queries_total(MetricRegistry& metrics, const ReadOptions& options,
                       const Outcome& outcome) {
  return metrics.counter(kQueriesTotal, "The total number of remote read queries.",
                         labels_of(options, outcome));
}

/// Roughly what samples take, from a place on.
size_t bytes_of(const SampleColumns& columns, size_t from) {
  size_t bytes = (columns.size() - from) * (sizeof(TimeMs) + sizeof(double));
  for (size_t i = from; i < columns.histograms.size(); ++i) {
    const auto& histogram = columns.histograms[i];
    bytes += sizeof histogram;
    if (!histogram) continue;
    bytes +=
        sizeof(Histogram) +
        sizeof(double) * (histogram->positive_counts.size() + histogram->negative_counts.size() +
                          histogram->custom_bounds.size()) +
        sizeof(HistogramSpan) *
            (histogram->positive_spans.size() + histogram->negative_spans.size());
  }
  return bytes;
}

std::unexpected<Error> too_large() {
  return fail(ErrorCode::LimitExceeded,
              "the answer, or all that are being read together, are too large for the memory they "
              "may take ({} and {} MB): ask for fewer series or a shorter time",
              AnswerRoom::kBytesOfOne >> 20, AnswerRoom::kBytesOfAll >> 20);
}

/// An answer as it came, taken apart one series at a time: so it takes little more memory than on
/// the wire.
class AnswerSeries final : public SeriesSet {
 public:
  AnswerSeries(std::string message, std::shared_ptr<AnswerRoom> room, ReadForm form,
               TimeRange range)
      : message_(std::move(message)), room_(std::move(room)), form_(form), range_(range) {}

  Result<void> open(size_t frame_bytes, const ExternalLabels& taken_off) {
    series_ = TRY(
        find_series(form_, message_, {.frame_bytes = frame_bytes, .list_bytes = room_->left()}));
    arrange(series_, taken_off);
    size_t bytes = 0;
    for (const ReadSeries& one : series_) {
      bytes += sizeof one + one.labels.bytes().size() + one.parts.size() * sizeof one.parts[0];
    }
    return room_->take(bytes) ? Result<void>() : too_large();
  }
  /// Where damage is told of; `place` stands before it.
  void tell(Warnings warnings, std::string place) {
    warnings_ = std::move(warnings);
    place_ = std::move(place);
  }

  bool next() override { return ++at_ <= series_.size(); }
  [[nodiscard]] const Labels& labels() const override { return series_[at_ - 1].labels; }

  Result<void> read(SampleColumns& out) override {
    out.clear();
    size_t bytes = 0;
    for (const std::string_view part : series_[at_ - 1].parts) {
      const size_t before = out.size();
      if (auto decoded = decode_part(form_, part, out); !decoded) {
        warn(decoded.error().message);
        continue;
      }
      bytes += bytes_of(out, before);
      if (bytes <= kMaxSeriesBytes) continue;
      warn(fmt::format("they are more than {} bytes", kMaxSeriesBytes));
      break;
    }
    put_in_order(out);
    tsdb::clip(out, range_);
    return {};
  }

 private:
  void warn(std::string_view what) {
    if (++told_ > kMaxWarnings) return;
    warnings_->push_back(fmt::format("{}: samples of {} are left out: {}", place_,
                                     series_[at_ - 1].labels.to_string(), what));
  }

  const std::string message_;  // the parts of series point into it
  const std::shared_ptr<AnswerRoom> room_;
  const ReadForm form_;
  const TimeRange range_;
  std::vector<ReadSeries> series_;
  size_t at_ = 0;
  Warnings warnings_;
  std::string place_;
  size_t told_ = 0;
};

/// What a server says of its answer.
std::optional<ReadForm> form_of(std::string_view content_type) {
  if (content_type.starts_with("application/x-streamed-protobuf") &&
      content_type.find("prometheus.ChunkedReadResponse") != std::string_view::npos) {
    return ReadForm::Streamed;
  }
  if (content_type.starts_with("application/x-protobuf")) return ReadForm::Sampled;
  return std::nullopt;
}

/// The server's own words, on one line.
std::string shown_error(std::string_view body) {
  std::string out(body.substr(0, kShownErrorBytes));
  std::ranges::replace(out, '\n', ' ');
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

}  // namespace

ReadMetrics::ReadMetrics(MetricRegistry& metrics, const ReadOptions& options)
    : in_flight(metrics.gauge(kInFlight, "The number of in-flight remote read queries.",
                              labels_of(options))),
      sampled(queries_total(metrics, options, kSampled)),
      streamed(queries_total(metrics, options, kStreamed)),
      aborted_streams(queries_total(metrics, options, kAborted)),
      unsupported(queries_total(metrics, options, kUnsupported)),
      failures(metrics.counter(kFailures,
                               "Queries that another server did not answer, or not in a way that "
                               "can be read.",
                               labels_of(options))) {}

void ReadMetrics::hide(MetricRegistry& metrics, const ReadOptions& options) {
  for (const Outcome& outcome : {kSampled, kStreamed, kAborted, kUnsupported}) {
    metrics.hide(kQueriesTotal, labels_of(options, outcome));
  }
  metrics.hide(kInFlight, labels_of(options));
  metrics.hide(kFailures, labels_of(options));
}

RemoteReader::RemoteReader(ReadOptions options, ExternalLabels external, const Services& services)
    : options_(std::move(options)),
      external_(std::move(external)),
      shown_name_(io::without_secrets(options_.name)),
      http_(services.http),
      metrics_(services.metrics, options_),
      answers_(services.answers) {}

std::optional<TimeRange> RemoteReader::part_of(TimeRange range, TimeMs local_from) const {
  if (options_.read_recent) return range;
  if (range.start > local_from) return std::nullopt;
  return TimeRange{range.start, std::min(range.end, local_from)};
}

std::unique_ptr<ReadInFlight> RemoteReader::start(TimeRange range,
                                                  std::span<const Matcher> matchers) const {
  const bool required = std::ranges::all_of(options_.required_matchers, [&](const auto& label) {
    return std::ranges::any_of(matchers, [&](const Matcher& m) {
      return m.type() == MatchType::Equal && m.name() == label.first && m.value() == label.second;
    });
  });
  if (!required) return nullptr;
  ReadQuery query{range, {matchers.begin(), matchers.end()}};
  ExternalLabels added;
  if (options_.filter_external_labels) {
    for (const auto& [name, value] : external_) {
      // Whoever names the label wants to see it, and maybe another value.
      const bool named =
          std::ranges::any_of(matchers, [&](const Matcher& m) { return m.name() == name; });
      if (named) continue;
      query.matchers.push_back(Matcher::equal(name, value));
      added.emplace_back(name, value);
    }
  }
  std::unique_ptr<ReadInFlight> asked(new ReadInFlight(*this, range, std::move(added)));
  asked->post(query);
  return asked;
}

/// What the HTTP client's thread leaves for the one that waits.
struct ReadInFlight::Arriving {
  explicit Arriving(AnswerRoom::Total total)
      : room(std::make_shared<AnswerRoom>(std::move(total))) {}

  // Of the client's thread alone, until there is a response.
  std::string body;
  bool too_large = false;
  const std::shared_ptr<AnswerRoom> room;  // goes with the answer to whoever reads it
  const std::shared_ptr<std::atomic<bool>> canceled = std::make_shared<std::atomic<bool>>(false);

  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<Result<io::HttpClientResponse>> response;

  void add(std::string_view piece) {
    if (too_large) return;
    if (room->take(piece.size())) {
      body.append(piece);
      return;
    }
    too_large = true;
    canceled->store(true);
    body = std::string();
  }
  void finish(Result<io::HttpClientResponse> outcome) {
    {
      const std::lock_guard lock(mutex);
      response = std::move(outcome);
    }
    changed.notify_one();
  }
};

ReadInFlight::ReadInFlight(const RemoteReader& reader, TimeRange range, ExternalLabels taken_off)
    : reader_(reader),
      range_(range),
      taken_off_(std::move(taken_off)),
      started_(std::chrono::steady_clock::now()),
      arriving_(std::make_shared<Arriving>(reader.answers_)) {
  reader_.in_flight_ += 1;
  reader_.metrics_.in_flight.add(1);
}

ReadInFlight::~ReadInFlight() {
  arriving_->canceled->store(true);
  reader_.metrics_.in_flight.add(-1);
  reader_.in_flight_ -= 1;
}

void ReadInFlight::post(const ReadQuery& query) {
  if (reader_.in_flight_ > RemoteReader::kMaxInFlight) {
    return arriving_->finish(fail(ErrorCode::LimitExceeded,
                                  "{} queries wait for this server already",
                                  RemoteReader::kMaxInFlight));
  }
  const ReadOptions& options = reader_.options_;
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = options.url;
  request.body = encode_read_request(query);
  for (const auto& [name, value] : options.headers) request.headers.add(name, value);
  request.headers.set("Content-Encoding", "snappy");
  request.headers.set("Accept-Encoding", "snappy");
  request.headers.set("Content-Type", "application/x-protobuf");
  request.headers.set("X-Prometheus-Remote-Read-Version", "0.1.0");
  request.accept_compressed = false;
  request.timeout_ms = options.timeout.ms;
  request.max_body_bytes = kMaxErrorBytes;
  request.security = options.security;
  request.canceled = arriving_->canceled;
  request.on_body = [arriving = arriving_](std::string_view piece) { arriving->add(piece); };
  reader_.http_.start(std::move(request),
                      [arriving = arriving_](Result<io::HttpClientResponse> outcome) {
                        arriving->finish(std::move(outcome));
                      });
}

Result<io::HttpClientResponse> ReadInFlight::await(const Patience& patience) {
  // Some configured times are longer than a clock's numbers reach.
  const DurationMs longest = std::min(reader_.options_.timeout, DurationMs::days(365));
  const auto timeout = std::chrono::milliseconds(longest.ms) + kGrace;
  const auto until = std::min(patience.until, started_ + timeout);
  std::unique_lock lock(arriving_->mutex);
  const bool came = arriving_->changed.wait_until(
      lock, patience.stop, until, [this] { return arriving_->response.has_value(); });
  if (!came && patience.stop.stop_requested()) {
    return fail(ErrorCode::Canceled, "nobody waits for the answer any more");
  }
  if (!came) return fail(ErrorCode::Timeout, "no answer in the time that the query has");
  if (arriving_->too_large) return too_large();
  return *std::move(arriving_->response);
}

Result<std::unique_ptr<SeriesSet>> ReadInFlight::take_answer(const Patience& patience,
                                                             const Warnings& warnings) {
  const io::HttpClientResponse response = TRY(await(patience));
  if (response.status != 200) {
    return fail(ErrorCode::Unavailable, "HTTP status {}: {}", response.status,
                shown_error(response.body));
  }
  const std::string_view content_type = response.headers.get("Content-Type");
  const std::optional<ReadForm> form = form_of(content_type);
  if (!form) {
    reader_.metrics_.unsupported.add();
    return fail(ErrorCode::UnsupportedMedia, "unsupported content type \"{}\"",
                content_type.substr(0, kShownErrorBytes));
  }
  std::string message = std::move(arriving_->body);
  if (*form == ReadForm::Sampled) {
    reader_.metrics_.sampled.add();
    const std::string packed = std::move(message);
    message = TRY(codec::snappy_decompress(packed, arriving_->room->left()));
    // Both are there for a moment, and count as both.
    if (!arriving_->room->take(message.size())) return too_large();
  }
  auto set = std::make_unique<AnswerSeries>(std::move(message), arriving_->room, *form, range_);
  const auto opened = set->open(reader_.options_.chunked_read_limit, taken_off_);
  if (*form == ReadForm::Streamed) {
    (opened ? reader_.metrics_.streamed : reader_.metrics_.aborted_streams).add();
  }
  if (!opened) return std::unexpected(opened.error());
  set->tell(warnings, "remote read from " + reader_.shown_name_);
  return set;
}

std::unique_ptr<SeriesSet> ReadInFlight::wait(const Patience& patience, const Warnings& warnings) {
  auto set = take_answer(patience, warnings);
  if (set) return *std::move(set);
  if (set.error().code != ErrorCode::Canceled) reader_.metrics_.failures.add();
  warnings->push_back(
      fmt::format("remote read from {}: {}", reader_.shown_name_, set.error().message));
  return nullptr;
}

}  // namespace prom5::remote
