#include <algorithm>
#include <array>
#include <optional>

#include "ask/llm/quantity.h"

namespace prom5::llm {

namespace {

using Tokens = std::span<const Token>;

struct Comparator {
  std::string_view words;  ///< separated by blanks
  std::string_view op;
};

/// Longer wordings before those that they begin with.
constexpr Comparator kComparators[] = {
    {"greater than or equal to", ">="},
    {"more than or equal to", ">="},
    {"less than or equal to", "<="},
    {"not equal to", "!="},
    {"is not equal to", "!="},
    {"different from", "!="},
    {"other than", "!="},
    {"in excess of", ">"},
    {"north of", ">"},
    {"upwards of", ">="},
    {"south of", "<"},
    {"at least", ">="},
    {"no less than", ">="},
    {"not less than", ">="},
    {"no fewer than", ">="},
    {"no lower than", ">="},
    {"a minimum of", ">="},
    {"minimum of", ">="},
    {"gets to", ">="},
    {"reaches", ">="},
    {"reach", ">="},
    {"reached", ">="},
    {"reaching", ">="},
    {"hits", ">="},
    {"hit", ">="},
    {"hitting", ">="},
    {"at most", "<="},
    {"no more than", "<="},
    {"not more than", "<="},
    {"no higher than", "<="},
    {"no greater than", "<="},
    {"no longer than", "<="},
    {"a maximum of", "<="},
    {"maximum of", "<="},
    {"up to", "<="},
    {"drops to", "<="},
    {"falls to", "<="},
    {"above", ">"},
    {"over", ">"},
    {"beyond", ">"},
    {"exceeds", ">"},
    {"exceed", ">"},
    {"exceeded", ">"},
    {"exceeding", ">"},
    {"crosses", ">"},
    {"cross", ">"},
    {"crossed", ">"},
    {"crossing", ">"},
    {"breaches", ">"},
    {"passes", ">"},
    {"more than", ">"},
    {"below", "<"},
    {"under", "<"},
    {"beneath", "<"},
    {"underneath", "<"},
    {"less than", "<"},
    {"fewer than", "<"},
    {"equal to", "=="},
    {"equals", "=="},
    {"exactly", "=="},
    {">=", ">="},
    {"<=", "<="},
    {"==", "=="},
    {"!=", "!="},
    {">", ">"},
    {"<", "<"},
    {"=", "=="},
};

constexpr std::array<std::string_view, 19> kMoreWords = {
    "greater", "bigger", "higher",  "larger", "longer", "hotter",  "slower",
    "older",   "worse",  "busier",  "warmer", "fuller", "heavier", "later",
    "louder",  "better", "further", "taller", "wider"};
constexpr std::array<std::string_view, 13> kLessWords = {
    "lower", "smaller", "shorter", "faster", "quicker", "cooler", "colder",
    "newer", "younger", "lighter", "weaker", "earlier", "emptier"};

struct Found {
  std::string_view op;
  size_t count = 0;
};

std::optional<Found> comparator_at(Tokens tokens, size_t at) {
  for (const Comparator& row : kComparators) {
    size_t count = 0;
    std::string_view rest = row.words;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(' '), rest.size());
      if (word_at(tokens, at + count) != rest.substr(0, end)) break;
      ++count;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (rest.empty()) return Found{row.op, count};
  }
  if (word_at(tokens, at + 1) == "than") {
    const auto is = [&](const auto& words) {
      return std::find(words.begin(), words.end(), word_at(tokens, at)) != words.end();
    };
    const bool or_equal = word_at(tokens, at + 2) == "or" && word_at(tokens, at + 3) == "equal" &&
                          word_at(tokens, at + 4) == "to";
    if (is(kMoreWords)) return or_equal ? Found{">=", 5} : Found{">", 2};
    if (is(kLessWords)) return or_equal ? Found{"<=", 5} : Found{"<", 2};
  }
  return std::nullopt;
}

std::string_view opposite(std::string_view op) {
  if (op == ">") return "<=";
  if (op == ">=") return "<";
  if (op == "<") return ">=";
  if (op == "<=") return ">";
  return op == "==" ? "!=" : "==";
}

bool is_duration(const Quantity& quantity) {
  return quantity.unit >= Unit::Minutes && quantity.unit <= Unit::Weeks;
}

/// Whether the comparator at `at` and the duration after it say when, not how much.
bool tells_time(Tokens tokens, size_t at, const Quantity& quantity) {
  const size_t end = quantity.first + quantity.count;
  if (is_any_of(word_at(tokens, end), {"ago", "am", "pm", "oclock"})) return true;
  if (unit_info(quantity.unit).kind != UnitKind::Seconds) return false;
  if (is_any_of(word_at(tokens, end), {"earlier", "before"})) return true;
  const std::string_view before = word_before(tokens, at);
  if (is_any_of(before, {"for", "firing", "pending", "down", "lasting", "lasted", "lasts"})) {
    return true;
  }
  if (!is_duration(quantity)) return false;
  if (before == "in") return true;
  if (word_at(tokens, at) != "over") return false;
  // "over 24 hours" is a window, but an uptime may be over 24 hours.
  for (size_t back = 1; back <= 3; ++back) {
    if (is_any_of(word_before(tokens, at, back),
                  {"uptime", "age", "old", "lag", "latency", "duration", "took", "takes", "take",
                   "taking", "delay", "running", "runtime", "lateness", "delayed", "behind"})) {
      return false;
    }
  }
  return true;
}

/// The quantity after a comparator; "the threshold of", "roughly" may stand between.
std::optional<Quantity> compared(Tokens tokens, size_t at) {
  for (size_t i = at; i < at + 4; ++i) {
    if (const auto quantity = quantity_at(tokens, i)) return quantity;
    if (!is_any_of(word_at(tokens, i),
                   {"the", "a", "about", "around", "roughly", "approximately", "exactly",
                    "threshold", "limit", "of", "like", "say", "even", "mark"})) {
      break;
    }
  }
  return std::nullopt;
}

Threshold make(size_t first, std::string_view op, const Quantity& quantity) {
  const size_t end = quantity.first + quantity.count;
  return {first, end - first, std::string(op), quantity, quantity.unit == Unit::None};
}

/// Where "not", "never" before the comparator begins; `at` when there is none.
size_t negation_before(Tokens tokens, size_t at) {
  for (size_t back = 1; back <= 3 && back <= at; ++back) {
    const std::string_view text = word_at(tokens, at - back);
    if (is_any_of(text, {"not", "never"})) return at - back;
    if (!is_any_of(text, {"go",    "goes", "going", "get",   "gets",  "be",   "been",  "is",
                          "are",   "rise", "rises", "drop",  "drops", "fall", "falls", "stay",
                          "stays", "yet",  "ever",  "being", "have",  "has"})) {
      break;
    }
  }
  return at;
}

/// "80 or more", "5 or fewer".
std::optional<Threshold> trailing(Tokens tokens, size_t at) {
  const auto quantity = quantity_at(tokens, at);
  if (!quantity) return std::nullopt;
  const size_t end = at + quantity->count;
  if (!is_any_of(word_at(tokens, end), {"or", "and"})) return std::nullopt;
  const std::string_view side = word_at(tokens, end + 1);
  const bool more = is_any_of(side, {"more", "higher", "above", "greater", "over", "up", "longer",
                                     "larger", "bigger", "hotter", "slower"});
  const bool less = is_any_of(
      side, {"less", "fewer", "lower", "below", "under", "smaller", "shorter", "faster", "down"});
  // "above 80 or below 20": what follows begins another comparison.
  if ((!more && !less) || word_at(tokens, end + 2) == "than" || quantity_at(tokens, end + 2) ||
      (word_at(tokens, end) == "and" && !is_any_of(side, {"above", "up", "over", "below"}))) {
    return std::nullopt;
  }
  Threshold threshold = make(at, more ? ">=" : "<=", *quantity);
  threshold.count += 2;
  return threshold;
}

/// "between 80 and 90 percent": both or nothing.
std::vector<Threshold> between(Tokens tokens, size_t at) {
  if (word_at(tokens, at) != "between" || negation_before(tokens, at) != at) return {};
  auto low = quantity_at(tokens, at + 1);
  if (!low) return {};
  const size_t joint = at + 1 + low->count;
  if (!is_any_of(word_at(tokens, joint), {"and", "to", "-"})) return {};
  auto high = quantity_at(tokens, joint + 1);
  if (!high || tells_time(tokens, at, *high)) return {};
  if (unit_info(high->unit).kind == UnitKind::Seconds && is_duration(*high)) {
    if (is_any_of(word_before(tokens, at), {"from"})) return {};
  }
  if (low->unit == Unit::None) low->unit = high->unit;
  if (high->unit == Unit::None) high->unit = low->unit;
  if (to_base(low->value, low->unit) > to_base(high->value, high->unit)) std::swap(low, high);
  Threshold from = make(at, ">=", *low);
  Threshold to = make(at, "<=", *high);
  from.count = to.count = joint + 1 + quantity_at(tokens, joint + 1)->count - at;
  return {from, to};
}

/// "is zero", "are not 0", "non zero".
std::optional<Threshold> zero_at(Tokens tokens, size_t at) {
  if (is_any_of(word_at(tokens, at), {"nonzero", "non-zero"}) ||
      (word_at(tokens, at) == "non" && word_at(tokens, at + 1) == "0")) {
    const size_t count = word_at(tokens, at) == "non" ? 2 : 1;
    return Threshold{at, count, "!=", {at + count - 1, 1, 0, Unit::None}, true};
  }
  if (!is_any_of(word_at(tokens, at), {"is", "are", "was", "were", "be", "being", "at", "stays",
                                       "becomes", "went", "goes", "to"})) {
    return std::nullopt;
  }
  size_t next = at + 1;
  const bool negated = word_at(tokens, next) == "not";
  if (negated) ++next;
  if (is_any_of(word_at(tokens, next), {"at", "to"})) ++next;
  const auto quantity = quantity_at(tokens, next);
  if (!quantity) return std::nullopt;
  const bool last = next + quantity->count == tokens.size();
  const bool verb = !is_any_of(word_at(tokens, at), {"at", "to", "went", "goes"});
  const bool one = quantity->value == 1 && quantity->unit == Unit::None && last && verb;
  if (quantity->value != 0 && !one) return std::nullopt;
  return make(at, negated ? "!=" : "==", *quantity);
}

std::optional<Threshold> threshold_at(Tokens tokens, size_t at) {
  if (const auto found = comparator_at(tokens, at)) {
    const auto quantity = compared(tokens, at + found->count);
    if (quantity && !tells_time(tokens, at, *quantity)) {
      const size_t first = negation_before(tokens, at);
      return make(first, first == at ? found->op : opposite(found->op), *quantity);
    }
  }
  if (auto zero = zero_at(tokens, at)) return zero;
  return trailing(tokens, at);
}

}  // namespace

std::vector<Threshold> find_thresholds(Tokens tokens) {
  std::vector<Threshold> out;
  for (size_t at = 0; at < tokens.size();) {
    if (auto both = between(tokens, at); !both.empty()) {
      at += both[0].count;
      out.insert(out.end(), both.begin(), both.end());
      continue;
    }
    auto threshold = threshold_at(tokens, at);
    if (!threshold) {
      ++at;
      continue;
    }
    at = threshold->first + threshold->count;
    out.push_back(std::move(*threshold));
  }
  return out;
}

}  // namespace prom5::llm
