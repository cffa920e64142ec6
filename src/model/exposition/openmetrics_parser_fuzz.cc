#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/exposition/openmetrics_check.h"

/// Any page is read to its end or to an error; a page that passes has named label sets only.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using prom5::exposition::OpenMetricsParser;
  OpenMetricsParser parser({reinterpret_cast<const char*>(data), size});
  prom5::exposition::OpenMetricsCheck check;
  for (;;) {
    const auto entry = parser.next();
    if (!entry || !check.take(parser, *entry) || *entry == OpenMetricsParser::Entry::End) return 0;
    if (*entry == OpenMetricsParser::Entry::Sample) CHECK(parser.labels().has(prom5::kMetricName));
  }
}
