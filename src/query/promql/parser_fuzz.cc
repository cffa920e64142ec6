#include <cstddef>
#include <cstdint>

#include "query/promql/parser.h"

// Any bytes are parsed or refused; what parses prints as text that parses to the same text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const auto parsed = promql::parse(query);
  if (!parsed) {
    CHECK(parsed.error().code == ErrorCode::BadData);
    return 0;
  }
  const std::string once = promql::print(**parsed);
  const auto again = promql::parse(once);
  CHECK(again.has_value());
  CHECK(promql::print(**again) == once);
  return 0;
}
