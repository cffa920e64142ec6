#include "query/promql/lexer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "io/codec/utf8.h"
#include "model/quote.h"

namespace prom5::promql {

namespace {

struct Spelling {
  std::string_view text;
  TokenType type;
};

constexpr std::array kKeywords = std::to_array<Spelling>({
    {"and", TokenType::And},
    {"or", TokenType::Or},
    {"unless", TokenType::Unless},
    {"atan2", TokenType::Atan2},
    {"sum", TokenType::Sum},
    {"avg", TokenType::Avg},
    {"count", TokenType::Count},
    {"min", TokenType::Min},
    {"max", TokenType::Max},
    {"group", TokenType::Group},
    {"stddev", TokenType::Stddev},
    {"stdvar", TokenType::Stdvar},
    {"topk", TokenType::Topk},
    {"bottomk", TokenType::Bottomk},
    {"count_values", TokenType::CountValues},
    {"quantile", TokenType::Quantile},
    {"limitk", TokenType::Limitk},
    {"limit_ratio", TokenType::LimitRatio},
    {"offset", TokenType::Offset},
    {"smoothed", TokenType::Smoothed},
    {"anchored", TokenType::Anchored},
    {"by", TokenType::By},
    {"without", TokenType::Without},
    {"on", TokenType::On},
    {"ignoring", TokenType::Ignoring},
    {"group_left", TokenType::GroupLeft},
    {"group_right", TokenType::GroupRight},
    {"fill", TokenType::Fill},
    {"fill_left", TokenType::FillLeft},
    {"fill_right", TokenType::FillRight},
    {"bool", TokenType::Bool},
    {"start", TokenType::Start},
    {"end", TokenType::EndWord},
    {"step", TokenType::Step},
    {"range", TokenType::Range},
    {"max_of", TokenType::MaxOf},
    {"min_of", TokenType::MinOf},
    {"inf", TokenType::Number},
    {"nan", TokenType::Number},
});

constexpr std::array kSymbols = std::to_array<Spelling>({
    {"(", TokenType::LeftParen},
    {")", TokenType::RightParen},
    {"{", TokenType::LeftBrace},
    {"}", TokenType::RightBrace},
    {"[", TokenType::LeftBracket},
    {"]", TokenType::RightBracket},
    {",", TokenType::Comma},
    {":", TokenType::Colon},
    {"=", TokenType::Assign},
    {"=~", TokenType::MatchRegex},
    {"!~", TokenType::MatchNotRegex},
    {"+", TokenType::Add},
    {"-", TokenType::Sub},
    {"*", TokenType::Mul},
    {"/", TokenType::Div},
    {"%", TokenType::Mod},
    {"^", TokenType::Pow},
    {"==", TokenType::Equal},
    {"!=", TokenType::NotEqual},
    {"<=", TokenType::LessEqual},
    {"<", TokenType::Less},
    {">=", TokenType::GreaterEqual},
    {">", TokenType::Greater},
    {"</", TokenType::TrimUpper},
    {">/", TokenType::TrimLower},
    {"@", TokenType::At},
});

bool begins_word(char c) { return is_alpha(c) || c == '_'; }

std::optional<TokenType> find_keyword(std::string_view word) {
  const std::string wanted = to_lower(word);
  for (const Spelling& s : kKeywords) {
    if (s.text == wanted) return s.type;
  }
  return std::nullopt;
}

class Lexer {
 public:
  explicit Lexer(std::string_view input) : input_(input) {}

  std::vector<Token> run() {
    while (tokens_.empty() ||
           (tokens_.back().type != TokenType::End && tokens_.back().type != TokenType::Error)) {
      step();
    }
    return std::move(tokens_);
  }

 private:
  enum class State : uint8_t { Statements, Braces, DurationExpression };

  void step() {
    if (peek() == '#' && at_ < input_.size() && state_ != State::DurationExpression) {
      while (at_ < input_.size() && input_[at_] != '\n' && input_[at_] != '\r') ++at_;
      return;
    }
    if (at_ < input_.size() && is_blank(input_[at_])) {
      ++at_;
      return;
    }
    start_ = at_;
    switch (state_) {
      case State::Statements: statement(); break;
      case State::Braces: inside_braces(); break;
      case State::DurationExpression: duration_expression(); break;
    }
  }

  [[nodiscard]] char peek(size_t ahead = 0) const {
    return at_ + ahead < input_.size() ? input_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool done() const { return at_ >= input_.size(); }

  /// The character at `at` as Go prints a rune with %q.
  [[nodiscard]] std::string rune(size_t at) const {
    if (at >= input_.size()) return "'\xEF\xBF\xBD'";  // Go's eof is the rune -1
    const size_t length = codec::utf8_sequence_length(input_.substr(at));
    if (length == 0) return "'\xEF\xBF\xBD'";
    std::string inner = quoted(input_.substr(at, length));
    inner = inner.substr(1, inner.size() - 2);
    if (inner == "\\\"") inner = "\"";
    if (inner == "'") inner = "\\'";
    return "'" + inner + "'";
  }

  void emit(TokenType type) {
    tokens_.push_back({type,
                       {static_cast<int>(start_), static_cast<int>(at_)},
                       input_.substr(start_, at_ - start_),
                       {}});
  }
  void emit(TokenType type, size_t length) {
    at_ = start_ + length;
    emit(type);
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    tokens_.push_back({TokenType::Error,
                       {static_cast<int>(start_), static_cast<int>(input_.size())},
                       {},
                       fmt::vformat(format, fmt::make_format_args(args...))});
  }

  void statement() {
    if (done()) {
      if (paren_depth_ != 0) return error("unclosed left parenthesis");
      if (bracket_open_) return error("unclosed left bracket");
      return emit(TokenType::End);
    }
    const char c = peek();
    const char next = peek(1);
    switch (c) {
      case ',': return emit(TokenType::Comma, 1);
      case '*': return emit(TokenType::Mul, 1);
      case '/': return emit(TokenType::Div, 1);
      case '%': return emit(TokenType::Mod, 1);
      case '+': return emit(TokenType::Add, 1);
      case '-': return emit(TokenType::Sub, 1);
      case '^': return emit(TokenType::Pow, 1);
      case '@': return emit(TokenType::At, 1);
      case '=':
        if (next == '~') return error("unexpected character after '=': {}", rune(at_ + 1));
        return next == '=' ? emit(TokenType::Equal, 2) : emit(TokenType::Assign, 1);
      case '!':
        if (next != '=') return error("unexpected character after '!': {}", rune(at_ + 1));
        return emit(TokenType::NotEqual, 2);
      case '<':
        if (next == '=') return emit(TokenType::LessEqual, 2);
        return next == '/' ? emit(TokenType::TrimUpper, 2) : emit(TokenType::Less, 1);
      case '>':
        if (next == '=') return emit(TokenType::GreaterEqual, 2);
        return next == '/' ? emit(TokenType::TrimLower, 2) : emit(TokenType::Greater, 1);
      case '"':
      case '\'':
      case '`': return string(c);
      case '(': ++paren_depth_; return emit(TokenType::LeftParen, 1);
      case ')': return right_paren();
      case '{': state_ = State::Braces; return emit(TokenType::LeftBrace, 1);
      case '[':
        if (bracket_open_) return error("unexpected left bracket {}", rune(at_));
        bracket_open_ = true;
        got_colon_ = false;
        got_duration_ = false;
        state_ = State::DurationExpression;
        return emit(TokenType::LeftBracket, 1);
      case ']':
        if (!bracket_open_) return error("unexpected right bracket {}", rune(at_));
        bracket_open_ = false;
        return emit(TokenType::RightBracket, 1);
      default: break;
    }
    if (is_digit(c) || (c == '.' && is_digit(next))) return number_or_duration();
    if (begins_word(c) || c == ':') return word(c);
    error("unexpected character: {}", rune(at_));
  }

  void right_paren() {
    if (--paren_depth_ < 0) {
      start_ = ++at_;  // Prometheus points behind it
      return error("unexpected right parenthesis ')'");
    }
    emit(TokenType::RightParen, 1);
  }

  void word(char c) {
    if (!bracket_open_) return keyword_or_identifier();
    if (c == ':') {
      if (got_colon_) return error("unexpected colon {}", rune(at_));
      got_colon_ = true;
      emit(TokenType::Colon, 1);
      return;
    }
    if (!duration_keyword()) error("unexpected character: {}, expected {}", rune(start_), "':'");
  }

  /// step, range, max_of, min_of inside brackets.
  bool duration_keyword() {
    size_t n = 0;
    while (begins_word(peek(n))) ++n;
    const auto type = find_keyword(input_.substr(at_, n));
    if (!type || *type < TokenType::Step) return false;
    emit(*type, n);
    return true;
  }

  void inside_braces() {
    if (done()) return error("unexpected end of input inside braces");
    const char c = peek();
    const char next = peek(1);
    switch (c) {
      case ',': return emit(TokenType::Comma, 1);
      case '"':
      case '\'':
      case '`': return string(c);
      case '=': return next == '~' ? emit(TokenType::MatchRegex, 2) : emit(TokenType::Assign, 1);
      case '!':
        if (next == '~') return emit(TokenType::MatchNotRegex, 2);
        if (next == '=') return emit(TokenType::NotEqual, 2);
        return error("unexpected character after '!' inside braces: {}", rune(at_ + 1));
      case '{': return error("unexpected left brace {}", rune(at_));
      case '}': state_ = State::Statements; return emit(TokenType::RightBrace, 1);
      default: break;
    }
    if (!begins_word(c)) return error("unexpected character inside braces: {}", rune(at_));
    size_t n = 0;
    while (is_word_byte(peek(n))) ++n;
    emit(TokenType::Identifier, n);
  }

  void duration_expression() {
    if (done()) return error("unexpected end of input in duration expression");
    const char c = peek();
    switch (c) {
      case ']':
        bracket_open_ = false;
        got_colon_ = false;
        state_ = State::Statements;
        return emit(TokenType::RightBracket, 1);
      case ':':
        if (!got_duration_) {
          start_ = ++at_;  // as Prometheus, which has taken the colon already
          return error("unexpected colon before duration in duration expression");
        }
        if (got_colon_) return error("unexpected repeated colon in duration expression");
        got_colon_ = true;
        return emit(TokenType::Colon, 1);
      case '(': ++paren_depth_; return emit(TokenType::LeftParen, 1);
      case ')': return right_paren();
      case '+': return emit(TokenType::Add, 1);
      case '-': return emit(TokenType::Sub, 1);
      case '*': return emit(TokenType::Mul, 1);
      case '/': return emit(TokenType::Div, 1);
      case '%': return emit(TokenType::Mod, 1);
      case '^': return emit(TokenType::Pow, 1);
      case ',': return emit(TokenType::Comma, 1);
      default: break;
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      got_duration_ = true;
      state_ = State::Statements;
      return number_or_duration();
    }
    if (begins_word(c) && duration_keyword()) {
      got_duration_ = true;
      return;
    }
    error("unexpected character in duration expression: {}", rune(at_));
  }

  void keyword_or_identifier() {
    size_t n = 0;
    bool colon = false;
    for (; is_word_byte(peek(n)) || peek(n) == ':'; ++n) colon = colon || peek(n) == ':';
    const auto keyword = find_keyword(input_.substr(at_, n));
    if (keyword) {
      const bool fill = *keyword == TokenType::Fill || *keyword == TokenType::FillLeft ||
                        *keyword == TokenType::FillRight;
      // "fill" is also a fine metric name; only before "(" it is the modifier.
      size_t after = n;
      while (is_blank(peek(after))) ++after;
      return emit(fill && peek(after) != '(' ? TokenType::Identifier : *keyword, n);
    }
    emit(colon ? TokenType::MetricIdentifier : TokenType::Identifier, n);
  }

  void string(char quote) {
    ++at_;
    while (!done() && peek() != quote) {
      const size_t length = codec::utf8_sequence_length(input_.substr(at_));
      // A replacement character that is really there cannot be told from one that Go makes.
      const bool replaced = input_.substr(at_).starts_with("\xEF\xBF\xBD");
      if (length == 0 || replaced) return error("invalid UTF-8 rune");
      if (quote != '`') {
        if (peek() == '\n') return error("unterminated quoted string");
        if (peek() == '\\') {
          if (!escape(quote)) return;
          continue;
        }
      }
      at_ += length;
    }
    if (done()) {
      if (quote == '`') return error("unterminated raw string");
      return error("unterminated quoted string");
    }
    ++at_;
    emit(TokenType::String);
  }

  /// Passes over one escape sequence; false after an error.
  bool escape(char quote) {
    ++at_;
    if (done()) return error("escape sequence not terminated"), false;
    const char c = peek();
    constexpr std::string_view kSimple = "abfnrtv\\";
    if (kSimple.find(c) != std::string_view::npos || c == quote) {
      ++at_;
      return true;
    }
    size_t digits = 0;
    unsigned base = 16;
    uint32_t limit = 0x10FFFF;
    if (c >= '0' && c <= '7') {
      digits = 3;
      base = 8;
      limit = 255;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      if (c == 'x') limit = 255;
      ++at_;
    } else {
      return error("unknown escape sequence {}", code_point(at_)), false;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      if (done()) return error("escape sequence not terminated"), false;
      const unsigned digit = digit_value(peek());
      if (digit >= base) {
        return error("illegal character {} in escape sequence", code_point(at_)), false;
      }
      value = value * base + digit;
    }
    if (value > limit || (value >= 0xD800 && value < 0xE000)) {
      return error("escape sequence is an invalid Unicode code point"), false;
    }
    return true;
  }

  static unsigned digit_value(char c) {
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return 16;
  }

  /// Go's %#U of a character of the query.
  [[nodiscard]] std::string code_point(size_t at) const {
    const size_t length = std::max<size_t>(1, codec::utf8_sequence_length(input_.substr(at)));
    uint32_t value = static_cast<uint8_t>(input_[at]);
    if (length > 1) {
      value &= 0xFFU >> (length + 1);
      for (size_t i = 1; i < length; ++i) {
        value = value << 6 | (static_cast<uint8_t>(input_[at + i]) & 0x3FU);
      }
    }
    return fmt::format("U+{:04X} '{}'", value, input_.substr(at, length));
  }

  void number_or_duration() {
    if (scan_number()) return emit(TokenType::Number);
    if (scan_duration()) return emit(TokenType::Duration);
    const std::string shown = quoted(input_.substr(start_, at_ - start_));
    error("bad number or duration syntax: {}", shown);
  }

  bool accept(std::string_view set) {
    if (done() || set.find(peek()) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  /// Leaves at_ where the number's characters end; whether what was read is a number.
  bool scan_number() {
    const bool hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
    std::string_view digits = "0123456789";
    if (hex) {
      at_ += 2;
      accept("_");
      digits = "0123456789abcdefABCDEF";
    }
    accept(".");
    accept(digits);
    bool dot = false;
    bool exponent = false;
    for (;;) {
      const char c = peek();
      if (done()) break;
      if (c == '.') {
        if (dot || hex) return ++at_, false;
        dot = true;
        ++at_;
        if (accept("_.")) return false;
      } else if (!hex && (c == 'e' || c == 'E')) {
        if (exponent) return ++at_, false;
        exponent = true;
        ++at_;
        accept("+-");
        if (accept("._eE") || done()) return false;
      } else if (c == '_') {
        ++at_;
        if (accept("._eE") || done()) return false;
      } else if (digits.find(c) != std::string_view::npos) {
        ++at_;
      } else {
        break;
      }
    }
    return !is_word_byte(peek()) || done();
  }

  /// Goes on where scan_number() stopped: at the first unit.
  bool scan_duration() {
    if (!accept("smhdwy")) return false;
    accept("s");
    while (accept("0123456789")) {
      while (accept("0123456789")) {
      }
      if (!accept("smhdw")) return false;
      accept("s");
    }
    if (done() || !is_word_byte(peek())) return true;
    ++at_;  // the message shows the character that does not belong
    return false;
  }

  std::string_view input_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t start_ = 0;
  State state_ = State::Statements;
  int paren_depth_ = 0;
  bool bracket_open_ = false;
  bool got_colon_ = false;
  bool got_duration_ = false;
};

}  // namespace

int precedence(TokenType op) {
  switch (op) {
    case TokenType::Or: return 1;
    case TokenType::And:
    case TokenType::Unless: return 2;
    case TokenType::Equal:
    case TokenType::NotEqual:
    case TokenType::LessEqual:
    case TokenType::Less:
    case TokenType::GreaterEqual:
    case TokenType::Greater:
    case TokenType::TrimUpper:
    case TokenType::TrimLower: return 3;
    case TokenType::Add:
    case TokenType::Sub: return 4;
    case TokenType::Mul:
    case TokenType::Div:
    case TokenType::Mod:
    case TokenType::Atan2: return 5;
    case TokenType::Pow: return 6;
    default: return 0;
  }
}

bool is_arithmetic(TokenType op) {
  return op == TokenType::Add || op == TokenType::Sub || op == TokenType::Mul ||
         op == TokenType::Div || op == TokenType::Mod || op == TokenType::Pow;
}

bool can_be_metric(TokenType type) {
  switch (type) {
    case TokenType::Identifier:
    case TokenType::MetricIdentifier:
    case TokenType::And:
    case TokenType::Or:
    case TokenType::Unless:
    case TokenType::Offset:
    case TokenType::Smoothed:
    case TokenType::Anchored:
    case TokenType::By:
    case TokenType::Without:
    case TokenType::Fill:
    case TokenType::FillLeft:
    case TokenType::FillRight: return true;
    default: return is_aggregator(type) || type >= TokenType::Start;
  }
}

bool can_be_label(TokenType type) {
  if (type == TokenType::Without) return false;
  return can_be_metric(type) || type == TokenType::On || type == TokenType::Ignoring ||
         type == TokenType::GroupLeft || type == TokenType::GroupRight || type == TokenType::Bool ||
         type == TokenType::Atan2;
}

bool begins_expression(TokenType type) {
  switch (type) {
    case TokenType::Number:
    case TokenType::Duration:
    case TokenType::String:
    case TokenType::LeftParen:
    case TokenType::LeftBrace:
    case TokenType::Add:
    case TokenType::Sub:
    case TokenType::Error: return true;  // an error speaks for itself
    default: return can_be_metric(type);
  }
}

bool takes_parameter(TokenType op) {
  return op == TokenType::Topk || op == TokenType::Bottomk || op == TokenType::CountValues ||
         op == TokenType::Quantile || op == TokenType::Limitk || op == TokenType::LimitRatio;
}

bool is_operator(TokenType type) { return type >= TokenType::Add && type <= TokenType::At; }
bool is_aggregator(TokenType type) {
  return type >= TokenType::Sum && type <= TokenType::LimitRatio;
}
bool is_comparison(TokenType type) {
  return type >= TokenType::Equal && type <= TokenType::Greater;
}
bool is_trim(TokenType type) {
  return type == TokenType::TrimLower || type == TokenType::TrimUpper;
}

bool is_set_operator(TokenType type) {
  return type == TokenType::And || type == TokenType::Or || type == TokenType::Unless;
}

std::string_view spelling(TokenType type) {
  for (const Spelling& s : kKeywords) {
    if (s.type == type && type != TokenType::Number) return s.text;
  }
  for (const Spelling& s : kSymbols) {
    if (s.type == type) return s.text;
  }
  return {};
}

std::string describe(const Token& token) {
  switch (token.type) {
    case TokenType::End: return "end of input";
    case TokenType::Error: return token.error;
    case TokenType::Identifier: return "identifier " + quoted(token.text);
    case TokenType::MetricIdentifier: return "metric identifier " + quoted(token.text);
    default: break;
  }
  const std::string_view text = token.text;
  if (token.type >= TokenType::Offset && token.type <= TokenType::Bool) {
    return fmt::format("<{}>", text);
  }
  if (is_operator(token.type) || token.type == TokenType::MatchRegex ||
      token.type == TokenType::MatchNotRegex)
    return fmt::format("<op:{}>", text);
  if (is_aggregator(token.type)) return fmt::format("<aggr:{}>", text);
  const std::string shown = text.size() > 10 ? quoted(text.substr(0, 10)) + "..." : quoted(text);
  if (token.type == TokenType::String) return "string " + shown;
  if (token.type == TokenType::Number) return "number " + shown;
  if (token.type == TokenType::Duration) return "duration " + shown;
  return shown;
}

std::vector<Token> tokenize(std::string_view query) { return Lexer(query).run(); }

}  // namespace prom5::promql
