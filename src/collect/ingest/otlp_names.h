#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "collect/ingest/otlp_message.h"
#include "collect/ingest/otlp_options.h"

namespace prom5::ingest {

/// What a metric is called in Prometheus. BadData when nothing is left of its name.
/// Source: prometheus/otlptranslator; OpenTelemetry's "Prometheus and OpenMetrics Compatibility".
Result<std::string> otlp_metric_name(const OtlpMetric& metric, OtlpTranslation translation);

/// What an attribute is called. BadData for a name of underscores alone, or none.
Result<std::string> otlp_label_name(std::string_view name, const OtlpOptions& options);

/// "By/s" as "bytes_per_second".
std::string otlp_unit(std::string_view unit);

inline bool keeps_utf8(OtlpTranslation t) {
  return t == OtlpTranslation::NoUtf8EscapingWithSuffixes || t == OtlpTranslation::NoTranslation;
}
inline bool adds_suffixes(OtlpTranslation t) {
  return t == OtlpTranslation::UnderscoreEscapingWithSuffixes ||
         t == OtlpTranslation::NoUtf8EscapingWithSuffixes;
}

}  // namespace prom5::ingest
