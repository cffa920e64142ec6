#pragma once

#include <vector>

#include "io/codec/protobuf.h"
#include "model/histogram.h"

namespace prom5::exposition {

// Parts of native histograms that several protobuf messages have in common (client_model's
// Histogram, prompb's of both versions). BadData when malformed.

Result<HistogramSpan> read_span(std::string_view message);

/// Integer histograms carry each bucket as the difference to the one before: `running` is the last.
/// Packed, or a field each.
Result<void> read_deltas(const codec::ProtoField& field, std::vector<double>& counts,
                         uint64_t& running);

/// Packed, or a field each.
Result<void> read_doubles(const codec::ProtoField& field, std::vector<double>& out);

/// Varints, packed or a field each.
Result<void> read_varints(const codec::ProtoField& field, std::vector<uint64_t>& out);

}  // namespace prom5::exposition
