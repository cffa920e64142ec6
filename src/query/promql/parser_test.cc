#include "query/promql/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace prom5::promql {

namespace {

/// The message that the query is refused with; "" when it parses.
std::string refusal(std::string_view query, const ParseOptions& options = {}) {
  const auto parsed = parse(query, options);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, ErrorCode::BadData) << query;
  return parsed.error().message;
}

void bad(std::string_view query, std::string_view at, std::string_view text) {
  EXPECT_EQ(refusal(query), std::string(at) + ": parse error: " + std::string(text)) << query;
}

void ok(std::string_view query) { EXPECT_EQ(refusal(query), "") << query; }

}  // namespace

// The cases of prometheus promql/parser/parse_test.go: place and text of the first error.
TEST(Parser, RefusesInPrometheusWords1) {
  bad("", "unknown position", "no expression found in input");
  bad("# just a comment\n\n", "1:1", "no expression found in input");
  bad("1+", "1:3", "unexpected end of input");
  bad(".", "1:1", "unexpected character: '.'");
  bad("2.5.", "1:1", R"(bad number or duration syntax: "2.5.")");
  bad("0deadbeef", "1:1", R"(bad number or duration syntax: "0de")");
  bad("1 /", "1:4", "unexpected end of input");
  bad("*1", "1:1", "unexpected <op:*>");
  bad("(1))", "1:5", "unexpected right parenthesis ')'");
  bad("((1)", "1:5", "unclosed left parenthesis");
  bad("(", "1:2", "unclosed left parenthesis");
  bad("1 and 1", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("1 == 1", "1:3", "comparisons between scalars must use BOOL modifier");
  bad("1 or 1", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("1 unless 1", "1:1", R"(set operator "unless" not allowed in binary scalar expression)");
  bad("1 !~ 1", "1:3", "unexpected character after '!': '~'");
  bad("1 =~ 1", "1:3", "unexpected character after '=': '~'");
  bad("*test", "1:1", "unexpected <op:*>");
  bad("@@", "1:1", "unexpected <op:@>");
  bad("foo offset 1s offset 2s", "1:1", "offset may not be set multiple times");
  bad("a - on(b) ignoring(c) d", "1:11", "unexpected <ignoring>");
  bad("foo and 1", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("1 and foo", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("foo or 1", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("1 or foo", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("foo unless 1", "1:1", R"(set operator "unless" not allowed in binary scalar expression)");
  bad("1 unless foo", "1:1", R"(set operator "unless" not allowed in binary scalar expression)");
  bad("1 or on(bar) foo", "1:1", "vector matching only allowed between instant vectors");
  bad("foo == on(bar) 10", "1:1", "vector matching only allowed between instant vectors");
  bad("foo + group_left(baz) bar", "1:7", "unexpected <group_left>");
  bad("foo and on(bar) group_left(baz) bar", "1:1", R"(no grouping allowed for "and" operation)");
  bad("foo and on(bar) group_right(baz) bar", "1:1", R"(no grouping allowed for "and" operation)");
  bad("foo or on(bar) group_left(baz) bar", "1:1", R"(no grouping allowed for "or" operation)");
  bad("foo or on(bar) group_right(baz) bar", "1:1", R"(no grouping allowed for "or" operation)");
  bad("foo unless on(bar) group_left(baz) bar", "1:1",
      R"(no grouping allowed for "unless" operation)");
  bad("foo unless on(bar) group_right(baz) bar", "1:1",
      R"(no grouping allowed for "unless" operation)");
  bad("foo + bool bar", "1:5", "bool modifier can only be used on comparison operators");
  bad("foo + bool 10", "1:5", "bool modifier can only be used on comparison operators");
  bad("foo and bool 10", "1:5", "bool modifier can only be used on comparison operators");
  bad("foo @ +Inf", "1:1", "timestamp out of bounds for @ modifier: +Inf");
  bad("foo @ -Inf", "1:1", "timestamp out of bounds for @ modifier: -Inf");
  bad("foo @ NaN", "1:1", "timestamp out of bounds for @ modifier: NaN");
  bad("{", "1:2", "unexpected end of input inside braces");
  bad("}", "1:1", "unexpected character: '}'");
  bad("some{", "1:6", "unexpected end of input inside braces");
  bad("some}", "1:5", "unexpected character: '}'");
  bad("some_metric{a=b}", "1:15",
      R"(unexpected identifier "b" in label matching, expected string)");
  bad(R"(some_metric{a:b="b"})", "1:14", "unexpected character inside braces: ':'");
  bad(R"(foo{a*"b"})", "1:6", "unexpected character inside braces: '*'");
  bad(R"(foo{a>="b"})", "1:6", "unexpected character inside braces: '>'");
  bad("foo{gibberish}", "1:14",
      R"(unexpected "}" in label matching, expected label matching operator)");
  bad("foo{1}", "1:5", "unexpected character inside braces: '1'");
  bad("{}", "1:1", "vector selector must contain at least one non-empty matcher");
  bad(R"({x=""})", "1:1", "vector selector must contain at least one non-empty matcher");
  bad(R"({x=~".*"})", "1:1", "vector selector must contain at least one non-empty matcher");
  bad(R"({x!~".+"})", "1:1", "vector selector must contain at least one non-empty matcher");
  bad(R"({x!="a"})", "1:1", "vector selector must contain at least one non-empty matcher");
  bad(R"(foo{__name__="bar"})", "1:1", R"(metric name must not be set twice: "foo" or "bar")");
  bad("foo{__name__= =}", "1:15", R"(unexpected "=" in label matching, expected string)");
  bad("foo{,}", "1:5", R"(unexpected "," in label matching, expected identifier or "}")");
  bad(R"(foo{__name__ == "bar"})", "1:15", R"(unexpected "=" in label matching, expected string)");
  bad(R"(foo{__name__="bar" lol})", "1:20",
      R"(unexpected identifier "lol" in label matching, expected "," or "}")");
  bad(R"(foo{"a"=})", "1:9", R"(unexpected "}" in label matching, expected string)");
  bad("foo[5mm]", "1:5", R"(bad number or duration syntax: "5mm")");
}

TEST(Parser, RefusesInPrometheusWords2) {
  bad("foo[5m1h]", "1:5", R"(not a valid duration string: "5m1h")");
  bad("foo[5m1m]", "1:5", R"(not a valid duration string: "5m1m")");
  bad("foo[0m]", "1:5", "duration must be greater than 0");
  bad("foo[-1]", "1:5", "duration must be greater than 0");
  bad("some_metric[5m] OFFSET 1mm", "1:24", R"(bad number or duration syntax: "1mm")");
  bad("some_metric[5m] OFFSET", "1:23",
      "unexpected end of input in offset, expected number, duration, step(), or range()");
  bad("some_metric OFFSET 1m[5m]", "1:22", "no offset modifiers allowed before range");
  bad("some_metric[5m] @", "1:18", "unexpected end of input in @, expected timestamp");
  bad("some_metric @ 1234 [5m]", "1:20", "no @ modifiers allowed before range");
  bad("some_metric @ start() [5m]", "1:23", "no @ modifiers allowed before range");
  bad("some_metric @ end()[5m]", "1:20", "no @ modifiers allowed before range");
  bad("some_metric offset step()[5m]", "1:26", "no offset modifiers allowed before range");
  bad("(foo + bar)[5m]", "1:12", "ranges only allowed for vector selectors");
  bad(R"(sum by ("foo)(some_metric{}))", "1:9", "unterminated quoted string");
  bad("sum without(==)(some_metric)", "1:13",
      "unexpected <op:==> in grouping opts, expected label");
  bad("sum without(,)(some_metric)", "1:13", R"(unexpected "," in grouping opts, expected label)");
  bad("sum without(foo,,)(some_metric)", "1:17",
      R"(unexpected "," in grouping opts, expected label)");
  bad("sum (some_metric) by test", "1:22",
      R"(unexpected identifier "test" in grouping opts, expected "(")");
  bad("sum () by (test)", "1:1", "no arguments for aggregate expression provided");
  bad("MIN (some_metric) keep_common", "1:19", R"(unexpected identifier "keep_common")");
  bad("sum (some_metric) without (test) by (test)", "1:34", "unexpected <by>");
  bad("sum without (test) (some_metric) by (test)", "1:34", "unexpected <by>");
  bad("topk(some_metric)", "1:1",
      "wrong number of arguments for aggregate expression provided, expected 2, got 1");
  bad("topk(some_metric,)", "1:17", "trailing commas not allowed in function call args");
  bad("topk(some_metric, other_metric)", "1:6",
      "expected type scalar in aggregation parameter, got instant vector");
  bad("count_values(5, other_metric)", "1:14",
      "expected type string in aggregation parameter, got scalar");
  bad("floor()", "1:1", R"(expected 1 argument(s) in call to "floor", got 0)");
  bad("floor(some_metric, other_metric)", "1:1",
      R"(expected 1 argument(s) in call to "floor", got 2)");
  bad("floor(some_metric, 1)", "1:1", R"(expected 1 argument(s) in call to "floor", got 2)");
  bad("floor(1)", "1:7", R"(expected type instant vector in call to function "floor", got scalar)");
  bad("hour(some_metric, some_metric, some_metric)", "1:1",
      R"(expected at most 1 argument(s) in call to "hour", got 3)");
  bad("time(some_metric)", "1:1", R"(expected 0 argument(s) in call to "time", got 1)");
  bad("non_existent_function_far_bar()", "1:1",
      R"(unknown function with name "non_existent_function_far_bar")");
  bad("rate(some_metric)", "1:6",
      R"(expected type range vector in call to function "rate", got instant vector)");
  bad("*1", "1:1", "unexpected <op:*>");
  bad("-=", "1:2", R"(unexpected "=")");
  bad("++-++-+-+-<", "1:11", "unexpected <op:<>");
  bad("e-+=/(0)", "1:4", R"(unexpected "=")");
  bad("a>b()", "1:3", R"(unknown function with name "b")");
  bad("rate(avg)", "1:6",
      R"(expected type range vector in call to function "rate", got instant vector)");
  bad(R"(`\``)", "1:4", "unterminated raw string");
  bad(R"("\)", "1:1", "escape sequence not terminated");
  bad(R"("\c")", "1:1", "unknown escape sequence U+0063 'c'");
  bad(R"("\x.")", "1:1", "illegal character U+002E '.' in escape sequence");
  bad(R"(foo{bar="baz"}[)", "1:16", "unexpected end of input in duration expression");
  bad("test[5d] OFFSET 10s [10m:5s]", "1:1",
      "subquery is only allowed on instant vector, got matrix instead");
  bad(R"((foo + bar{nm="val"})[5m:][10m:5s])", "1:1",
      "subquery is only allowed on instant vector, got matrix instead");
  bad("rate(food[1m])[1h] offset 1h", "1:15", "ranges only allowed for vector selectors");
  bad("rate(food[1m])[1h] @ 100", "1:15", "ranges only allowed for vector selectors");
  bad(R"(info(rate(http_request_counter_total{}[5m]), target_info{foo="bar"}))", "1:46",
      "expected label selectors only, got vector selector instead");
  bad(R"(info(http_request_counter_total{namespace="zzz"}, {foo="bar"} == 1))", "1:51",
      "expected label selectors only");
  bad("foo[step()/0d]", "1:11", "division by zero");
  bad("foo[5s/0d]", "1:7", "division by zero");
  bad("foo offset (4d/0)", "1:15", "division by zero");
  bad("foo[5s%0d]", "1:7", "modulo by zero");
  bad("foo offset 9.5e10", "1:12", "duration out of range");
  bad("foo[9.5e10]", "1:5", "duration out of range");
  bad("sum(", "1:5", "unclosed left parenthesis");
  bad("sum(rate(", "1:10", "unclosed left parenthesis");
  bad("foo[5s x 5s]", "1:8", "unexpected character: 'x', expected ':'");
  bad("foo[5s s 5s]", "1:8", "unexpected character: 's', expected ':'");
}

TEST(Parser, RefusesLongMessages) {
  const std::string unary =
      "unary expression only allowed on expressions of type scalar or instant vector, got ";
  bad("-\"string\"", "1:1", unary + "\"string\"");
  bad("-test[5m]", "1:1", unary + "\"range vector\"");
  const std::string preceded =
      " modifier must be preceded by an instant vector selector or range vector selector or a "
      "subquery";
  bad("1 offset 1d", "1:1", "offset" + preceded);
  bad("rate(some_metric[5m]) @ 1234", "1:1", "@" + preceded);
  const std::string brackets =
      "unexpected \"]\" in subquery or range selector, expected number, duration, step(), or "
      "range()";
  bad("foo[]", "1:5", brackets);
  const std::string digits(400, '9');
  bad(digits, "1:1",
      "error parsing number: strconv.ParseFloat: parsing \"" + digits + "\": value out of range");
}

TEST(Parser, LineAndColumn) {
  const auto at = [](std::string_view query, int position, std::string_view want) {
    EXPECT_EQ(line_and_column(query, position), want) << query << " " << position;
  };
  at("", 0, "1:1");
  at("abc", 0, "1:1");
  at("abc", 2, "1:3");
  at("a\nbc", 2, "2:1");
  at("a\nbc", 3, "2:2");
  at("\n\n", 2, "3:1");
  at("abc", 99, "1:4");
}

TEST(Parser, Unquote) {
  const auto is = [](std::string_view literal, std::string_view want) {
    EXPECT_EQ(unquote(literal), want) << literal;
  };
  is(R"("")", "");
  is(R"("a b")", "a b");
  is(R"('a"b')", "a\"b");
  is(R"("a\nb\t\\\"")", "a\nb\t\\\"");
  is(R"("\x41\101\u0041\U00000041")", "AAAA");
  is(R"("\u00e9")", "\xC3\xA9");
  is("`a\\nb`", "a\\nb");
}

TEST(Parser, Selectors) {
  const auto count = [](std::string_view text, size_t matchers) {
    const auto parsed = parse_selector(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->size(), matchers) << text;
  };
  const auto refused = [](std::string_view text) {
    const auto parsed = parse_selector(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::BadData) << text;
  };
  count("up", 1);
  count("up{}", 1);
  count(R"(up{job="api"})", 2);
  count(R"({job=~"a.+",x!="y"})", 2);
  count(R"({"http.requests"})", 1);
  refused("");
  refused("up offset 5m");
  refused("up[5m]");
  refused("up @ 1");
  refused("sum(up)");
  refused("up + up");
  refused("1");
}

TEST(Parser, NestingHasALimit) {
  const auto nested = [](std::string_view open, std::string_view close, int depth) {
    std::string query;
    for (int i = 0; i < depth; ++i) query += open;
    query += "1";
    for (int i = 0; i < depth; ++i) query += close;
    return query;
  };
  ok(nested("(", ")", 50));
  ok(nested("-", "", 50));
  EXPECT_NE(refusal(nested("(", ")", 10'000)), "");
  EXPECT_NE(refusal(nested("-", "", 100'000)), "");
  EXPECT_NE(refusal(nested("abs(", ")", 10'000)), "");
  EXPECT_NE(refusal(nested("1^", "", 100'000)), "");
  EXPECT_NE(refusal(nested("((", "))", 4), {.max_depth = 3}), "");
}

TEST(Parser, OptionsTakeSyntaxAway) {
  EXPECT_NE(refusal("sort_by_label(up, \"a\")", {.experimental_functions = false}), "");
  EXPECT_NE(refusal("foo[5m] smoothed", {.extended_range_selectors = false}), "");
  EXPECT_NE(refusal("foo[5m] anchored", {.extended_range_selectors = false}), "");
  EXPECT_NE(refusal("a + fill(0) b", {.fill_modifiers = false}), "");
  ok("sort_by_label(up, \"a\")");
  ok("foo[5m] smoothed");
  ok("foo[5m] anchored");
  ok("a + fill(0) b");
}

}  // namespace prom5::promql
