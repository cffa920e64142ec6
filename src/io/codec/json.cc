#include "io/codec/json.h"

namespace prom5::codec {

namespace {

constexpr int kMaxDepth = 64;

/// The parser recurses, so depth is checked before it runs.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (too_deep(text)) {
    return fail(ErrorCode::BadData, "JSON nests deeper than {} levels", kMaxDepth);
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    return fail(ErrorCode::BadData, "not valid JSON at byte {}", e.byte);
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::BadData, "not valid JSON: {}", e.what());
  }
}

std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace prom5::codec
