#include "ask/llm/token.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "ask/llm/number_words.h"
#include "base/ascii.h"
#include "io/codec/utf8.h"

namespace prom5::llm {

namespace {

constexpr size_t kMostWords = 1000;
/// Longer than any name; a base64 blob is cut into several.
constexpr size_t kMostCharacters = 500;

/// One character of the question: how it was written and what it counts as ("" counts as nothing).
struct Character {
  std::string_view written;
  std::string folded;
};

using Characters = std::span<const Character>;

/// U+00C0 to U+00FF without their accents; signs among them as '*'.
constexpr std::string_view kLatin =
    "aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty";

std::string fold(std::string_view written, uint32_t code) {
  if (code < 0x80) {
    const char c = written[0];
    return std::string(1, static_cast<unsigned char>(c) < 0x20 ? ' ' : to_lower(c));
  }
  if (code >= 0xC0 && code <= 0xFF && code != 0xD7 && code != 0xF7) {
    return std::string(1, kLatin[code - 0xC0]);
  }
  if (code == 0xB5 || code == 0x3BC) return "u";  // the micro sign
  if (code == 0xBA) return "°";
  if (code == 0x2264) return "<=";
  if (code == 0x2265) return ">=";
  if (code == 0x2260) return "!=";
  if (code == 0xB4 || (code >= 0x2018 && code <= 0x201B)) return "'";
  if ((code >= 0x2010 && code <= 0x2015) || code == 0x2212) return "-";
  if ((code >= 0x200B && code <= 0x200F) || code == 0xFEFF) return "";
  const bool space = code == 0xA0 || code == 0xD7 || code == 0xAB || code == 0xBB ||
                     (code >= 0x80 && code < 0xA0) || (code >= 0x2000 && code <= 0x206F) ||
                     (code >= 0x3000 && code <= 0x3002);
  return space ? " " : std::string(written);
}

std::vector<Character> characters_of(std::string_view text) {
  std::vector<Character> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = codec::utf8_sequence_length(text);
    if (length == 0) {
      out.push_back({std::string_view(), " "});
      text.remove_prefix(1);
      continue;
    }
    const std::string_view one = text.substr(0, length);
    std::string folded = fold(one, codec::utf8_code_point(one));
    if (!folded.empty()) out.push_back({one, std::move(folded)});
    text.remove_prefix(length);
  }
  return out;
}

Token token_of(Characters characters) {
  Token token;
  for (const Character& c : characters) {
    token.text += c.folded;
    token.written += c.written;
  }
  return token;
}

/// Finds where words begin and end; what is inside a word is for the functions below.
class Splitter {
 public:
  explicit Splitter(Characters characters) : all_(characters) {}

  std::vector<std::vector<Token>> split() {
    while (at_ < all_.size() && out_.size() < kMostWords) {
      if (starts_url()) {
        take_url();
      } else if (is_sign()) {
        take_sign();
      } else if (is_inside()) {
        if (at_ - begin_ >= kMostCharacters) flush();
        ++at_;
      } else {
        flush();
        begin_ = ++at_;
      }
    }
    flush();
    return std::move(out_);
  }

 private:
  [[nodiscard]] char ascii(size_t at) const {
    return at < all_.size() && all_[at].folded.size() == 1 ? all_[at].folded[0] : '\0';
  }
  [[nodiscard]] bool digit_at(size_t at) const { return is_digit(ascii(at)); }
  [[nodiscard]] bool after_digit() const { return at_ > begin_ && digit_at(at_ - 1); }

  /// Whether the character at_ belongs to the word begun.
  [[nodiscard]] bool is_inside() const {
    const std::string& c = all_[at_].folded;
    if (c.size() > 1) return true;  // another script
    const char a = c[0];
    if (is_digit(a) || is_lower(a) || a == '_' || a == '/') return true;
    if (static_cast<unsigned char>(a) >= 0x80) return true;
    const bool begun = at_ > begin_;
    const char next = ascii(at_ + 1);
    if (a == '-' || a == '.') return begun || is_digit(next);
    if (a == ':' || a == '@') return begun;
    if (a == '\'') return begun && is_lower(next);
    // A comma within a number, to be dropped.
    return a == ',' && after_digit() && digit_at(at_ + 1) && digit_at(at_ + 2) &&
           digit_at(at_ + 3) && !digit_at(at_ + 4) && only_number();
  }

  [[nodiscard]] bool only_number() const {
    for (size_t i = begin_; i < at_; ++i) {
      if (!digit_at(i) && ascii(i) != ',') return false;
    }
    return true;
  }

  [[nodiscard]] bool is_sign() const {
    const std::string& c = all_[at_].folded;
    if (is_any_of(c, {"%", "<", ">", "=", "<=", ">=", "!="})) return true;
    if (c == "!") return ascii(at_ + 1) == '=';
    if (c == "~") return at_ == begin_ && digit_at(at_ + 1);
    return c == "-" && at_ == begin_ && ascii(at_ + 1) == ' ';
  }

  void take_sign() {
    flush();
    Token token = token_of(all_.subspan(at_, 1));
    size_t length = 1;
    if (is_any_of(token.text, {"<", ">", "=", "!"}) && ascii(at_ + 1) == '=') {
      token = token_of(all_.subspan(at_, 2));
      length = 2;
    } else if (token.text == "%" && ascii(at_ + 1) == 'i' && ascii(at_ + 2) == 'l' &&
               ascii(at_ + 3) == 'e') {
      token = token_of(all_.subspan(at_, 4));
      token.text = "percentile";
      length = 4;
    } else if (token.text == "~") {
      token.text = "about";
    }
    out_.push_back({std::move(token)});
    begin_ = at_ += length;
  }

  [[nodiscard]] bool starts_url() const {
    if (at_ != begin_ || ascii(at_) != 'h') return false;
    const Token start = token_of(all_.subspan(at_, std::min<size_t>(8, all_.size() - at_)));
    return start.text.starts_with("http://") || start.text.starts_with("https://");
  }

  void take_url() {
    size_t end = at_;
    while (end < all_.size() && end - at_ < kMostCharacters && ascii(end) != ' ' &&
           !is_any_of(all_[end].folded, {"\"", "'", "<", ">", "`"})) {
      ++end;
    }
    while (end > at_ + 8 && is_any_of(all_[end - 1].folded, {".", ",", ";", "!", "?", ")", ":"})) {
      --end;
    }
    out_.push_back({token_of(all_.subspan(at_, end - at_))});
    begin_ = at_ = end;
  }

  void flush();

  Characters all_;
  size_t begin_ = 0;
  size_t at_ = 0;
  std::vector<std::vector<Token>> out_;  ///< the tokens of each word
};

/// "what's" as "what", "is"; nothing when the word is whole.
std::vector<Token> contraction(Characters word, const std::string& text) {
  const auto parts = [&](size_t cut, std::string first, std::string second) {
    std::vector<Token> out = {token_of(word.first(cut)), token_of(word.subspan(cut))};
    out[0].text = std::move(first);
    out[1].text = std::move(second);
    return out;
  };
  const auto base = [&](size_t drop) { return text.substr(0, text.size() - drop); };
  const size_t size = word.size();
  if (text.size() != size) return {};
  if (text == "cannot") return parts(3, "can", "not");
  if (text == "gonna") return parts(3, "going", "to");
  if (text == "gimme") return parts(3, "give", "me");
  if (text == "let's" || text == "lets") return parts(3, "let", "us");
  if (text == "won't" || text == "wont") return parts(2, "will", "not");
  if (text == "can't" || text == "cant") return parts(2, "can", "not");
  if (text == "ain't" || text == "aint") return parts(2, "is", "not");
  if (text.ends_with("n't")) return parts(size - 3, base(3), "not");
  if (is_any_of(text, {"dont", "doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "hasnt",
                       "havent", "hadnt", "couldnt", "wouldnt", "shouldnt"})) {
    return parts(size - 2, base(2), "not");
  }
  if (is_any_of(text, {"whats", "wheres", "whos", "hows", "whens", "thats", "theres", "heres"})) {
    return parts(size - 1, base(1), "is");
  }
  if (text.ends_with("'s") &&
      is_any_of(base(2),
                {"what",       "where",    "who",       "how",     "when",     "why",   "that",
                 "there",      "here",     "it",        "he",      "she",      "this",  "which",
                 "everything", "anything", "something", "nothing", "everyone", "nobody"})) {
    return parts(size - 2, base(2), "is");
  }
  if (text.ends_with("'re")) return parts(size - 3, base(3), "are");
  if (text.ends_with("'ve")) return parts(size - 3, base(3), "have");
  if (text.ends_with("'ll")) return parts(size - 3, base(3), "will");
  if (text.ends_with("'d")) return parts(size - 2, base(2), "would");
  if (text == "i'm") return parts(1, "i", "am");
  return {};
}

bool is_plain_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "10:00", "2pm", "4", "2.5": an end of a range written with a dash.
bool is_range_end(std::string_view text) {
  if (text.ends_with("am") || text.ends_with("pm")) text.remove_suffix(2);
  const size_t odd = text.find_first_not_of("0123456789");
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return false;
  return odd == std::string_view::npos ||
         ((text[odd] == ':' || text[odd] == '.') && is_plain_digits(text.substr(odd + 1)));
}

bool is_dashed_word(std::string_view part) {
  if (part.ends_with("th") && is_plain_digits(part.substr(0, part.size() - 2))) return true;
  return is_number_word(part) || plain_number(part) ||
         is_any_of(part, {"per",     "hour",    "minute", "second",  "day",  "week",
                          "month",   "year",    "min",    "sec",     "hr",   "hours",
                          "days",    "mins",    "over",   "to",      "date", "on",
                          "and",     "a",       "of",     "oh",      "half", "percentile",
                          "minutes", "seconds", "weeks",  "percent", "same", "time"});
}

/// "24-hour", "week-over-week" and "10:00-11:30" in their parts; nothing when it is a name.
std::vector<Token> dashed(Characters word, const std::string& text) {
  std::vector<Characters> parts;
  std::vector<std::string> texts;
  size_t begin = 0;
  for (size_t i = 0; i <= word.size(); ++i) {
    if (i < word.size() && word[i].folded != "-") continue;
    parts.push_back(word.subspan(begin, i - begin));
    texts.push_back(token_of(parts.back()).text);
    begin = i + 1;
  }
  if (parts.size() < 2 || text.front() == '-') return {};
  if (parts.size() == 2 && is_range_end(texts[0]) && is_range_end(texts[1])) {
    if (is_plain_digits(texts[0]) && texts[0].size() == 4 && texts[1].size() <= 2) return {};
    return {token_of(parts[0]), {"-", "-"}, token_of(parts[1])};
  }
  bool numbers_only = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!is_dashed_word(texts[i])) return {};
    // "day-1" and "2026-01-15" are names.
    if (i > 0 && is_plain_digits(texts[i])) return {};
    numbers_only = numbers_only && is_plain_digits(texts[i]);
  }
  if (numbers_only) return {};
  std::vector<Token> out;
  out.reserve(parts.size());
  for (const Characters part : parts) out.push_back(token_of(part));
  return out;
}

std::vector<Token> tokens_of_word(Characters word) {
  Token token = token_of(word);
  if (auto parts = contraction(word, token.text); !parts.empty()) return parts;
  if (auto parts = dashed(word, token.text); !parts.empty()) return parts;
  std::string& text = token.text;
  if (text.ends_with("'s")) text.resize(text.size() - 2);
  if (text == "a.m") text = "am";
  if (text == "p.m") text = "pm";
  if (text.ends_with("a.m") || text.ends_with("p.m")) text.erase(text.size() - 2, 1);
  if (text == "o'clock") text = "oclock";
  if (plain_number(std::string(1, text.front()))) std::erase(text, ',');
  return {std::move(token)};
}

void Splitter::flush() {
  size_t end = at_;
  while (begin_ < end && is_any_of(all_[begin_].folded, {"'", ":", "@"})) ++begin_;
  while (begin_ < end && is_any_of(all_[end - 1].folded, {".", ":", "'", ",", "-", "@"})) {
    // "12.01." is a date, whose last point says so.
    const Token date = token_of(all_.subspan(begin_, end - begin_));
    if (date.text.ends_with(".") && std::count(date.text.begin(), date.text.end(), '.') == 2 &&
        date.text.size() <= 6 && is_digit(date.text[date.text.size() - 2])) {
      break;
    }
    --end;
  }
  if (end > begin_ + 1 && all_[end - 1].folded == "/") --end;
  if (end > begin_) out_.push_back(tokens_of_word(all_.subspan(begin_, end - begin_)));
  begin_ = at_;
}

}  // namespace

std::string_view word_at(std::span<const Token> tokens, size_t at) {
  return at < tokens.size() ? std::string_view(tokens[at].text) : std::string_view();
}

std::string_view word_before(std::span<const Token> tokens, size_t at, size_t back) {
  return at >= back ? word_at(tokens, at - back) : std::string_view();
}

bool is_any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<Token> tokenize(std::string_view text) {
  // More bytes cannot be of use: kMostWords words of a usual length.
  constexpr size_t kMostBytes = 100'000;
  const std::vector<Character> characters = characters_of(text.substr(0, kMostBytes));
  std::vector<Token> tokens;
  for (std::vector<Token>& word : Splitter(characters).split()) {
    std::move(word.begin(), word.end(), std::back_inserter(tokens));
  }
  std::erase_if(tokens, [](const Token& token) { return token.text.empty(); });
  // A dash between words is punctuation.
  for (size_t i = tokens.size(); i-- > 0;) {
    if (tokens[i].text != "-") continue;
    const bool between = i > 0 && i + 1 < tokens.size() && is_range_end(tokens[i - 1].text) &&
                         is_range_end(tokens[i + 1].text);
    if (!between) tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i));
  }
  // "isn't web-01 down?" asks the same as "is web-01 down?"; "isn't over 80 %" is a part of more.
  const bool doubts = tokens.size() > 3 && tokens[1].text == "not" &&
                      is_any_of(tokens[0].text, {"is", "are", "was", "were", "has", "have"}) &&
                      !is_any_of(tokens[2].text, {"over", "above", "below", "under", "more", "less",
                                                  "at", "higher", "lower", "greater", "equal"});
  if (doubts) tokens.erase(tokens.begin() + 1);
  if (tokens.size() > kMostWords) tokens.resize(kMostWords);
  return with_digits(tokens);
}

}  // namespace prom5::llm
