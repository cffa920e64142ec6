#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/http/http_client.h"
#include "store/remote/options.h"
#include "store/remote/segment_series.h"
#include "store/remote/send_journal.h"
#include "store/remote/write_message.h"
#include "store/tsdb/record.h"
#include "store/wal/follower.h"

namespace prom5::remote {

/// What senders need of the program.
struct WriterServices {
  io::FileSystem& files;
  io::HttpClient& http;
  const Clock& clock;
  MetricRegistry& metrics;
  const Log& log;
  const Storage& storage;  ///< for metadata
};

/// Sends what the write-ahead log gets to one server, by as many requests at a time as it takes to
/// keep up. What was sent is written down, so that after a kill nothing is left out and nothing but
/// the requests that were on their way is sent again, each as it was.
///
/// Its thread reads, encodes and decides; requests are on the HTTP client's connections. The order
/// of a series' samples is kept: a series belongs to one shard, and a shard has one request.
class RemoteWriter {
 public:
  /// `data` is the database's directory. Begins at once.
  RemoteWriter(WriteOptions options, const WriterServices& services, std::string data,
               ExternalLabels external);
  /// Requests under way are given up, and sent again by the next one of the same name.
  ~RemoteWriter();

  /// Ends the work, for good. Result: how many samples wait in its queues, histograms and exemplars
  /// among them.
  size_t stop();
  /// The file in which it writes down what was sent; the same for two of the same name and URL.
  [[nodiscard]] std::string journal() const;
  /// For logs: a name that is the URL may hold a password.
  [[nodiscard]] const std::string& shown_name() const { return shown_name_; }

  /// The first segment that is still needed. Any thread.
  [[nodiscard]] uint64_t needs_segments_from() const { return needs_from_.load(); }

 private:
  struct Queued {
    OutItem item;
    Cursor cursor;
  };
  struct Shard {
    std::deque<Queued> queue;
    ShardState state;
    TimeMs oldest_since;    ///< when the queue began to fill
    size_t in_flight = 0;   ///< items of the request, at the queue's front
    size_t histograms = 0;  ///< among them
    size_t exemplars = 0;
    TimeMs newest;
    bool waiting = false;  ///< for an answer
    std::string body;      ///< of the request, to be sent again
    TimeMs next_try;
    DurationMs backoff;
  };
  struct Answer {
    size_t shard = 0;  ///< kMetadataShard: of a request with metadata
    uint64_t generation = 0;
    Result<io::HttpClientResponse> response;
  };
  struct Answers;
  struct Metrics;

  void run(const std::stop_token& stop);
  Result<void> begin();
  void set_shards(std::vector<ShardState> states);
  void read_log();
  void take_record(const wal::Follower::Record& found);
  void define(const tsdb::Record& record);
  OutSeries make_series(Labels labels);
  void take_exemplar(const tsdb::NamedExemplar& named, Cursor cursor);
  void enqueue(uint64_t hash, OutItem item, Cursor cursor);
  void send_due(TimeMs now);
  [[nodiscard]] size_t batch_size(const Shard& shard, TimeMs now) const;
  void start_batch(size_t index, size_t items);
  void post(size_t index, const std::string& body);
  void take_answers(DurationMs wait, const std::stop_token& stop);
  void take(Answer answer);
  /// What the answer means for the request.
  struct Verdict {
    bool again = false;
    DurationMs after;  ///< as the receiver asks
    std::string error;
  };
  [[nodiscard]] Verdict judge(const Answer& answer) const;
  void finish_batch(Shard& shard, const Answer& answer, const Verdict& verdict);
  void acknowledge(size_t index);
  void advance_idle_shards();
  void send_metadata(TimeMs now);
  void reshard(TimeMs now);
  [[nodiscard]] bool resumes() const;
  [[nodiscard]] bool drained() const;
  void note_needs();
  void forget_series();
  void export_state();

  const WriteOptions options_;
  const std::string shown_name_;
  const WriterServices services_;
  const std::string wal_;
  const ExternalLabels external_;
  SendJournal journal_;
  std::unique_ptr<Metrics> metrics_;
  RequestEncoder encoder_;
  std::unique_ptr<wal::Follower> follower_;
  Cursor read_;        ///< behind the last item that was read
  Cursor skip_until_;  ///< items up to it were sent by an earlier run
  std::vector<Shard> shards_;
  uint64_t generation_ = 0;  ///< of the set of shards
  /// Of the segment that is read, last, and of those before it that still have samples in queues.
  std::deque<SegmentSeries> series_;
  Storage::MetadataMap metadata_;  ///< for version 2, of a while ago
  TimeMs metadata_time_;
  TimeMs metadata_next_;
  bool metadata_waiting_ = false;
  TimeMs highest_sent_ = TimeMs::min();

  // Since the number of shards was looked at.
  TimeMs looked_at_;
  TimeMs exported_at_;
  bool was_full_ = false;
  bool any_sent_ = false;
  int64_t busy_ms_ = 0;
  size_t wanted_shards_ = 0;  ///< 0: as many as there are

  Result<void> begun_;  ///< whether begin() has done its work
  std::shared_ptr<Answers> answers_;
  std::shared_ptr<std::atomic<bool>> canceled_ = std::make_shared<std::atomic<bool>>(false);
  std::atomic<uint64_t> needs_from_{0};
  std::jthread thread_;
};

/// The senders of a configuration.
class RemoteWriters {
 public:
  /// `keep_from` is told which segments of the log are still needed.
  RemoteWriters(const WriterServices& services, std::string data,
                std::function<void(uint64_t segment)> keep_from);
  ~RemoteWriters();

  /// Replaces all; those that stay the same go on. Not from two threads at a time.
  void apply(const std::vector<WriteOptions>& options, const ExternalLabels& external);

 private:
  void keep(const std::stop_token& stop);

  const WriterServices services_;
  const std::string data_;
  const std::function<void(uint64_t segment)> keep_from_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<RemoteWriter>> writers_ GUARDED_BY(mutex_);
  std::jthread keeping_;
};

}  // namespace prom5::remote
