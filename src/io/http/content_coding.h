#pragma once

#include <string>
#include <string_view>

namespace prom5::io {

/// How a body may be compressed on its way.
enum class ContentCoding : uint8_t { Identity, Gzip, Deflate, Zstd };

/// "gzip"; empty for Identity.
std::string_view to_string(ContentCoding coding);

/// The best that an Accept-Encoding header takes (RFC 9110, section 12.5.3): the one with the
/// highest weight, of equal ones zstd before gzip before deflate.
ContentCoding choose_coding(std::string_view accept_encoding);

std::string encode_body(ContentCoding coding, std::string_view body);

}  // namespace prom5::io
