#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "io/http/http_client.h"
#include "model/labels.h"
#include "model/relabel.h"

namespace prom5::remote {

/// The labels that say which server this is.
using ExternalLabels = std::vector<std::pair<std::string, std::string>>;

enum class WriteMessage : uint8_t { V1, V2 };

/// How samples wait and are sent (prometheus.yml, <queue_config>).
struct QueueOptions {
  uint64_t capacity = 10'000;  ///< samples a shard may hold
  uint64_t max_shards = 50;
  uint64_t min_shards = 1;
  uint64_t max_samples_per_send = 2000;
  DurationMs batch_send_deadline = DurationMs::seconds(5);
  DurationMs min_backoff = DurationMs::millis(30);
  DurationMs max_backoff = DurationMs::seconds(5);
  bool retry_on_http_429 = false;
  DurationMs sample_age_limit;  ///< 0: none
};

/// One server that samples are sent to (prometheus.yml, <remote_write>).
struct WriteOptions {
  std::string name;
  std::string fingerprint;  ///< equal for equal configurations
  std::string url;
  WriteMessage message = WriteMessage::V1;
  DurationMs timeout = DurationMs::seconds(30);
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<const io::HttpClientSecurity> security;
  std::vector<RelabelConfig> relabel_configs;
  bool send_exemplars = false;
  bool send_native_histograms = false;
  QueueOptions queue;
  bool send_metadata = true;
  /// Version 2: type and unit are what the series' labels say.
  bool type_and_unit_labels = false;
  DurationMs metadata_interval = DurationMs::minutes(1);
};

/// One server that is asked for samples (prometheus.yml, <remote_read>).
struct ReadOptions {
  std::string name;
  std::string fingerprint;
  std::string url;
  DurationMs timeout = DurationMs::minutes(1);
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<const io::HttpClientSecurity> security;
  std::vector<std::pair<std::string, std::string>> required_matchers;
  bool read_recent = false;  ///< also what is stored here
  bool filter_external_labels = true;
  uint64_t chunked_read_limit = 50'000'000;  ///< bytes of a frame of a streamed answer
};

}  // namespace prom5::remote
