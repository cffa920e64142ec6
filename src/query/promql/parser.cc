#include "query/promql/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ranges>

#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "model/quote.h"
#include "query/promql/functions.h"
#include "query/promql/type_check.h"

namespace prom5::promql {

namespace {

/// Seconds beyond which Prometheus' nanosecond durations overflow.
constexpr double kMaxDurationSeconds = 9223372036.854775807;

/// Recursive descent, operators by precedence climbing. An error of grammar ends the parse; an
/// error of meaning is noted and parsing goes on, as the reference does, and the first one counts.
class Parser {
 public:
  Parser(std::string_view query, const ParseOptions& options)
      : query_(query), options_(options), tokens_(tokenize(query)) {}

  Result<ExprPtr> run() {
    if (peek().type == TokenType::End) {
      return fail(ErrorCode::BadData, "{}: parse error: no expression found in input",
                  query_.empty() ? "unknown position" : "1:1");
    }
    ExprPtr expr = expression(0);
    if (!failed() && peek().type != TokenType::End) unexpected("", "");
    if (errors_.empty())
      check_types(*expr, query_,
                  [this](PositionRange at, std::string text) { note(at, std::move(text)); });
    if (!errors_.empty()) return std::unexpected(errors_.front());
    return expr;
  }

  Result<std::vector<Matcher>> run_selector() {
    if (query_.empty()) {
      return fail(ErrorCode::BadData, "unknown position: parse error: unexpected end of input");
    }
    ExprPtr expr = selector();
    if (!failed() && peek().type != TokenType::End) unexpected("", "");
    if (!errors_.empty()) return std::unexpected(errors_.front());
    return std::move(expr->as<VectorSelector>()->matchers);
  }

 private:
  // --- tokens and errors ---------------------------------------------------------------------

  [[nodiscard]] const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    switch (token.type) {
      case TokenType::RightBrace:
      case TokenType::RightParen:
      case TokenType::RightBracket:
      case TokenType::Duration:
      case TokenType::Number: last_closing_ = token.position.end; break;
      default: break;
    }
    return token;
  }
  bool accept(TokenType type) {
    if (peek().type != type) return false;
    take();
    return true;
  }

  [[nodiscard]] bool failed() const { return fatal_; }

  void note(PositionRange at, std::string text) {
    errors_.push_back({ErrorCode::BadData,
                       line_and_column(query_, at.start) + ": parse error: " + std::move(text)});
  }

  /// The next token fits nowhere: ends the parse.
  ExprPtr unexpected(std::string_view context, std::string_view expected) {
    if (!fatal_) {
      const Token& token = peek();
      std::string text = token.error;
      if (token.type != TokenType::Error) {
        text = "unexpected " + describe(token);
        if (context.empty() && aggregations_ > 0) context = "aggregation";
        if (!context.empty()) text += fmt::format(" in {}", context);
        if (!expected.empty()) text += fmt::format(", expected {}", expected);
      }
      note(token.position, std::move(text));
    }
    fatal_ = true;
    return nothing();
  }

  /// Stands in for what could not be parsed; never evaluated.
  static ExprPtr nothing() { return make_expr({}, NumberLiteral{}); }

  // --- expressions ---------------------------------------------------------------------------

  ExprPtr expression(int min_precedence) {
    if (++depth_ > options_.max_depth) {
      if (!fatal_) {
        note(peek().position,
             fmt::format("expression nests deeper than {} levels", options_.max_depth));
      }
      fatal_ = true;
      --depth_;
      return nothing();
    }
    ExprPtr left = unary();
    while (!failed()) {
      const TokenType op = peek().type;
      const int level = precedence(op);
      if (level == 0 || level < min_precedence) break;
      take();
      if (!count_link()) break;
      left = binary(std::move(left), op, level);
    }
    --depth_;
    return left;
  }

  /// Counts what makes the tree deeper without nesting in the text: `a + b + c`, `a[1m:][1m:]`.
  bool count_link() {
    if (++links_ <= options_.max_links) return true;
    note(peek().position, fmt::format("more than {} operators and subqueries in one expression",
                                      options_.max_links));
    fatal_ = true;
    return false;
  }

  ExprPtr binary(ExprPtr left, TokenType op, int level) {
    Binary node;
    node.op = op;
    node.matching.emplace();
    modifiers(node);
    if (failed()) return nothing();
    // Only ^ is right-associative.
    node.right = expression(op == TokenType::Pow ? level : level + 1);
    node.left = std::move(left);
    const PositionRange position{node.left->position.start, node.right->position.end};
    const bool filled = node.matching->fill_left || node.matching->fill_right;
    if (filled && !options_.fill_modifiers) {
      note(position, "binop fill modifiers are experimental and not enabled");
    }
    return make_expr(position, std::move(node));
  }

  void modifiers(Binary& node) {
    VectorMatching& matching = *node.matching;
    node.return_bool = accept(TokenType::Bool);
    if (peek().type == TokenType::On || peek().type == TokenType::Ignoring) {
      matching.on = take().type == TokenType::On;
      matching.labels = grouping_labels();
      const TokenType group = peek().type;
      if (group == TokenType::GroupLeft || group == TokenType::GroupRight) {
        take();
        matching.cardinality =
            group == TokenType::GroupLeft ? Cardinality::ManyToOne : Cardinality::OneToMany;
        if (peek().type == TokenType::LeftParen) matching.include = grouping_labels();
      }
    }
    if (accept(TokenType::Fill)) {
      matching.fill_left = matching.fill_right = fill_value();
    } else if (accept(TokenType::FillLeft)) {
      matching.fill_left = fill_value();
      if (accept(TokenType::FillRight)) matching.fill_right = fill_value();
    } else if (accept(TokenType::FillRight)) {
      matching.fill_right = fill_value();
      if (accept(TokenType::FillLeft)) matching.fill_left = fill_value();
    }
  }

  double fill_value() {
    if (!accept(TokenType::LeftParen)) return unexpected("", ""), 0;
    double sign = 1;
    if (peek().type == TokenType::Add || peek().type == TokenType::Sub) {
      sign = take().type == TokenType::Sub ? -1 : 1;
    }
    if (peek().type != TokenType::Number && peek().type != TokenType::Duration) {
      return unexpected("", ""), 0;
    }
    const double value = sign * number_literal().value;
    if (!accept(TokenType::RightParen)) unexpected("", "");
    return value;
  }

  std::vector<std::string> grouping_labels() {
    std::vector<std::string> labels;
    if (!accept(TokenType::LeftParen)) return unexpected("grouping opts", "\"(\""), labels;
    while (!accept(TokenType::RightParen)) {
      const Token& token = peek();
      if (token.type == TokenType::String) {
        labels.push_back(unquote(take().text));
      } else if (can_be_label(token.type)) {
        labels.emplace_back(take().text);
      } else {
        return unexpected("grouping opts", "label"), labels;
      }
      if (labels.back().empty()) {
        note(token.position, "invalid label name for grouping: \"\"");
      }
      if (peek().type != TokenType::RightParen && !accept(TokenType::Comma)) {
        return unexpected("grouping opts", "\",\" or \")\""), labels;
      }
    }
    return labels;
  }

  ExprPtr unary() {
    if (peek().type != TokenType::Add && peek().type != TokenType::Sub) return postfix(primary());
    const Token op = take();
    // Binds like multiplication: only ^ and postfix modifiers are tighter.
    ExprPtr operand = expression(precedence(TokenType::Pow));
    if (failed()) return operand;
    if (NumberLiteral* number = operand->as<NumberLiteral>()) {
      if (op.type == TokenType::Sub) number->value = -number->value;
      operand->position.start = op.position.start;
      return operand;
    }
    const PositionRange position{op.position.start, operand->position.end};
    return make_expr(position, Unary{op.type, std::move(operand)});
  }

  ExprPtr primary() {
    const Token& token = peek();
    switch (token.type) {
      case TokenType::Number:
      case TokenType::Duration: {
        const PositionRange position = token.position;
        return make_expr(position, number_literal());
      }
      case TokenType::String: {
        const Token& literal = take();
        return make_expr(literal.position, StringLiteral{unquote(literal.text)});
      }
      case TokenType::LeftParen: {
        const int start = take().position.start;
        ExprPtr inner = expression(0);
        if (failed()) return inner;
        if (peek().type != TokenType::RightParen) return unexpected("", "");
        const int end = take().position.end;
        return make_expr({start, end}, Paren{std::move(inner)});
      }
      case TokenType::LeftBrace: return selector();
      default: break;
    }
    if (!can_be_metric(token.type)) return unexpected("", "");
    const TokenType next = peek(1).type;
    if (is_aggregator(token.type)) {
      if (next == TokenType::LeftParen || next == TokenType::By || next == TokenType::Without) {
        return aggregate();
      }
      const bool ends_selector = next == TokenType::End || next == TokenType::LeftBrace ||
                                 next == TokenType::LeftBracket || next == TokenType::RightParen ||
                                 next == TokenType::Comma || next == TokenType::Offset ||
                                 next == TokenType::Anchored || next == TokenType::Smoothed ||
                                 is_operator(next) || next == TokenType::RightBracket;
      if (!ends_selector) {
        take();
        return unexpected("", "");
      }
      return selector();
    }
    const bool callable = token.type == TokenType::Identifier || token.type >= TokenType::Start;
    if (callable && next == TokenType::LeftParen) return call();
    return selector();
  }

  NumberLiteral number_literal() {
    const Token& token = take();
    if (token.type == TokenType::Duration) {
      const auto duration = parse_duration(token.text);
      if (!duration) {
        note(token.position, duration.error().message);
        return {0, true};
      }
      return {duration->as_seconds(), true};
    }
    const auto value = parse_number(token.text);
    if (!value) {
      note(token.position, value.error().message);
      return {};
    }
    return {*value, false};
  }

  std::optional<std::vector<ExprPtr>> call_arguments() {
    std::vector<ExprPtr> arguments;
    take();  // (
    if (accept(TokenType::RightParen)) return arguments;
    for (;;) {
      arguments.push_back(expression(0));
      if (failed()) return std::nullopt;
      if (accept(TokenType::RightParen)) return arguments;
      if (peek().type != TokenType::Comma) return unexpected("", ""), std::nullopt;
      const Token& comma = take();
      if (peek().type == TokenType::RightParen || !begins_expression(peek().type)) {
        note(comma.position, "trailing commas not allowed in function call args");
        if (accept(TokenType::RightParen)) return arguments;
        fatal_ = true;
        return std::nullopt;
      }
    }
  }

  ExprPtr call() {
    const Token name = take();
    auto arguments = call_arguments();
    if (!arguments) return nothing();
    const Function* function = find_function(name.text);
    if (function == nullptr) {
      note(name.position, "unknown function with name " + quoted(name.text));
      fatal_ = true;  // there is nothing to check the rest against
      return nothing();
    }
    if (function->info.experimental && !options_.experimental_functions) {
      note(name.position, fmt::format("function {} is not enabled", quoted(name.text)));
    }
    return make_expr({name.position.start, last_closing_}, Call{function, std::move(*arguments)});
  }

  ExprPtr aggregate() {
    const Token op = take();
    Aggregate node;
    node.op = op.type;
    bool modified = aggregate_modifier(node);
    if (failed()) return nothing();
    if (peek().type != TokenType::LeftParen) return unexpected("aggregation", "");
    ++aggregations_;
    auto arguments = call_arguments();
    --aggregations_;
    if (!arguments) return nothing();
    if (!modified) aggregate_modifier(node);
    if (failed()) return nothing();
    const PositionRange position{op.position.start, last_closing_};
    if (arguments->empty()) {
      note(position, "no arguments for aggregate expression provided");
      return nothing();
    }
    if ((op.type == TokenType::Limitk || op.type == TokenType::LimitRatio) &&
        !options_.experimental_functions) {
      note(position, fmt::format("{}() is experimental and must be enabled with "
                                 "--enable-feature=promql-experimental-functions",
                                 op.text));
    }
    const size_t wanted = takes_parameter(op.type) ? 2 : 1;
    if (arguments->size() != wanted) {
      note(position, fmt::format("wrong number of arguments for aggregate expression provided, "
                                 "expected {}, got {}",
                                 wanted, arguments->size()));
      return nothing();
    }
    if (wanted == 2) node.parameter = std::move((*arguments)[0]);
    node.expr = std::move(arguments->back());
    return make_expr(position, std::move(node));
  }

  bool aggregate_modifier(Aggregate& node) {
    if (peek().type != TokenType::By && peek().type != TokenType::Without) return false;
    node.without = take().type == TokenType::Without;
    node.grouping = grouping_labels();
    return true;
  }

  // --- selectors -----------------------------------------------------------------------------

  ExprPtr selector() {
    VectorSelector node;
    PositionRange position = peek().position;
    if (can_be_metric(peek().type)) {
      node.name = take().text;
    } else if (peek().type != TokenType::LeftBrace) {
      return unexpected("", "");
    }
    if (peek().type == TokenType::LeftBrace) {
      take();
      matchers(node);
      if (failed()) return nothing();
      position.end = last_closing_;
    }
    if (!node.name.empty()) node.matchers.push_back(Matcher::equal(kMetricName, node.name));
    return make_expr(position, std::move(node));
  }

  void matchers(VectorSelector& node) {
    while (!accept(TokenType::RightBrace)) {
      if (!matcher(node)) return;
      if (peek().type != TokenType::RightBrace && !accept(TokenType::Comma)) {
        unexpected("label matching", "\",\" or \"}\"");
        return;
      }
    }
  }

  bool matcher(VectorSelector& node) {
    const Token label = peek();
    if (label.type != TokenType::Identifier && label.type != TokenType::String) {
      unexpected("label matching", "identifier or \"}\"");
      return false;
    }
    take();
    const bool is_quoted = label.type == TokenType::String;
    const std::string name = is_quoted ? unquote(label.text) : std::string(label.text);
    MatchType type{};
    switch (peek().type) {
      case TokenType::Assign: type = MatchType::Equal; break;
      case TokenType::NotEqual: type = MatchType::NotEqual; break;
      case TokenType::MatchRegex: type = MatchType::Regex; break;
      case TokenType::MatchNotRegex: type = MatchType::NotRegex; break;
      default:
        if (is_quoted) {  // {"metric.name"}
          node.matchers.push_back(Matcher::equal(kMetricName, name));
          return true;
        }
        unexpected("label matching", "label matching operator");
        return false;
    }
    take();
    if (peek().type != TokenType::String) {
      unexpected("label matching", "string");
      return false;
    }
    const Token value = take();
    auto made = Matcher::make(type, name, unquote(value.text));
    if (!made) {
      note(label.position, made.error().message);
      return true;
    }
    regex_size_ += made->program_size();
    if (regex_size_ > kMaxRegexProgram) {
      note(label.position, fmt::format("{}", kRegexesTooLarge));
      fatal_ = true;
      return false;
    }
    node.matchers.push_back(*std::move(made));
    return true;
  }

  // --- what follows a selector: [range], offset, @, anchored, smoothed ----------------------

  ExprPtr postfix(ExprPtr expr) {
    while (!failed()) {
      switch (peek().type) {
        case TokenType::LeftBracket:
          if (!count_link()) return nothing();
          expr = bracket(std::move(expr));
          break;
        case TokenType::Offset: offset(*expr); break;
        case TokenType::At: at_modifier(*expr); break;
        case TokenType::Anchored: extended(*expr, ExtendedRange::Anchored); break;
        case TokenType::Smoothed: extended(*expr, ExtendedRange::Smoothed); break;
        default: return expr;
      }
    }
    return expr;
  }

  ExprPtr bracket(ExprPtr expr) {
    const Token open = take();
    ExprPtr range =
        bracket_duration("subquery or range selector", "number, duration, step(), or range()");
    if (failed()) return expr;
    if (accept(TokenType::RightBracket)) return matrix(std::move(expr), std::move(range), open);
    if (!accept(TokenType::Colon)) {
      return unexpected("subquery or range", "\":\" or \"]\"");
    }
    Subquery node;
    if (peek().type != TokenType::RightBracket) {
      ExprPtr step =
          bracket_duration("subquery selector", "number, duration, step(), range(), or \"]\"");
      if (failed()) return expr;
      set_duration(std::move(step), node.step, node.step_expr);
    }
    if (peek().type != TokenType::RightBracket) return unexpected("subquery selector", "\"]\"");
    const int end = take().position.end;
    set_duration(std::move(range), node.range, node.range_expr);
    const int start = expr->position.start;
    node.expr = std::move(expr);
    return make_expr({start, end}, std::move(node));
  }

  ExprPtr matrix(ExprPtr expr, ExprPtr range, const Token& open) {
    const VectorSelector* vector = expr->as<VectorSelector>();
    const PositionRange brackets{open.position.start, last_closing_};
    if (vector == nullptr) {
      note(brackets, "ranges only allowed for vector selectors");
      return nothing();
    }
    if (vector->time.offset.ms != 0 || vector->time.offset_expr) {
      note(brackets, "no offset modifiers allowed before range");
    } else if (vector->time.at != AtKind::None) {
      note(brackets, "no @ modifiers allowed before range");
    }
    MatrixSelector node;
    set_duration(std::move(range), node.range, node.range_expr);
    const PositionRange position{expr->position.start, last_closing_};
    node.vector = std::move(expr);
    return make_expr(position, std::move(node));
  }

  static void set_duration(ExprPtr from, DurationMs& literal, ExprPtr& expression) {
    if (const NumberLiteral* number = from->as<NumberLiteral>()) {
      literal = to_duration(number->value);
    } else {
      expression = std::move(from);
    }
  }

  ExprPtr bracket_duration(std::string_view context, std::string_view expected) {
    duration_context_ = context;
    duration_expected_ = expected;
    switch (peek().type) {
      case TokenType::Number:
      case TokenType::Duration:
      case TokenType::LeftParen:
      case TokenType::Add:
      case TokenType::Sub:
      case TokenType::Step:
      case TokenType::Range:
      case TokenType::MaxOf:
      case TokenType::MinOf: break;
      default: return unexpected(context, expected);
    }
    ExprPtr duration = duration_expression(0);
    if (failed()) return duration;
    if (const NumberLiteral* number = duration->as<NumberLiteral>()) {
      if (number->value <= 0) note(duration->position, "duration must be greater than 0");
    }
    return duration;
  }

  /// The selector or subquery that a modifier belongs to, or null.
  static TimeModifiers* modifiers_of(Expr& expr) {
    if (auto* vector = expr.as<VectorSelector>()) return &vector->time;
    if (auto* matrix = expr.as<MatrixSelector>())
      return &matrix->vector->as<VectorSelector>()->time;
    if (auto* subquery = expr.as<Subquery>()) return &subquery->time;
    return nullptr;
  }

  void offset(Expr& expr) {
    take();
    ExprPtr duration = offset_duration();
    if (failed()) return;
    TimeModifiers* time = modifiers_of(expr);
    if (time == nullptr) {
      note(expr.position,
           "offset modifier must be preceded by an instant vector selector or range "
           "vector selector or a subquery");
      return;
    }
    if (time->offset.ms != 0 || time->offset_expr) {
      note(expr.position, "offset may not be set multiple times");
      return;
    }
    set_duration(std::move(duration), time->offset, time->offset_expr);
    expr.position.end = last_closing_;
  }

  void at_modifier(Expr& expr) {
    take();
    TimeModifiers parsed;
    const TokenType type = peek().type;
    if (type == TokenType::Start || type == TokenType::EndWord) {
      take();
      if (!accept(TokenType::LeftParen) || !accept(TokenType::RightParen)) {
        unexpected("@", "timestamp");
        return;
      }
      parsed.at = type == TokenType::Start ? AtKind::Start : AtKind::End;
    } else {
      double sign = 1;
      if (type == TokenType::Add || type == TokenType::Sub) {
        sign = take().type == TokenType::Sub ? -1 : 1;
      }
      if (peek().type != TokenType::Number && peek().type != TokenType::Duration) {
        unexpected("@", "timestamp");
        return;
      }
      const double seconds = sign * number_literal().value;
      if (!std::isfinite(seconds) || std::fabs(seconds) >= 0x1p63) {
        note(expr.position,
             fmt::format("timestamp out of bounds for @ modifier: {}", go_float(seconds)));
        return;
      }
      parsed.at = AtKind::Time;
      parsed.at_time = to_time(seconds);
    }
    TimeModifiers* time = modifiers_of(expr);
    if (time == nullptr) {
      note(expr.position,
           "@ modifier must be preceded by an instant vector selector or range "
           "vector selector or a subquery");
    } else if (time->at != AtKind::None) {
      note(expr.position, "@ <timestamp> may not be set multiple times");
    } else {
      time->at = parsed.at;
      time->at_time = parsed.at_time;
      expr.position.end = last_closing_;
    }
  }

  /// Go's %f.
  static std::string go_float(double value) {
    return std::isfinite(value) ? fmt::format("{:f}", value) : codec::format_fixed(value);
  }

  void extended(Expr& expr, ExtendedRange kind) {
    const std::string_view word = take().text;
    VectorSelector* vector = expr.as<VectorSelector>();
    if (auto* matrix = expr.as<MatrixSelector>()) vector = matrix->vector->as<VectorSelector>();
    if (!options_.extended_range_selectors) {
      note(expr.position, fmt::format("{} modifier is experimental and not enabled", word));
    } else if (expr.as<Subquery>() != nullptr) {
      note(expr.position, fmt::format("{} modifier is not supported for subqueries", word));
    } else if (vector == nullptr) {
      note(expr.position, fmt::format("{} modifier not implemented", word));
    } else if (vector->extended != ExtendedRange::None && vector->extended != kind) {
      note(expr.position, "anchored and smoothed modifiers cannot be used together");
    } else {
      vector->extended = kind;
    }
  }

  // --- durations -----------------------------------------------------------------------------

  ExprPtr checked_number() {
    const PositionRange position = peek().position;
    NumberLiteral number = number_literal();
    if (std::fabs(number.value) > kMaxDurationSeconds) {
      note(position, "duration out of range");
      number.value = 0;
    }
    return make_expr(position, number);
  }

  /// After "offset": a literal or a call stands alone, so that `x offset -2^2` is `(x offset
  /// -2)^2`; only what begins with a parenthesis may go on as arithmetic.
  ExprPtr offset_duration() {
    duration_context_ = "offset";
    duration_expected_ = "number, duration, step(), or range()";
    switch (peek().type) {
      case TokenType::LeftParen: return duration_expression(0);
      case TokenType::Add:
      case TokenType::Sub: {
        std::vector<Token> signs;
        while (peek().type == TokenType::Add || peek().type == TokenType::Sub) {
          if (static_cast<int>(signs.size()) < options_.max_depth) {
            signs.push_back(take());
            continue;
          }
          if (!fatal_) note(peek().position, "duration expression nests too deep");
          fatal_ = true;
          return nothing();
        }
        ExprPtr duration = duration_primary();
        for (const Token& sign : std::views::reverse(signs)) {
          if (duration && !failed()) duration = negate(sign, std::move(duration));
        }
        return duration;
      }
      default: return duration_primary();
    }
  }

  ExprPtr duration_expression(int min_precedence) {
    if (++depth_ > options_.max_depth) {
      if (!fatal_) note(peek().position, "duration expression nests too deep");
      fatal_ = true;
      --depth_;
      return nothing();
    }
    ExprPtr left;
    if (peek().type == TokenType::Add || peek().type == TokenType::Sub) {
      const Token op = take();
      left = negate(op, duration_expression(precedence(TokenType::Pow)));
    } else {
      left = duration_primary();
    }
    while (!failed() && is_arithmetic(peek().type) && precedence(peek().type) >= min_precedence) {
      if (!count_link()) break;
      const Token op = take();
      const int level = precedence(op.type);
      ExprPtr right = duration_expression(op.type == TokenType::Pow ? level : level + 1);
      if (failed()) break;
      const NumberLiteral* divisor = right->as<NumberLiteral>();
      if (divisor != nullptr && divisor->value == 0) {
        if (op.type == TokenType::Div) note(op.position, "division by zero");
        if (op.type == TokenType::Mod) note(op.position, "modulo by zero");
      }
      const PositionRange position{left->position.start, right->position.end};
      left = make_expr(position, DurationExpr{op.type, std::move(left), std::move(right)});
    }
    --depth_;
    return left;
  }

  ExprPtr negate(const Token& op, ExprPtr operand) {
    if (failed()) return operand;
    if (NumberLiteral* number = operand->as<NumberLiteral>()) {
      if (op.type == TokenType::Sub) number->value = -number->value;
      operand->position.start = op.position.start;
      return operand;
    }
    if (op.type == TokenType::Add) return operand;
    const PositionRange position{op.position.start, operand->position.end};
    return make_expr(position, DurationExpr{TokenType::Sub, nullptr, std::move(operand)});
  }

  ExprPtr unexpected_in_duration() { return unexpected(duration_context_, duration_expected_); }

  ExprPtr duration_primary() {
    const Token token = peek();
    switch (token.type) {
      case TokenType::Number:
      case TokenType::Duration: return checked_number();
      case TokenType::LeftParen: {
        take();
        ExprPtr inner = duration_expression(0);
        if (failed()) return inner;
        if (peek().type != TokenType::RightParen) return unexpected_in_duration();
        const int end = take().position.end;
        if (auto* duration = inner->as<DurationExpr>()) {
          duration->wrapped = true;
          return inner;
        }
        return make_expr({token.position.start, end},
                         DurationExpr{TokenType::Add, nullptr, std::move(inner), true});
      }
      case TokenType::Step:
      case TokenType::Range:
        take();
        if (!accept(TokenType::LeftParen) || !accept(TokenType::RightParen)) {
          return unexpected_in_duration();
        }
        return make_expr({token.position.start, last_closing_},
                         DurationExpr{token.type, nullptr, nullptr});
      case TokenType::MinOf:
      case TokenType::MaxOf: {
        take();
        if (!accept(TokenType::LeftParen)) return unexpected_in_duration();
        ExprPtr left = duration_expression(0);
        if (!failed() && !accept(TokenType::Comma)) return unexpected_in_duration();
        ExprPtr right = failed() ? nothing() : duration_expression(0);
        if (!failed() && !accept(TokenType::RightParen)) return unexpected_in_duration();
        return make_expr({token.position.start, last_closing_},
                         DurationExpr{token.type, std::move(left), std::move(right)});
      }
      default: return unexpected_in_duration();
    }
  }

  std::string_view query_;
  const ParseOptions& options_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int last_closing_ = 0;
  std::string_view duration_context_;   // what errors in a duration are said to be in,
  std::string_view duration_expected_;  // and what should stand there
  int depth_ = 0;
  int aggregations_ = 0;  // whose arguments are being read
  int links_ = 0;
  size_t regex_size_ = 0;  // of all matchers
  bool fatal_ = false;
  std::vector<Error> errors_;
};

}  // namespace

namespace {

Result<void> check_length(std::string_view query, const ParseOptions& options) {
  if (query.size() <= options.max_bytes) return {};
  return fail(ErrorCode::BadData, "1:1: parse error: the text has {} bytes, {} are allowed",
              query.size(), options.max_bytes);
}

}  // namespace

Result<ExprPtr> parse(std::string_view query, const ParseOptions& options) {
  TRY(check_length(query, options));
  return Parser(query, options).run();
}

Result<std::vector<Matcher>> parse_selector(std::string_view selector) {
  const ParseOptions options;
  TRY(check_length(selector, options));
  return Parser(selector, options).run_selector();
}

}  // namespace prom5::promql
