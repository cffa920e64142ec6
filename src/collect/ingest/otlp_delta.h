#pragma once

#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "collect/ingest/otlp_message.h"

namespace prom5::ingest {

/// Sums deltas up, so that they become what a counter or histogram would have told. Any thread.
/// Source: opentelemetry-collector-contrib, processor/deltatocumulative.
class DeltaSums {
 public:
  /// Makes `point` cumulative, or says that it is to be dropped: it is a retry, or older than what
  /// came before. `key` names the stream. LimitExceeded for a stream too many.
  Result<bool> add(const std::string& key, OtlpKind kind, OtlpPoint& point, TimeMs now)
      EXCLUDES(mutex_);

 private:
  static constexpr size_t kMaxStreams = 1'000'000;
  /// A stream that is silent for so long begins anew.
  static constexpr DurationMs kStale = DurationMs::minutes(5);

  struct Stream {
    OtlpPoint total;
    TimeMs seen;
  };
  Mutex mutex_;
  std::unordered_map<std::string, Stream> streams_ GUARDED_BY(mutex_);
  TimeMs swept_ GUARDED_BY(mutex_);
};

}  // namespace prom5::ingest
