#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "collect/ingest/otlp_delta.h"
#include "collect/ingest/otlp_message.h"
#include "collect/ingest/otlp_options.h"
#include "io/http/message.h"
#include "store/storage.h"

namespace prom5::ingest {

/// Receives metrics by OTLP/HTTP, as protobuf or JSON. What cannot be stored of a request is left
/// out, and the answer says how much and why (partial success). Any thread.
/// Sources: opentelemetry.io/docs/specs/otlp; prometheus
/// storage/remote/otlptranslator/prometheusremotewrite.
class OtlpReceiver {
 public:
  OtlpReceiver(Storage& storage, DurationMs lookback, size_t max_body_bytes, const Clock& clock,
               MetricRegistry& metrics);

  io::HttpResponse handle(const io::HttpRequest& request);

  /// Changed by a reload of the configuration.
  void set_options(OtlpOptions options) EXCLUDES(mutex_);

 private:
  struct Outcome {
    size_t stored = 0;
    size_t refused = 0;
    std::string first_error;

    void refuse(size_t points, std::string_view why) {
      if (refused == 0) first_error = why;
      refused += points;
    }
  };
  class Converter;

  Result<Outcome> store(OtlpRequest request);

  Storage& storage_;
  const DurationMs lookback_;
  const size_t max_body_bytes_;
  const Clock& clock_;
  DeltaSums deltas_;
  mutable Mutex mutex_;
  std::shared_ptr<const OtlpOptions> options_ GUARDED_BY(mutex_);
  Counter& requests_;
  Counter& samples_;
  Counter& refused_;
};

}  // namespace prom5::ingest
