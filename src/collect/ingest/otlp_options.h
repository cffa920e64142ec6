#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace prom5::ingest {

/// What becomes of names that Prometheus' old character set does not have, and whether units and
/// types are told by suffixes (prometheus.yml, otlp: translation_strategy).
enum class OtlpTranslation : uint8_t {
  UnderscoreEscapingWithSuffixes,
  NoUtf8EscapingWithSuffixes,
  UnderscoreEscapingWithoutSuffixes,
  NoTranslation,
};

struct OtlpOptions {
  OtlpTranslation translation = OtlpTranslation::UnderscoreEscapingWithSuffixes;
  std::vector<std::string> promote_resource_attributes;
  bool promote_all_resource_attributes = false;
  std::vector<std::string> ignore_resource_attributes;
  bool keep_identifying_resource_attributes = false;
  bool convert_histograms_to_nhcb = false;
  bool promote_scope_metadata = false;
  bool label_name_underscore_sanitization = true;
  bool label_name_preserve_multiple_underscores = true;
  /// Deltas are summed up (feature otlp-deltatocumulative); else they are refused.
  bool delta_to_cumulative = false;
  bool type_and_unit_labels = false;  ///< (feature of that name)
};

}  // namespace prom5::ingest
