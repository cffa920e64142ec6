#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collect/ingest/otlp_message.h"
#include "collect/ingest/otlp_names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto& request :
       {prom5::ingest::parse_otlp_protobuf(body), prom5::ingest::parse_otlp_json(body)}) {
    if (!request) continue;
    for (const auto& resource : *request) {
      for (const auto& scope : resource.scopes) {
        for (const auto& metric : scope.metrics) {
          (void)prom5::ingest::otlp_metric_name(
              metric, prom5::ingest::OtlpTranslation::UnderscoreEscapingWithSuffixes);
        }
      }
    }
  }
  return 0;
}
