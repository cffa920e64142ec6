"""The query API beside Debian's Prometheus 2.42: the same requests, the same answers.

Compared are status, Content-Type, and the JSON envelope: status, errorType, error, data. Values
are compared as texts, except where a table says otherwise. Warnings and infos are left out: 2.42
knows no annotations.

The rule is what 3.14 answers (COMPATIBILITY.md). 2.42 stands in for it wherever both agree; where
3.x changed something on purpose, a row of a table below says what and why, and the answer expected
is made of it:

  WORDING, EMPTY    a text of 2.42 and what 3 says instead
  SPELLINGS         an expression that is new in 3, and an old one that means the same
  ERRORS_OF_3       an expression and the parse error of 3
  SELECTORS_OF_3    a selector that is new in 3, and an old one that means the same
  REQUESTS_OF_3     a request and its status and error in 3
  LABEL_NAMES_OF_3  a label's name in a path that is new in 3, and an old one with the same values
  FORMATTED         numbers in format_query; NAMES_OF_3: names in the answers of status

A row holds for every path that its expression is sent to. The reasons name files of
prometheus/prometheus at 3.14.0. Ours and 3.14 are meant to differ in two places only: what needs a
feature flag there needs none here (docs/guide.md), and TIMES_REFUSED and TIMES_PAST_2262.
"""
import gzip
import http.client
import itertools
import json
import re
import struct
import unittest
import urllib.parse
import zlib

import harness

# Fixed, so that every text below can be read: 2023-11-14T22:14:00Z. Samples are at 7, 22, 37 and
# 52 seconds of each minute for 15 minutes, queries at whole minutes: no sample is at the edge of
# a window, where 2.42 counts one more.
T = 1_700_000_040
NOW = T + 600
END = T + 900
STEP = 15

# ------------------------------------------------------------------- what 3.x changed on purpose

WORDING = [  # (path, in the text of 2.42, in the text of 3)
    # web/api/v1/api.go, parseTimeParam: errors begin in lower case.
    (r".*", r"Invalid time value for", "invalid time value for"),
    # web/api/v1/api.go, queryRange: invalidParamError, as in query.
    (r"query_range$", r"^(\d+:\d+: parse error: |invalid expression type )",
     r'invalid parameter "query": \1'),
    # promql/parser/generated_parser.y, offset_expr: numbers and durations are one.
    (r".*", r" in offset, expected duration$",
     " in offset, expected number, duration, step(), or range()"),
    # promql/parser/lex.go, ItemTypeStr: "@" has a name.
    (r".*", r'unexpected "<Item \d+>" <op:@>', "unexpected <op:@>"),
    # model/labels/regexp.go: the expression is parsed before it is anchored.
    (r".*", r"`\^\(\?:\(\)\$`$", "`(`"),
    (r".*", r"`\[\)\$`$", "`[`"),
    (r".*", r"invalid named capture: `\(\?P<n\)\$`$", "invalid named capture: `(?P<n`"),
    (r".*", r"unexpected \): `\^\(\?:\)\)\$`$", "unexpected ): `)`"),
    (r".*", r"missing closing \): `\^\(\?:a\\\)\$`$",
     "trailing backslash at end of expression: ``"),
]

# promql/parser/posrange/posrange.go, StartPosInput: nothing has no position.
EMPTY = re.compile(r"1:1(: parse error: (no expression found in|unexpected end of) input)$")

SPELLINGS = [  # (reason, {expression of 3: expression of both})
    ("lex.go, scanNumber: underscores between digits", {
        "1_000": "1000", "0x_1f": "31", "1_0.5_0": "10.5", "1e1_0": "1e10"}),
    ("generated_parser.y, number_duration_literal: a duration is a number of seconds", {
        "5m": "300", "1h30m": "5400", "1ms": "0.001", "-5m": "-300", "time() - 5m":
        "time() - 300", "vector(1d)": "vector(86400)"}),
    ("generated_parser.y, duration_expr: a number of seconds is a duration", {
        "up[300]": "up[5m]", "up[1e2]": "up[100s]", "up[0x20]": "up[32s]", "up[1_00]": "up[100s]",
        "up offset 60": "up offset 1m", "up offset -60": "up offset -1m",
        "up offset 1.5": "up offset 1500ms", "rate(up[300])": "rate(up[5m])",
        "sum_over_time(up[290:60])": "sum_over_time(up[290s:1m])"}),
    ("generated_parser.y, step_invariant_expr: a duration is a time", {
        "up @ 5m": "up @ 300", "up @ -5m": "up @ -300"}),
    ("generated_parser.y, duration_expr: arithmetic, stable since 3.14", {
        "up[4m + 1m]": "up[5m]", "up[(5m)]": "up[5m]", "up[10m / 2]": "up[5m]",
        "up[2m * 2 + 60]": "up[5m]", "up[2 ^ 8]": "up[256s]", "up[7m % 2m]": "up[1m]",
        "up[max_of(1m, 5m)]": "up[5m]", "up[min_of(1m, 5m)]": "up[1m]",
        "up[--5m]": "up[5m]", "up[+5m]": "up[5m]", "up[-(-5m)]": "up[5m]",
        "up offset (1m + 1m)": "up offset 2m", "up offset -(1m + 1m)": "up offset -2m",
        "up offset --5m": "up offset 5m", "up offset +5m": "up offset 5m",
        "up offset min_of(1m, 2m)": "up offset 1m",
        "sum_over_time(up[290s:30s * 2])": "sum_over_time(up[290s:1m])"}),
    ("lex.go, lexInsideBraces: quoted names", {
        '{"up"}': "up", '{"up", job="api"}': 'up{job="api"}', "{'up'}": "up", "{`up`,}": "up",
        'up{"job"="api"}': 'up{job="api"}', "{'job'='api'}": '{job="api"}',
        '{"up", "down"}': "not_there", '{"a b"="c"}': "not_there", '{""="a", "up"}': "not_there"}),
    ("generated_parser.y, grouping_label: quoted and UTF-8 names", {
        'sum by ("job") (up)': "sum by (job) (up)", "sum by ('job', `zone`) (up)":
        "sum by (job, zone) (up)", 'sum without ("job") (up)': "sum without (job) (up)",
        "sum by (a:b) (up)": "sum by (a) (up)", 'sum by ("a b") (up)': "sum by (a) (up)",
        'up + on("job", "instance") up': "up + on(job, instance) up"}),
    ("model/labels/regexp.go: the dot matches a line break too", {
        '{text=~".*<.*"}': '{text=~"(?s).*<.*"}', '{text=~"a.*"}': '{text=~"(?s)a.*"}',
        'odd{text!~"a.*"}': 'odd{text!~"(?s)a.*"}'}),
    ("functions.go and docs/guide.md: functions of 3, experimental ones without a flag", {
        "max_of(1, 2)": "2", "min_of(1, 2)": "1", "limitk(9, up)": "up", "limit_ratio(1, up)": "up",
        "info(up)": "up", 'sort_by_label(up, "job")': "up", 'sort_by_label_desc(up, "job")': "up",
        "histogram_avg(up)": "not_there", "histogram_stddev(up)": "not_there",
        "histogram_stdvar(up)": "not_there", "first_over_time(steady[5m])": "steady",
        "mad_over_time(up[5m])": "stddev_over_time(up[5m])",
        "double_exponential_smoothing(steady[5m], 0.5, 0.5)": "last_over_time(steady[5m]) * 1",
        "range() * 0": "0", "step() * 0": "0", "start() * 0": "0", "end() * 0": "0",
        "up smoothed": "up", "rate(steady[5m] anchored)": "rate(steady[5m])",
        "up + fill(0) up": "up + up", "up + fill_left(0) fill_right(1) up": "up + up"}),
    ("lex.go: </ and >/ trim native histograms and leave no float", {
        "up </ 1": "not_there", "up >/ 1": "not_there", "up >/ up": "not_there",
        "1 >/ up": "not_there"}),
    ("engine.go, preprocessExprHelper: a string in parentheses is a string", {
        '("a")': '"a"', "(('a'))": "'a'"}),
    ("engine.go, shouldDropMetricName: atan2 is arithmetic", {
        "up atan2 1": "sum by (job, instance) (up atan2 1)",
        "1 atan2 up": "sum by (job, instance) (1 atan2 up)",
        "up atan2 up": "sum by (job, instance) (up atan2 up)"}),
    ("engine.go, rangeEvalAgg: no k above zero, no answer", {
        "topk(-1e30, up)": "not_there", "bottomk(-1e30, up)": "not_there"}),
]

ERRORS_OF_3 = [  # (reason, {expression: parse error of 3})
    ("lex.go, lexDurationExpr: what stands in brackets is an expression", {
        "up[": "1:4: parse error: unexpected end of input in duration expression",
        "up[5": "1:5: parse error: unclosed left bracket",
        "up[]": '1:4: parse error: unexpected "]" in subquery or range selector, expected number, '
                "duration, step(), or range()",
        "up[:": "1:5: parse error: unexpected colon before duration in duration expression",
        "up[:]": "1:5: parse error: unexpected colon before duration in duration expression",
        "up[:1m]": "1:5: parse error: unexpected colon before duration in duration expression",
        "up[5mm]": '1:4: parse error: bad number or duration syntax: "5mm"',
        "up[5x]": '1:4: parse error: bad number or duration syntax: "5"',
        "up[m]": "1:4: parse error: unexpected character in duration expression: 'm'",
        "up[up]": "1:4: parse error: unexpected character in duration expression: 'u'",
        "up[stepp()]": "1:4: parse error: unexpected character in duration expression: 's'",
        'up["5m"]': "1:4: parse error: unexpected character in duration expression: '\"'",
        "up[Inf]": "1:4: parse error: unexpected character in duration expression: 'I'",
        "up[5m+]": '1:7: parse error: unexpected "]" in subquery or range selector, expected '
                   "number, duration, step(), or range()",
        "up[(5m]": '1:7: parse error: unexpected "]" in subquery or range selector, expected '
                   "number, duration, step(), or range()",
        "up[max_of(1m)]": '1:13: parse error: unexpected ")" in subquery or range selector, '
                          "expected number, duration, step(), or range()",
        "up[1.5m]": '1:4: parse error: unknown unit "." in duration "1.5m"'}),
    ("generated_parser.y, positive_duration_expr: checked where it stands", {
        "up[-5m]": "1:4: parse error: duration must be greater than 0",
        "up[0]": "1:4: parse error: duration must be greater than 0",
        "up[-1]": "1:4: parse error: duration must be greater than 0",
        "up[5m/0]": "1:6: parse error: division by zero",
        "up[5m%0]": "1:6: parse error: modulo by zero",
        "up offset Inf": "1:11: parse error: duration out of range"}),
    ("lex.go, scanNumber: one dot, one exponent, no loose ends", {
        "1e": '1:1: parse error: bad number or duration syntax: "1e"',
        "1e+": '1:1: parse error: bad number or duration syntax: "1e+"',
        "1.2.3": '1:1: parse error: bad number or duration syntax: "1.2."',
        "1..2": '1:1: parse error: bad number or duration syntax: "1.."',
        "1_": '1:1: parse error: bad number or duration syntax: "1_"',
        "1__0": '1:1: parse error: bad number or duration syntax: "1__"',
        "1e2e3": '1:1: parse error: bad number or duration syntax: "1e2e"',
        "1e1.5": "1:1: parse error: error parsing number: strconv.ParseFloat: parsing "
                 '"1e1.5": invalid syntax',
        ".5.5": "1:1: parse error: error parsing number: strconv.ParseFloat: parsing "
                '".5.5": invalid syntax',
        }),
    ("generated_parser.y, number_duration_literal: a duration of the wrong order", {
        "1m1h": '1:1: parse error: not a valid duration string: "1m1h"',
        "1.m": '1:1: parse error: unknown unit ".m" in duration "1.m"',
        "5m x": '1:4: parse error: unexpected identifier "x"'}),
    ("parse.go, checkAST and newMetricNameMatcher: quoted names", {
        'up{"up"}': '1:1: parse error: metric name must not be set twice: "up" or "up"',
        'up{"a",}': '1:1: parse error: metric name must not be set twice: "up" or "a"',
        '{""}': "1:1: parse error: vector selector must contain at least one non-empty matcher",
        'up{"a"': "1:7: parse error: unexpected end of input inside braces",
        'up{"a"=': "1:8: parse error: unexpected end of input inside braces",
        '{"":"a"}': "1:4: parse error: unexpected character inside braces: ':'",
        '{"a"=1}': "1:6: parse error: unexpected character inside braces: '1'",
        '{"a"=b}': '1:6: parse error: unexpected identifier "b" in label matching, expected '
                   "string"}),
    ("lex.go, key: fill( is a keyword; functions.go: holt_winters has another name", {
        "fill(0)": '1:5: parse error: unexpected "("',
        "holt_winters(up[5m], 0.5, 0.5)":
            '1:1: parse error: unknown function with name "holt_winters"'}),
    ("durations.go: known before the evaluation, so an error of the parameter", {
        "rate(up[-(5m)])": "8:13: duration must be greater than 0",
        "rate(up[5m*0])": "8:12: duration must be greater than 0",
        "rate(up[1m-1m])": "8:13: duration must be greater than 0"}),
]

SELECTORS_OF_3 = {  # of match[]: parse.go, ParseMetricSelector, checks no more than syntax
    '{"up"}': "up", '{"job"="api"}': '{job="api"}', '{"up","down"}': "not_there", 'up{"up"}': "up",
    '{""}': '{__name__=""}', '{text=~".*<.*"}': '{text=~"(?s).*<.*"}',
}

REQUESTS_OF_3 = [  # (reason, {request: (status, error)})
    ("api.go, extractQueryOpts: lookback_delta", {
        "GET query?query=up&lookback_delta=x":
            (400, 'error parsing lookback delta duration: cannot parse "x" to a valid duration'),
        "GET query?query=up+&lookback_delta=x":
            (400, 'error parsing lookback delta duration: cannot parse "x" to a valid duration'),
        f"GET query_range?query=up&start={T}&end={T}&step=1&lookback_delta=1x":
            (400, 'error parsing lookback delta duration: cannot parse "1x" to a valid duration'),
    }),
    ("api.go, Register: no DELETE of series", {
        "DELETE series?match[]=up": (405, None)}),
    ("api.go, labelValues: any UTF-8 is a name", {
        "GET label/%ff/values": (400, 'invalid label name: "\\xff"'),
        "GET label/U__/values": (400, 'invalid label name: ""')}),
    ("api.go, serveTSDBStatus: limit", {
        "GET status/tsdb?limit=0": (400, "limit must be a positive number"),
        "GET status/tsdb?limit=x": (400, "limit must be a positive number"),
        "GET status/tsdb?limit=10001": (400, "limit must not exceed 10000")}),
    ("engine.go, rangeEvalAgg: NaN is no number of series", {
        f"GET query?query=topk(NaN, up)&time={NOW}": (422, "Parameter value is NaN")}),
    ("api.go, metricMetadata: limit_per_metric", {
        "GET metadata?limit_per_metric=x": (400, "limit_per_metric must be a number")}),
]

# A label's name as it stands in the path, and an old one with the same values. 2.42 refuses most:
# model/metric.go of prometheus/common, UnescapeName.
LABEL_NAMES_OF_3 = {
    "U__job": "job", "U__j_6f_b": "job", "U___6A_ob": "job", "U______name____": "__name__",
    **dict.fromkeys(("a.b", "a-b", "1a", "a:b", "%C3%A9", "a%20b", "a%22b", "a%5Cb", "%00", "U___",
                     "U___5f__name___5f_", "U___6a", "U___zz_", "U___110000_", "U___d800_",
                     "U___00006a_ob", "U___+6a_ob", "U___0x6a_ob", "U___%206a_ob"), "not_there"),
}

# --------------------------------------------------------------------------------- parse errors

PARSE_ERRORS = [
    "",
    # Strings
    'up{a="b}', "'abc", "`abc", '"\\q"', '"\\x4"', '"\\u12"', '"\\400"', '"\\ud800"', '"\\',
    '"\\U00110000"', "'\\\"'", '"a\nb"', '"a\\', "`a", '"a" "b"', '"a"b', '"a"[5m]', '"a"{}',
    # Braces
    'up{a="b"', "up{a", "up{a=", 'up{a="b",', "up{,}", 'up{a="b",,c="d"}', 'up{a!"b"}', "up{a!",
    'up{a~"b"}', 'up{1="b"}', 'up{a="b"}}', 'up{a="b"}{c="d"}', 'up{a="b"} x', "{", "}", "{}",
    "up{a=b}", "up{a=1}", 'up{a="1" "2"}', 'up{a="b" or c="d"}', "{{}}", "{{schema:1}}", "up{{}}",
    '{a!="b"}', '{a!~".+"}', '{a=""}', '{a=~".*"}', 'up{__name__="x"}', 'up{__name__!="x"}',
    'up{a="b"', 'up{a=="b"}', 'up{a="b"=~"c"}', 'up{=""}', 'up{a=~}', 'up{a b="c"}', "up{a:}",
    'up{a:b="c"}', 'up{"', "up{#\n", 'up{a="b"#',
    # Regular expressions
    'up{a=~"("}', 'up{a=~"["}', 'up{a=~"*"}', 'up{a=~"a{2,1}"}', 'up{a=~"(?P<n"}',
    'up{a=~"\\\\8"}', 'up{a=~"(?=a)"}', 'up{a=~"a**"}', 'up{a=~"\\\\pX"}', 'up{a!~")"}',
    'up{a=~"a{1001}"}', 'up{a=~"[z-a]"}', 'up{a=~"(?z)a"}', 'up{a=~"a\\\\"}', 'up{a=~"+"}',
    # Parentheses, brackets, commas
    "[", "]", ")", "(", "()", "(,)", "((1)", "(1))", "(up", "up)", "sum)(", "up[5m", "up[5m:",
    "up[5m:1m", "up[5m::1m]", "up[5m:1m:1m]", "up[0s]", "up[0m:1m]", "up[5m:0s]", "up[1m5m]",
    "up[1m1h]", "up[5m 1m]", "up[5m,1m]", "up[99999y]", "up[5m][5m]", "up[5m][1m:]", "up]",
    "up[5m:][1m:]", "1[5m:]", "sum(up)[5m]", "(up)[5m]", "(up[5m])[5m:1m]", "(1)[5m]",
    "rate(up[5m:1m:])", "1 2", "up up", "up 1", "1 up", "up,", ",", "1,000", "up[5m]]", "[5m]",
    # offset and @
    "up offset", "up offset x", 'up offset "5m"', "up offset -", "up offset 5m5m",
    "up offset 5m 5m", "up offset 99999y", "offset 5m", "up offset 5m offset 5m", "up @", "up @ x",
    'up @ "1"', "up @ start", "up @ start(", "up @ start(1)", "up @ middle()", "up @ 1e30",
    "up @ NaN", "up @ Inf", "up @ -Inf", "up @ 1 @ 2", "(up) @ 1", "sum(up) @ 1", "1 @ 1",
    "sum(up) offset 1m", "1 offset 1m", "(up) offset 1m", "up[5m] offset 1m offset 2m",
    "up offset 1m [5m]", "up @ 1 [5m]", "up @ start() @ end()", "@ 1", "up @@ 1",
    # Characters and operators
    ";", "up;", "$", "up $ 1", "up & 1", "up | 1", "up && up", "up || up", "!up", "up ! 1", "up !",
    "~up", "up ~ 1", "up =~ 1", "up !~ 1", "up = up", "up === 1", "up <> 1", "up << 1", "up =< 1",
    "1 =! 2", "a.b", "a-", "a*", "*a", "/a", "^2", "%1", "==1", "--", "+", "-", "+ +", "2 ^", "\\",
    "é", 'up{é="a"}', "up é", '"é" + é', '"é" +', 'up{a="é"} +', "\u00a0up", "up\0", '"a\0b" +',
    "up +\n", "up\n+", "\n\nup +", "# c", "up # c\n+", 'up{\n a="b"\n', "\tup +", "\r\n+", " ",
    "\n", "up\r)",
    # Words
    "and", "up and", "and up", "or", "unless up", "up and or up", "by (a)", "on(a)", "up on(a) up",
    "bool", "up bool", "bool 1", "up bool == 1", "up == bool", "up == bool bool up", "start",
    "end + 1 +", "atan2", "1 atan2", "ignoring (a)", "group_left (a)", "up group_left up",
    # Numbers
    "0x", "0xg", "0b1", "0o7", "Infx +", "nan1 +", "1i", "0x1p3", "1e999", "-1e999",
    "0xFFFFFFFFFFFFFFFF", "0x8000000000000000", "5mm", "5x",
    # Grouping
    "sum by", "sum by a (up)", "sum by (1) (up)", "sum by (,) (up)", "sum by (a b) (up)",
    "sum by (a) without (b) (up)", "sum by (a) (up) by (b)", "sum (up) by", "sum (up) by (",
    "sum by (a)", "sum by () ()", "sum up", "sum without (up)", "sum(,)", "sum(up,)", "sum(",
    "sum(up", "sum by (job (up)", "sum by (a,,b) (up)", "sum by (a-b) (up)", "sum by (a.b) (up)",
    # Matching
    "up + on up", "up + on(a) 1", "1 + on(a) up", "up + ignoring(a) 1", "1 + ignoring(a) 1",
    "up + on(a) ignoring(a) up", "up + on(a) on(b) up", "up + group_left up", "1 == on(a) 1",
    "up + group_left() up", "up + on(a) group_left(a) up", "up + on(1) up", "up and on(a) 1",
    "up + on(a) group_left(b) group_right(c) up", "up and on(a) group_left() up",
    "up or group_right up", "up + bool up", "up + bool 1", "up and bool up", "1 + bool 1",
    # Functions
    "foo()", "foo(", "foo(1)(2)", 'foo("a", up[5m], bar())', "1 + \n  foo()", "rate(", "rate[5m]",
    "rate(up[5m]))", "rate(up[5m]", "rate(up[5m],)", "rate(,up[5m])", "rate up[5m]", "time()()",
    "time()[5m]", "time()[5m:]", "RATE(up[5m])", "Rate(up[5m])", "rate(up)", "rate(rate(up[5m]))",
    "rate(up[5m])[5m]", "sum(rate(up))", "abs(foo(up))", "foo(up) + bar(up)",
]

# Types: every operator between every two types, every aggregation, every function of 2.42 with
# every kind of arguments. Many are right; then the results are compared.
OPERATORS = ("+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "and", "or",
             "unless")
OPERANDS = ("1", "up", '"a"', "up[5m]", "(up[290s:1m])")
TYPE_ERRORS = [f"{left} {op} {right}" for op in OPERATORS
               for left, right in itertools.product(OPERANDS, repeat=2)]
TYPE_ERRORS += [f"{left} {op} bool {right}" for op in ("==", ">=", "+", "and")
                for left, right in itertools.product(("1", "up", '"a"'), repeat=2)]
TYPE_ERRORS += [f"{sign}{operand}" for sign in ("-", "+", "--") for operand in OPERANDS]
TYPE_ERRORS += [f"{op}{by} ({arguments})" for op, by in (
    ("sum", ""), ("avg", " by (job)"), ("group", ""), ("stddev", ""), ("topk", ""),
    ("bottomk", " without (job)"), ("quantile", ""), ("count_values", "")) for arguments in (
    "", "1", '"a"', "up", "up[5m]", "up, up", "1, up", '"a", up', "up, 1", "1, 2", "1, up[5m]",
    '1, "a"', "up, up, up", "1, up, 2")]
FUNCTIONS = (
    "abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp "
    "clamp_max clamp_min cos cosh count_over_time day_of_month day_of_week day_of_year "
    "days_in_month deg delta deriv exp floor histogram_count histogram_fraction "
    "histogram_quantile histogram_sum hour idelta increase irate label_join label_replace "
    "last_over_time ln log10 log2 max_over_time min_over_time minute month pi predict_linear "
    "present_over_time quantile_over_time rad rate resets round scalar sgn sin sinh sort "
    "sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time tan tanh time timestamp "
    "vector year").split()
ARGUMENTS = ("", "1", '"a"', "up", "up[5m]", "up[290s:1m]", "up, up", "1, up", "up, 1", "1, up[5m]",
             "up[5m], 1", "1, 1, up", "up, 1, 2", 'up, "a", "b"', 'up, "a", "b", "c", "d"',
             'up, "a", "b", "c", "d", "e"', "1, 2, 3, 4", '"a", up', "up, up[5m], 1")
# The nearest number to tan(1) is ours; test_differential.py allows for the last digit.
TYPE_ERRORS += [f"{name}({arguments})" for name in FUNCTIONS for arguments in ARGUMENTS
                if (name, arguments) != ("tan", "up")]

# Found while evaluating: 422.
EXECUTION_ERRORS = [
    "up + on(job) up", "up * on(job) group_left owner", "up * on(job) owner", "owner * on(job) up",
    "up / on() up", "up and on() up", 'label_replace(up, "instance", "", "instance", ".*")',
    'label_replace(up, "x", "", "job", "(")', 'label_replace(up, "", "", "job", "a")',
    'label_join(up, "", ",", "job")', 'count_values("", up)',
    '-{__name__=~"up|steady",job="api"} * 0', 'rate({__name__=~"up|steady"}[5m])',
    "histogram_quantile(0.5, up)", "topk(1e30, up)", "topk(NaN, up)",
    "absent(up, up)", 'sum by (job) ({__name__=~"up|steady"})', "vector(scalar(up))",
]

# ------------------------------------------------------------------------------- parameters

TIMES = [
    # Unix seconds
    f"{NOW}", f"{NOW}.5", f"{NOW}.001", f"{NOW}.007", f"{NOW}.123", f"{NOW}.999", f"{NOW}.9999",
    f"{NOW}.0004", f"{NOW}.0006", f"{NOW}.1235", "1.70000064e9", f"+{NOW}", "-1", "-1.5",
    "-0.001", "0", "-0", "0.5", ".5", "5.", "1e3", "1e-3", "0x1p30", "1E9", "9e9", "017",
    f"{NOW}.0005", "-1.2345",
    # RFC 3339
    "2023-11-14T22:24:00Z", "2023-11-14T22:24:00.5Z", "2023-11-14T22:24:00.123456789Z",
    "2023-11-14T22:24:00.9995Z", "2023-11-14T22:24:00.0009Z", "2023-11-14T22:24:00+01:00",
    "2023-11-14T22:24:00-09:30", "2023-11-14T22:24:00.25+00:00", "2023-11-14T22:24:00-00:00",
    "2023-11-14T22:24:00+23:59", "2024-02-29T00:00:00Z", "1969-12-31T23:59:59.5Z",
    "2261-12-31T23:59:59Z", "1700-01-01T00:00:00Z",
    # Neither
    "2023-11-14T22:24:00+0100", "2023-11-14T22:24:00",
    "2023-11-14T22:24:00 01:00",
    "2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z", "2023-02-29T00:00:00Z",
    "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-01-00T00:00:00Z", "2023-11-14",
    "2023-11-14T22:24Z", "2023-1-4T22:24:00Z", "10000-01-01T00:00:00Z",
    "2023-11-14T22:24:00.Z", "2023-11-14T22:24:00Z ", "2023-11-14T22:24:00ZZ", "20231114T222400Z",
    "2023-11-14T22:24:00+1:00", f" {NOW}", f"{NOW} ", f"{NOW}s", "now", "x", "1,5", "１", "0b11",
    "0o17", "1e", "--1", "1.2.3", "1e400", '"', "\n", "a\0b", "é", "<&>", "\u2028", "5m", "1h",
]

# Here ours reads RFC 3339 and decimal numbers as the standards have them, Go's parser does not:
# letters in lower case, a space for the T and a leap second are in RFC 3339; hours of one digit,
# zones of a day, a comma, underscores between digits are not.
TIMES_OF_RFC_3339 = ("2023-11-14t22:24:00z", "2023-11-14 22:24:00Z", "2023-11-14T22:23:60Z")
TIMES_OF_GO = ("2023-11-14T22:24:00+24:00", "2023-11-14T22:24:00+00:60", "2023-11-14T2:24:00Z",
               "2023-11-14T22:24:00,5Z", "1_700_000_640", "0x_1p30")
# Steps below a millisecond, the unit of all times here: they are none.
STEPS_OF_NOTHING = ("0.0001", "0.0009", "1e-9", "0.00091")

# What Go writes for the least and the greatest time it knows; clients send them back.
LEAST_TIME = "-292273086-05-16T16:47:06Z"
GREATEST_TIME = "292277025-08-18T07:12:54.999999999Z"

# Here ours and 3.14 differ, and shall: 3.14 (and 2.42) turn these into int64 nanoseconds, which
# cannot hold them; what comes out depends on the processor or wraps around. We refuse what is no
# time and answer the rest as it was asked.
TIMES_REFUSED = ("NaN", "nan", "Inf", "+Inf", "-Inf", "infinity", "1e16", "1e17", "1e19", "-1e19",
                 "1e300")
TIMES_PAST_2262 = {"1e10": 10_000_000_000, "9999-12-31T23:59:59Z": 253402300799,
                   "0001-01-01T00:00:00Z": -62135596800}

DURATIONS = [
    "1", "1.5", "60", "60.0", "1e1", "+1", "1m", "1m30s", "90s", "1h", "1d", "1w", "1y",
    "1s500ms", "292y", "106751d", "1y2w3d4h5m6s7ms", "1e9", "0x1p3",
    # Bad
    "1.5m", "1m1m", "1s1m", "+1s", "-1s", "Inf", "-Inf", "infinity", "1e10", "-1e10", "1e30",
    "1e400", "293y", "9999y", "106752d", "5x", "s", "m", "1S", "1M", "1µs", "1us", "1ns", "1m30",
    "1h30", "\u0661s", " 1", "1 ", "1m 30s", "x", '"', "1,5", "1e", "1.2.3", "9223372037",
]
# Short, too fine, zero, negative. Not asked: below 1 ms with start = end; 2.42 divides by zero.
STEPS = ["0.001", "1ms", "100ms", "0x1p-2", "", "0", "0s", "0m", "0ms", "-1", "-0", "-0.5", "-1e9",
         "9e9"]
TIMEOUTS_PASSED = ("0", "0s", "-1", "-0.5")

# ----------------------------------------------------------------------------------- values

FLOATS = [
    "0", "-0", "1", "-1", "0.1", "0.5", "1.0", "100", "1e2", "1e5", "123456", "1e6", "1234567",
    "1e15", "1e16", "12345678901234567", "99999999999999999", "123456789012345678",
    "9007199254740993", "1e17", "1e20", "123456789012345678901", "9.99e20", "999999999999999900000",
    "1e21", "1e22", "1e23", "8.41e21", "1e100", "1.7976931348623157e308", "1e-1", "1e-5", "1e-6",
    "1.5e-6", "9.99e-7", "1e-7", "1.5e-7", "1e-10", "5e-324", "2.2250738585072014e-308", "1e-400",
    "0.1 + 0.2", "1 / 3", "2 / 3", "1 / 0", "-1 / 0", "0 / 0", "NaN", "Inf", "-Inf", "+Inf", "inf",
    "nan", "0x1f", "0x7fffffffffffffff", "0777", "08", "2 ^ 53", "2 ^ 53 + 1", "2 ^ 63", "2 ^ 64",
    "2 ^ -20", "2 ^ -1074", "-2 ^ 0.5", "(-8) ^ (1 / 3)", "10 ^ 21", "10 ^ -7", "1e21 - 1",
    "0 * -1", "-(0)", "1e308 * 10", "5 % 3", "-5 % 3", "5 % -3", "5.5 % 1.1", "5 % 0", "Inf % 2",
    "3 % Inf", "pi()", "-pi()", "time()", "1.7e9 * 1e12", "4503599627370496.5", "0.000001",
    "0.0000001", "123456.789e3", "1.005", "9.5367431640625e-7", "1e3", ".5", "5.", "0.0",
]
# format_query of 2.42 prints numbers by %v; printer.go of 3 without exponent.
FORMATTED = {"1e21": "1" + "0" * 21, "1e6": "1000000", "1e5": "100000", "1234567": "1234567",
             "12345678901234567": "12345678901234568", "1e-7": "0.0000001", "1e-5": "0.00001",
             "1e100": "1" + "0" * 100, "NaN": "NaN", "Inf": "+Inf",
             "-Inf": "-Inf", "-0": "-0", "0x1f": "31", "0.1": "0.1", "5m": "5m", "-90s": "-1m30s",
             "1e9": "1000000000", "2.5e-10": "0.00000000025"}

STRINGS = ['"a"', "'a'", "`a`", '"\\n\\t\\\\"', '"\\x41\\u00e9\\U0001F600"', '"é"', '""', '"<&>"',
           "'\\''", '"\\u2028"', '"\\x00"', '"\\xff"', '"\\"q\\""', "`\\n`", '"\x7f"', '"😀"',
           '"\\a\\b\\f\\v\\r"', '"\\377"', '"/"', '"\\101"', "'\"'", '"\'"', "`a\nb`"]

# One of each type and more than one of each shape.
SHAPES = [
    "1", "time()", "vector(1)", "up", 'up{job="api"}', "not_there", "special", "odd", '"text"',
    "up[1m]", "up[50s:30s]", "not_there[5m]", "special[1m]", "sum(up)", "sum by (job) (up)",
    "up == 2", "up == bool 1", "scalar(up)", "scalar(steady)", "absent(up)", "absent(not_there)",
    "-up", "sum(not_there)", "count(up) by (zone)",
    "label_replace(up, 'x', 'é<$1>', 'job', '(.*)')",
    "topk(1, steady)", "time() - 1e9", "vector(time())", "many", "up offset 1h", "up @ 0",
    f"up @ {NOW}", "late", "early", "early offset 10m", "late offset -5m", "{job='web'}",
]

# ------------------------------------------------------------------------------- series, labels

SELECTORS = [
    "up", "up{", "{}", '{a=""}', '{a=~".*"}', '{a!="x"}', '{job="api"}', '{job=~"a.*"}',
    '{job!~"a.*"}', "not_there", '{__name__=~".+"}', '{__name__!=""}', '{__name__!~"up"}',
    "up[5m]", "rate(up[5m])", "1", '"a"', "", "up offset 5m", "up @ 1", "sum(up)", "up + up",
    "(up)", 'up{job="api"', "up{job=api}", 'up{job="api",}', "up{,}", "up up", 'up{a=~"("}',
    '{job="api",job="web"}', '{job="api",job!="web"}', "odd", '{code="200"}', '{zone=""}',
    '{zone="",job="web"}', '{zone!=""}', "up;", "-up", "up #c", "\nup\n", 'up{job=~""}',
    'up{job!=""}', '{text=~".*<.*"}', '{text=~"(?s).*<.*"}', '{"up"}', '{"job"="api"}',
    '{"up","down"}', 'up{"up"}', '{""}',
]
WINDOWS = [(T, T + 60), (NOW, NOW + 100), (T + 320, T + 500), (T + 310, NOW), (0, T + 8),
           (None, T + 300), (T + 600, None)]
# Nothing was stored then.
EMPTY_WINDOWS = [(T - 100, T - 50), (T + 5000, T + 6000), (None, "-1"), (END + 60, None)]

# ----------------------------------------------------------------------------------- the servers


def points(*values, start=0):
    return [((T + start + 7 + n * STEP) * 1000, value) for n, value in enumerate(values)]


def make_series():
    samples = (END - T) // STEP
    labels = itertools.product(("api", "web"), ("a:80", "b:80"))
    series = [({"__name__": "up", "job": job, "instance": instance}, points(*[1.0] * samples))
              for job, instance in labels]
    series += [
        ({"__name__": "owner", "job": "api"}, points(*[1.0] * samples)),
        ({"__name__": "steady", "job": "api"}, points(*[7.0] * samples)),
        ({"__name__": "requests_total", "code": "200"}, points(*range(100, 100 + samples))),
        ({"__name__": "early", "job": "api"}, points(*range(20))),
        ({"__name__": "late", "job": "web", "zone": "z"}, points(*range(18), start=600)),
        ({"__name__": "odd", "text": 'a"b\\c\nd\té\u2028<&>\x01\x7f'}, points(*[1.0] * samples)),
    ]
    bits = {"nan": 0x7FF8000000000001, "inf": 0x7FF0000000000000, "neginf": 0xFFF0000000000000,
            "negative zero": 0x8000000000000000, "least": 1}
    for kind, pattern in bits.items():
        value = struct.unpack("<d", struct.pack("<Q", pattern))[0]
        series.append(({"__name__": "special", "kind": kind}, points(*[value] * samples)))
    for kind, value in (("e21", 1e21), ("e20", 1e20), ("e-7", 1e-7), ("e-6", 1e-6),
                        ("17 digits", 12345678901234567.0), ("third", 1 / 3)):
        series.append(({"__name__": "special", "kind": kind}, points(*[value] * samples)))
    series += [({"__name__": "many", "number": f"{n:03}"}, points(*[float(n)] * samples))
               for n in range(150)]
    return series


def make_exemplars():
    def at(second, labels, value):
        return round((T + second) * 1000), harness.Exemplar(labels, value)

    return [
        ({"__name__": "requests_total", "code": "200"}, [
            at(60, {"trace_id": "one"}, 0.25), at(60.5, {"trace_id": "two", "span": "<x>"}, 7.0),
            at(120.007, {}, 1e21), at(600, {"trace_id": "é"}, -1e-9)]),
        ({"__name__": "up", "job": "api", "instance": "a:80"}, [
            at(90, {"trace_id": "three"}, float("inf")), at(95, {"trace_id": "four"}, -0.0)]),
    ]


class Request:
    """One request to the API. Its text names it, in failures and in REQUESTS_OF_3.

    path:   below /api/v1, unless it begins with a slash.
    params: pairs for the query string, or the query string itself.
    form:   pairs for the body of a POST, or the body itself.
    """

    def __init__(self, path, params=(), method="GET", form=None, headers=None):
        self.path, self.method, self.form = path, method, form
        self.params = params if isinstance(params, str) else [
            (name, str(value)) for name, value in params if value is not None]
        self.headers = headers or ({} if form is None else {"Content-Type": FORM})

    @staticmethod
    def _encoded(pairs):
        return pairs if isinstance(pairs, str) else urllib.parse.urlencode(pairs)

    def target(self):
        path = self.path if self.path.startswith("/") else "/api/v1/" + self.path
        query = self._encoded(self.params)
        return path + ("?" + query if query else "")

    def body(self):
        return None if self.form is None else self._encoded(self.form).encode()

    def expression(self):
        """What the tables of expressions look for: (name of the parameter, its value)."""
        for pairs in (self.form, self.params):
            for name, value in () if pairs is None or isinstance(pairs, str) else pairs:
                if name in ("query", "match[]"):
                    return name, value
        return None, None

    def with_expression(self, old):
        """The same request about another expression."""
        changed = self.expression()

        def pairs_of(pairs):
            if pairs is None or isinstance(pairs, str):
                return pairs
            return [(pair[0], old) if pair == changed else pair for pair in pairs]

        return Request(self.path, pairs_of(self.params), self.method, pairs_of(self.form),
                       self.headers)

    def __str__(self):
        query = self.params if isinstance(self.params, str) else "&".join(
            f"{name}={value}" for name, value in self.params)
        text = f"{self.method} {self.path}" + ("?" + query if query else "")
        return text + (f" {self.body()!r}" if self.form is not None else "")


class Answer:
    """What a server said: `shown` is all that is compared."""

    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.type, self.encoding = headers.get("Content-Type"), headers.get("Content-Encoding")
        unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(self.encoding, bytes)
        self.body = unpack(body) if body else b""
        self.json = None
        if self.type == "application/json" and self.body:
            self.json = harness.parse_json(self.body)
            if self.json.get("status") == "success":
                self.json = {k: v for k, v in self.json.items() if k not in ("warnings", "infos")}

    def error(self):
        return (self.json or {}).get("error")

    def shown(self):
        content = self.body.decode(errors="replace") if self.json is None else ordered(self.json)
        return {"status": self.status, "type": self.type, "content": content}

    def as_error(self, status, text):
        """This answer, had it been an error of the API; of the router, without a text."""
        self.status = status
        if text is None:
            self.type, self.json, self.body = PLAIN, None, b"Method Not Allowed\n"
        else:
            kind = {400: "bad_data", 422: "execution"}[status]
            self.type = "application/json"
            self.json = {"status": "error", "errorType": kind, "error": text}
        return self


PLAIN = "text/plain; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


def ordered(envelope):
    """Instant vectors, series and exemplars have no order of their own."""
    data = envelope.get("data")
    if isinstance(data, dict) and data.get("resultType") == "vector":
        data["result"].sort(key=lambda s: json.dumps(s["metric"], sort_keys=True))
    if isinstance(data, list) and data and isinstance(data[0], dict):
        data.sort(key=lambda s: json.dumps(s, sort_keys=True))
    return envelope


class Client:
    """One connection to a server, kept while the server keeps it."""

    def __init__(self, server):
        self.server, self.connection = server, None

    def ask(self, request):
        for attempt in range(2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(
                    "127.0.0.1", self.server.port, timeout=harness.HTTP_TIMEOUT_SECONDS)
            try:
                self.connection.request(request.method, request.target(), request.body(),
                                        request.headers)
                response = self.connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if attempt:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def rows(table):
    return {key: value for _, part in table for key, value in part.items()}


SPELLED = rows(SPELLINGS)
ERRORS = rows(ERRORS_OF_3)
REQUESTS = rows(REQUESTS_OF_3)


def error_prefix(path):
    """What stands before a parse error. labels, label values and exemplars say nothing more."""
    if path in ("query", "query_range", "format_query"):
        return 'invalid parameter "query": '
    return 'invalid parameter "match[]": ' if path == "series" else ""


class Differential(unittest.TestCase):
    """The comparison; the classes below hold the requests."""

    maxDiff = 4000

    def as_of_3(self, request):
        """What 3.14 would answer, by the tables and by what 2.42 answers."""
        name, expression = request.expression()
        spelled = (SPELLED if name == "query" else SELECTORS_OF_3).get(expression)
        answer = self.theirs.ask(request.with_expression(spelled) if spelled else request)
        if str(request) in REQUESTS:
            return answer.as_error(*REQUESTS[str(request)])
        # An error that is found earlier than the expression is no business of its row.
        about_it = answer.status == 200 or "parse error" in (answer.error() or "")
        if name == "query" and expression in ERRORS and about_it:
            return answer.as_error(400, error_prefix(request.path) + ERRORS[expression])
        if answer.error():
            text = answer.error()
            for path, pattern, replacement in WORDING:
                if re.search(path, request.path):
                    text = re.sub(pattern, replacement, text)
            answer.json["error"] = text if expression else EMPTY.sub(r"unknown position\1", text)
        return answer

    def same(self, path, params=(), **more):
        """Both answers, when they agree."""
        request = path if isinstance(path, Request) else Request(path, params, **more)
        with self.subTest(str(request)):
            wanted, ours = self.as_of_3(request), self.ours.ask(request)
            self.assertEqual(ours.shown(), wanted.shown())
            return ours, wanted

    def both(self, request):
        """Two answers, for what is compared otherwise."""
        return self.ours.ask(request), self.theirs.ask(request)

    def everywhere(self, expression):
        """An expression on each path that evaluates one; GET and POST."""
        self.same("query", [("query", expression), ("time", NOW)])
        self.same("query_range", method="POST", form=[
            ("query", expression), ("start", str(T + 300)), ("end", str(NOW)), ("step", "60")])


def setUpModule():
    """One pair of servers for all classes but the last: nothing here changes their data."""
    ours = unittest.enterModuleContext(harness.Prom5(
        ["--web.enable-remote-write-receiver"], config="global: {}\n"))
    theirs = unittest.enterModuleContext(harness.Prometheus(
        ["--enable-feature=exemplar-storage"]))
    for server in (ours, theirs):
        server.must_write(make_series())
        server.must_write(make_exemplars())
    for name, server in (("ours", ours), ("theirs", theirs)):
        client = Client(server)
        unittest.addModuleCleanup(client.close)
        setattr(Differential, name, client)


class Expressions(Differential):
    """Parse errors, type errors and errors of the evaluation."""

    def test_parse_errors(self):
        for expression in PARSE_ERRORS:
            self.everywhere(expression)
            self.same("format_query", [("query", expression)])

    def test_parse_errors_of_3(self):
        for expression in ERRORS:
            self.everywhere(expression)

    def test_types(self):
        for expression in TYPE_ERRORS:
            self.same("query", [("query", expression), ("time", NOW)])

    def test_errors_of_the_evaluation(self):
        # Which two of many series are named depends on the order of evaluation.
        names = re.compile(r"\[\{.*\}\]|match group \{[^}]*\}")
        for expression in EXECUTION_ERRORS:
            request = Request("query", [("query", expression), ("time", NOW)])
            with self.subTest(str(request)):
                answers = self.ours.ask(request), self.as_of_3(request)
                for answer in answers:
                    if answer.error():
                        answer.json["error"] = names.sub("...", answer.error())
                self.assertEqual(*(answer.shown() for answer in answers))

    def test_new_spellings(self):
        for expression in SPELLED:
            self.everywhere(expression)

    def test_rows_are_needed(self):
        """2.42 answers otherwise: a row that says nothing new is no difference."""
        for expression in (*SPELLED, *ERRORS):
            request = Request("query", [("query", expression), ("time", NOW)])
            with self.subTest(str(request)):
                self.assertNotEqual(self.theirs.ask(request).shown(),
                                    self.as_of_3(request).shown())

    def test_exemplars_name_no_parameter(self):
        """api.go, queryExemplars: no invalidParamError."""
        for expression in ("", "up +", "up{", "foo()", "up[", "rate(up)", "1 == 1"):
            self.same("query_exemplars", [("query", expression)])


class Parameters(Differential):
    """Times, steps, timeouts; missing, wrong, and several wrong at once."""

    def test_times_of_instant_queries(self):
        for time in TIMES:
            self.same("query", [("query", "time()"), ("time", time)])

    def test_times_of_range_queries(self):
        for time in TIMES:
            self.same("query_range", [("query", "time()"), ("start", time), ("end", time),
                                      ("step", 1)])
        for time in TIMES[::3]:
            self.same("query_range", method="POST", form=[
                ("query", "1"), ("start", str(NOW - 60)), ("end", time), ("step", "1h")])

    def test_times_of_labels(self):
        for time in TIMES[:12] + TIMES[-30:]:
            self.same("series", [("match[]", "up"), ("start", time), ("end", NOW)])
            self.same("labels", [("start", time)] if time < "1" else [("end", time)])
            self.same("query_exemplars", [("query", "up"), ("start", time)])

    def test_least_and_greatest_time(self):
        """api.go, parseTime: its own words for both are understood."""
        for path in ("series", "labels", "label/job/values"):
            self.same(path, [("match[]", "up"), ("start", LEAST_TIME), ("end", GREATEST_TIME)])

    def test_times_that_go_cannot_hold(self):
        for time in TIMES_REFUSED:
            with self.subTest(time=time):
                ours = self.ours.ask(Request("query", [("query", "time()"), ("time", time)]))
                self.assertEqual((ours.status, ours.error()), (
                    400, "invalid parameter \"time\": invalid time value for 'time': "
                    f'cannot parse "{time}" to a valid timestamp'))
        for time, seconds in TIMES_PAST_2262.items():
            with self.subTest(time=time):
                ours = self.ours.ask(Request("query", [("query", "time()"), ("time", time)]))
                self.assertEqual(ours.json["data"]["result"], [seconds, str(seconds)])

    def test_times_of_the_standard(self):
        for time in TIMES_OF_RFC_3339:
            ours = self.ours.ask(Request("query", [("query", "time()"), ("time", time)]))
            self.assertEqual(ours.json["data"]["result"], [NOW, str(NOW)], time)
        for time in TIMES_OF_GO:
            ours = self.ours.ask(Request("query", [("query", "time()"), ("time", time)]))
            self.assertEqual(ours.status, 400, time)
            self.assertIn("to a valid timestamp", ours.error())

    def test_steps_of_nothing(self):
        for step in STEPS_OF_NOTHING:
            ours = self.ours.ask(Request("query_range", [
                ("query", "up"), ("start", NOW), ("end", NOW + 10), ("step", step)]))
            self.assertEqual(ours.status, 400, step)
            self.assertIn("zero or negative query resolution step", ours.error())

    def test_steps(self):
        for step in DURATIONS + STEPS:
            self.same("query_range", [("query", "up"), ("start", NOW), ("end", NOW + 10),
                                      ("step", step)])

    def test_number_of_points(self):
        for end, step in ((11000, 1), (11000.999, 1), (11001, 1), (11, 0.001), (11.001, 0.001),
                          (86400, 7), (86400, 8), (1e8, "1h"), (1e8, "1d")):
            self.same("query_range", [("query", "vector(1) < 0"), ("start", T), ("end", T + end),
                                      ("step", step)])

    def test_timeouts(self):
        for timeout in DURATIONS:
            self.same("query", [("query", "1"), ("time", NOW), ("timeout", timeout)])
            self.same("query_range", method="POST", form=[
                ("query", "1"), ("start", "0"), ("end", "0"), ("step", "1"), ("timeout", timeout)])

    def test_timeouts_that_have_passed(self):
        """engine.go, exec: the wording depends on where the clock is looked at first."""
        for timeout, (path, params) in itertools.product(TIMEOUTS_PASSED, (
                ("query", [("time", NOW)]),
                ("query_range", [("start", T), ("end", T), ("step", 1)]))):
            request = Request(path, [("query", "up"), *params, ("timeout", timeout)])
            with self.subTest(str(request)):
                ours, theirs = self.both(request)
                self.assertEqual(theirs.status, 503)
                self.assertEqual((ours.status, ours.json.get("errorType")), (503, "timeout"))
                self.assertRegex(ours.error(), "^query timed out in ")

    def test_several_wrong_parameters_of_query_range(self):
        """The first wrong one is named, in the order of api.go."""
        for values in itertools.product(("x", T + 100, None), ("y", T), ("z", "0", "0.001", "", 1),
                                        ("q", None), ("up", "up +", "up[5m]", '"a"', None)):
            self.same("query_range", list(zip(("start", "end", "step", "timeout", "query"),
                                              values)))

    def test_several_wrong_parameters(self):
        for values in itertools.product(("x", None), ("y", None), ("up", "up +", "", None)):
            self.same("query", list(zip(("time", "timeout", "query"), values)))
        for path, *values in itertools.product(("series", "labels", "label/job/values"), (
                "x", T + 10, None), ("y", None), ("up", "up{", None)):
            self.same(path, list(zip(("start", "end", "match[]"), values)))
        for values in itertools.product(("x", T + 10), ("y", T), ("up", "up +")):
            self.same("query_exemplars", list(zip(("start", "end", "query"), values)))

    def test_lookback_delta(self):
        for query in ("up", "up+"):
            self.same("query", [("query", query), ("lookback_delta", "x")])
        self.same("query_range", [("query", "up"), ("start", T), ("end", T), ("step", 1),
                                  ("lookback_delta", "1x")])

    def test_no_parameters(self):
        for path in ("query", "query_range", "series", "labels", "label/job/values",
                     "format_query", "query_exemplars", "metadata"):
            self.same(path)
            if path not in ("label/job/values", "metadata"):
                self.same(path, method="POST", form="")


class Values(Differential):
    """Numbers, strings, times and shapes of results."""

    def test_floats(self):
        for text in FLOATS:
            self.same("query", [("query", text), ("time", NOW)])
            self.same("query", [("query", f"vector({text})"), ("time", NOW)])
            self.same("query_range", [("query", text), ("start", NOW), ("end", NOW + 1),
                                      ("step", 0.5)])

    def test_floats_in_format_query(self):
        for text, wanted in FORMATTED.items():
            with self.subTest(text):
                ours = self.ours.ask(Request("format_query", [("query", text)]))
                self.assertEqual((ours.status, ours.json["data"]), (200, wanted))

    def test_strings(self):
        for text in STRINGS:
            self.everywhere(text)
            self.same("format_query", [("query", text)])

    def test_shapes(self):
        for expression in SHAPES:
            self.everywhere(expression)
            self.same("query", [("query", expression), ("time", f"{T + 700}.25")])
            self.same("query", method="POST", form=[("query", expression), ("time", str(T - 3600))])

    def test_bytes_of_answers(self):
        """Not only equal as JSON: the same bytes, so milliseconds are written alike."""
        requests = [Request("query", [("query", expression), ("time", time)])
                    for expression, time in itertools.product(
                        ("1", '"a"', "vector(1)", "steady", "steady[20s]", "up +"),
                        (NOW, f"{NOW}.5", f"{NOW}.007", f"{NOW}.120"))]
        requests += [Request("query_range", [("query", query), ("step", step), ("start", NOW),
                                             ("end", NOW + 1)])
                     for query, step in (("1", 0.125), ("steady", "250ms"), ("not_there", 1))]
        for request in requests:
            with self.subTest(str(request)):
                ours, theirs = self.both(request)
                self.assertEqual(ours.body, theirs.body)


class Series(Differential):
    """series, labels and label values: selectors, times, names."""

    def test_selectors(self):
        for selector in SELECTORS:
            for path in ("series", "labels", "label/job/values", "label/__name__/values",
                         "label/not_there/values"):
                self.same(path, [("match[]", selector)])
            for path in ("series", "labels"):
                self.same(path, method="POST", form=[("match[]", selector)])

    def test_several_selectors(self):
        for selector in SELECTORS:
            if selector:
                self.same("series", [("match[]", selector), ("match[]", "late")])
                self.same("labels", [("match[]", selector), ("match[]", "late")])
                self.same("label/__name__/values", [("match[]", selector), ("match[]", "early"),
                                                    ("match[]", "late")])
        for selectors in (("up", "up"), ("up", 'up{job="api"}', '{job="api"}'),
                          ("late", "up{", "{}"), ("early", "late", "odd", "not_there")):
            pairs = [("match[]", selector) for selector in selectors]
            self.same("series", pairs)
            self.same("series", pairs[:1], method="POST", form=pairs[1:])

    def in_windows(self, windows, selectors, paths):
        for (start, end), selector, path in itertools.product(windows, selectors, paths):
            self.same(path, [("match[]", selector), ("start", start), ("end", end)])

    def test_windows(self):
        self.in_windows(WINDOWS, ("early", "late", "up", '{job=~".+"}'), ("series", "labels",
                                                                          "label/job/values"))
        self.in_windows([*EMPTY_WINDOWS, (NOW, T), (None, T)], ("early", "late", "up"), ("series",))

    def test_labels_when_nothing_was_stored(self):
        """tsdb/head_read.go, LabelNames and LabelValues: the range is looked at."""
        self.in_windows(EMPTY_WINDOWS, ("up", None), ("labels", "label/job/values"))

    def test_label_names(self):
        for name, old in LABEL_NAMES_OF_3.items():
            with self.subTest(name):
                wanted = self.theirs.ask(Request(f"label/{old}/values"))
                self.assertEqual(self.ours.ask(Request(f"label/{name}/values")).shown(),
                                 wanted.shown())
        for name in ("job", "__name__", "not_there", "_", "JOB", "%6Aob", "%ff", "U__"):
            self.same(f"label/{name}/values")


class Exemplars(Differential):
    """query_exemplars."""

    def test_queries(self):
        for query in ("requests_total", "up", '{__name__=~"up|requests_total"}', "not_there",
                      'rate(requests_total{code="200"}[5m]) / on() up', "requests_total[5m]",
                      'requests_total{code="500"}', "1 + 1", "time()", "sum(up) by (job)",
                      "up offset 5m", "up + up", "up[5m:1m]"):
            for start, end in ((None, None), (T, END), (T + 60, T + 60), (T + 60.5, T + 95),
                               (T + 60.501, T + 120.006), (0, T), (END, None)):
                self.same("query_exemplars", [("query", query), ("start", start), ("end", end)])
            self.same("query_exemplars", method="POST", form=[("query", query), ("start", str(T))])

    def test_wrong_times(self):
        for start, end in (("x", None), (None, "x"), (END, T), ("x", "y")):
            self.same("query_exemplars", [("query", "up"), ("start", start), ("end", end)])


INSTANT = f"query=steady&time={NOW}"


class Bodies(Differential):
    """Parameters in the query string, in the body, and in both."""

    def test_bodies(self):
        for body, query in itertools.product(
                (INSTANT, "", "&&&", "query=1&query=2", "query", "query=", "=up", "query=1+%2B+1",
                 "query=%C3%A9", "query=%ff", "QUERY=1", "query=a=b", "time=5", "query=1%0A"),
                (f"time={NOW}", f"query=vector(7)&time={NOW}", f"query=2&query=3&time={NOW}",
                 f"&&time={NOW}&", f"time={NOW}&query=1%20%2b+2", f"query=7%23x&time={NOW}")):
            self.same("query", query, method="POST", form=body)

    def test_content_types(self):
        for content_type in (FORM, FORM + "; charset=UTF-8", FORM + ";", FORM.upper(),
                             "Application/x-www-Form-urlencoded", "text/plain", "application/json",
                             "multipart/form-data", ";", ""):
            with self.subTest(content_type):
                self.same("query", f"query=vector(7)&time={NOW}", method="POST", form=INSTANT,
                          headers={"Content-Type": content_type})

    def test_pairs_that_cannot_be_read(self):
        """net/url, ParseQuery: such a pair counts as not given; series says so."""
        for pair in ("query=%zz", "query=%", "query=2;x=3", "x=%zz", "x=1;y=2"):
            self.same("query", f"{pair}&query=1&time={NOW}")
            self.same("query", f"time={NOW}", method="POST", form=f"{pair}&query=1")
        for pair in ("match[]=%zz", "x=%zz", "x=1;y=2"):
            for path in ("series", "labels", "label/job/values"):
                self.same(path, f"{pair}&match[]=up")
            for path in ("series", "labels"):
                self.same(path, method="POST", form=f"match[]=up&{pair}")

    def test_a_body_of_get_is_not_read(self):
        self.same("query", f"query=vector(7)&time={NOW}", form="query=1")
        self.same("labels", "match[]=up", form="match[]=late")

    def test_names_of_parameters(self):
        for query in ("match%5B%5D=up", "match[]=up&match=late", "match[0]=up", "Match[]=up",
                      "match[]=up&x=", "match[]=up&=late", "&match[]=up&&"):
            self.same("series", query)
            self.same("labels", query)


class Http(Differential):
    """Methods, paths, compression, cross-origin requests."""

    paths = ("query", "query_range", "query_exemplars", "format_query", "series", "labels",
             "label/job/values", "metadata")

    def test_wrong_methods(self):
        for path, method in itertools.product(self.paths, ("PUT", "DELETE", "PATCH", "FOO")):
            if (path, method) != ("series", "DELETE"):
                self.same(path, method=method)
        self.same("series", [("match[]", "up")], method="DELETE")
        for path in ("label/job/values", "metadata", "status/buildinfo", "targets"):
            self.same(path, method="POST", form="")
        self.same("write")

    def test_allow_names_all_methods(self):
        for path in ("query", "labels", "metadata"):
            request = Request(path, method="PUT")
            with self.subTest(str(request)):
                ours, theirs = (set(re.split(r",\s*", answer.headers.get("Allow", "")))
                                for answer in self.both(request))
                self.assertEqual(ours, theirs)

    def test_head(self):
        """Ours gives the head of what GET gives (RFC 9110, section 9.3.2); 3.14 has no HEAD."""
        for path in ("query", "labels", "metadata"):
            ours = self.ours.ask(Request(path, [("query", "1"), ("time", NOW)], method="HEAD"))
            self.assertEqual(ours.status, 200, path)

    def test_options(self):
        for path in (*self.paths, "", "nope", "label"):
            self.same(path, method="OPTIONS")

    def test_unknown_paths(self):
        for path, method in itertools.product(
                ("", "nope", "query/x", "label", "label/job", "label/job/value", "series/x",
                 "status", "status/nope", "admin", "admin/tsdb", "query_rangex", "quer",
                 "metadata/x"), ("GET", "POST", "DELETE")):
            self.same(path, method=method)

    def test_paths_with_spare_slashes(self):
        """net/http, ServeMux: the path is cleaned and the client sent there (301; 307 of Go 1.26).

        A base URL that ends in a slash makes such paths.
        """
        for path in ("//api/v1/query", "/api/v1//query", "/api/v1/./query"):
            request = Request(path, [("query", "1"), ("time", "5")])
            with self.subTest(str(request)):
                ours, theirs = self.both(request)
                self.assertEqual(theirs.status, 301)
                self.assertIn(ours.status, (301, 307))
                self.assertEqual(ours.headers.get("Location"), theirs.headers.get("Location"))

    def test_escaped_paths(self):
        for path in ("/api/v1/%71uery", "/api/v1/label/j%6Fb/values"):
            self.same(path, [("query", "1"), ("time", "5")])

    def test_compression(self):
        for accept, query in itertools.product(
                ("gzip", "gzip, deflate", "br, gzip", "gzip,", "br", "identity",
                 "*", "x-gzip", "", "gzip;q=0", "identity, gzip;q=0", "deflate"),
                ("many", "steady", "up +")):
            with self.subTest(accept=accept):
                answers = self.same("query", [("query", query), ("time", NOW)],
                                    headers={"Accept-Encoding": accept})
                if answers and query == "many":
                    self.assertEqual(*(answer.encoding for answer in answers))

    def test_accept(self):
        for accept in ("application/json", "text/html", "*/*", "application/xml", "garbage",
                       "application/json;q=0", "text/*, application/*;q=0.1", ""):
            self.same("query", [("query", "up"), ("time", NOW)], headers={"Accept": accept})
            self.same("labels", headers={"Accept": accept})

    def test_cross_origin_requests(self):
        names = [f"Access-Control-{name}" for name in (
            "Allow-Headers", "Allow-Methods", "Allow-Origin", "Expose-Headers")]
        for origin, (method, path) in itertools.product(("http://x", "null", ""), (
                ("GET", "query"), ("GET", "labels"), ("OPTIONS", "query"), ("POST", "query"),
                ("GET", "query_range"))):
            request = Request(path, [("query", "1"), ("time", NOW)], method,
                              headers={"Origin": origin})
            with self.subTest(str(request), origin=origin):
                ours, theirs = ({n: answer.headers.get(n) for n in names}
                                for answer in self.both(request))
                self.assertEqual(ours, theirs)


PAGE = """\
# HELP page_things_total Things with a "quote", a \\\\ backslash and a\\nline break.
# TYPE page_things_total counter
page_things_total 7
# HELP page_level A level.
# TYPE page_level gauge
page_level{place="<here>"} 1
# TYPE page_silent gauge
page_silent 2
# HELP page_untold Said without a type.
page_untold 3
page_bare 4
# HELP page_seconds Durations.
# TYPE page_seconds histogram
page_seconds_bucket{le="1"} 1
page_seconds_bucket{le="+Inf"} 2
page_seconds_sum 3
page_seconds_count 2
# HELP page_size_bytes Sizes.
# TYPE page_size_bytes summary
page_size_bytes{quantile="0.5"} 5
page_size_bytes_sum 9
page_size_bytes_count 2
# HELP page_odd Of no type.
# TYPE page_odd untyped
page_odd 1
"""

# What 3 says more than 2.42: api.go, RuntimeInfo and TargetDiscovery.
NAMES_OF_3 = {"status/runtimeinfo": {"hostname", "serverTime", "GOMEMLIMIT"},
              "targets": {"droppedTargetCounts"}}


def shape(value):
    """The names of a document all the way down, types at the end; of a list one element."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if type(value) in (int, float) else type(value).__name__


def leave_out_newer_names(target):
    """Of the shape of a target, what 2.42 does not say: labels of 3, and our own size of a page."""
    for name in ("__always_scrape_classic_histograms__", "__convert_classic_histograms_to_nhcb__",
                 "__scrape_native_histograms__"):
        del target["discoveredLabels"][name]
    del target["lastBodyBytes"], target["lastSamples"]


class Scraping(Differential):
    """metadata, targets and status, of servers that both scrape the same page."""

    @classmethod
    def setUpClass(cls):
        page = cls.enterClassContext(harness.PageServer({"/metrics": PAGE}))
        config = harness.scrape_config(("page", page.address))
        ours = cls.enterClassContext(harness.Prom5(config=config))
        # Ours counts by step without a flag, as it knows experimental functions without one.
        theirs = cls.enterClassContext(harness.Prometheus(
            ["--enable-feature=promql-per-step-stats"], config))
        for server in (ours, theirs):
            server.wait_for_value("up", 1)
        cls.ours, cls.theirs = Client(ours), Client(theirs)
        for client in (cls.ours, cls.theirs):
            cls.addClassCleanup(client.close)

    def test_metadata(self):
        self.same("metadata")
        for name in ("page_level", "page_things_total", "page_seconds", "page_seconds_bucket",
                     "page_size_bytes", "page_untold", "page_bare", "page_silent", "page_odd",
                     "not_there", "page_level{}", "PAGE_LEVEL"):
            self.same("metadata", [("metric", name)])
        for limit in ("x", "1.5", "", "100", "0", "-1", "-x", "+9", "99999999999999999999", " 1"):
            self.same("metadata", [("metric", "page_level"), ("limit", limit)])
        self.same("metadata", [("limit_per_metric", "x")])

    def test_metadata_of_some(self):
        """Which ones is left to chance in 2.42 and 3."""
        for limit in (0, 1, 3):
            with self.subTest(limit=limit):
                ours, theirs = self.both(Request("metadata", [("limit", limit)]))
                self.assertEqual(len(ours.json["data"]), len(theirs.json["data"]))

    def test_metadata_of_targets(self):
        level = ("metric", "page_level")
        for params in ([], [level], [("metric", "not_there")], [("limit", "x")], [("limit", "0")],
                       [("match_target", '{job="page"}'), level], [("match_target", "{"), level],
                       [("match_target", '{job="x"}'), level], [("match_target", "up"), level],
                       [("match_target", '{job=~"p.*"}'), level, ("limit", "1")]):
            self.same("targets/metadata", params)

    def test_statistics_of_queries(self):
        """util/stats/query_stats.go: samplesRead is new."""
        for (path, params), stats in itertools.product((
                ("query", [("time", NOW)]),
                ("query_range", [("start", T), ("end", T), ("step", 1)])), ("true", "all", "")):
            request = Request(path, [("query", "up"), *params, ("stats", stats)])
            with self.subTest(str(request)):
                ours, wanted = (shape(answer.json["data"]) for answer in self.both(request))
                if "stats" in wanted:
                    samples = wanted["stats"]["samples"]
                    samples["samplesRead"] = "number"
                    if stats == "all":
                        samples["samplesReadPerStep"] = samples["totalQueryableSamplesPerStep"]
                self.assertEqual(ours, wanted)

    def test_unknown_statistics(self):
        """api.go, statsParamWarning: new in 3."""
        body = self.ours.ask(Request("query", [("query", "1"), ("stats", "yes")])).body
        self.assertEqual(harness.parse_json(body).get("warnings"), [
            'value "yes" for parameter "stats" is deprecated and will be rejected in the next '
            'major release, use "true" or "all"'])

    def test_names_in_status(self):
        for path in ("status/buildinfo", "status/runtimeinfo", "status/config", "status/tsdb",
                     "status/walreplay", "targets", "scrape_pools", "rules", "alerts",
                     "alertmanagers"):
            with self.subTest(path):
                ours, theirs = self.both(Request(path))
                self.assertEqual((ours.status, ours.type), (theirs.status, theirs.type))
                got, wanted = shape(ours.json["data"]), shape(theirs.json["data"])
                self.assertLessEqual(NAMES_OF_3.get(path, set()), set(got))
                if path == "targets":
                    for target in got["activeTargets"]:
                        leave_out_newer_names(target)
                self.assertEqual({name: got.get(name) for name in wanted}, wanted)
                if path == "status/buildinfo":
                    self.assertEqual(set(got), set(wanted))

    def test_wrong_limits_of_status(self):
        for limit in ("0", "x", "10001"):
            self.same("status/tsdb", [("limit", limit)])

    def test_states_of_targets(self):
        for state in ("active", "dropped", "any", "x", "ACTIVE", ""):
            with self.subTest(state=state):
                ours, theirs = self.both(Request("targets", [("state", state)]))
                self.assertEqual(ours.status, theirs.status)
                for name in ("activeTargets", "droppedTargets"):
                    self.assertEqual(len(ours.json["data"][name]), len(theirs.json["data"][name]))


if __name__ == "__main__":
    unittest.main()
