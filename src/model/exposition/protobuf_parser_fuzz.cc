#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/exposition/protobuf_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using prom5::exposition::ProtobufParser;
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  ProtobufParser parser(page, {.native_histograms = true, .always_classic = true});
  prom5::LabelsBuilder labels;
  for (auto entry = parser.next(); entry && *entry != ProtobufParser::Entry::End;
       entry = parser.next()) {
    if (*entry == ProtobufParser::Entry::Family) continue;
    if (*entry == ProtobufParser::Entry::Histogram) (void)parser.exemplars();
    if (!parser.exemplar_text().empty()) (void)parser.exemplar();
    (void)parser.labels(labels);
  }
  return 0;
}
