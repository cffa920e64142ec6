#include <cstddef>
#include <cstdint>

#include "app/config/template_check.h"

/// Any text is a template or an error that says why not.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const auto checked = config::check_template({reinterpret_cast<const char*>(data), size});
  if (!checked) {
    CHECK(checked.error().code == ErrorCode::BadData);
    CHECK(!checked.error().message.empty());
  }
  return 0;
}
