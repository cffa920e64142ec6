#include "query/promql/lexer.h"

#include <gtest/gtest.h>

#include <vector>

namespace prom5::promql {

namespace {

using T = TokenType;

/// All token types but the End that must close the list.
void types(std::string_view query, const std::vector<T>& want) {
  const std::vector<Token> tokens = tokenize(query);
  ASSERT_FALSE(tokens.empty()) << query;
  ASSERT_EQ(tokens.back().type, T::End) << query << ": " << tokens.back().error;
  std::vector<T> got;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) got.push_back(tokens[i].type);
  EXPECT_EQ(got, want) << query;
}

void fails(std::string_view query, std::string_view want) {
  const std::vector<Token> tokens = tokenize(query);
  ASSERT_FALSE(tokens.empty()) << query;
  EXPECT_EQ(tokens.back().type, T::Error) << query;
  EXPECT_EQ(tokens.back().error, want) << query;
}

}  // namespace

TEST(Lexer, Symbols) {
  types("", {});
  types(" \t\r\n", {});
  types(",", {T::Comma});
  types("()", {T::LeftParen, T::RightParen});
  types("{}", {T::LeftBrace, T::RightBrace});
  types("[5m]", {T::LeftBracket, T::Duration, T::RightBracket});
  types("+ - * / % ^", {T::Add, T::Sub, T::Mul, T::Div, T::Mod, T::Pow});
  types("= == !=", {T::Assign, T::Equal, T::NotEqual});
  types("< <= > >=", {T::Less, T::LessEqual, T::Greater, T::GreaterEqual});
  types("</ >/", {T::TrimUpper, T::TrimLower});
  types("@", {T::At});
}

TEST(Lexer, NumbersAndDurations) {
  const auto number = [](std::string_view s) { types(s, {T::Number}); };
  number("1");
  number("4.23");
  number(".3");
  number("5.");
  number("1e5");
  number("1E-5");
  number("1.5e+2");
  number("0x1f");
  number("NaN");
  number("nAN");
  number("Inf");
  number("iNF");
  types("-1", {T::Sub, T::Number});
  const auto duration = [](std::string_view s) { types(s, {T::Duration}); };
  duration("5s");
  duration("123m");
  duration("1h");
  duration("3w");
  duration("1y");
  duration("10ms");
  duration("1h30m");
  duration("4d2h");
}

TEST(Lexer, Words) {
  types("abc", {T::Identifier});
  types("a_1", {T::Identifier});
  types("_", {T::Identifier});
  types("a:b", {T::MetricIdentifier});
  types(":a", {T::MetricIdentifier});
  types("infinity", {T::Identifier});
  types("nanx", {T::Identifier});
  types("and or unless atan2", {T::And, T::Or, T::Unless, T::Atan2});
  types("AND Or uNLESS", {T::And, T::Or, T::Unless});
  types("sum avg count min max group", {T::Sum, T::Avg, T::Count, T::Min, T::Max, T::Group});
  types("topk bottomk quantile", {T::Topk, T::Bottomk, T::Quantile});
  types("count_values stddev stdvar", {T::CountValues, T::Stddev, T::Stdvar});
  types("limitk limit_ratio", {T::Limitk, T::LimitRatio});
  types("offset by without on ignoring", {T::Offset, T::By, T::Without, T::On, T::Ignoring});
  types("group_left group_right bool", {T::GroupLeft, T::GroupRight, T::Bool});
  types("start end", {T::Start, T::EndWord});
}

TEST(Lexer, Strings) {
  const auto string = [](std::string_view s) { types(s, {T::String}); };
  string(R"("")");
  string(R"('x')");
  string("`x\ny`");
  string(R"("a\"b")");
  string(R"('\'')");
  string(R"("\n\x41\101\u00e9\U0001F600")");
  fails("\"", "unterminated quoted string");
  fails("\"a\nb\"", "unterminated quoted string");
  fails("'a", "unterminated quoted string");
  fails("`a", "unterminated raw string");
}

TEST(Lexer, Braces) {
  types("{a=\"b\"}", {T::LeftBrace, T::Identifier, T::Assign, T::String, T::RightBrace});
  types("{a!=\"b\"}", {T::LeftBrace, T::Identifier, T::NotEqual, T::String, T::RightBrace});
  types("{a=~\"b\"}", {T::LeftBrace, T::Identifier, T::MatchRegex, T::String, T::RightBrace});
  types("{a!~\"b\"}", {T::LeftBrace, T::Identifier, T::MatchNotRegex, T::String, T::RightBrace});
  types("{\"a.b\"}", {T::LeftBrace, T::String, T::RightBrace});
  types("{on=\"b\"}", {T::LeftBrace, T::Identifier, T::Assign, T::String, T::RightBrace});
}

TEST(Lexer, CommentsGo) {
  types("# only", {});
  types("1 # one\n+ 2", {T::Number, T::Add, T::Number});
  types("\"#\"", {T::String});
}

TEST(Lexer, Subqueries) {
  types("[4m:4s]", {T::LeftBracket, T::Duration, T::Colon, T::Duration, T::RightBracket});
  types("[4m:]", {T::LeftBracket, T::Duration, T::Colon, T::RightBracket});
  types("[1h] offset 5m", {T::LeftBracket, T::Duration, T::RightBracket, T::Offset, T::Duration});
}

// Texts of prometheus promql/parser/lex.go.
TEST(Lexer, Errors) {
  fails(".", "unexpected character: '.'");
  fails("$", "unexpected character: '$'");
  fails("1 !~ 1", "unexpected character after '!': '~'");
  fails("a =~ b", "unexpected character after '=': '~'");
  fails("(", "unclosed left parenthesis");
  fails("(()", "unclosed left parenthesis");
  fails(")", "unexpected right parenthesis ')'");
  fails("]", "unexpected right bracket ']'");
  fails("}", "unexpected character: '}'");
  fails("2.5.", "bad number or duration syntax: \"2.5.\"");
  fails("{", "unexpected end of input inside braces");
  fails("{a", "unexpected end of input inside braces");
  fails("{{", "unexpected left brace '{'");
}

TEST(Lexer, PositionsAreBytes) {
  const auto tokens = tokenize("sum(\"é\")");
  ASSERT_EQ(tokens.size(), 5U);
  EXPECT_EQ(tokens[0].text, "sum");
  EXPECT_EQ(tokens[2].position.start, 4);
  EXPECT_EQ(tokens[2].position.end, 8);
  EXPECT_EQ(tokens[3].position.start, 8);
}

TEST(Lexer, Classes) {
  const auto is = [](T type, bool op, bool aggregator, bool comparison, bool set) {
    EXPECT_EQ(is_operator(type), op) << spelling(type);
    EXPECT_EQ(is_aggregator(type), aggregator) << spelling(type);
    EXPECT_EQ(is_comparison(type), comparison) << spelling(type);
    EXPECT_EQ(is_set_operator(type), set) << spelling(type);
  };
  is(T::Add, true, false, false, false);
  is(T::Atan2, true, false, false, false);
  is(T::Equal, true, false, true, false);
  is(T::GreaterEqual, true, false, true, false);
  is(T::And, true, false, false, true);
  is(T::Unless, true, false, false, true);
  is(T::Sum, false, true, false, false);
  is(T::LimitRatio, false, true, false, false);
  is(T::By, false, false, false, false);
  is(T::Comma, false, false, false, false);
}

TEST(Lexer, Describe) {
  const auto first = [](std::string_view query, std::string_view want) {
    EXPECT_EQ(describe(tokenize(query)[0]), want) << query;
  };
  first("", "end of input");
  first("foo", "identifier \"foo\"");
  first("a:b", "metric identifier \"a:b\"");
  first("+", "<op:+>");
  first("5m", "duration \"5m\"");
  first("1.5", "number \"1.5\"");
  first("sum", "<aggr:sum>");
}

}  // namespace prom5::promql
