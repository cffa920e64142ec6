#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/exposition/openmetrics_check.h"
#include "model/exposition/text_parser.h"
#include "model/sample.h"

// Any page is read to its end or to an error; a page that passes has named label sets only, and a
// scrape reads the same samples of it.

namespace {

using namespace prom5;
using exposition::OpenMetricsParser;
using exposition::TextParser;

struct ReadSample {
  Labels labels;
  double value = 0;
};

/// Whether the page is good.
bool read_strictly(std::string_view page, std::vector<ReadSample>& out) {
  OpenMetricsParser parser(page);
  exposition::OpenMetricsCheck check;
  for (;;) {
    const auto entry = parser.next();
    if (!entry || !check.take(parser, *entry)) return false;
    if (*entry == OpenMetricsParser::Entry::End) return true;
    if (*entry != OpenMetricsParser::Entry::Sample) continue;
    CHECK(parser.labels().has(kMetricName));
    out.push_back({parser.labels(), parser.value()});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  std::vector<ReadSample> expected;
  if (!read_strictly(page, expected)) return 0;
  TextParser parser(page, TextParser::Format::OpenMetrics);
  LabelsBuilder labels;
  size_t n = 0;
  for (;;) {
    const auto entry = parser.next();
    // Times that are no milliseconds in 64 bits are beyond a scrape, and so are values that are no
    // doubles, which the standard knows no end of.
    if (!entry && entry.error().message.find("timestamp") != std::string::npos) return 0;
    const bool beyond_double =
        n < expected.size() && (std::isinf(expected[n].value) || expected[n].value == 0);
    if (!entry && beyond_double) return 0;
    CHECK(entry.has_value());
    if (*entry == TextParser::Entry::End) break;
    if (*entry != TextParser::Entry::Sample) continue;
    CHECK(n < expected.size());
    CHECK(parser.labels(labels).has_value());
    CHECK(labels.build() == expected[n].labels);
    const double value = expected[n++].value;
    CHECK(same_bits(parser.value(), value) || (std::isnan(parser.value()) && std::isnan(value)));
  }
  CHECK(n == expected.size());
  return 0;
}
