#include "store/remote/remote_writer.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <set>

#include "io/codec/compress.h"
#include "io/http/url.h"
#include "model/relabel.h"

namespace prom5::remote {

namespace {

constexpr size_t kMetadataShard = SIZE_MAX;
/// How often the log is looked at when nothing else happens.
constexpr DurationMs kPoll = DurationMs::millis(50);
constexpr DurationMs kLookAtShards = DurationMs::seconds(10);
constexpr DurationMs kMetadataAge = DurationMs::seconds(30);
/// Counting what waits means looking at all of it.
constexpr DurationMs kExportEvery = DurationMs::millis(500);
/// Records read before requests are looked at again.
constexpr int kRecordsAtOnce = 64;

std::string journal_name(const WriteOptions& options) {
  return fmt::format("{:016x}.journal",
                     Labels{{"name", options.name}, {"url", options.url}}.hash());
}

/// What decides the labels that are sent, and so which shard has a series.
uint64_t meaning_of(const WriteOptions& options, const ExternalLabels& external) {
  LabelsBuilder all;
  for (const auto& [name, value] : external) all.set("external_" + name, value + "!");
  all.set("options", options.fingerprint);
  return all.build().hash();
}

DurationMs retry_after(const io::HttpClientResponse& response) {
  const std::string_view text = response.headers.get("Retry-After");
  int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return DurationMs::seconds(std::clamp<int64_t>(seconds, 0, 3600));
}

}  // namespace

/// Answers on their way from the HTTP client's thread.
struct RemoteWriter::Answers {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::deque<Answer> waiting;

  void push(Answer answer) {
    {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(answer));
    }
    changed.notify_one();
  }
};

struct RemoteWriter::Metrics {
  Metrics(MetricRegistry& m, const WriteOptions& o) : registry(m) {
    add_counters(m, o);
    add_gauges(m, o);
  }
  /// What a sender that is gone said last is no news of anything.
  ~Metrics() {
    for (const auto& [name, labels] : shown) registry.hide(name, labels);
  }
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  static MetricLabels labels_of(const WriteOptions& o) {
    return {{"remote_name", io::without_password(o.name)}, {"url", io::without_password(o.url)}};
  }

  /// The whole name, to be hidden at the end.
  std::string shown_as(const char* name, const MetricLabels& labels) {
    return shown.emplace_back(std::string("prometheus_remote_storage_") + name, labels).first;
  }

  void add_counters(MetricRegistry& m, const WriteOptions& o) {
    const MetricLabels labels = labels_of(o);
    const auto counter = [&](const char* name, const char* help) -> Counter& {
      return m.counter(shown_as(name, labels), help, labels);
    };
    samples = &counter("samples_total", "Total number of samples sent to remote storage.");
    histograms = &counter("histograms_total", "Total number of histograms sent to remote storage.");
    exemplars = &counter("exemplars_total", "Total number of exemplars sent to remote storage.");
    metadata =
        &counter("metadata_total", "Total number of metadata entries sent to remote storage.");
    failed = &counter("samples_failed_total",
                      "Total number of samples which failed on send to remote storage, "
                      "non-recoverable errors.");
    failed_histograms = &counter("histograms_failed_total",
                                 "Total number of histograms which failed on send to remote "
                                 "storage, non-recoverable errors.");
    failed_exemplars = &counter("exemplars_failed_total",
                                "Total number of exemplars which failed on send to remote storage, "
                                "non-recoverable errors.");
    retried = &counter("samples_retried_total",
                       "Total number of samples which failed on send to remote storage but were "
                       "retried because the send error was recoverable.");
    bytes = &counter("bytes_total",
                     "The total number of bytes of data (not metadata) sent by the "
                     "queue after compression.");
    const auto dropped = [&](const char* reason) -> Counter& {
      MetricLabels with = labels;
      with.emplace_back("reason", reason);
      return m.counter(shown_as("samples_dropped_total", with),
                       "Total number of samples which were dropped after being read from the WAL "
                       "before being sent via remote write.",
                       with);
    };
    dropped_by_relabel = &dropped("dropped_series");
    dropped_by_age = &dropped("too_old");
    MetricLabels unknown = labels;
    unknown.emplace_back("reason", "nhcb_in_rw1_not_supported");
    dropped_histograms = &m.counter(shown_as("histograms_dropped_total", unknown),
                                    "Total number of histograms which were dropped after being "
                                    "read from the WAL before being sent via remote write.",
                                    unknown);
    missed_segments = &counter("missed_wal_segments_total",
                               "Segments of the write-ahead log that went before they were sent.");
  }

  void add_gauges(MetricRegistry& m, const WriteOptions& o) {
    const MetricLabels labels = labels_of(o);
    const auto gauge = [&](const char* name, const char* help) -> Gauge& {
      return m.gauge(shown_as(name, labels), help, labels);
    };
    pending = &gauge("samples_pending",
                     "The number of samples pending in the queues shards to be "
                     "sent to the remote storage.");
    pending_histograms = &gauge("histograms_pending",
                                "The number of histograms pending in the queues shards to be sent "
                                "to the remote storage.");
    pending_exemplars = &gauge("exemplars_pending",
                               "The number of exemplars pending in the queues shards to be sent to "
                               "the remote storage.");
    shards = &gauge("shards",
                    "The number of shards used for parallel sending to the remote "
                    "storage.");
    desired = &gauge("shards_desired",
                     "The number of shards that the queues shard calculation "
                     "wants to run based on the rate of samples in vs. samples "
                     "out.");
    gauge("shards_max", "The maximum number of shards that the queue is allowed to run.")
        .set(static_cast<double>(o.queue.max_shards));
    gauge("shards_min", "The minimum number of shards that the queue is allowed to run.")
        .set(static_cast<double>(o.queue.min_shards));
    gauge("shard_capacity",
          "The capacity of each shard of the queue used for parallel sending to "
          "the remote storage.")
        .set(static_cast<double>(o.queue.capacity));
    highest_sent = &gauge("queue_highest_sent_timestamp_seconds",
                          "Timestamp from a WAL sample, the highest timestamp successfully sent by "
                          "this queue, in seconds since epoch.");
    highest_read = &m.gauge("prometheus_remote_storage_highest_timestamp_in_seconds",
                            "Highest timestamp that has come into the remote storage via the "
                            "Appender interface, in seconds since epoch.");
  }

  MetricRegistry& registry;
  std::vector<std::pair<std::string, MetricLabels>> shown;
  Counter* samples;
  Counter* histograms;
  Counter* exemplars;
  Counter* metadata;
  Counter* failed;
  Counter* failed_histograms;
  Counter* failed_exemplars;
  Counter* retried;
  Counter* bytes;
  Counter* dropped_by_relabel;
  Counter* dropped_by_age;
  Counter* dropped_histograms;
  Counter* missed_segments;
  Gauge* pending;
  Gauge* pending_histograms;
  Gauge* pending_exemplars;
  Gauge* shards;
  Gauge* desired;
  Gauge* highest_sent;
  Gauge* highest_read;
  uint64_t missed_counted = 0;
};

RemoteWriter::RemoteWriter(WriteOptions options, const WriterServices& services, std::string data,
                           ExternalLabels external)
    : options_(std::move(options)),
      shown_name_(io::without_password(options_.name)),
      services_(services),
      wal_(data + "/wal"),
      external_(std::move(external)),
      journal_(services.files, data + "/remote/" + journal_name(options_),
               meaning_of(options_, external_)),
      metrics_(std::make_unique<Metrics>(services.metrics, options_)),
      encoder_(options_.message),
      answers_(std::make_shared<Answers>()) {
  if (auto made = services_.files.make_directories(data + "/remote"); !made) {
    services_.log.error("Remote write keeps no journal", {{"err", made.error().message}});
  }
  // Here and not on the thread: what is stored from now on is sent, however late that begins.
  begun_ = begin();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

RemoteWriter::~RemoteWriter() { stop(); }

size_t RemoteWriter::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  canceled_->store(true);
  size_t pending = 0;
  for (const Shard& shard : shards_) pending += shard.queue.size();
  return pending;
}

std::string RemoteWriter::journal() const { return journal_name(options_); }

Result<void> RemoteWriter::begin() {
  std::vector<ShardState> states = TRY(journal_.read());
  const wal::Position end = TRY(wal::end_of_log(services_.files, wal_));
  const bool beyond = std::any_of(states.begin(), states.end(),
                                  [&](const ShardState& s) { return s.acked.record > end; });
  if (beyond) {
    services_.log.warn("Remote write begins at the log's start: its journal is of another log",
                       {{"remote", shown_name_}});
    states.assign(states.size(), ShardState());
  }
  if (states.empty()) {
    // A new receiver gets what comes from now on, as from Prometheus, and so lacks nothing yet.
    metrics_->highest_sent->set(services_.clock.now().as_seconds());
    const Cursor now{end, 0};
    states.assign(options_.queue.min_shards, ShardState{now, now});
  }
  skip_until_ = states[0].acked;
  for (const ShardState& state : states) skip_until_ = std::min(skip_until_, state.acked);
  // A segment names its series where they come first, so it is read from its start.
  follower_ = std::make_unique<wal::Follower>(services_.files, wal_,
                                              wal::Position{skip_until_.record.segment, 0});
  TRY(journal_.begin(states));
  set_shards(std::move(states));
  return {};
}

void RemoteWriter::set_shards(std::vector<ShardState> states) {
  ++generation_;
  shards_ = std::vector<Shard>(states.size());
  for (size_t i = 0; i < states.size(); ++i) shards_[i].state = states[i];
}

void RemoteWriter::run(const std::stop_token& stop) {
  while (!begun_ && !stop.stop_requested()) {
    services_.log.error("Remote write cannot read the log; it tries again",
                        {{"remote", shown_name_}, {"err", begun_.error().message}});
    take_answers(DurationMs::seconds(5), stop);
    begun_ = begin();
  }
  looked_at_ = services_.clock.now();
  while (!stop.stop_requested()) {
    const TimeMs now = services_.clock.now();
    const Cursor before = read_;
    read_log();
    send_due(now);
    send_metadata(now);
    reshard(now);
    advance_idle_shards();
    note_needs();
    forget_series();
    if (now - exported_at_ >= kExportEvery) export_state();
    // As long as there is something to read, the next look is at once.
    take_answers(read_ == before ? kPoll : DurationMs{}, stop);
  }
}

void RemoteWriter::read_log() {
  if (wanted_shards_ != 0) return;  // first everything that was read goes out
  for (int n = 0; n < kRecordsAtOnce; ++n) {
    const bool full = std::any_of(shards_.begin(), shards_.end(), [&](const Shard& s) {
      return s.queue.size() >= options_.queue.capacity;
    });
    if (full && !resumes()) {
      was_full_ = true;
      return;
    }
    const auto found = follower_->next();
    if (!found) {
      services_.log.error("Remote write cannot read the log",
                          {{"remote", shown_name_}, {"err", found.error().message}});
      return;
    }
    if (!*found) return;
    take_record(**found);
  }
}

void RemoteWriter::take_record(const wal::Follower::Record& found) {
  if (series_.empty() || found.begin.segment != series_.back().segment()) {
    series_.emplace_back(found.begin.segment);
  }
  const auto record = tsdb::decode_record(found.payload);
  if (!record) return;  // told of by the replay
  define(*record);
  // Between the parts of a record there may be no cursor of another.
  uint32_t index = 0;
  const auto each = [&](SeriesRef ref, OutItem item) {
    const Cursor cursor{found.begin, ++index};
    const SegmentSeries::Known known = series_.back().find(ref);
    if (known.series == nullptr) return;
    if (known.dropped) {
      if (cursor > skip_until_) metrics_->dropped_by_relabel->add();
      return;
    }
    item.series = known.series;
    if (options_.message == WriteMessage::V2) {
      item.start = std::max(known.series->starts.at(item.sample.time), kNoStart);
    }
    enqueue(known.hash, std::move(item), cursor);
  };
  TimeMs newest = TimeMs::min();
  for (const RefSample& s : record->samples) {
    newest = std::max(newest, s.sample.time);
    each(s.ref, {.sample = s.sample});
  }
  for (const tsdb::RefHistogram& h : record->histograms) {
    newest = std::max(newest, h.time);
    if (!options_.send_native_histograms) {
      ++index;
      continue;
    }
    if (h.histogram->custom() && options_.message == WriteMessage::V1) {
      metrics_->dropped_histograms->add();
      ++index;
      continue;
    }
    each(h.ref, {.sample = {h.time, 0},
                 .extra = std::make_unique<OutExtra>(OutExtra{.histogram = h.histogram})});
  }
  for (const tsdb::NamedExemplar& e : record->exemplars) {
    const Cursor cursor{found.begin, ++index};
    if (options_.send_exemplars && cursor > skip_until_) take_exemplar(e, cursor);
  }
  read_ = {found.end, 0};
  if (newest != TimeMs::min()) {
    metrics_->highest_read->set(std::max(metrics_->highest_read->value(), newest.as_seconds()));
  }
}

void RemoteWriter::take_exemplar(const tsdb::NamedExemplar& named, Cursor cursor) {
  auto extra = std::make_unique<OutExtra>(
      OutExtra{.exemplar = named.exemplar, .series = make_series(named.series)});
  if (extra->series.labels.empty()) return metrics_->dropped_by_relabel->add();
  const OutSeries& series = extra->series;
  enqueue(series.hash,
          {.series = &series, .sample = {named.exemplar.time, 0}, .extra = std::move(extra)},
          cursor);
}

void RemoteWriter::define(const tsdb::Record& record) {
  for (const tsdb::SeriesDefinition& series : record.series) {
    if (series_.back().find(series.ref).series != nullptr) continue;
    series_.back().insert(series.ref, make_series(series.labels));
  }
  if (options_.message == WriteMessage::V1) return;
  series_.back().take_starts(record.starts);
}

OutSeries RemoteWriter::make_series(Labels labels) {
  LabelsBuilder builder(labels);
  for (const auto& [name, value] : external_) {
    if (builder.get(name).empty()) builder.set(name, value);
  }
  OutSeries out;
  if (!relabel(options_.relabel_configs, builder)) return out;
  out.labels = builder.build();
  out.hash = out.labels.hash();
  if (options_.message == WriteMessage::V1) {
    out.v1 = encode_labels_v1(out.labels);
    return out;
  }
  const TimeMs now = services_.clock.now();
  if (now - metadata_time_ > kMetadataAge) {
    metadata_ = services_.storage.metadata();
    metadata_time_ = now;
  }
  std::string name(out.labels.get(kMetricName));
  auto known = metadata_.find(name);
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (known != metadata_.end() || !name.ends_with(suffix)) continue;
    known = metadata_.find(name.substr(0, name.size() - suffix.size()));
  }
  if (known != metadata_.end() && !known->second.empty()) out.metadata = known->second[0];
  if (options_.type_and_unit_labels) {
    out.metadata.type = parse_metric_type(out.labels.get(kTypeLabel));
    out.metadata.unit = out.labels.get(kUnitLabel);
  }
  return out;
}

void RemoteWriter::enqueue(uint64_t hash, OutItem item, Cursor cursor) {
  Shard& shard = shards_[hash % shards_.size()];
  if (cursor <= shard.state.acked) return;
  if (shard.queue.size() == shard.in_flight) shard.oldest_since = services_.clock.now();
  shard.queue.push_back({std::move(item), cursor});
}

/// How many items the next request has; 0: it is not time yet.
size_t RemoteWriter::batch_size(const Shard& shard, TimeMs now) const {
  if (shard.queue.empty()) return 0;
  // What was on its way when the program ended goes as it was, and alone: a receiver refuses a
  // request as a whole when a part of it is there already.
  if (shard.state.sent > shard.state.acked) {
    if (read_ <= shard.state.sent) return 0;
    const auto end = std::find_if(shard.queue.begin(), shard.queue.end(),
                                  [&](const Queued& q) { return q.cursor > shard.state.sent; });
    return static_cast<size_t>(end - shard.queue.begin());
  }
  const size_t most = options_.queue.max_samples_per_send;
  const bool due = now - shard.oldest_since >= options_.queue.batch_send_deadline;
  if (shard.queue.size() < most && !due && wanted_shards_ == 0) return 0;
  return std::min(shard.queue.size(), most);
}

void RemoteWriter::send_due(TimeMs now) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    Shard& shard = shards_[i];
    if (shard.waiting || now < shard.next_try) continue;
    if (shard.in_flight > 0) {
      post(i, shard.body);
      continue;
    }
    const DurationMs limit = options_.queue.sample_age_limit;
    while (limit.ms > 0 && !shard.queue.empty() &&
           now - shard.queue.front().item.sample.time > limit) {
      shard.state.acked = shard.queue.front().cursor;
      shard.queue.pop_front();
      metrics_->dropped_by_age->add();
    }
    if (const size_t items = batch_size(shard, now); items > 0) {
      start_batch(i, items);
    } else if (shard.state.sent > shard.state.acked && read_ > shard.state.sent) {
      // Nothing of that request is left: other relabelling, or the age.
      shard.state.acked = shard.state.sent;
    }
  }
}

void RemoteWriter::start_batch(size_t index, size_t items) {
  Shard& shard = shards_[index];
  std::vector<const OutItem*> batch;
  batch.reserve(items);
  shard.histograms = 0;
  shard.exemplars = 0;
  shard.newest = TimeMs::min();
  for (size_t i = 0; i < items; ++i) {
    const OutItem& item = shard.queue[i].item;
    shard.histograms += item.is_histogram() ? 1 : 0;
    shard.exemplars += item.is_exemplar() ? 1 : 0;
    shard.newest = std::max(shard.newest, item.sample.time);
    batch.push_back(&item);
  }
  shard.in_flight = items;
  shard.state.sent = shard.queue[items - 1].cursor;
  shard.body = encoder_.encode(batch);
  shard.backoff = {};
  if (auto written = journal_.write(index, shard.state); !written) {
    services_.log.warn("The journal of remote write cannot be written",
                       {{"remote", shown_name_}, {"err", written.error().message}});
  }
  post(index, shard.body);
}

void RemoteWriter::post(size_t index, const std::string& body) {
  if (index != kMetadataShard) shards_[index].waiting = true;
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.timeout_ms = options_.timeout.ms;
  request.security = options_.security;
  request.accept_compressed = false;
  request.canceled = canceled_;
  const bool v2 = options_.message == WriteMessage::V2 && index != kMetadataShard;
  request.headers.add("Content-Encoding", "snappy");
  request.headers.add("Content-Type",
                      v2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                         : "application/x-protobuf");
  request.headers.add("X-Prometheus-Remote-Write-Version", v2 ? "2.0.0" : "0.1.0");
  for (const auto& [name, value] : options_.headers) request.headers.add(name, value);
  request.body = body;
  services_.http.start(std::move(request), [answers = answers_, index, generation = generation_](
                                               Result<io::HttpClientResponse> response) {
    answers->push({index, generation, std::move(response)});
  });
}

void RemoteWriter::take_answers(DurationMs wait, const std::stop_token& stop) {
  std::deque<Answer> taken;
  {
    std::unique_lock lock(answers_->mutex);
    answers_->changed.wait_for(lock, stop, std::chrono::milliseconds(wait.ms),
                               [&] { return !answers_->waiting.empty(); });
    taken.swap(answers_->waiting);
  }
  if (stop.stop_requested()) return;
  for (Answer& answer : taken) take(std::move(answer));
}

RemoteWriter::Verdict RemoteWriter::judge(const Answer& answer) const {
  Verdict verdict;
  if (!answer.response) {
    verdict.again = true;
    verdict.error = answer.response.error().message;
    return verdict;
  }
  const int status = answer.response->status;
  if (status / 100 == 2) return verdict;
  verdict.again = status / 100 == 5 || (status == 429 && options_.queue.retry_on_http_429);
  verdict.after = retry_after(*answer.response);
  verdict.error = fmt::format("server returned HTTP status {} {}: {}", status,
                              io::reason_phrase(status), answer.response->body.substr(0, 512));
  return verdict;
}

void RemoteWriter::take(Answer answer) {
  if (answer.shard == kMetadataShard) {
    metadata_waiting_ = false;
    if (const Verdict verdict = judge(answer); !verdict.error.empty()) {
      services_.log.warn("Metadata could not be sent",
                         {{"remote", shown_name_}, {"err", verdict.error}});
    }
    return;
  }
  if (answer.generation != generation_) return;
  Shard& shard = shards_[answer.shard];
  shard.waiting = false;
  const Verdict verdict = judge(answer);
  if (verdict.again) {
    metrics_->retried->add(shard.in_flight);
    shard.backoff =
        std::clamp(shard.backoff * 2, options_.queue.min_backoff, options_.queue.max_backoff);
    shard.next_try = services_.clock.now() + std::max(shard.backoff, verdict.after);
    services_.log.warn("Failed to send batch, retrying",
                       {{"remote", shown_name_}, {"err", verdict.error}});
    return;
  }
  finish_batch(shard, answer, verdict);
  acknowledge(answer.shard);
}

void RemoteWriter::finish_batch(Shard& shard, const Answer& answer, const Verdict& verdict) {
  const size_t histograms = shard.histograms;
  const size_t exemplars = shard.exemplars;
  const size_t samples = shard.in_flight - histograms - exemplars;
  metrics_->samples->add(samples);
  metrics_->histograms->add(histograms);
  metrics_->exemplars->add(exemplars);
  metrics_->bytes->add(shard.body.size());
  any_sent_ = true;
  if (verdict.error.empty()) {
    highest_sent_ = std::max(highest_sent_, shard.newest);
    metrics_->highest_sent->set(highest_sent_.as_seconds());
  } else {
    services_.log.error("non-recoverable error: the receiver refuses samples",
                        {{"remote", shown_name_}, {"err", verdict.error}});
  }
  if (options_.message != WriteMessage::V2) {
    if (verdict.error.empty()) return;
    metrics_->failed->add(samples);
    metrics_->failed_histograms->add(histograms);
    metrics_->failed_exemplars->add(exemplars);
    return;
  }
  // A receiver of version 2 says what it has written.
  const auto missing = [&](const char* what, size_t sent) -> uint64_t {
    const std::string_view text =
        answer.response->headers.get(std::string("X-Prometheus-Remote-Write-") + what + "-Written");
    size_t written = 0;
    std::from_chars(text.data(), text.data() + text.size(), written);
    return sent - std::min(sent, written);
  };
  metrics_->failed->add(missing("Samples", samples));
  metrics_->failed_histograms->add(missing("Histograms", histograms));
  metrics_->failed_exemplars->add(missing("Exemplars", exemplars));
}

void RemoteWriter::acknowledge(size_t index) {
  Shard& shard = shards_[index];
  shard.queue.erase(shard.queue.begin(),
                    shard.queue.begin() + static_cast<std::ptrdiff_t>(shard.in_flight));
  shard.in_flight = 0;
  shard.body.clear();
  shard.next_try = {};
  shard.oldest_since = services_.clock.now();
  shard.state.acked = shard.state.sent;
  if (auto written = journal_.write(index, shard.state); !written) {
    services_.log.warn("The journal of remote write cannot be written",
                       {{"remote", shown_name_}, {"err", written.error().message}});
  }
}

/// A shard that nothing waits in has come as far as the reading.
void RemoteWriter::advance_idle_shards() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    Shard& shard = shards_[i];
    const bool idle = shard.queue.empty() && shard.in_flight == 0;
    if (!idle || shard.state.sent > shard.state.acked || read_ <= shard.state.acked) continue;
    // Written down only when it spares much reading.
    const bool far = read_.record.segment != shard.state.acked.record.segment ||
                     read_.record.offset - shard.state.acked.record.offset > (size_t{4} << 20);
    shard.state.acked = read_;
    shard.state.sent = read_;
    if (far) (void)journal_.write(i, shard.state);
  }
}

void RemoteWriter::send_metadata(TimeMs now) {
  if (!options_.send_metadata || options_.message == WriteMessage::V2) return;
  if (metadata_waiting_ || now < metadata_next_) return;
  metadata_next_ = now + options_.metadata_interval;
  const Storage::MetadataMap all = services_.storage.metadata();
  if (all.empty()) {
    metadata_next_ = now + DurationMs::seconds(1);  // nothing was scraped yet
    return;
  }
  metadata_waiting_ = true;
  metrics_->metadata->add(all.size());
  post(kMetadataShard, codec::snappy_compress(encode_metadata_request(all)));
}

/// Whether a request of an earlier run is still to be read as a whole.
bool RemoteWriter::resumes() const {
  return std::any_of(shards_.begin(), shards_.end(), [&](const Shard& s) {
    return s.state.sent > s.state.acked && s.in_flight == 0 && read_ <= s.state.sent;
  });
}

bool RemoteWriter::drained() const {
  return std::all_of(shards_.begin(), shards_.end(),
                     [](const Shard& s) { return s.queue.empty() && s.in_flight == 0; });
}

/// More shards when they do not keep up with a receiver that answers, fewer when most have nothing
/// to do. Before their number changes, all that was read is sent.
void RemoteWriter::reshard(TimeMs now) {
  if (wanted_shards_ == 0 && now - looked_at_ >= kLookAtShards && !resumes()) {
    size_t wanted = shards_.size();
    size_t waiting = 0;
    for (const Shard& shard : shards_) waiting += shard.queue.size();
    if (was_full_ && any_sent_) {
      wanted *= 2;
    } else if (waiting < options_.queue.max_samples_per_send && wanted > 1) {
      wanted -= 1;
    }
    wanted = std::clamp<size_t>(wanted, options_.queue.min_shards, options_.queue.max_shards);
    metrics_->desired->set(static_cast<double>(wanted));
    wanted_shards_ = wanted == shards_.size() ? 0 : wanted;
    looked_at_ = now;
    was_full_ = false;
    any_sent_ = false;
  }
  if (wanted_shards_ == 0 || !drained()) return;
  const ShardState state{read_, read_};
  std::vector<ShardState> states(wanted_shards_, state);
  wanted_shards_ = 0;
  if (auto begun = journal_.begin(states); !begun) {
    services_.log.warn("The journal of remote write cannot be written",
                       {{"remote", shown_name_}, {"err", begun.error().message}});
    return;
  }
  set_shards(std::move(states));
}

void RemoteWriter::note_needs() {
  uint64_t first = read_.record.segment;
  for (const Shard& shard : shards_) first = std::min(first, shard.state.acked.record.segment);
  needs_from_ = first;
}

/// Series of segments that no queue has samples of.
void RemoteWriter::forget_series() {
  uint64_t first = UINT64_MAX;
  for (const Shard& shard : shards_) {
    if (!shard.queue.empty()) first = std::min(first, shard.queue.front().cursor.record.segment);
  }
  while (series_.size() > 1 && series_.front().segment() < first) series_.pop_front();
}

void RemoteWriter::export_state() {
  exported_at_ = services_.clock.now();
  size_t pending = 0;
  size_t histograms = 0;
  size_t exemplars = 0;
  for (const Shard& shard : shards_) {
    pending += shard.queue.size();
    for (const Queued& q : shard.queue) {
      histograms += q.item.is_histogram() ? 1 : 0;
      exemplars += q.item.is_exemplar() ? 1 : 0;
    }
  }
  metrics_->pending->set(static_cast<double>(pending - histograms - exemplars));
  metrics_->pending_histograms->set(static_cast<double>(histograms));
  metrics_->pending_exemplars->set(static_cast<double>(exemplars));
  metrics_->shards->set(static_cast<double>(shards_.size()));
  if (metrics_->desired->value() == 0) metrics_->desired->set(static_cast<double>(shards_.size()));
  const uint64_t missed = follower_->missed_segments();
  metrics_->missed_segments->add(missed - std::exchange(metrics_->missed_counted, missed));
}

RemoteWriters::RemoteWriters(const WriterServices& services, std::string data,
                             std::function<void(uint64_t segment)> keep_from)
    : services_(services), data_(std::move(data)), keep_from_(std::move(keep_from)) {
  keeping_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
}

RemoteWriters::~RemoteWriters() { keeping_ = {}; }

void RemoteWriters::apply(const std::vector<WriteOptions>& options,
                          const ExternalLabels& external) {
  std::string labels;
  for (const auto& [name, value] : external) labels += name + '=' + value + '\n';
  std::map<std::string, const WriteOptions*> wanted;
  std::set<std::string> journals;
  for (const WriteOptions& o : options) {
    journals.insert(journal_name(o));
    wanted.emplace(o.name + '\n' + o.url + '\n' + o.fingerprint + '\n' + labels, &o);
  }
  std::vector<std::pair<std::string, size_t>> unsent;
  {
    const MutexLock lock(mutex_);
    // Those that go end before others begin: they may share a journal.
    std::erase_if(writers_, [&](const auto& entry) {
      RemoteWriter& writer = *entry.second;
      if (wanted.contains(entry.first)) return false;
      const size_t pending = writer.stop();
      // One that was merely changed has a successor, which goes on by the journal.
      const bool removed = !journals.contains(writer.journal());
      if (removed && pending > 0) unsent.emplace_back(writer.shown_name(), pending);
      return true;
    });
    if (auto gone = remove_other_journals(services_.files, data_ + "/remote", journals); !gone) {
      services_.log.warn("An old journal of remote write stays", {{"err", gone.error().message}});
    }
    for (const auto& [key, o] : wanted) {
      if (!writers_.contains(key)) {
        writers_.emplace(key, std::make_unique<RemoteWriter>(*o, services_, data_, external));
      }
    }
  }
  for (const auto& [name, pending] : unsent) {
    services_.log.warn("A remote_write is removed before it had sent everything",
                       {{"remote", name}, {"samples", pending}});
  }
}

void RemoteWriters::keep(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock waiting(mutex);
  while (!stop.stop_requested()) {
    {
      const MutexLock lock(mutex_);
      uint64_t first = UINT64_MAX;
      for (const auto& [key, writer] : writers_) {
        first = std::min(first, writer->needs_segments_from());
      }
      keep_from_(first);
    }
    never.wait_for(waiting, stop, std::chrono::seconds(1), [] { return false; });
  }
}

}  // namespace prom5::remote
