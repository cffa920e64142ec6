#include "query/typed_query.h"

#include <algorithm>

#include "base/ascii.h"
#include "query/functions.h"
#include "query/promql/parser.h"
#include "query/promql/words.h"

namespace prom5::query {

namespace {

using promql::TokenType;
using Tokens = std::vector<promql::Token>;

/// Brackets and operators that are signs: words have none of them together.
bool is_sign(TokenType type) {
  return promql::is_arithmetic(type) || promql::is_comparison(type) ||
         type == TokenType::LeftParen || type == TokenType::LeftBrace ||
         type == TokenType::LeftBracket || type == TokenType::Offset;
}

bool is_name(TokenType type) {
  return type == TokenType::Identifier || type == TokenType::MetricIdentifier;
}

/// What stands for a value or names something, where a keyword does not.
bool begins_operand(TokenType type) {
  return is_name(type) || promql::is_aggregator(type) || type == TokenType::Number ||
         type == TokenType::Duration || type == TokenType::String;
}

bool ends_operand(TokenType type) {
  return begins_operand(type) || type == TokenType::RightParen || type == TokenType::RightBrace ||
         type == TokenType::RightBracket;
}

/// "web_requests", "job:errors:rate": made by programs.
bool is_made_name(std::string_view name) {
  return name.find_first_of("_:") != std::string_view::npos;
}

/// "cpu of web", "sum of": two words side by side, as no query has them.
bool is_prose(const Tokens& tokens) {
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (ends_operand(tokens[i].type) && begins_operand(tokens[i + 1].type)) return true;
  }
  return false;
}

bool is_function(std::string_view name) {
  return std::ranges::any_of(functions(), [&](const auto& f) { return f.name == name; });
}

/// Whether what does not parse was meant to.
bool looks_meant(const Tokens& tokens) {
  if (is_prose(tokens)) return false;
  bool made = false;
  bool joined = false;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    const TokenType type = tokens[i].type;
    const TokenType next = tokens[i + 1].type;
    // "cpu_usage (percent)" has a bracket beside words.
    const bool joint = tokens[i].position.end == tokens[i + 1].position.start;
    const bool calls = joint && next == TokenType::LeftParen;
    if (calls && (promql::is_aggregator(type) || is_function(tokens[i].text))) return true;
    if (!is_name(type)) continue;
    if (next == TokenType::LeftBrace && joint) return true;
    made = made || is_made_name(tokens[i].text);
    const bool bracket = calls || next == TokenType::LeftBrace || next == TokenType::LeftBracket;
    joined = joined || bracket;
    if (!promql::is_arithmetic(next) && !promql::is_comparison(next)) continue;
    // An operator, and behind it another name.
    joined = joined || std::any_of(tokens.begin() + static_cast<ptrdiff_t>(i) + 2, tokens.end(),
                                   [](const promql::Token& token) { return is_name(token.type); });
  }
  return made && joined;
}

/// The name of a selector; empty where it has none, or more than one.
std::string name_of(const promql::VectorSelector& selector) {
  if (!selector.name.empty()) return selector.name;
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name() == kMetricName && matcher.type() == MatchType::Equal) return matcher.value();
  }
  return "";
}

/// What a query reads, and whether it has a part that words do not have.
void look_into(const promql::Expr& expr, TypedQuery& out, bool& reads) {
  if (const auto* selector = expr.as<promql::VectorSelector>()) {
    reads = true;
    const std::string name = name_of(*selector);
    const bool plain = !selector->name.empty() && selector->matchers.size() <= 1;
    out.surely = out.surely || !plain || is_made_name(name);
    if (!name.empty()) out.names.push_back({name, static_cast<size_t>(expr.position.start)});
  } else if (expr.as<promql::Call>() != nullptr || expr.as<promql::Aggregate>() != nullptr ||
             expr.as<promql::MatrixSelector>() != nullptr) {
    reads = out.surely = true;
  }
  for (const promql::Expr* child : promql::children(expr)) look_into(*child, out, reads);
}

/// What comes out of it, and what its outermost part does.
void describe(const promql::Expr& expr, TypedQuery& out) {
  const promql::Expr& inside = promql::unwrap(expr);
  const auto* binary = inside.as<promql::Binary>();
  const auto* aggregate = inside.as<promql::Aggregate>();
  out.type = promql::type_of(expr);
  out.in_words = promql::in_words(expr);
  out.filters = binary != nullptr && promql::is_comparison(binary->op) && !binary->return_bool;
  out.least_first = aggregate != nullptr && aggregate->op == TokenType::Bottomk;
  out.plain_range = inside.as<promql::MatrixSelector>() != nullptr;
}

}  // namespace

bool is_plain_selector(std::string_view promql) {
  const auto parsed = promql::parse(promql);
  const auto* selector = parsed ? (*parsed)->as<promql::VectorSelector>() : nullptr;
  return selector != nullptr && selector->time.offset.ms == 0 &&
         selector->time.at == promql::AtKind::None;
}

TypedQuery typed_query(std::string_view text) {
  TypedQuery out;
  text = trimmed(text);
  out.promql = text.substr(0, text.find_last_not_of(" \t\r\n?!.") + 1);
  const Tokens tokens = promql::tokenize(out.promql);
  if (tokens.size() <= 2) return out;  // one word and the end
  const bool signs =
      std::ranges::any_of(tokens, [](const promql::Token& token) { return is_sign(token.type); });
  auto parsed = promql::parse(out.promql);
  if (!parsed) {
    if (!looks_meant(tokens)) return out;
    out.kind = TypedQuery::Kind::Broken;
    out.error = parsed.error().message;
    return out;
  }
  bool reads = false;
  look_into(**parsed, out, reads);
  if (!reads || (!signs && !out.surely)) return out;
  out.kind = TypedQuery::Kind::Query;
  describe(**parsed, out);
  return out;
}

}  // namespace prom5::query
