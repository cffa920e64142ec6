#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace prom5::texts {

/// CLDR's plural categories.
enum class Plural : uint8_t { Zero, One, Two, Few, Many, Other };

/// As translations name them, in the order of `Plural`.
inline constexpr std::array kPlurals =
    std::to_array<std::string_view>({"zero", "one", "two", "few", "many", "other"});

/// How a language counts things: the category of a whole number, and those it has beside "other".
struct PluralRule {
  std::string_view language;  ///< its primary subtag: "de"
  Plural (*of)(uint64_t number);
  std::array<bool, kPlurals.size()> has;  ///< by `Plural`; "other" always
};

/// The rule of a language tag's primary subtag. A language without one has "one", for 1, and
/// "other". Source: CLDR's cardinal rules, for whole numbers.
const PluralRule& plural_rule(std::string_view tag);

}  // namespace prom5::texts
