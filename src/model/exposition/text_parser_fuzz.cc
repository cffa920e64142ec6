#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/codec/utf8.h"
#include "model/exposition/text_parser.h"

/// Any page is read to its end or to an error; label sets that come out are well-formed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using prom5::exposition::TextParser;
  TextParser parser({reinterpret_cast<const char*>(data), size});
  prom5::LabelsBuilder labels;
  for (;;) {
    const auto entry = parser.next();
    if (!entry || *entry == TextParser::Entry::End) return 0;
    if (*entry != TextParser::Entry::Sample || !parser.labels(labels)) continue;
    const prom5::Labels built = labels.build();
    CHECK(built.has(prom5::kMetricName));
    for (const prom5::LabelView label : built) {
      CHECK(prom5::codec::utf8_valid(label.name) && prom5::codec::utf8_valid(label.value));
    }
  }
}
