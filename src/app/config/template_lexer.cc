#include "app/config/template_lexer.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/ascii.h"
#include "io/codec/utf8.h"

namespace prom5::config {

namespace {

using Kind = TemplateToken::Kind;

constexpr std::array kKeywords = std::to_array<std::string_view>(
    {"block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"});
constexpr std::array kConstants = std::to_array<std::string_view>({"true", "false", "nil"});

/// Letters beyond ASCII are taken for some, which is what they nearly always are.
bool is_letter(char c) { return is_alpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

/// How long the escape behind a backslash is; 0 for one that Go does not know.
size_t escape_length(std::string_view rest) {
  if (rest.empty()) return 0;
  if (std::string_view("abfnrtv\\\"").find(rest[0]) != std::string_view::npos) return 1;
  const size_t digits = rest[0] == 'x' ? 2 : rest[0] == 'u' ? 4 : rest[0] == 'U' ? 8 : 3;
  const bool octal = rest[0] >= '0' && rest[0] <= '7';
  const std::string_view number = rest.substr(octal ? 0 : 1, digits);
  const std::string_view known = octal ? "01234567" : "0123456789abcdefABCDEF";
  if (!octal && digits == 3) return 0;
  if (number.size() < digits || number.find_first_not_of(known) != std::string_view::npos) return 0;
  return digits + (octal ? 0 : 1);
}

/// Takes one action apart.
class Lexer {
 public:
  /// `text` begins at the action's braces.
  explicit Lexer(std::string_view text) : whole_(text), rest_(text.substr(2)) {
    if (rest_.size() > 1 && rest_[0] == '-' && is_blank(rest_[1])) rest_.remove_prefix(2);
  }

  /// Whether it is a comment, which is then passed over.
  Result<bool> comment() {
    if (!rest_.starts_with("/*")) return false;
    const size_t end = rest_.find("*/");
    if (end == std::string_view::npos) return error("unclosed comment");
    rest_.remove_prefix(end + 2);
    if (at_end()) return true;
    return error("comment ends before closing delimiter");
  }

  Result<std::vector<TemplateToken>> tokens() {
    std::vector<TemplateToken> out;
    int depth = 0;
    while (!at_end()) {
      if (rest_.empty()) return error("unclosed action");
      if (is_blank(rest_[0])) {
        rest_.remove_prefix(1);
        after_space_ = true;
        continue;
      }
      out.push_back(TRY(token()));
      if (out.back().kind == Kind::OpenParen) ++depth;
      if (out.back().kind == Kind::CloseParen && --depth < 0) {
        return error("unexpected right paren");
      }
      after_space_ = false;
    }
    if (depth > 0) return error("unclosed left paren");
    return out;
  }

  [[nodiscard]] std::string_view text() const { return whole_; }

 private:
  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const {
    const size_t end = whole_.find("}}");
    return fail_in_action(end == whole_.npos ? whole_ : whole_.substr(0, end + 2), what);
  }

  /// At the closing braces, which are then taken; whole_ ends with them.
  bool at_end() {
    std::string_view rest = rest_;
    if (!rest.empty() && is_blank(rest[0]) && rest.substr(1).starts_with("-}}")) {
      rest.remove_prefix(2);
    }
    if (!rest.starts_with("}}")) return false;
    rest.remove_prefix(2);
    whole_ = whole_.substr(0, static_cast<size_t>(rest.data() - whole_.data()));
    return true;
  }

  TemplateToken take(Kind kind, size_t length) {
    const TemplateToken out{kind, rest_.substr(0, length), after_space_};
    rest_.remove_prefix(out.text.size());
    return out;
  }

  Result<TemplateToken> token() {
    const char c = rest_[0];
    const char next = rest_.size() > 1 ? rest_[1] : ' ';
    switch (c) {
      case '"': return string();
      case '`': return enclosed(Kind::String, "unterminated raw quoted string");
      case '\'': return enclosed(Kind::Constant, "unterminated character constant");
      case '(': return take(Kind::OpenParen, 1);
      case ')': return take(Kind::CloseParen, 1);
      case '|': return take(Kind::Pipe, 1);
      case ',': return take(Kind::Comma, 1);
      case '=': return take(Kind::Assign, 1);
      case ':':
        if (next != '=') return error("expected :=");
        return take(Kind::Assign, 2);
      case '$': return word(Kind::Variable);
      default: break;
    }
    if (is_digit(c) || ((c == '.' || c == '+' || c == '-') && is_digit(next))) return number();
    if (c == '.') return is_word(next) ? word(Kind::Field) : take(Kind::Dot, 1);
    if (is_letter(c)) return word(Kind::Identifier);
    return take(Kind::Other, 1);
  }

  /// A name, with the sign that begins a field or a variable.
  Result<TemplateToken> word(Kind kind) {
    size_t end = 1;
    while (end < rest_.size() && is_word(rest_[end])) ++end;
    const std::string_view behind = rest_.substr(end);
    const bool ended = behind.empty() || is_blank(behind[0]) || behind.starts_with("}}") ||
                       std::string_view(".,|:)(").find(behind[0]) != std::string_view::npos;
    if (!ended) return error(fmt::format("bad character '{}'", behind[0]));
    const std::string_view name = rest_.substr(0, end);
    if (kind == Kind::Identifier && is_one_of(kKeywords, name)) kind = Kind::Keyword;
    if (kind == Kind::Identifier && is_one_of(kConstants, name)) kind = Kind::Constant;
    return take(kind, end);
  }

  Result<TemplateToken> number() {
    size_t end = 1;
    const auto is_exponent = [](char c) { return c == 'e' || c == 'E' || c == 'p' || c == 'P'; };
    while (end < rest_.size() &&
           (is_word(rest_[end]) || rest_[end] == '.' ||
            ((rest_[end] == '+' || rest_[end] == '-') && is_exponent(rest_[end - 1])))) {
      ++end;
    }
    const std::string_view text = rest_.substr(0, end);
    constexpr std::string_view kKnown = "0123456789abcdefABCDEFxXoOpP_.+-i";
    if (text.find_first_not_of(kKnown) != std::string_view::npos) {
      return error(fmt::format("bad number syntax: \"{}\"", text));
    }
    return take(Kind::Constant, end);
  }

  Result<TemplateToken> string() {
    for (size_t i = 1; i < rest_.size() && rest_[i] != '\n'; ++i) {
      if (rest_[i] == '"') return take(Kind::String, i + 1);
      if (rest_[i] != '\\') continue;
      const size_t length = escape_length(rest_.substr(i + 1));
      if (length == 0) {
        return error(
            fmt::format("unknown escape \"{}\" in a quoted string; write \\\\ for a "
                        "backslash",
                        codec::utf8_front(rest_.substr(i), 2)));
      }
      i += length;
    }
    return error("unterminated quoted string");
  }

  /// What ends with the character that it begins with.
  Result<TemplateToken> enclosed(Kind kind, std::string_view otherwise) {
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != rest_[0]) {
      end += rest_[end] == '\\' && kind == Kind::Constant ? 2 : 1;
    }
    if (end >= rest_.size()) return error(otherwise);
    return take(kind, end + 1);
  }

  std::string_view whole_;
  std::string_view rest_;
  bool after_space_ = false;
};

}  // namespace

std::unexpected<Error> fail_in_action(std::string_view action, std::string_view what) {
  constexpr size_t kMostBytes = 80;
  std::string shown(codec::utf8_front(action, kMostBytes));
  std::ranges::replace(shown, '\n', ' ');
  constexpr size_t kMostOfReason = 200;  // it may hold a name of any length
  return fail(ErrorCode::BadData, "{}, in \"{}{}\"", codec::utf8_front(what, kMostOfReason), shown,
              shown.size() < action.size() ? "…" : "");
}

Result<std::vector<TemplateAction>> template_actions(std::string_view text) {
  std::vector<TemplateAction> out;
  for (;;) {
    const size_t begin = text.find("{{");
    if (begin == std::string_view::npos) return out;
    Lexer lexer(text.substr(begin));
    if (!TRY(lexer.comment())) {
      auto tokens = TRY(lexer.tokens());
      out.push_back({lexer.text(), std::move(tokens)});
    }
    text.remove_prefix(begin + lexer.text().size());
  }
}

}  // namespace prom5::config
