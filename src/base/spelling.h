#pragma once

#include <span>
#include <string_view>

namespace prom5 {

/// Damerau-Levenshtein distance (optimal string alignment) of two short words, in bytes.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, or an empty view when none is near enough to be what was meant
/// (more than a third of the letters differ).
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace prom5
