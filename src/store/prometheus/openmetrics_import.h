#pragma once

#include <string>

#include "store/prometheus/transfer.h"

namespace prom5::prometheus {

/// Puts the samples of an OpenMetrics page with timestamps into blocks of ours, as `promtool tsdb
/// create-blocks-from openmetrics` does: lines are checked, what they say together is not, so that
/// series may come in any order. Of two samples of a series at one time the first stays.
/// BadData naming the line, and nothing imported, when a line is wrong or has no timestamp; Io.
Result<TransferStats> import_openmetrics(io::FileSystem& files, const std::string& path,
                                         tsdb::BlockSet& into, const Progress& progress);

}  // namespace prom5::prometheus
