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

namespace prom5::remote {

/// A series on its way out: its labels after relabelling, as they stand in a message.
struct OutSeries {
  Labels labels;      ///< empty: dropped by relabelling
  std::string v1;     ///< the label fields of a prometheus.TimeSeries
  Metadata metadata;  ///< for version 2
  uint64_t hash = 0;
};

/// What is sent of a series at one time.
struct OutItem {
  std::shared_ptr<const OutSeries> series;
  Sample sample;
  std::shared_ptr<const Histogram> histogram;  ///< then `sample` has its time only
  std::shared_ptr<const Exemplar> exemplar;    ///< then this is no sample
};

/// The label fields of a prometheus.TimeSeries.
std::string encode_labels_v1(const Labels& labels);

/// A prometheus.Sample.
std::string encode_sample(const Sample& sample);
/// A prometheus.Histogram, with whole counts where all are.
std::string encode_histogram(const Histogram& histogram, TimeMs time);

/// A prometheus.WriteRequest or an io.prometheus.write.v2.Request with the items in their order,
/// those of one series that follow each other in one message. Replaces `body`.
/// Source: prometheus.io/docs/specs/prw/remote_write_spec and remote_write_spec_2_0.
void encode_write_request(WriteMessage message, std::span<const OutItem* const> items,
                          std::string& body);

/// A prometheus.WriteRequest with nothing but metadata.
std::string encode_metadata_request(const Storage::MetadataMap& metadata);

}  // namespace prom5::remote
