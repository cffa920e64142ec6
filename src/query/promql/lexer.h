#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prom5::promql {

/// Bytes of the query text; end is one past the last.
struct PositionRange {
  int start = 0;
  int end = 0;
};

enum class TokenType : uint8_t {
  End,
  Error,
  Identifier,
  MetricIdentifier,
  String,
  Number,
  Duration,
  LeftParen,
  RightParen,
  LeftBrace,
  RightBrace,
  LeftBracket,
  RightBracket,
  Comma,
  Colon,
  Assign,
  MatchRegex,
  MatchNotRegex,
  // operators
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  Pow,
  Equal,
  NotEqual,
  LessEqual,
  Less,
  GreaterEqual,
  Greater,
  TrimUpper,
  TrimLower,
  And,
  Or,
  Unless,
  Atan2,
  At,
  // aggregators
  Sum,
  Avg,
  Count,
  Min,
  Max,
  Group,
  Stddev,
  Stdvar,
  Topk,
  Bottomk,
  CountValues,
  Quantile,
  Limitk,
  LimitRatio,
  // keywords
  Offset,
  Smoothed,
  Anchored,
  By,
  Without,
  On,
  Ignoring,
  GroupLeft,
  GroupRight,
  Fill,
  FillLeft,
  FillRight,
  Bool,
  // preprocessors
  Start,
  EndWord,
  Step,
  Range,
  MaxOf,
  MinOf,
};

struct Token {
  TokenType type = TokenType::End;
  PositionRange position;
  std::string_view text;  ///< of the query; for Error empty
  std::string error;      ///< for Error only
};

bool is_operator(TokenType type);
bool is_aggregator(TokenType type);
bool is_comparison(TokenType type);
bool is_set_operator(TokenType type);
/// </ and >/: they cut histograms.
bool is_trim(TokenType type);
/// + - * / % ^: what durations may be computed with.
bool is_arithmetic(TokenType type);
/// How tightly a binary operator binds: 1 (or) to 6 (^); 0 for what is none.
int precedence(TokenType type);
/// Words that are keywords in one place may be names in another.
bool can_be_metric(TokenType type);
bool can_be_label(TokenType type);
bool begins_expression(TokenType type);
/// topk(k, …) and its like.
bool takes_parameter(TokenType aggregator);

/// How the token is written: "+", "sum", …; empty where that varies.
std::string_view spelling(TokenType type);

/// How error messages name a token: `identifier "foo"`, `<op:+>`, `end of input`.
std::string describe(const Token& token);

/// Splits a query into tokens; comments and spaces go. The list ends with End or with the first
/// Error. Source: prometheus promql/parser/lex.go, whose states decide what is an error where.
std::vector<Token> tokenize(std::string_view query);

}  // namespace prom5::promql
