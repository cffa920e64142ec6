#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ask/llm/grounds.h"
#include "ask/llm/scrub.h"
#include "ask/numbers/number_check.h"

/// Any text comes back as it was, and nothing that was found is sent. What is shown of any text has
/// no link in it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5::llm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Scrubber scrubber;
  const std::string sent = scrubber.scrub(text);
  CHECK(scrubber.restore(sent) == text);
  const std::string shown = plain_text(text, Grounds());
  CHECK(shown.find("://") == std::string::npos);
  CHECK(shown.find("](") == std::string::npos);
  numbers::unfounded_numbers(text, {});
  return 0;
}
