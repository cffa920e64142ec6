#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ask/llm/quantity.h"
#include "ask/llm/time_phrase.h"
#include "ask/llm/token.h"
#include "io/codec/utf8.h"

namespace {

constexpr prom5::TimeMs kNow{1'768'491'000'000};

template <typename T>
void check_inside(const std::vector<T>& found, size_t size, bool may_repeat) {
  size_t end = 0;
  for (const T& one : found) {
    CHECK(one.count > 0 && one.first + one.count <= size);
    CHECK(may_repeat || one.first >= end);
    end = one.first + one.count;
  }
}

}  // namespace

/// Any text is split into well-formed words, and what is found in them lies within them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5::llm;
  const auto tokens = tokenize({reinterpret_cast<const char*>(data), size});
  for (const Token& token : tokens) {
    CHECK(!token.text.empty());
    CHECK(prom5::codec::utf8_valid(token.text) && prom5::codec::utf8_valid(token.written));
  }
  const auto offset = prom5::DurationMs::minutes(size % 2 == 0 ? 330 : -480);
  const auto phrases = find_time_phrases(tokens, kNow, offset);
  check_inside(phrases, tokens.size(), false);
  for (const TimePhrase& phrase : phrases) {
    CHECK(phrase.start <= phrase.end && phrase.length.ms >= 0);
  }
  check_inside(find_quantities(tokens), tokens.size(), false);
  check_inside(find_thresholds(tokens), tokens.size(), true);
  check_inside(find_unit_requests(tokens), tokens.size(), false);
  check_inside(find_quantiles(tokens), tokens.size(), false);
  check_inside(find_top_counts(tokens), tokens.size(), false);
  return 0;
}
