#include "ask/llm/private_shapes.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace prom5::llm {

namespace {

/// How an issuer's tokens begin, and how many bytes of letters, digits, "_", "-" and "." follow at
/// least. The publishers' own descriptions, as secret scanners use them.
struct TokenShape {
  std::string_view prefix;
  size_t rest = 0;
};

constexpr std::array kTokenShapes = std::to_array<TokenShape>({
    {"AKIA", 16},     {"ASIA", 16},     {"AROA", 16},          {"AIDA", 16},
    {"ABIA", 16},     {"ghp_", 20},     {"gho_", 20},          {"ghu_", 20},
    {"ghs_", 20},     {"ghr_", 20},     {"github_pat_", 20},   {"glpat-", 16},
    {"gldt-", 16},    {"xoxb-", 10},    {"xoxa-", 10},         {"xoxp-", 10},
    {"xoxr-", 10},    {"xoxs-", 10},    {"xoxe-", 10},         {"xapp-", 10},
    {"AIza", 30},     {"ya29.", 16},    {"GOCSPX-", 16},       {"sk-", 16},
    {"sk_live_", 10}, {"sk_test_", 10}, {"rk_live_", 10},      {"rk_test_", 10},
    {"pk_live_", 10}, {"whsec_", 16},   {"npm_", 30},          {"pypi-", 16},
    {"SG.", 20},      {"dop_v1_", 20},  {"hvs.", 16},          {"hvb.", 16},
    {"glsa_", 20},    {"glc_", 20},     {"dckr_pat_", 16},     {"hf_", 20},
    {"shpat_", 16},   {"lin_api_", 16}, {"EAACEdEose0cBA", 4},
});

/// How far is looked from one place, so that no text takes long.
constexpr size_t kLongestPassword = 128;
constexpr size_t kLongestRun = 256;

bool is_token_char(char c) { return is_alnum(c) || c == '_' || c == '-'; }

bool is_local_char(char c) {
  return is_alnum(c) || std::string_view("._%+-'").contains(c) ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Whether neither a word nor a number goes on at `end`.
bool ends_here(std::string_view text, size_t end) {
  if (end >= text.size()) return true;
  if (is_alnum(text[end]) || text[end] == '_') return false;
  const bool fraction = text[end] == '.' && end + 1 < text.size() && is_digit(text[end + 1]);
  return !fraction;
}

/// Whether a number may begin here: not behind a sign, a point or a letter.
bool number_begins(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  return !is_alnum(before) && !std::string_view("_.-+:@/$#").contains(before);
}

bool luhn(const std::string& digits) {
  int sum = 0;
  bool twice = false;
  for (size_t i = digits.size(); i-- > 0; twice = !twice) {
    const int d = digits[i] - '0';
    sum += !twice ? d : d < 5 ? 2 * d : 2 * d - 9;
  }
  return sum % 10 == 0;
}

/// Digits in groups, and what stands between them.
struct DigitGroups {
  std::vector<size_t> sizes;
  std::vector<size_t> ends;  ///< of each group in the text
  std::vector<std::string_view> gaps;
  std::string digits;

  /// Without the last group: the next number of a list may have been taken for one.
  void drop() {
    digits.resize(digits.size() - sizes.back());
    sizes.pop_back();
    ends.pop_back();
    if (!gaps.empty()) gaps.pop_back();
  }
};

/// gap: how many separators stand between two groups at most.
DigitGroups digit_groups(std::string_view text, size_t at, std::string_view separators,
                         size_t gap) {
  constexpr size_t kMostDigits = 24;
  DigitGroups out;
  while (out.digits.size() <= kMostDigits) {
    const size_t begin = at;
    while (at < text.size() && is_digit(text[at]) && at - begin <= kMostDigits) ++at;
    if (at == begin) break;
    out.digits += text.substr(begin, at - begin);
    out.sizes.push_back(at - begin);
    out.ends.push_back(at);
    size_t next = at;
    while (next < text.size() && next - at < gap && separators.contains(text[next])) ++next;
    if (next == at || next >= text.size() || !is_digit(text[next])) break;
    out.gaps.push_back(text.substr(at, next - at));
    at = next;
  }
  if (!out.sizes.empty()) out.gaps.resize(out.sizes.size() - 1);
  return out;
}

/// The longest run of whole groups that `fits`.
template <typename Fits>
std::optional<PrivateSpan> longest(std::string_view text, size_t at, DigitGroups groups,
                                   PrivateKind kind, Fits fits) {
  for (; !groups.sizes.empty(); groups.drop()) {
    if (ends_here(text, groups.ends.back()) && fits(groups)) {
      return PrivateSpan{at, groups.ends.back() - at, kind};
    }
  }
  return std::nullopt;
}

bool is_card(const DigitGroups& g) {
  const bool even = std::ranges::all_of(g.gaps, [&](auto gap) { return gap == g.gaps[0]; });
  const bool grouped = g.sizes == std::vector<size_t>{4, 4, 4, 4} ||
                       g.sizes == std::vector<size_t>{4, 6, 5} ||
                       g.sizes == std::vector<size_t>{4, 4, 4, 4, 3};
  const bool plain = g.sizes.size() == 1 && g.digits.size() >= 13 && g.digits.size() <= 19;
  return ((grouped && even) || plain) && luhn(g.digits);
}

/// "+49 171 1234567": digits behind the plus.
bool is_international(const DigitGroups& g) {
  const bool decimal = g.sizes.size() == 2 && g.gaps[0] == ".";
  return g.digits.size() >= 9 && g.digits.size() <= 15 && g.digits[0] != '0' && !decimal;
}

/// "555-234-5678" and "030 12345678".
bool is_national(const DigitGroups& g) {
  if (g.sizes == std::vector<size_t>{3, 3, 4} && g.gaps[0] == g.gaps[1] &&
      (g.gaps[0] == "-" || g.gaps[0] == ".")) {
    return g.digits[0] >= '2' && g.digits[3] >= '2';
  }
  const bool marks = std::ranges::all_of(g.gaps, [](auto gap) { return gap != "."; });
  return g.sizes.size() >= 2 && g.digits[0] == '0' && marks && g.sizes[0] >= 3 && g.sizes[0] <= 5 &&
         g.digits.size() >= 9 && g.digits.size() <= 13;
}

/// Length of an IBAN by its country (ISO 13616 registry).
constexpr std::array kIbanLengths = std::to_array<std::pair<std::string_view, size_t>>({
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BR", 29}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DK", 18},
    {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22},
    {"GI", 23}, {"GR", 27}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IS", 26}, {"IT", 27},
    {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21},
    {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MT", 31}, {"NL", 18}, {"NO", 15}, {"PK", 24},
    {"PL", 28}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"SA", 24}, {"SE", 24}, {"SI", 19},
    {"SK", 24}, {"SM", 27}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"XK", 20},
});

/// The check of ISO 7064, modulo 97: four characters to the end, letters as 10 to 35.
bool iban_checks(const std::string& iban) {
  unsigned rest = 0;
  const std::string turned = iban.substr(4) + iban.substr(0, 4);
  for (const char c : turned) {
    const auto value = static_cast<unsigned>(is_digit(c) ? c - '0' : c - 'A' + 10);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest == 1;
}

bool is_address(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
}

/// What random text has and names have not.
struct Texture {
  size_t digits = 0;
  size_t lower = 0;
  size_t upper = 0;
  size_t changes = 0;   ///< between the three, of neighbours
  size_t pairs = 0;     ///< of neighbours that are letters or digits
  size_t capitals = 0;  ///< pairs of two of them
  bool hex = true;
};

Texture texture_of(std::string_view run) {
  Texture t;
  const auto kind = [](char c) { return is_digit(c) ? 1 : is_lower(c) ? 2 : is_upper(c) ? 3 : 0; };
  for (size_t i = 0; i < run.size(); ++i) {
    const int k = kind(run[i]);
    t.digits += k == 1 ? 1 : 0;
    t.lower += k == 2 ? 1 : 0;
    t.upper += k == 3 ? 1 : 0;
    const char low = to_lower(run[i]);
    t.hex = t.hex && (is_digit(low) || (low >= 'a' && low <= 'f'));
    const int before = i > 0 ? kind(run[i - 1]) : 0;
    if (before == 0 || k == 0) continue;
    ++t.pairs;
    t.changes += before != k ? 1 : 0;
    t.capitals += before == 3 && k == 3 ? 1 : 0;
  }
  return t;
}

bool looks_random(std::string_view run) {
  constexpr size_t kShortest = 20;
  if (run.size() < kShortest) return false;
  const Texture t = texture_of(run);
  const auto share =
      static_cast<double>(t.changes) / static_cast<double>(std::max(t.pairs, size_t{1}));
  const size_t letters = t.lower + t.upper;
  if (t.hex && run.size() >= 32) return t.digits >= 6 && letters >= 6;
  // Of random base64 about 0.6 of the neighbours differ in kind; of CamelCase about 0.3.
  if (t.digits >= 2 && t.lower >= 2 && t.upper >= 2) return share >= 0.38;
  // CamelCase of short words differs often, too, but has few capitals side by side.
  if (run.size() >= 32 && t.lower >= 8 && share >= 0.38 && t.capitals * 12 >= t.pairs) return true;
  // Without capitals names of pods come near; only longer ones are sure.
  return run.size() >= 28 && t.digits >= 5 && letters >= 8 && share >= 0.25 &&
         run.find_first_of("-_") == std::string_view::npos;
}

}  // namespace

std::optional<PrivateSpan> pem_at(std::string_view text, size_t at) {
  constexpr std::string_view kEnd = "-----END ";
  const size_t last = text.find(kEnd, at);
  if (last == std::string_view::npos) {
    return PrivateSpan{at, text.size() - at, PrivateKind::Secret};
  }
  const size_t dashes = text.find("-----", last + kEnd.size());
  const size_t end = dashes == std::string_view::npos ? text.size() : dashes + 5;
  return PrivateSpan{at, end - at, PrivateKind::Secret};
}

std::optional<PrivateSpan> url_user_at(std::string_view text, size_t at) {
  if (text.substr(at).starts_with("://")) {
    const size_t begin = at + 3;
    const size_t end = text.find_first_of("/?# \t\r\n\"'<>", begin);
    const std::string_view authority = text.substr(begin, std::min(end, text.size()) - begin);
    // The last one: a password may have the sign in it.
    const size_t sign = authority.rfind('@');
    if (sign == std::string_view::npos || sign == 0) return std::nullopt;
    const bool hidden = authority.substr(0, sign).ends_with(":xxxxx");
    return hidden ? std::nullopt : std::optional(PrivateSpan{begin, sign, PrivateKind::Secret});
  }
  // "user:password@tcp(db:3306)/", as Go's MySQL driver takes it.
  const std::string_view near = text.substr(at, kLongestPassword);
  for (const std::string_view network : {"@tcp(", "@unix(", "@("}) {
    const size_t end = near.find(network);
    if (end == std::string_view::npos || end == 1) continue;
    const std::string_view password = near.substr(1, end - 1);
    if (password.find_first_of(" \t\r\n\"'(){}") != std::string_view::npos) continue;
    return PrivateSpan{at + 1, password.size(), PrivateKind::Secret};
  }
  return std::nullopt;
}

std::optional<PrivateSpan> token_at(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  const auto run = [&](size_t begin, std::string_view more) {
    size_t end = begin;
    while (end < rest.size() && (is_token_char(rest[end]) || more.contains(rest[end]))) ++end;
    return end;
  };
  for (const TokenShape& shape : kTokenShapes) {
    if (!rest.starts_with(shape.prefix)) continue;
    const size_t end = run(shape.prefix.size(), ".");
    if (end - shape.prefix.size() < shape.rest) continue;
    // A name in plain words has no digits: "sk-learn-model-server".
    if (std::ranges::none_of(rest.substr(0, end), is_digit)) continue;
    return PrivateSpan{at, end, PrivateKind::Secret};
  }
  if (rest.starts_with("eyJ")) {  // a JSON object in base64: a JWT
    const size_t end = run(0, ".");
    const auto dots = std::ranges::count(rest.substr(0, end), '.');
    if (end >= 20 && dots >= 1) return PrivateSpan{at, end, PrivateKind::Secret};
  }
  constexpr std::string_view kSlackHook = "hooks.slack.com/";
  if (rest.starts_with(kSlackHook)) {
    const size_t end = run(kSlackHook.size(), "/");
    return PrivateSpan{at + kSlackHook.size(), end - kSlackHook.size(), PrivateKind::Secret};
  }
  // "123456789:AA…", a Telegram bot's.
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits >= 8 && digits <= 10 && digits < rest.size() && rest[digits] == ':') {
    const size_t end = run(digits + 1, "");
    if (end - digits - 1 >= 30) return PrivateSpan{at, end, PrivateKind::Secret};
  }
  return std::nullopt;
}

std::optional<PrivateSpan> random_at(std::string_view text, size_t at) {
  if (!is_alnum(text[at])) return std::nullopt;
  const auto run = [&](size_t from, std::string_view more, size_t most) {
    const size_t last = std::min(text.size(), most);
    while (from < last && (is_token_char(text[from]) || more.contains(text[from]))) ++from;
    return from;
  };
  // What is longer than is looked at is random to its end when its beginning is.
  const size_t most = at + kLongestRun;
  size_t end = run(at, "+", most);
  if (end == most && looks_random(text.substr(at, kLongestRun))) end = run(end, "+/", text.size());
  // Base64 has slashes, as paths do; then all of it must look random.
  const size_t wide = run(end, "+/", std::max(end, most));
  const auto padded = [&](size_t from) {
    while (from < text.size() && text[from] == '=') ++from;
    return from;
  };
  const std::string_view whole = text.substr(at, wide - at);
  if (wide > end && whole.size() >= 32 && looks_random(whole)) {
    return PrivateSpan{at, padded(wide) - at, PrivateKind::Secret};
  }
  if (!looks_random(text.substr(at, end - at))) return std::nullopt;
  return PrivateSpan{at, padded(end) - at, PrivateKind::Secret};
}

std::optional<PrivateSpan> email_at(std::string_view text, size_t at) {
  // Units of systemd look the same: "getty@tty1.service".
  constexpr std::array kUnits =
      std::to_array<std::string_view>({"service", "socket", "timer", "mount", "device", "target",
                                       "slice", "scope", "path", "swap", "automount"});
  // Not in the middle of one, which was looked at before.
  if (at > 0 && is_local_char(text[at - 1])) return std::nullopt;
  size_t sign = at;
  while (sign < text.size() && is_local_char(text[sign])) ++sign;
  if (sign == at || sign >= text.size() || text[sign] != '@') return std::nullopt;
  size_t end = sign + 1;
  while (end < text.size() && (is_alnum(text[end]) || text[end] == '-' || text[end] == '.' ||
                               static_cast<unsigned char>(text[end]) >= 0x80)) {
    ++end;
  }
  while (end > sign + 1 && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
  const std::string_view domain = text.substr(sign + 1, end - sign - 1);
  const size_t dot = domain.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const std::string_view top = domain.substr(dot + 1);
  if (top.size() < 2 || std::ranges::any_of(top, is_digit)) return std::nullopt;
  if (std::ranges::find(kUnits, top) != kUnits.end()) return std::nullopt;
  return PrivateSpan{at, end - at, PrivateKind::Email};
}

std::optional<PrivateSpan> card_at(std::string_view text, size_t at) {
  if (!is_digit(text[at]) || text[at] < '2' || text[at] > '6' || !number_begins(text, at)) {
    return std::nullopt;
  }
  return longest(text, at, digit_groups(text, at, " -", 1), PrivateKind::Card, is_card);
}

std::optional<PrivateSpan> iban_at(std::string_view text, size_t at) {
  if (at + 4 > text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) {
    return std::nullopt;
  }
  const auto upper = [](char c) { return is_lower(c) ? static_cast<char>(c - 32) : c; };
  const std::string country{upper(text[at]), upper(text[at + 1])};
  const auto row = std::ranges::find(kIbanLengths, std::string_view(country),
                                     &std::pair<std::string_view, size_t>::first);
  if (row == kIbanLengths.end()) return std::nullopt;
  std::string iban;
  size_t end = at;
  while (end < text.size() && iban.size() < row->second) {
    if (is_alnum(text[end])) {
      iban += upper(text[end]);
    } else if (text[end] != ' ' || iban.size() % 4 != 0) {
      break;
    }
    ++end;
  }
  if (iban.size() != row->second || !ends_here(text, end) || !iban_checks(iban)) {
    return std::nullopt;
  }
  return PrivateSpan{at, end - at, PrivateKind::Iban};
}

std::optional<PrivateSpan> phone_at(std::string_view text, size_t at) {
  // Behind a bracket or letter a plus adds.
  const bool free = at == 0 || !std::string_view(")]}_.-+/:@#$").contains(text[at - 1]);
  if (!free) return std::nullopt;
  constexpr PrivateKind kPhone = PrivateKind::Phone;
  if (text[at] == '+') {
    return longest(text, at, digit_groups(text, at + 1, " -().", 2), kPhone, is_international);
  }
  if (text[at] == '(') {
    return longest(text, at, digit_groups(text, at + 1, ") -.", 2), kPhone,
                   [](const DigitGroups& g) {
                     return g.sizes == std::vector<size_t>{3, 3, 4} && g.gaps[0].starts_with(')') &&
                            g.digits[0] >= '2';
                   });
  }
  return longest(text, at, digit_groups(text, at, " -./", 1), kPhone, is_national);
}

std::optional<PrivateSpan> ip_at(std::string_view text, size_t at) {
  if (at > 0 && std::string_view(".:-").contains(text[at - 1]) &&
      !(text[at - 1] == ':' && at > 1 && !is_alnum(text[at - 2]) && text[at - 2] != ':')) {
    return std::nullopt;
  }
  size_t end = at;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
  while (end > at && text[end - 1] == '.') --end;
  const std::string_view four = text.substr(at, end - at);
  if (four.size() >= 7 && ends_here(text, end) && is_address(AF_INET, four)) {
    const bool nobody = four.starts_with("127.") || four == "0.0.0.0";
    return nobody ? std::nullopt : std::optional(PrivateSpan{at, four.size(), PrivateKind::Ip});
  }
  end = at;
  const size_t most = std::min(text.size(), at + INET6_ADDRSTRLEN);
  while (end < most && (is_alnum(text[end]) || text[end] == ':' || text[end] == '.')) ++end;
  while (end > at && (text[end - 1] == '.' || text[end - 1] == ':') &&
         !text.substr(at, end - at).ends_with("::")) {
    --end;
  }
  const std::string_view six = text.substr(at, end - at);
  if (six.size() < 4 || std::ranges::count(six, ':') < 2 || !is_address(AF_INET6, six)) {
    return std::nullopt;
  }
  return PrivateSpan{at, six.size(), PrivateKind::Ip};
}

}  // namespace prom5::llm
