#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "collect/ingest/series_cache.h"
#include "io/http/message.h"
#include "store/storage.h"

namespace prom5::ingest {

enum class RemoteWriteMessage : uint8_t { V1, V2 };

struct RemoteWriteOptions {
  std::vector<RemoteWriteMessage> messages = {RemoteWriteMessage::V1, RemoteWriteMessage::V2};
  size_t max_body_bytes = size_t{64} << 20;  ///< of the message as decoded
  /// Samples further in the future than this are refused, as Prometheus does: one of them would
  /// make all that come at their right time late.
  DurationMs max_ahead = DurationMs::minutes(10);
  /// Version 2 tells type and unit of each series, which become its labels.
  bool type_and_unit_labels = false;
};

/// Receives Prometheus' remote write 1.0 and 2.0: a snappy block of a prometheus.WriteRequest or an
/// io.prometheus.write.v2.Request with floats, native histograms, exemplars and metadata. Any
/// thread.
///
/// A request is stored as one batch before it is answered. What cannot be stored of it (out of
/// order, invalid labels) is left out, the rest is kept, and the answer is 400 with the reason.
/// Source: prometheus.io/docs/specs/prw/remote_write_spec and remote_write_spec_2_0.
class RemoteWriteReceiver {
 public:
  RemoteWriteReceiver(Storage& storage, RemoteWriteOptions options, const Clock& clock,
                      MetricRegistry& metrics);

  io::HttpResponse handle(const io::HttpRequest& request);

 private:
  struct Outcome {
    TimeMs latest;  ///< samples after it are refused
    size_t stored = 0;
    size_t samples = 0;  ///< of these; counted for version 2 only, as the next two
    size_t histograms = 0;
    size_t exemplars = 0;
    size_t label_bytes = 0;  ///< of all series, likewise
    size_t refused = 0;
    Error first_error;
    std::string complaint;  ///< about what is no sample; mostly empty

    /// Counts `n` samples of a series, and keeps the reason if it is the first.
    void refuse(size_t n, const Error& error, const Labels& labels);
  };

  Result<Outcome> store(std::string_view message);
  Result<Outcome> store_v2(std::string_view message);
  Result<void> store_series_v2(std::string_view message,
                               const std::vector<std::string_view>& symbols, Appender& appender,
                               Outcome& outcome);
  static io::HttpResponse answer(const Result<Outcome>& outcome);
  struct Window;
  Result<void> store_window(Window& window, Appender& appender, Outcome& outcome);
  Result<void> flush_known(Window& window, Appender& appender, Outcome& outcome);
  Result<void> store_series(std::string_view message, Appender& appender, Outcome& outcome);
  Result<void> store_metadata(std::string_view message, Appender& appender);

  Storage& storage_;
  const RemoteWriteOptions options_;
  const Clock& clock_;
  SeriesCache known_;
  Counter& requests_;
  Counter& samples_;
  Counter& refused_;
  Counter& exemplars_refused_;
};

}  // namespace prom5::ingest
