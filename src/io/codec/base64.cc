#include "io/codec/base64.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/ascii.h"

namespace prom5::codec {

std::string base64_encode(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(n));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string standard;
  standard.reserve(text.size() + 3);
  for (const char c : text) {
    if (!is_alnum(c) && c != '+' && c != '/' && c != '-' && c != '_') return std::nullopt;
    standard += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  const size_t over = text.size() % 4;
  if (over == 1 || (padding > 0 && padding != (4 - over) % 4)) return std::nullopt;
  standard.append((4 - over) % 4, '=');
  std::string out(standard.size() / 4 * 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(standard.data()),
                                static_cast<int>(standard.size()));
  if (n < 0) return std::nullopt;
  out.resize(text.size() * 3 / 4);
  return out;
}

}  // namespace prom5::codec
