#include "io/http/content_coding.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "io/codec/compress.h"
#include "io/codec/number.h"
#include "io/http/message.h"

namespace prom5::io {

namespace {

constexpr std::array kByPreference = {ContentCoding::Zstd, ContentCoding::Gzip,
                                      ContentCoding::Deflate};

std::string_view trim(std::string_view text) {
  const size_t start = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(start, text.find_last_not_of(" \t") + 1 - start);
}

}  // namespace

std::string_view to_string(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::Identity: return "";
    case ContentCoding::Gzip: return "gzip";
    case ContentCoding::Deflate: return "deflate";
    case ContentCoding::Zstd: return "zstd";
  }
  return "";
}

ContentCoding choose_coding(std::string_view accept_encoding) {
  ContentCoding best = ContentCoding::Identity;
  double best_weight = 0;
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trim(item.substr(0, semicolon));
    std::string_view weight_text = trim(item.substr(std::min(semicolon + 1, item.size())));
    double weight = 1;
    if (weight_text.starts_with("q=") || weight_text.starts_with("Q=")) {
      weight = codec::parse_double(weight_text.substr(2)).value_or(0);
    }
    for (const ContentCoding coding : kByPreference) {
      if (!equal_ignoring_case(name, to_string(coding))) continue;
      const bool preferred =
          std::ranges::find(kByPreference, coding) < std::ranges::find(kByPreference, best);
      if (weight > best_weight || (weight > 0 && weight == best_weight && preferred)) {
        best = coding;
        best_weight = weight;
      }
    }
  }
  return best;
}

std::string encode_body(ContentCoding coding, std::string_view body) {
  switch (coding) {
    case ContentCoding::Identity: return std::string(body);
    case ContentCoding::Gzip: return codec::gzip_compress(body);
    case ContentCoding::Deflate: return codec::zlib_compress(body);
    case ContentCoding::Zstd: return codec::zstd_compress(body);
  }
  return std::string(body);
}

}  // namespace prom5::io
