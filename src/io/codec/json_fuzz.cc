#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/codec/json.h"
#include "io/codec/json_writer.h"

/// Any text is JSON or an error; what is JSON survives writing; any text becomes a JSON string.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto once = prom5::codec::parse_json(text)) {
    const std::string written = prom5::codec::dump_json(*once);
    const auto twice = prom5::codec::parse_json(written);
    CHECK(twice.has_value());
    CHECK(prom5::codec::dump_json(*twice) == written);
  }
  std::string quoted;
  prom5::codec::append_json_string(quoted, text);
  CHECK(prom5::codec::parse_json(quoted).has_value());
  return 0;
}
