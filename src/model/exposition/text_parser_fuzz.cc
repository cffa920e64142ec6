#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/codec/utf8.h"
#include "model/exposition/text_parser.h"

using prom5::exposition::TextParser;

/// A parser that is told what to expect tells the same as one that is not.
static void compare(std::string_view page) {
  TextParser plain(page);
  TextParser told(page);
  prom5::LabelsBuilder labels;
  std::string before;
  for (;;) {
    const auto wanted = plain.next();
    if (!wanted) return;
    const std::string text(plain.text());
    // Nobody remembers a series that is none.
    if (*wanted == TextParser::Entry::Sample && !plain.labels(labels)) return;
    // The right text or, as often, the one before, which mostly is wrong.
    const std::string expected = text.size() % 2 == 0 ? text : before;
    told.expect(expected);
    const auto got = told.next();
    CHECK(got == wanted);
    if (*got == TextParser::Entry::End) return;
    CHECK(told.text() == text);
    if (*got == TextParser::Entry::Family) {
      CHECK(told.family().name == plain.family().name);
    } else {
      CHECK(std::bit_cast<uint64_t>(told.value()) == std::bit_cast<uint64_t>(plain.value()));
      CHECK(told.time() == plain.time());
    }
    before = text;
  }
}

/// Any page is read to its end or to an error; label sets that come out are well-formed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  compare({reinterpret_cast<const char*>(data), size});
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
