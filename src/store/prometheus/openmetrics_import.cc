#include "store/prometheus/openmetrics_import.h"

#include <cmath>

#include "model/exposition/openmetrics_parser.h"
#include "store/prometheus/import_head.h"
#include "store/prometheus/windows.h"

namespace prom5::prometheus {

namespace {

using exposition::OpenMetricsParser;

constexpr uint64_t kLinesOfProgress = 10'000'000;

Result<TimeMs> time_of(const OpenMetricsParser& parser) {
  if (!parser.seconds()) {
    return fail(ErrorCode::BadData, "line {}: {} has no timestamp: there is no time to store it at",
                parser.line_number(), parser.labels().to_string());
  }
  const double ms = std::round(*parser.seconds() * 1000);
  constexpr double kFar = 1e15;  // what is not sane is far below
  const TimeMs time{std::fabs(ms) < kFar ? static_cast<int64_t>(ms) : INT64_MAX};
  if (std::fabs(ms) < kFar && is_sane(time)) return time;
  return fail(ErrorCode::BadData, "line {}: {} s is no time: timestamps are in seconds since 1970",
              parser.line_number(), *parser.seconds());
}

}  // namespace

Result<TransferStats> import_openmetrics(io::FileSystem& files, const std::string& path,
                                         tsdb::BlockSet& into, const Progress& progress) {
  const auto file = TRY(files.map(path));
  OpenMetricsParser parser(file->bytes());
  const auto of_file = [&](const Error& error) {
    return fail(error.code, "{}: {}", path, error.message);
  };
  ImportHead head;
  for (uint64_t lines = 1;; ++lines) {
    const auto entry = parser.next();
    if (!entry) return of_file(entry.error());
    if (*entry == OpenMetricsParser::Entry::End) break;
    if (*entry != OpenMetricsParser::Entry::Sample) continue;
    const auto time = time_of(parser);
    if (!time) return of_file(time.error());
    head.append(head.series(parser.labels()), {*time, parser.value()}, kNoStart);
    if (lines % kLinesOfProgress == 0) progress(fmt::format("{} lines read", lines));
  }
  TransferStats stats;
  const ImportHead::Written written = TRY(head.write(into, stats));
  stats.blocks = written.blocks;
  if (written.left_out > 0) {
    progress(fmt::format("{} samples left out: their series has another one at that time",
                         written.left_out));
  }
  return stats;
}

}  // namespace prom5::prometheus
