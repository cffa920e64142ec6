#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace prom5::catalogue {

/// FNV-1a, 64 bits: the same on every machine, as tables that are made with it are shipped.
uint64_t feature_hash(std::string_view text);

/// Hashes of the pieces of three to five letters of "<word>", ascending, each once: words that are
/// spelt alike have many in common.
std::vector<uint64_t> pieces_of(std::string_view word);

/// 2·common / (a + b), from 0 (nothing in common) to 1; both ascending.
double overlap(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b);

}  // namespace prom5::catalogue
