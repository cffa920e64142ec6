#include <cstddef>
#include <cstdint>

#include "app/config/config.h"

// Any text is a configuration or an error that names the file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = config::parse_config(text, "f.yml");
  if (!parsed) {
    CHECK(parsed.error().code == ErrorCode::BadData);
    CHECK(parsed.error().message.starts_with("f.yml:"));
  }
  return 0;
}
