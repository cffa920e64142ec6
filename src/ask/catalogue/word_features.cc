#include "ask/catalogue/word_features.h"

#include <algorithm>
#include <string>

namespace prom5::catalogue {

uint64_t feature_hash(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001B3;
  }
  return hash;
}

std::vector<uint64_t> pieces_of(std::string_view word) {
  constexpr size_t kShortest = 3;
  constexpr size_t kLongest = 5;
  const std::string framed = "<" + std::string(word) + ">";
  std::vector<uint64_t> out;
  for (size_t length = kShortest; length <= kLongest; ++length) {
    for (size_t at = 0; at + length <= framed.size(); ++at) {
      out.push_back(feature_hash(std::string_view(framed).substr(at, length)));
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

double overlap(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  if (a.empty() || b.empty()) return 0;
  size_t common = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) ++common;
    const bool left = a[i] <= b[j];
    const bool right = b[j] <= a[i];
    if (left) ++i;
    if (right) ++j;
  }
  return 2.0 * static_cast<double>(common) / static_cast<double>(a.size() + b.size());
}

}  // namespace prom5::catalogue
