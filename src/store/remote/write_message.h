#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"
#include "store/remote/options.h"
#include "store/storage.h"
#include "store/tsdb/start_times.h"

namespace prom5::remote {

/// A series on its way out: its labels after relabelling, as they stand in a message.
struct OutSeries {
  std::string v1;     ///< the label fields of a prometheus.TimeSeries
  Labels labels;      ///< empty: dropped by relabelling
  Metadata metadata;  ///< for version 2, as the next
  tsdb::StartTimes starts;
  uint64_t hash = 0;
};

/// What few items have: they are no float samples.
struct OutExtra {
  std::shared_ptr<const Histogram> histogram;
  std::optional<Exemplar> exemplar;  ///< then this is no sample
  OutSeries series;                  ///< of an exemplar, which the log names with its labels
};

/// What is sent of a series at one time. There are as many as samples wait to be sent, so it is
/// small. The series stays where it is as long as the item is there.
struct OutItem {
  const OutSeries* series = nullptr;
  Sample sample;            ///< of a histogram and an exemplar its time only
  TimeMs start = kNoStart;  ///< for version 2
  std::unique_ptr<const OutExtra> extra;

  [[nodiscard]] bool is_histogram() const { return extra && extra->histogram; }
  [[nodiscard]] bool is_exemplar() const { return extra && extra->exemplar; }
};

/// The label fields of a prometheus.TimeSeries.
std::string encode_labels_v1(const Labels& labels);

/// A prometheus.Sample; with a start timestamp, which only version 2 has, where it is known.
std::string encode_sample(const Sample& sample, TimeMs start = kNoStart);
/// A prometheus.Histogram, with whole counts where all are.
std::string encode_histogram(const Histogram& histogram, TimeMs time, TimeMs start = kNoStart);

/// Writes requests, each in the memory of the one before. One thread.
class RequestEncoder {
 public:
  explicit RequestEncoder(WriteMessage message) : message_(message) {}

  /// A prometheus.WriteRequest or an io.prometheus.write.v2.Request with the items in their order,
  /// those of one series that follow each other in one message; compressed into a snappy block.
  /// The view holds until the next call.
  /// Source: prometheus.io/docs/specs/prw/remote_write_spec and remote_write_spec_2_0.
  std::string_view encode(std::span<const OutItem* const> items);

 private:
  void encode_plain(std::span<const OutItem* const> items);
  void encode_any(std::span<const OutItem* const> items);

  const WriteMessage message_;
  std::string body_;
  std::string packed_;  ///< as long as the longest request could have become
};

/// A prometheus.WriteRequest with nothing but metadata.
std::string encode_metadata_request(const Storage::MetadataMap& metadata);

}  // namespace prom5::remote
