#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "io/http/http_client.h"
#include "store/remote/options.h"
#include "store/remote/read_message.h"
#include "store/storage.h"

namespace prom5::remote {

/// What an answer takes of the memory that answers of all servers may hold together. The HTTP
/// client's thread while the answer comes, then whoever reads it; gives back in the end.
class AnswerRoom {
 public:
  /// Of all answers that are on their way or being read.
  static constexpr size_t kBytesOfAll = size_t{256} << 20;
  /// Some ten million samples in chunks: more than a query holds by default.
  static constexpr size_t kBytesOfOne = size_t{128} << 20;

  using Total = std::shared_ptr<std::atomic<size_t>>;
  explicit AnswerRoom(Total total) : total_(std::move(total)) {}
  AnswerRoom(const AnswerRoom&) = delete;
  AnswerRoom& operator=(const AnswerRoom&) = delete;
  ~AnswerRoom() { *total_ -= bytes_; }

  /// False when the answer must be given up.
  bool take(size_t bytes) {
    bytes_ += bytes;
    return (*total_ += bytes) <= kBytesOfAll && bytes_ <= kBytesOfOne;
  }
  [[nodiscard]] size_t left() const {
    const size_t all = total_->load();
    return std::min(kBytesOfOne - std::min(bytes_, kBytesOfOne),
                    kBytesOfAll - std::min(all, kBytesOfAll));
  }

 private:
  const Total total_;  // shared: an answer may still come when its reader is gone
  size_t bytes_ = 0;
};

/// What is counted of the questions to one server, under Prometheus' names where it has them.
struct ReadMetrics {
  ReadMetrics(MetricRegistry& metrics, const ReadOptions& options);
  /// For a server that is not asked any more.
  static void hide(MetricRegistry& metrics, const ReadOptions& options);

  Gauge& in_flight;
  Counter& sampled;
  Counter& streamed;
  Counter& aborted_streams;
  Counter& unsupported;
  Counter& failures;
};

/// Warnings of a querier, which its sets of series add to.
using Warnings = std::shared_ptr<std::vector<std::string>>;

class ReadInFlight;

/// Asks one server for series and their samples. Any thread.
class RemoteReader {
 public:
  /// Questions at one time; what is beyond fails at once. As many as queries at one time by
  /// default, and fewer than there are threads for requests: servers that read from each other in a
  /// circle come to an end there, and do not wait for each other with all they have.
  static constexpr size_t kMaxInFlight = 20;

  struct Services {
    io::HttpClient& http;
    MetricRegistry& metrics;
    AnswerRoom::Total answers = std::make_shared<std::atomic<size_t>>(0);
  };

  /// `external`: the labels that say which server this is. They are asked for, and taken off what
  /// comes back, where the options say so.
  RemoteReader(ReadOptions options, ExternalLabels external, const Services& services);

  [[nodiscard]] const ReadOptions& options() const { return options_; }
  [[nodiscard]] const ExternalLabels& external() const { return external_; }

  /// What of the range this server is asked for: without read_recent, what ends where the samples
  /// here are complete from. Nothing when that is nothing.
  [[nodiscard]] std::optional<TimeRange> part_of(TimeRange range, TimeMs local_from) const;

  /// Begins to ask. Null where the selector lacks one of the required matchers. This reader, and
  /// the HTTP client, outlive what is in flight.
  [[nodiscard]] std::unique_ptr<ReadInFlight> start(TimeRange range,
                                                    std::span<const Matcher> matchers) const;

 private:
  friend class ReadInFlight;

  const ReadOptions options_;
  const ExternalLabels external_;
  const std::string shown_name_;
  io::HttpClient& http_;
  ReadMetrics metrics_;
  const AnswerRoom::Total answers_;
  mutable std::atomic<size_t> in_flight_ = 0;
};

/// A question that is on its way. One thread; given up when it goes before its answer.
class ReadInFlight {
 public:
  ~ReadInFlight();
  ReadInFlight(const ReadInFlight&) = delete;
  ReadInFlight& operator=(const ReadInFlight&) = delete;

  /// Waits for the answer, once. Null when there is none: then `warnings` say why, as they later
  /// say what could not be read of it. The set does not need the reader.
  std::unique_ptr<SeriesSet> wait(const Patience& patience, const Warnings& warnings);

 private:
  friend class RemoteReader;
  struct Arriving;

  ReadInFlight(const RemoteReader& reader, TimeRange range, ExternalLabels taken_off);
  void post(const ReadQuery& query);
  Result<io::HttpClientResponse> await(const Patience& patience);
  Result<std::unique_ptr<SeriesSet>> take_answer(const Patience& patience,
                                                 const Warnings& warnings);

  const RemoteReader& reader_;
  const TimeRange range_;
  const ExternalLabels taken_off_;
  const std::chrono::steady_clock::time_point started_;
  const std::shared_ptr<Arriving> arriving_;  // shared with the HTTP client's thread
};

}  // namespace prom5::remote
