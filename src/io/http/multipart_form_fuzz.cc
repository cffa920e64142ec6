#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/http/multipart_form.h"

/// Any bytes are a form or an error; any value is read as it was written, unless it holds the
/// boundary.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  const std::string_view body = text.substr(std::min(line + 1, text.size()));
  const auto any = io::parse_multipart_form(text.substr(0, line), body);
  CHECK(any || any.error().code == ErrorCode::BadData ||
        any.error().code == ErrorCode::LimitExceeded);
  (void)io::parse_multipart_form("multipart/form-data; boundary=b", text);

  if (text.find("--seldom") != text.npos) return 0;
  std::string form = "--seldom\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
  form += text;
  form += "\r\n--seldom--\r\n";
  const auto read = io::parse_multipart_form("multipart/form-data; boundary=seldom", form);
  CHECK(read.has_value());
  CHECK(*read == (io::Parameters{{"a", std::string(text)}}));
  return 0;
}
