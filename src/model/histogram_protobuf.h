#pragma once

#include <cstdint>
#include <span>

#include "io/codec/protobuf.h"
#include "model/histogram.h"

namespace prom5 {

// Parts of native histograms that Prometheus' messages have alike: BucketSpan and packed doubles of
// io.prometheus.client.Histogram (exposition) and of prometheus.Histogram (remote write).

/// A BucketSpan message for each.
void write_spans(uint32_t field, std::span<const HistogramSpan> spans, codec::ProtoWriter& out);

/// One packed field; none when there are no values.
void write_doubles(uint32_t field, std::span<const double> values, codec::ProtoWriter& out);

}  // namespace prom5
