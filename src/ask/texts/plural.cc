#include "ask/texts/plural.h"

#include <algorithm>

#include "base/ascii.h"

namespace prom5::texts {

namespace {

using enum Plural;

constexpr bool between(uint64_t n, uint64_t low, uint64_t high) { return low <= n && n <= high; }

Plural only_other(uint64_t /*n*/) { return Other; }
Plural germanic(uint64_t n) { return n == 1 ? One : Other; }
/// "un millón de puntos"
Plural iberian(uint64_t n) {
  if (n == 1) return One;
  return n != 0 && n % 1'000'000 == 0 ? Many : Other;
}
Plural french(uint64_t n) {
  if (n < 2) return One;
  return n % 1'000'000 == 0 ? Many : Other;
}
Plural west_slavic(uint64_t n) {
  if (n == 1) return One;
  return between(n, 2, 4) ? Few : Other;
}
bool slavic_few(uint64_t n) { return between(n % 10, 2, 4) && !between(n % 100, 12, 14); }
bool slavic_one(uint64_t n) { return n % 10 == 1 && n % 100 != 11; }
Plural polish(uint64_t n) {
  if (n == 1) return One;
  return slavic_few(n) ? Few : Many;
}
Plural east_slavic(uint64_t n) {
  if (slavic_one(n)) return One;
  return slavic_few(n) ? Few : Many;
}
Plural south_slavic(uint64_t n) {
  if (slavic_one(n)) return One;
  return slavic_few(n) ? Few : Other;
}
Plural slovene(uint64_t n) {
  switch (n % 100) {
    case 1: return One;
    case 2: return Two;
    case 3:
    case 4: return Few;
    default: return Other;
  }
}
Plural lithuanian(uint64_t n) {
  if (between(n % 100, 11, 19) || n % 10 == 0) return Other;
  return n % 10 == 1 ? One : Few;
}
Plural latvian(uint64_t n) {
  if (n % 10 == 0 || between(n % 100, 11, 19)) return Zero;
  return slavic_one(n) ? One : Other;
}
Plural romanian(uint64_t n) {
  if (n == 1) return One;
  return n == 0 || between(n % 100, 1, 19) ? Few : Other;
}
Plural hebrew(uint64_t n) { return n == 1 ? One : n == 2 ? Two : Other; }
Plural arabic(uint64_t n) {
  if (n < 3) return static_cast<Plural>(n);
  if (between(n % 100, 3, 10)) return Few;
  return between(n % 100, 11, 99) ? Many : Other;
}

constexpr std::array kRules = std::to_array<PluralRule>({
    // language, rule, has zero, one, two, few, many, other
    {"ar", arabic, {true, true, true, true, true, true}},
    {"be", east_slavic, {false, true, false, true, true, true}},
    {"bg", germanic, {false, true, false, false, false, true}},
    {"bs", south_slavic, {false, true, false, true, false, true}},
    {"ca", iberian, {false, true, false, false, true, true}},
    {"cs", west_slavic, {false, true, false, true, false, true}},
    {"da", germanic, {false, true, false, false, false, true}},
    {"de", germanic, {false, true, false, false, false, true}},
    {"el", germanic, {false, true, false, false, false, true}},
    {"en", germanic, {false, true, false, false, false, true}},
    {"es", iberian, {false, true, false, false, true, true}},
    {"et", germanic, {false, true, false, false, false, true}},
    {"fi", germanic, {false, true, false, false, false, true}},
    {"fr", french, {false, true, false, false, true, true}},
    {"he", hebrew, {false, true, true, false, false, true}},
    {"hr", south_slavic, {false, true, false, true, false, true}},
    {"hu", germanic, {false, true, false, false, false, true}},
    {"id", only_other, {false, false, false, false, false, true}},
    {"it", iberian, {false, true, false, false, true, true}},
    {"ja", only_other, {false, false, false, false, false, true}},
    {"ko", only_other, {false, false, false, false, false, true}},
    {"lt", lithuanian, {false, true, false, true, false, true}},
    {"lv", latvian, {true, true, false, false, false, true}},
    {"nb", germanic, {false, true, false, false, false, true}},
    {"nl", germanic, {false, true, false, false, false, true}},
    {"nn", germanic, {false, true, false, false, false, true}},
    {"no", germanic, {false, true, false, false, false, true}},
    {"pl", polish, {false, true, false, true, true, true}},
    {"pt", french, {false, true, false, false, true, true}},
    {"ro", romanian, {false, true, false, true, false, true}},
    {"ru", east_slavic, {false, true, false, true, true, true}},
    {"sk", west_slavic, {false, true, false, true, false, true}},
    {"sl", slovene, {false, true, true, true, false, true}},
    {"sr", south_slavic, {false, true, false, true, false, true}},
    {"sv", germanic, {false, true, false, false, false, true}},
    {"th", only_other, {false, false, false, false, false, true}},
    {"tr", germanic, {false, true, false, false, false, true}},
    {"uk", east_slavic, {false, true, false, true, true, true}},
    {"vi", only_other, {false, false, false, false, false, true}},
    {"zh", only_other, {false, false, false, false, false, true}},
});

constexpr PluralRule kUsual{"", germanic, {false, true, false, false, false, true}};

}  // namespace

const PluralRule& plural_rule(std::string_view tag) {
  const std::string language = to_lower(tag.substr(0, tag.find('-')));
  const auto* const found = std::ranges::find(kRules, language, &PluralRule::language);
  return found == kRules.end() ? kUsual : *found;
}

}  // namespace prom5::texts
