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

// Place and text of the first error, as Prometheus gives them.
TEST(Parser, RefusesIncompleteQueries) {
  bad("", "unknown position", "no expression found in input");
  bad("# the till is closed\n\n# until Monday\n", "1:1", "no expression found in input");
  bad("\r\n \t", "1:1", "no expression found in input");
  bad("orders -", "1:9", "unexpected end of input");
  bad("8 ^", "1:4", "unexpected end of input");
  bad("wan == bool", "1:12", "unexpected end of input");
  bad("wan unless", "1:11", "unexpected end of input");
  bad("%3", "1:1", "unexpected <op:%>");
  bad("/wan", "1:1", "unexpected <op:/>");
  bad("or lan", "1:4", R"(unexpected identifier "lan")");
  bad("+ - * 7", "1:5", "unexpected <op:*>");
  bad("7 -= 3", "1:4", R"(unexpected "=")");
  bad("wan * / lan", "1:7", "unexpected <op:/>");
  bad("wan ** 2", "1:6", "unexpected <op:*>");
  bad("wan =! lan", "1:5", R"(unexpected "=")");
  bad("wan === lan", "1:7", R"(unexpected "=")");
  bad("wan <> lan", "1:6", "unexpected <op:>>");
  bad("wan = 3", "1:5", R"(unexpected "=")");
  bad("wan - < lan", "1:7", "unexpected <op:<>");
  bad("2 * @ 7", "1:5", "unexpected <op:@>");
  bad("wan lan", "1:5", R"(unexpected identifier "lan")");
  bad("wan:rate5m lan", "1:12", R"(unexpected identifier "lan")");
  bad("7 8", "1:3", R"(unexpected number "8")");
  bad("5m 6m", "1:4", R"(unexpected duration "6m")");
  bad(R"("open" 'close')", "1:8", R"(unexpected string "'close'")");
  bad("(1, 2)", "1:3", R"(unexpected ",")");
  bad("wan, lan", "1:4", R"(unexpected ",")");
  bad("2 * group_right", "1:5", "unexpected <group_right>");
  bad("ignoring (shop)", "1:1", "unexpected <ignoring>");
  bad("(wan", "1:5", "unclosed left parenthesis");
  bad("((wan) + (lan)", "1:15", "unclosed left parenthesis");
  bad("(wan))", "1:7", "unexpected right parenthesis ')'");
  bad("wan) * 2", "1:5", "unexpected right parenthesis ')'");
  bad("-)", "1:3", "unexpected right parenthesis ')'");
  bad("avg(", "1:5", "unclosed left parenthesis");
  bad("abs(ceil(", "1:10", "unclosed left parenthesis");
  bad("max(rate(octets_in[5m])", "1:24", "unclosed left parenthesis");
}

TEST(Parser, RefusesCharacters) {
  bad(";", "1:1", "unexpected character: ';'");
  bad("wan & lan", "1:5", "unexpected character: '&'");
  bad("wan ? 1 : 2", "1:5", "unexpected character: '?'");
  bad("~wan", "1:1", "unexpected character: '~'");
  bad("$wan", "1:1", "unexpected character: '$'");
  bad("wan.", "1:4", "unexpected character: '.'");
  bad("net.wan", "1:4", "unexpected character: '.'");
  bad("€5", "1:1", "unexpected character: '€'");
  bad("ö", "1:1", "unexpected character: 'ö'");
  bad("2 => 1", "1:3", R"(unexpected "=")");
  bad("wan ! lan", "1:5", "unexpected character after '!': ' '");
  bad("wan !~ 3", "1:5", "unexpected character after '!': '~'");
  bad(R"(wan =~ "x")", "1:5", "unexpected character after '=': '~'");
  bad("wan}", "1:4", "unexpected character: '}'");
  bad("{}}", "1:3", "unexpected character: '}'");
  bad("wan]", "1:4", "unexpected right bracket ']'");
  bad("wan[5m]]", "1:8", "unexpected right bracket ']'");
  bad("wan[[5m]]", "1:5", "unexpected character in duration expression: '['");
  bad("wan[5m", "1:7", "unclosed left bracket");
  bad("7..", "1:1", R"(bad number or duration syntax: "7..")");
  bad("4e", "1:1", R"(bad number or duration syntax: "4e")");
  bad("4e+", "1:1", R"(bad number or duration syntax: "4e+")");
  bad("4m2", "1:1", R"(bad number or duration syntax: "4m2")");
  bad("9days", "1:1", R"(bad number or duration syntax: "9da")");
  bad("5mx", "1:1", R"(bad number or duration syntax: "5mx")");
  bad("10sm", "1:1", R"(bad number or duration syntax: "10sm")");
  bad("1_000_", "1:1", R"(bad number or duration syntax: "1_000_")");
  bad(".5m", "1:1", R"(not a valid duration string: ".5m")");
  bad("30m2h", "1:1", R"(not a valid duration string: "30m2h")");
  bad("4s5s", "1:1", R"(not a valid duration string: "4s5s")");
  bad("1ms1s", "1:1", R"(not a valid duration string: "1ms1s")");
  bad("7d1w", "1:1", R"(not a valid duration string: "7d1w")");
  bad("400y", "1:1", "duration out of range");
}

TEST(Parser, RefusesStrings) {
  bad(R"("open)", "1:1", "unterminated quoted string");
  bad(R"('open")", "1:1", "unterminated quoted string");
  bad("`open", "1:1", "unterminated raw string");
  bad("\"two\nlines\"", "1:1", "unterminated quoted string");
  bad(R"("tail\)", "1:1", "escape sequence not terminated");
  bad(R"("\x4)", "1:1", "escape sequence not terminated");
  bad(R"("\k")", "1:1", "unknown escape sequence U+006B 'k'");
  bad(R"('\"')", "1:1", R"(unknown escape sequence U+0022 '"')");
  bad(R"("\'")", "1:1", "unknown escape sequence U+0027 '''");
  bad(R"("\8")", "1:1", "unknown escape sequence U+0038 '8'");
  bad(R"("\é")", "1:1", "unknown escape sequence U+00E9 'é'");
  bad(R"("\xg1")", "1:1", "illegal character U+0067 'g' in escape sequence");
  bad(R"("\78")", "1:1", "illegal character U+0038 '8' in escape sequence");
  bad(R"("\u12 ")", "1:1", "illegal character U+0020 ' ' in escape sequence");
  bad(R"("\U0011000")", "1:1", R"(illegal character U+0022 '"' in escape sequence)");
  bad(R"("\U00110000")", "1:1", "escape sequence is an invalid Unicode code point");
  bad(R"("\ud800")", "1:1", "escape sequence is an invalid Unicode code point");
  bad(R"("\400")", "1:1", "escape sequence is an invalid Unicode code point");
  bad(R"(wan{port='\d'})", "1:10", "unknown escape sequence U+0064 'd'");
  bad(R"(wan{"open})", "1:5", "unterminated quoted string");
  bad(R"(max by ("open) (wan))", "1:9", "unterminated quoted string");
}

TEST(Parser, RefusesScalarsInOperators) {
  const std::string types = "binary expression must contain only scalar and instant vector types";
  bad("2 and 3", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("4 or 5", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("6 unless 7", "1:1", R"(set operator "unless" not allowed in binary scalar expression)");
  bad("wan and 2", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("3 and wan", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("wan or 4", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("5 or wan", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("6 unless wan", "1:1", R"(set operator "unless" not allowed in binary scalar expression)");
  bad("time() and wan", "1:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("scalar(wan) or wan", "1:1", R"(set operator "or" not allowed in binary scalar expression)");
  bad("2 < 3", "1:3", "comparisons between scalars must use BOOL modifier");
  bad("1.5 >= 2", "1:5", "comparisons between scalars must use BOOL modifier");
  bad("(4) != 4", "1:5", "comparisons between scalars must use BOOL modifier");
  bad("time() == 0", "1:8", "comparisons between scalars must use BOOL modifier");
  bad("1 + 2 <= 3", "1:7", "comparisons between scalars must use BOOL modifier");
  bad("9 > 8 > 7", "1:3", "comparisons between scalars must use BOOL modifier");
  bad("wan + bool 3", "1:5", "bool modifier can only be used on comparison operators");
  bad("wan % bool lan", "1:5", "bool modifier can only be used on comparison operators");
  bad("wan or bool lan", "1:5", "bool modifier can only be used on comparison operators");
  bad("wan </ bool 3", "1:5", "bool modifier can only be used on comparison operators");
  bad("wan ^ bool on (port) lan", "1:5", "bool modifier can only be used on comparison operators");
  bad("wan bool > 3", "1:5", "unexpected <bool>");
  bad("wan > bool bool 3", "1:12", "unexpected <bool>");
  bad(R"("a" + 1)", "1:1", types);
  bad(R"(wan * "b")", "1:7", types);
  bad("wan[5m] / 2", "1:1", types);
  bad("wan - lan[5m]", "1:7", types);
  bad("wan + lan[1h:5m]", "1:7", types);
  bad("!wan", "1:1", "unexpected character after '!': 'w'");
  bad("2 * -/3", "1:6", "unexpected <op:/>");
}

TEST(Parser, RefusesVectorMatching) {
  bad("1 + on (port) wan", "1:1", "vector matching only allowed between instant vectors");
  bad("wan == on (port) 10", "1:1", "vector matching only allowed between instant vectors");
  bad("wan * ignoring (vlan) 2", "1:1", "vector matching only allowed between instant vectors");
  bad("2 and on (port) wan", "1:1", "vector matching only allowed between instant vectors");
  bad("wan and on (port) group_left lan", "1:1", R"(no grouping allowed for "and" operation)");
  bad("wan and ignoring (vlan) group_right (site) lan", "1:1",
      R"(no grouping allowed for "and" operation)");
  bad("wan or on (port) group_right (site) lan", "1:1",
      R"(no grouping allowed for "or" operation)");
  bad("wan or ignoring () group_left lan", "1:1", R"(no grouping allowed for "or" operation)");
  bad("wan unless on (port, vlan) group_left (site) lan", "1:1",
      R"(no grouping allowed for "unless" operation)");
  bad("wan unless on () group_right () lan", "1:1",
      R"(no grouping allowed for "unless" operation)");
  bad("wan * group_left lan", "1:7", "unexpected <group_left>");
  bad("wan * group_right (site) lan", "1:7", "unexpected <group_right>");
  bad("wan - on (port) ignoring (vlan) lan", "1:17", "unexpected <ignoring>");
  bad("wan - ignoring (vlan) on (port) lan", "1:23", "unexpected <on>");
  bad("wan - on (port) on (vlan) lan", "1:17", "unexpected <on>");
  bad("wan - on (port) bool lan", "1:17", "unexpected <bool>");
  bad("wan - on (port) group_left (port) lan", "1:5",
      R"(label "port" must not occur in ON and GROUP clause at once)");
  bad("wan > bool on (port, vlan) group_right (site, vlan) lan", "1:5",
      R"(label "vlan" must not occur in ON and GROUP clause at once)");
  bad("wan / on port lan", "1:10",
      R"(unexpected identifier "port" in grouping opts, expected "(")");
  bad("wan / ignoring 5", "1:16", R"(unexpected number "5" in grouping opts, expected "(")");
  bad("wan / on (port lan", "1:16",
      "unexpected identifier \"lan\" in grouping opts, expected \",\" or \")\"");
  bad("wan / on (5) lan", "1:11", R"(unexpected number "5" in grouping opts, expected label)");
  bad("wan / on (port,, vlan) lan", "1:16", R"(unexpected "," in grouping opts, expected label)");
  bad("wan / on (port=) lan", "1:15", "unexpected \"=\" in grouping opts, expected \",\" or \")\"");
  bad(R"(wan / on ("") lan)", "1:11", R"(invalid label name for grouping: "")");
  bad("wan / on (port) group_left (5) lan", "1:29",
      R"(unexpected number "5" in grouping opts, expected label)");
  bad("wan / on (port) group_left (lan)", "1:33", "unexpected end of input");
  bad("wan and fill(0) lan", "1:1", "filling in missing series not allowed for set operators");
  bad("wan unless on (port) fill_right(2) lan", "1:1",
      "filling in missing series not allowed for set operators");
  bad("wan + fill(0) 3", "1:1", "filling in missing series only allowed between instant vectors");
  bad("4 - fill_left(1) lan", "1:1",
      "filling in missing series only allowed between instant vectors");
  bad("wan + on (port) fill_right(0) 3", "1:1",
      "vector matching only allowed between instant vectors");
  bad("wan + fill() lan", "1:12", "unexpected \")\"");
  bad(R"(wan + fill("x") lan)", "1:12", R"(unexpected string "\"x\"")");
  bad("wan + fill(lan) lan", "1:12", R"(unexpected identifier "lan")");
  bad("wan + fill(- -1) lan", "1:14", "unexpected <op:->");
  bad("wan + fill(1, 2) lan", "1:13", R"(unexpected ",")");
  bad("wan + fill(1) on (port) lan", "1:15", "unexpected <on>");
  bad("wan + fill(1) fill_right(2) lan", "1:25", R"(unexpected "(")");
}

TEST(Parser, RefusesOffsets) {
  const std::string wanted = ", expected number, duration, step(), or range()";
  bad("wan offset", "1:11", "unexpected end of input in offset" + wanted);
  bad("wan[5m] offset", "1:15", "unexpected end of input in offset" + wanted);
  bad("wan offset lan", "1:12", R"(unexpected identifier "lan" in offset)" + wanted);
  bad("wan offset -lan", "1:13", R"(unexpected identifier "lan" in offset)" + wanted);
  bad(R"(wan OFFSET "5m")", "1:12", R"(unexpected string "\"5m\"" in offset)" + wanted);
  bad("wan offset [5m]", "1:12", R"(unexpected "[" in offset)" + wanted);
  bad("wan offset -", "1:13", "unexpected end of input in offset" + wanted);
  bad("max(wan offset)", "1:15", "unexpected \")\" in offset" + wanted);
  bad("wan offset (5m", "1:15", "unclosed left parenthesis");
  bad("wan offset )", "1:13", "unexpected right parenthesis ')'");
  bad("wan offset 1h offset 2h", "1:1", "offset may not be set multiple times");
  bad("wan[5m] offset 1h offset -1h", "1:1", "offset may not be set multiple times");
  bad("wan[1h:] offset 1h @ 3 offset 2h", "1:1", "offset may not be set multiple times");
  bad("wan offset step() offset 3m", "1:1", "offset may not be set multiple times");
  bad("wan offset 3m offset (2m)", "1:1", "offset may not be set multiple times");
  bad("wan offset 9.3e9", "1:12", "duration out of range");
  bad("wan offset inf", "1:12", "duration out of range");
  bad("wan offset 300y", "1:12", "duration out of range");
  bad("wan offset 20h40d", "1:12", R"(not a valid duration string: "20h40d")");
  bad("wan offset (1d / 0m)", "1:16", "division by zero");
  bad("wan offset -(step() % 0)", "1:21", "modulo by zero");
  bad("wan offset 2w[5m]", "1:14", "no offset modifiers allowed before range");
  bad("wan offset -1d [5m]", "1:16", "no offset modifiers allowed before range");
  bad("wan offset range()[1h]", "1:19", "no offset modifiers allowed before range");
  bad("wan offset 5m @ 7 [1h]", "1:19", "no offset modifiers allowed before range");
}

TEST(Parser, RefusesAtModifiers) {
  bad("wan @", "1:6", "unexpected end of input in @, expected timestamp");
  bad("wan @ lan", "1:7", R"(unexpected identifier "lan" in @, expected timestamp)");
  bad(R"(wan @ "noon")", "1:7", R"(unexpected string "\"noon\"" in @, expected timestamp)");
  bad("wan @ (5)", "1:7", R"(unexpected "(" in @, expected timestamp)");
  bad("wan @ step()", "1:7", R"(unexpected "step" in @, expected timestamp)");
  bad("wan @ start", "1:12", "unexpected end of input in @, expected timestamp");
  bad("wan @ start(5)", "1:13", R"(unexpected number "5" in @, expected timestamp)");
  bad("wan @ end(", "1:11", "unclosed left parenthesis");
  bad("wan @ 10 @ 20", "1:1", "@ <timestamp> may not be set multiple times");
  bad("wan @ start() @ end()", "1:1", "@ <timestamp> may not be set multiple times");
  bad("wan[5m] @ 10 @ end()", "1:1", "@ <timestamp> may not be set multiple times");
  bad("wan[1h:5m] @ end() @ 20", "1:1", "@ <timestamp> may not be set multiple times");
  bad("wan @ inf", "1:1", "timestamp out of bounds for @ modifier: +Inf");
  bad("wan[5m] @ -iNF", "1:1", "timestamp out of bounds for @ modifier: -Inf");
  bad("wan[1h:] @ +nan", "1:1", "timestamp out of bounds for @ modifier: NaN");
  bad("wan @ 1e19", "1:1", "timestamp out of bounds for @ modifier: 10000000000000000000.000000");
  bad("wan @ 7[5m]", "1:8", "no @ modifiers allowed before range");
  bad("wan @ end()[1h]", "1:12", "no @ modifiers allowed before range");
  bad("wan @ start() [1h]", "1:15", "no @ modifiers allowed before range");
}

TEST(Parser, RefusesExtendedRanges) {
  bad("wan anchored smoothed", "1:1", "anchored and smoothed modifiers cannot be used together");
  bad("wan[5m] smoothed anchored", "1:1",
      "anchored and smoothed modifiers cannot be used together");
  bad("wan[1h:5m] anchored", "1:1", "anchored modifier is not supported for subqueries");
  bad("wan[1h:5m] smoothed", "1:1", "smoothed modifier is not supported for subqueries");
  bad("max(wan) smoothed", "1:1", "smoothed modifier not implemented");
  bad("3 anchored", "1:1", "anchored modifier not implemented");
  bad("(wan) anchored", "1:1", "anchored modifier not implemented");
  bad("rate(wan[5m])[1h] anchored", "1:14", "ranges only allowed for vector selectors");
  bad("anchored smoothed wan", "1:19", R"(unexpected identifier "wan")");
}

TEST(Parser, RefusesRanges) {
  const std::string matrix = "subquery is only allowed on instant vector, got matrix instead";
  const std::string wanted = ", expected number, duration, step(), or range()";
  bad("wan[", "1:5", "unexpected end of input in duration expression");
  bad("wan[1h:", "1:8", "unclosed left bracket");
  bad("wan[5m:5m:5m]", "1:10", "unexpected colon ':'");
  bad("wan[1h::5m]", "1:8", "unexpected colon ':'");
  bad(R"(wan["5m"])", "1:5", R"(unexpected character in duration expression: '"')");
  bad("wan[x]", "1:5", "unexpected character in duration expression: 'x'");
  bad("wan[{}]", "1:5", "unexpected character in duration expression: '{'");
  bad("wan[1h 2h]", "1:8", R"(unexpected duration "2h" in subquery or range, expected ":" or "]")");
  bad("wan[1h, 2h]", "1:7", R"(unexpected "," in subquery or range, expected ":" or "]")");
  bad("wan[1h; 2h]", "1:7", "unexpected character: ';'");
  bad("wan[2m{}]", "1:7", R"(unexpected "{" in subquery or range, expected ":" or "]")");
  bad("wan[5m @ 3]", "1:8", R"(unexpected <op:@> in subquery or range, expected ":" or "]")");
  bad("wan[5m > 1m]", "1:8", R"(unexpected <op:>> in subquery or range, expected ":" or "]")");
  bad("wan[5 m]", "1:7", "unexpected character: 'm', expected ':'");
  bad("wan[7m t]", "1:8", "unexpected character: 't', expected ':'");
  bad("wan[5m and 1m]", "1:8", "unexpected character: 'a', expected ':'");
  bad("wan[5m + lan]", "1:10", "unexpected character: 'l', expected ':'");
  bad(R"(wan[5m + "x"])", "1:10",
      R"(unexpected string "\"x\"" in subquery or range selector)" + wanted);
  bad("wan[1h +]", "1:9", R"(unexpected "]" in subquery or range selector)" + wanted);
  bad("wan[* 2]", "1:5", "unexpected <op:*> in subquery or range selector" + wanted);
  bad("wan[5m)]", "1:8", "unexpected right parenthesis ')'");
  bad("wan[()]", "1:6", "unexpected \")\" in subquery or range selector" + wanted);
  bad("wan[now()]", "1:5", "unexpected character in duration expression: 'n'");
  bad("wan[min_of()]", "1:12", "unexpected \")\" in subquery or range selector" + wanted);
  bad("wan[8ww]", "1:5", R"(bad number or duration syntax: "8ww")");
  bad("wan[30m2h]", "1:5", R"(not a valid duration string: "30m2h")");
  bad("wan[0s]", "1:5", "duration must be greater than 0");
  bad("wan[-0]", "1:5", "duration must be greater than 0");
  bad("wan[-3m]", "1:5", "duration must be greater than 0");
  bad("wan[0x0:5m]", "1:5", "duration must be greater than 0");
  bad("wan[5m:-1m]", "1:8", "duration must be greater than 0");
  bad("wan[5m:0]", "1:8", "duration must be greater than 0");
  bad("wan[1e11]", "1:5", "duration out of range");
  bad("wan[+1e10]", "1:6", "duration out of range");
  bad("wan[300y]", "1:5", "duration out of range");
  bad("wan[1h:9.3e9]", "1:8", "duration out of range");
  bad("wan[7m/0]", "1:7", "division by zero");
  bad("wan[range() / 0h]", "1:13", "division by zero");
  bad("wan[2 % 0x0]", "1:7", "modulo by zero");
  bad("wan[1h:step()%0]", "1:14", "modulo by zero");
  bad("max(wan)[5m]", "1:9", "ranges only allowed for vector selectors");
  bad("(wan / lan)[5m]", "1:12", "ranges only allowed for vector selectors");
  bad("3[5m]", "1:2", "ranges only allowed for vector selectors");
  bad("abs(wan)[5m] offset 1h", "1:9", "ranges only allowed for vector selectors");
  bad("abs(wan)[5m] @ 100", "1:9", "ranges only allowed for vector selectors");
  bad("wan[5m][5m]", "1:8", "ranges only allowed for vector selectors");
  bad("wan[5m][1h:5m]", "1:1", matrix);
  bad("(wan[1h:])[1h:5m]", "1:1", matrix);
  bad("wan[5m] offset 1w [1h:5m]", "1:1", matrix);
  bad("7[1h:5m]", "1:1", "subquery is only allowed on instant vector, got scalar instead");
  bad(R"("x"[1h:5m])", "1:1", "subquery is only allowed on instant vector, got string instead");
}

TEST(Parser, RefusesMatchers) {
  const std::string empty = "vector selector must contain at least one non-empty matcher";
  bad("(wan - {", "1:9", "unexpected end of input inside braces");
  bad("wan{", "1:5", "unexpected end of input inside braces");
  bad("wan{port", "1:9", "unexpected end of input inside braces");
  bad(R"(wan{port="1",)", "1:14", "unexpected end of input inside braces");
  bad("wan or {{", "1:9", "unexpected left brace '{'");
  bad(R"(wan{{port="1"}})", "1:5", "unexpected left brace '{'");
  bad("wan{port}", "1:9", R"(unexpected "}" in label matching, expected label matching operator)");
  bad("wan{port, vlan}", "1:9",
      R"(unexpected "," in label matching, expected label matching operator)");
  bad(R"(wan{port "1"})", "1:10",
      R"(unexpected string "\"1\"" in label matching, expected label matching operator)");
  bad("wan{port=}", "1:10", R"(unexpected "}" in label matching, expected string)");
  bad("wan{port=vlan}", "1:10",
      R"(unexpected identifier "vlan" in label matching, expected string)");
  bad("wan{port==vlan}", "1:10", R"(unexpected "=" in label matching, expected string)");
  bad(R"(wan{port= ="1"})", "1:11", R"(unexpected "=" in label matching, expected string)");
  bad(R"(wan{"port"=})", "1:12", R"(unexpected "}" in label matching, expected string)");
  bad(R"(wan{"port"!=vlan})", "1:13",
      R"(unexpected identifier "vlan" in label matching, expected string)");
  bad("wan{port=1}", "1:10", "unexpected character inside braces: '1'");
  bad(R"(wan{port!"1"})", "1:9", R"(unexpected character after '!' inside braces: '"')");
  bad(R"(wan{port=!"1"})", "1:10", R"(unexpected character after '!' inside braces: '"')");
  bad(R"(wan{port<="1"})", "1:9", "unexpected character inside braces: '<'");
  bad(R"(wan{port:"1"})", "1:9", "unexpected character inside braces: ':'");
  bad(R"(wan{if.name="1"})", "1:7", "unexpected character inside braces: '.'");
  bad(R"(wan{5="1"})", "1:5", "unexpected character inside braces: '5'");
  bad(R"(wan{(port="1")})", "1:5", "unexpected character inside braces: '('");
  bad(R"(wan{größe="1"})", "1:7", "unexpected character inside braces: 'ö'");
  bad(R"(wan{="1"})", "1:5", R"(unexpected "=" in label matching, expected identifier or "}")");
  bad("wan{,}", "1:5", R"(unexpected "," in label matching, expected identifier or "}")");
  bad(R"(wan{,port="1"})", "1:5",
      R"(unexpected "," in label matching, expected identifier or "}")");
  bad(R"(wan{port="1",,vlan="2"})", "1:14",
      R"(unexpected "," in label matching, expected identifier or "}")");
  bad(R"(wan{port="1" vlan="2"})", "1:14",
      R"(unexpected identifier "vlan" in label matching, expected "," or "}")");
  bad(R"(wan{port="1" or vlan="2"})", "1:14",
      R"(unexpected identifier "or" in label matching, expected "," or "}")");
  bad(R"(wan{port="1" "2"})", "1:14",
      R"(unexpected string "\"2\"" in label matching, expected "," or "}")");
  bad(R"(wan{port="1"="2"})", "1:13", R"(unexpected "=" in label matching, expected "," or "}")");
  bad(R"(wan{port="1";vlan="2"})", "1:13", "unexpected character inside braces: ';'");
  bad("wan{} {}", "1:7", R"(unexpected "{")");
  bad(R"(wan{port="1"}{vlan="2"})", "1:14", R"(unexpected "{")");
  bad(R"({port="1"} wan)", "1:12", R"(unexpected identifier "wan")");
  bad("5{}", "1:2", R"(unexpected "{")");
  bad("max{} (wan)", "1:7", R"(unexpected "(")");
  bad("wan % {}", "1:7", empty);
  bad(R"({""})", "1:1", empty);
  bad(R"({vlan=""})", "1:1", empty);
  bad(R"({vlan!="7"})", "1:1", empty);
  bad(R"({vlan=~".*|7"})", "1:1", empty);
  bad(R"({vlan!~".+"})", "1:1", empty);
  bad(R"({vlan=~"x*|y?",port=""})", "1:1", empty);
  bad(R"({__name__!="wan"})", "1:1", empty);
  bad(R"(wan{__name__="lan"})", "1:1", R"(metric name must not be set twice: "wan" or "lan")");
  bad(R"(wan{__name__!="wan"})", "1:1", R"(metric name must not be set twice: "wan" or "wan")");
  bad(R"(wan{port="1","lan"})", "1:1", R"(metric name must not be set twice: "wan" or "lan")");
  bad(R"(net:wan{__name__=~"lan|dmz"})", "1:1",
      R"(metric name must not be set twice: "net:wan" or "lan|dmz")");
}

TEST(Parser, RefusesAggregations) {
  const std::string wrong = "wrong number of arguments for aggregate expression provided, ";
  bad("max()", "1:1", "no arguments for aggregate expression provided");
  bad("group by (shop) ()", "1:1", "no arguments for aggregate expression provided");
  bad("min() without (shop)", "1:1", "no arguments for aggregate expression provided");
  bad("bottomk(stock)", "1:1", wrong + "expected 2, got 1");
  bad("limit_ratio(.1)", "1:1", wrong + "expected 2, got 1");
  bad("quantile(0.5, stock, orders)", "1:1", wrong + "expected 2, got 3");
  bad("avg(stock, orders)", "1:1", wrong + "expected 1, got 2");
  bad("min(1, 2, 3)", "1:1", wrong + "expected 1, got 3");
  bad(R"(topk("3", stock))", "1:6", "expected type scalar in aggregation parameter, got string");
  bad("limitk(stock, stock)", "1:8",
      "expected type scalar in aggregation parameter, got instant vector");
  bad("quantile(stock[5m], stock)", "1:10",
      "expected type scalar in aggregation parameter, got range vector");
  bad("count_values(till, stock)", "1:14",
      "expected type string in aggregation parameter, got instant vector");
  bad("count_values(3, stock)", "1:14",
      "expected type string in aggregation parameter, got scalar");
  bad("bottomk(stock, 3)", "1:16",
      "expected type instant vector in aggregation expression, got scalar");
  bad("max(5)", "1:5", "expected type instant vector in aggregation expression, got scalar");
  bad(R"(avg("x"))", "1:5", "expected type instant vector in aggregation expression, got string");
  bad("stddev(stock[5m])", "1:8",
      "expected type instant vector in aggregation expression, got range vector");
  bad("stdvar(stock[1h:5m])", "1:8",
      "expected type instant vector in aggregation expression, got range vector");
  bad("group(scalar(stock))", "1:7",
      "expected type instant vector in aggregation expression, got scalar");
  bad(R"(count_values("v", "w"))", "1:19",
      "expected type instant vector in aggregation expression, got string");
  bad("max(stock,)", "1:10", "trailing commas not allowed in function call args");
  bad("topk(3, stock,)", "1:14", "trailing commas not allowed in function call args");
  bad("max by", "1:7", R"(unexpected end of input in grouping opts, expected "(")");
  bad("max by shop (stock)", "1:8",
      R"(unexpected identifier "shop" in grouping opts, expected "(")");
  bad("max(stock) by shop", "1:15",
      R"(unexpected identifier "shop" in grouping opts, expected "(")");
  bad("max by (shop", "1:13", "unclosed left parenthesis");
  bad("max by (shop till) (stock)", "1:14",
      "unexpected identifier \"till\" in grouping opts, expected \",\" or \")\"");
  bad(R"(max by ("a" "b") (stock))", "1:13",
      "unexpected string \"\\\"b\\\"\" in grouping opts, expected \",\" or \")\"");
  bad("max by (shop;) (stock)", "1:13", "unexpected character: ';'");
  bad("max by (5m) (stock)", "1:9", R"(unexpected duration "5m" in grouping opts, expected label)");
  bad("max by (shop, 5) (stock)", "1:15",
      R"(unexpected number "5" in grouping opts, expected label)");
  bad("max by (,) (stock)", "1:9", R"(unexpected "," in grouping opts, expected label)");
  bad("max by (,shop) (stock)", "1:9", R"(unexpected "," in grouping opts, expected label)");
  bad("max by (shop,,till) (stock)", "1:14", R"(unexpected "," in grouping opts, expected label)");
  bad("max by ({}) (stock)", "1:9", R"(unexpected "{" in grouping opts, expected label)");
  bad("max without (+) (stock)", "1:14", "unexpected <op:+> in grouping opts, expected label");
  bad("max by (inf) (stock)", "1:9", R"(unexpected number "inf" in grouping opts, expected label)");
  bad(R"(max by ("") (stock))", "1:9", R"(invalid label name for grouping: "")");
  bad("max(stock) without (shop, '')", "1:27", R"(invalid label name for grouping: "")");
  bad("max by (shop)", "1:14", "unexpected end of input in aggregation");
  bad("max by (shop) stock", "1:15", R"(unexpected identifier "stock" in aggregation)");
  bad("max by (shop) (stock) by (till)", "1:23", "unexpected <by>");
  bad("max(stock) by (shop) without (till)", "1:22", "unexpected <without>");
  bad("max(stock) on (shop)", "1:12", "unexpected <on>");
  bad("MAX(stock) keep_labels", "1:12", R"(unexpected identifier "keep_labels")");
}

TEST(Parser, RefusesCalls) {
  bad("order_by_price(orders)", "1:1", R"(unknown function with name "order_by_price")");
  bad("Rate(orders[5m])", "1:1", R"(unknown function with name "Rate")");
  bad("orders()", "1:1", R"(unknown function with name "orders")");
  bad(":rate()", "1:6", R"(unexpected "(")");
  bad("orders:rate()", "1:12", R"(unexpected "(")");
  bad("5()", "1:2", R"(unexpected "(")");
  bad("abs(orders)(5)", "1:12", R"(unexpected "(")");
  bad("on(orders)", "1:1", "unexpected <on>");
  bad("abs()", "1:1", R"(expected 1 argument(s) in call to "abs", got 0)");
  bad("abs(orders, returns)", "1:1", R"(expected 1 argument(s) in call to "abs", got 2)");
  bad("rate(orders[5m], 2)", "1:1", R"(expected 1 argument(s) in call to "rate", got 2)");
  bad("time(5)", "1:1", R"(expected 0 argument(s) in call to "time", got 1)");
  bad("pi(orders, returns)", "1:1", R"(expected 0 argument(s) in call to "pi", got 2)");
  bad("clamp(orders, 1)", "1:1", R"(expected 3 argument(s) in call to "clamp", got 2)");
  bad(R"(label_replace(orders, "a", "b", "c"))", "1:1",
      R"(expected 5 argument(s) in call to "label_replace", got 4)");
  bad("round()", "1:1", R"(expected at least 1 argument(s) in call to "round", got 0)");
  bad(R"(label_join(orders, "a"))", "1:1",
      R"(expected at least 3 argument(s) in call to "label_join", got 2)");
  bad("sort_by_label()", "1:1",
      R"(expected at least 1 argument(s) in call to "sort_by_label", got 0)");
  bad("round(orders, 1, 2)", "1:1", R"(expected at most 2 argument(s) in call to "round", got 3)");
  bad("day_of_week(1, 2)", "1:1",
      R"(expected at most 1 argument(s) in call to "day_of_week", got 2)");
  bad("start(5)", "1:1", R"(expected 0 argument(s) in call to "start", got 1)");
  bad("range(1, 2)", "1:1", R"(expected 0 argument(s) in call to "range", got 2)");
  bad("max_of(1)", "1:1", R"(expected 2 argument(s) in call to "max_of", got 1)");
  bad("max_of(orders, 2)", "1:8",
      R"(expected type scalar in call to function "max_of", got instant vector)");
  bad("abs(3)", "1:5", R"(expected type instant vector in call to function "abs", got scalar)");
  bad(R"(floor("x"))", "1:7",
      R"(expected type instant vector in call to function "floor", got string)");
  bad("ceil(orders[5m])", "1:6",
      R"(expected type instant vector in call to function "ceil", got range vector)");
  bad("exp(orders[1h:])", "1:5",
      R"(expected type instant vector in call to function "exp", got range vector)");
  bad("rate(orders)", "1:6",
      R"(expected type range vector in call to function "rate", got instant vector)");
  bad(R"(rate("x"))", "1:6",
      R"(expected type range vector in call to function "rate", got string)");
  bad("rate(sum)", "1:6",
      R"(expected type range vector in call to function "rate", got instant vector)");
  bad("increase(max(orders))", "1:10",
      R"(expected type range vector in call to function "increase", got instant vector)");
  bad("rate(rate(orders[5m]))", "1:6",
      R"(expected type range vector in call to function "rate", got instant vector)");
  bad("vector(orders)", "1:8",
      R"(expected type scalar in call to function "vector", got instant vector)");
  bad("scalar(4)", "1:8",
      R"(expected type instant vector in call to function "scalar", got scalar)");
  bad("minute(5)", "1:8",
      R"(expected type instant vector in call to function "minute", got scalar)");
  bad("round(orders, returns)", "1:15",
      R"(expected type scalar in call to function "round", got instant vector)");
  bad(R"(label_join(orders, "a", "b", c))", "1:30",
      R"(expected type string in call to function "label_join", got instant vector)");
  bad(R"(histogram_quantile("x", orders))", "1:20",
      R"(expected type scalar in call to function "histogram_quantile", got string)");
  bad("histogram_quantile(0.5, orders[5m])", "1:25",
      R"(expected type instant vector in call to function "histogram_quantile", got range vector)");
  bad("predict_linear(orders, 3600)", "1:16",
      R"(expected type range vector in call to function "predict_linear", got instant vector)");
  bad("quantile_over_time(orders[1h], 0.5)", "1:20",
      R"(expected type scalar in call to function "quantile_over_time", got range vector)");
  bad("abs(,orders)", "1:5", R"(unexpected ",")");
  bad("abs(*)", "1:5", "unexpected <op:*>");
  bad("abs(orders returns)", "1:12", R"(unexpected identifier "returns")");
  bad("sort_desc(orders,)", "1:17", "trailing commas not allowed in function call args");
  bad("info()", "1:1", R"(expected at least 1 argument(s) in call to "info", got 0)");
  bad("info(5)", "1:6", R"(expected type instant vector in call to function "info", got scalar)");
  bad("info(orders, returns)", "1:14",
      "expected label selectors only, got vector selector instead");
  bad(R"(info(orders, {shop="a"} * 2))", "1:14", "expected label selectors only");
  bad(R"(info(orders, ({shop="a"})))", "1:14", "expected label selectors only");
  bad(R"(info(orders, {shop="a"}, {till="b"}))", "1:1",
      R"(expected at most 2 argument(s) in call to "info", got 3)");
}

TEST(Parser, RefusesOnLaterLines) {
  const std::string wrong = "wrong number of arguments for aggregate expression provided, ";
  bad("max(\n  orders,\n  returns\n)", "1:1", wrong + "expected 1, got 2");
  bad("\n\nmax()", "3:1", "no arguments for aggregate expression provided");
  bad("orders +\n  # nothing yet\n  * 2", "3:3", "unexpected <op:*>");
  bad("orders\n\treturns", "2:2", R"(unexpected identifier "returns")");
  bad("orders\n\n[5m:\n:]", "4:1", "unexpected colon ':'");
  bad("orders{shop=\"a\",\n  till=7}", "2:8", "unexpected character inside braces: '7'");
  bad("abs(\n  rate(\r\n  returns))", "3:3",
      R"(expected type range vector in call to function "rate", got instant vector)");
  bad("  # first\n2 and 3", "2:1", R"(set operator "and" not allowed in binary scalar expression)");
  bad("2\n<\n3", "2:1", "comparisons between scalars must use BOOL modifier");
  bad("`a\nb` orders", "2:4", R"(unexpected identifier "orders")");
  bad(R"({"größe"} orders)", "1:13", R"(unexpected identifier "orders")");
  bad("orders{shop=\"ü☃\"}\n=~ 5", "2:1", "unexpected character after '=': '~'");
  bad(R"("ü" + 1)", "1:1", "binary expression must contain only scalar and instant vector types");
  bad("(orders\n  + \"é\"\n)", "2:5",
      "binary expression must contain only scalar and instant vector types");
  bad("avg by (shop\n till\n) (orders)", "2:2",
      "unexpected identifier \"till\" in grouping opts, expected \",\" or \")\"");
}

TEST(Parser, RefusesLongMessages) {
  const std::string unary =
      "unary expression only allowed on expressions of type scalar or instant vector, got ";
  bad("+\"till\"", "1:1", unary + "\"string\"");
  bad("2 * -stock[1h]", "1:5", unary + "\"range vector\"");
  bad("-(stock[1h:])", "1:1", unary + "\"range vector\"");
  const std::string preceded =
      " modifier must be preceded by an instant vector selector or range vector selector or a "
      "subquery";
  bad("'till' offset 3h", "1:1", "offset" + preceded);
  bad("7 + (stock) offset step()", "1:5", "offset" + preceded);
  bad("sum(stock) offset -1w", "1:1", "offset" + preceded);
  bad("time() @ end()", "1:1", "@" + preceded);
  bad("max by (shop) (stock) @ -7.5", "1:1", "@" + preceded);
  bad("irate(orders[2m]) @ start()", "1:1", "@" + preceded);
  const std::string brackets =
      "unexpected \"]\" in subquery or range selector, expected number, duration, step(), or "
      "range()";
  bad("stock[]", "1:7", brackets);
  bad("stock{shop=\"a\"}[ ]", "1:18", brackets);
  bad("stock[2h -]", "1:11", brackets);
  const std::string digits(350, '8');
  const auto too_large = [](const std::string& number) {
    return "error parsing number: strconv.ParseFloat: parsing \"" + number +
           "\": value out of range";
  };
  bad(digits, "1:1", too_large(digits));
  bad("stock > 4e999", "1:9", too_large("4e999"));
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
  count("link_up", 1);
  count("link_up{}", 1);
  count(R"(link_up{port="7"})", 2);
  count(R"({port=~"1.+",vlan!="9"})", 2);
  count(R"({"link.up"})", 1);
  refused("");
  refused("link_up offset 7m");
  refused("link_up[7m]");
  refused("link_up @ 3");
  refused("sum(link_up)");
  refused("link_up + lan");
  refused("8");
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
  EXPECT_NE(refusal("sort_by_label(stock, \"shop\")", {.experimental_functions = false}), "");
  EXPECT_NE(refusal("stock[7m] smoothed", {.extended_range_selectors = false}), "");
  EXPECT_NE(refusal("stock[7m] anchored", {.extended_range_selectors = false}), "");
  EXPECT_NE(refusal("sold - fill(0) returned", {.fill_modifiers = false}), "");
  ok("sort_by_label(stock, \"shop\")");
  ok("stock[7m] smoothed");
  ok("stock[7m] anchored");
  ok("sold - fill(0) returned");
}

}  // namespace prom5::promql
