"""Queries meant to end the server, to fill its memory or to keep it busy for ever.

A table of such queries, each of them sent to a server with little data and low limits. What comes
back may be an answer or a refusal, but it comes, in the API's own form; and behind it the same
process stands, has not grown beyond a bound, and gives right answers to everybody else.
"""
import contextlib
import http.client
import json
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import unittest
import urllib.parse

import harness
from snappy_wire import snappy_literal

QUERY_TIMEOUT_SECONDS = 5
# The one limit of time: how long after --query.timeout an answer may still be on its way.
PATIENCE_SECONDS = 4 * QUERY_TIMEOUT_SECONDS
MEMORY_LIMIT_KB = 600 * 1024
TEN_AT_ONCE_LIMIT_KB = 2048 * 1024
# Keeps a server that fails here from taking the machine along.
RLIMIT_DATA_BYTES = 3 << 30
LONGEST_ANSWER_BYTES = 128 << 20
FLAGS = ["--web.enable-remote-write-receiver"]
LIMITS = ["--query.max-samples=200000", f"--query.timeout={QUERY_TIMEOUT_SECONDS}s"]
# Most queries ask for less, so that those which may end by it do not add up to minutes.
TIMEOUT = {"timeout": "1s"}
STATUS_OF = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 499}

T = harness.now_ms() // 60_000 * 60 - 60  # the newest sample, in seconds
HOUR = {"start": T - 3600, "end": T}
K, M = 1_000, 1_000_000
YEARS = 365 * 86400
EVERYTHING = '{__name__=~".+"}'
FULL_GRID = {**HOUR, "step": "0.33"}  # nearly the 11,000 points that are allowed
COUNTED_REGEX = "(?:[0-9a-z]{0,9}x?){100}"


def series():
    """200 series x 240 samples: gauges, counters, an info metric, both kinds of histograms."""
    times = [(T - 3600 + 15 * (i + 1)) * 1000 for i in range(240)]
    out = []

    def add(name, labels, value):
        out.append(({"__name__": name, "job": "a", **labels},
                    [(t, value(i)) for i, t in enumerate(times)]))

    for n in range(120):
        add("load", {"n": f"{n:03}", "instance": f"i{n % 10}"}, lambda i, n=n: n * 1000 + i)
    for n in range(40):
        add("requests_total", {"n": f"{n:03}", "instance": f"i{n % 10}"}, lambda i, n=n: n * i)
    for n in range(20):
        bound = "+Inf" if n % 10 == 9 else str(n % 10 / 10)
        add("latency_bucket", {"le": bound, "instance": f"i{n // 10}"},
            lambda i, n=n: (n % 10 + 1) * i)
    for n in range(10):
        add("target_info", {"instance": f"i{n}", "version": f"v{n}"}, lambda i: 1)
        add("native", {"instance": f"i{n}"}, lambda i: harness.Histogram(
            160 * (i + 1), 1.0 * i, {b: i + 1 for b in range(160)}, schema=3))
    return out


SUM_OF_LOAD = sum(n * 1000 + 239 for n in range(120))
REQUEST = snappy_literal(harness.write_request(series()))


# --------------------------------------------------------------------------------- the queries
#
# Each function yields rows (name, path below /api/v1, list of parameters). A row is made when its
# turn comes: some are ten megabytes long.

def instant(name, query, **params):
    return name, "query", [("query", query), ("time", T), *{**TIMEOUT, **params}.items()]


def ranged(name, query, **params):
    params = {**HOUR, **TIMEOUT, "step": 1, **params}
    return name, "query_range", [("query", query), *params.items()]


def asked(name, path, *pairs):
    return name, path, list(pairs)


def nested(opening, inner, closing, levels):
    return opening * levels + inner + closing * levels


def names(count, form="x{}", separator=","):
    return separator.join(form.format(n) for n in range(count))


def nesting():
    for levels in (10 * K, 100 * K, M):
        yield instant(f"parentheses {levels}", nested("(", "1", ")", levels))
    yield instant("parentheses, ten million never closed", "(" * (10 * M))
    yield instant("closing parentheses", "1" + ")" * M)
    yield instant("minus", "-" * M + "1")
    yield instant("minus and plus", "-+" * 500_000 + "load")
    yield instant("functions", nested("abs(", "load", ")", 100 * K))
    yield instant("functions without an end", "abs(" * M)
    yield instant("sums", nested("sum(", "load", ")", 100 * K))
    yield instant("sums of all that is allowed", nested("sum(", "load", ")", 190))
    yield instant("braces", "{" * M)
    yield instant("brackets", "load" + "[" * M)
    yield instant("subqueries of subqueries", "load" + "[1m:1s]" * 100 * K)
    yield instant("maxima of subqueries",
                  nested("max_over_time(", "load", "[1m:1s])", 10 * K))
    yield instant("durations", "load[" + nested("(", "1m", ")", M) + "]")
    yield instant("signs in a duration", "load offset " + "-" * M + "1m")
    yield instant("aggregations in parameters", nested("topk(scalar(", "load", "), load)", 10 * K))
    yield instant("second arguments", nested("clamp_max(load, scalar(", "load", "))", 90))
    yield instant("all kinds of brackets", "([{" * 300 * K)


def chains():
    yield instant("sum of a million", "1" + "+1" * M)
    yield instant("products, five million", "1" + "*1" * (5 * M))
    yield instant("powers", "1" + "^1" * 100 * K)
    yield instant("powers of all that is allowed", "^".join(["9"] * 190))
    yield instant("5,000 operands of or", " or ".join(["load"] * 5000))
    yield instant("1,000 operands of or", " or ".join(["load"] * 1000))
    yield instant("1,000 operands of or, all different",
                  " or ".join(f'label_replace(load,"x","{n}","","")' for n in range(1000)))
    yield instant("900 operands of unless", " unless ".join([EVERYTHING] * 900))
    yield instant("900 comparisons", " == bool ".join(["load"] * 900))
    yield ranged("900 sums of native histograms", "+".join(["native"] * 900))
    yield instant("offsets one after the other", "load" + " offset 1m" * 100 * K)
    yield instant("@ one after the other", "load" + " @ 1" * 100 * K)
    yield instant("commas", "{" + "a," * (5 * M) + "}")


def literals():
    yield instant("string of ten million", '"' + "x" * (10 * M) + '"')
    yield instant("string without an end", '"' + "x" * (10 * M))
    yield instant("string of escapes", '"' + "\\u00e9" * M + '"')
    yield instant("half a character", '"\\xff\\xfe\\xc3"')
    yield instant("label that is no UTF-8", 'label_replace(vector(1),"d","\\xff\\xc3","","")')
    yield instant("character cut in two at a label's greatest length",
                  'label_replace(label_join(vector(1),"d","%s","a","a"),"e","x$1","d","(.*)")'
                  % ("\u00e9" * (4 * M) * 2 + "\u00e9" * 500 * K))
    yield instant("number of ten million digits", "1" * (10 * M))
    yield instant("fraction of a million digits", "0." + "0" * M + "1")
    yield instant("exponent", "1e" + "9" * 100 * K)
    yield instant("hexadecimal", "0x" + "f" * M)
    yield instant("duration of a million digits", f"load[{'9' * M}s]")
    yield instant("duration of a million units", "load[" + "1m" * M + "]")
    yield instant("ten million spaces", " " * (10 * M) + "1")
    yield instant("comment of ten million", "#" + "x" * (10 * M) + "\n1")
    yield instant("a million comments", "#\n" * M + "1")
    yield instant("metric name of ten million", "x" * (10 * M))
    yield instant("label name of ten million", '{"' + "x" * (10 * M) + '"="1"}')
    yield instant("label value of ten million", 'load{n="' + "x" * (10 * M) + '"}')
    yield instant("function's name of ten million", "x" * (10 * M) + "(load)")
    # Each annotation says where in the query it belongs, which is behind all the spaces.
    yield ranged("annotations far behind", " " * (10 * M) + "max(native)", **FULL_GRID)


def regexes():
    for pattern in ("(a+)+$", "((a*)*)*b", "(a|aa)+$", "(x+x+)+y", "a{1000}{1000}", "a{1000000}",
                    "((a{100}){100}){100}", "(?:a?){1000}a{1000}", "(?:(?:a?){30}){30}", "[a-z",
                    "(?P<n", "a**", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x", COUNTED_REGEX):
        yield instant(f"regex {pattern}", f'{{__name__=~".+",n=~"{pattern}"}}')
    yield instant("regex of a million groups", 'load{n=~"%s"}' % nested("(", "", ")", M))
    yield instant("regex of a million open groups", 'load{n=~"%s"}' % ("(" * M))
    yield instant("regex of classes", 'load{n=~"%s"}' % ("\\\\pL{500}" * 100))
    yield instant("100,000 alternatives", 'load{n=~"%s"}' % names(100 * K, separator="|"))
    yield instant("20,000 alternatives that are no words",
                  'load{n=~"%s"}' % names(20 * K, "x{}.*", "|"))
    yield instant("100,000 negated alternatives",
                  'count(load{n!~"%s"})' % names(100 * K, separator="|"))
    yield instant("100,000 regexes in one selector",
                  "load{%s}" % ",".join(['n=~"(?:.?){1000}"'] * 100 * K))
    yield instant("5,000 groups to capture",
                  'label_replace(load,"d","$1","none","%s")' % ("(a?)" * 5000))
    text = "".join(random.Random(1).choices("ab", k=M))
    yield instant("regex on a label of a million letters",
                  f'label_replace(label_replace(load,"d","{text}","",""),"e","$1","d",'
                  '"(.*a[ab]{900}).*")')
    yield instant("regex of label_replace that does not compile",
                  'label_replace(load,"d","","","%s(")' % ("x" * M))
    yield instant("regex with NUL", 'load{n=~"a\\x00{1,1000}"}')


def subqueries():
    year = "[1y:1ms]"
    yield instant("a year in milliseconds", f"max_over_time(load{year})")
    yield instant("three years of years",
                  f"max_over_time(max_over_time(max_over_time(load[1h:1ms]){year})[3y:1ms])")
    yield ranged("years of years at each step",
                 f"max_over_time(max_over_time(load[1h:1ms]){year})", **FULL_GRID)
    yield instant("a billion steps", "sum_over_time(vector(time())[1000000000s:1s])")
    yield instant("a billion steps of a scalar", "sum_over_time(vector(1+time())[1000000000s:1s])")
    yield instant("292 years", "count_over_time(load[292y:1ms])")
    yield instant("quadratic", "quantile_over_time(0.5,vector(time())[100000s:1s])" + "[1h:1s]")
    yield ranged("a sort at each step", "quantile_over_time(0.5,vector(time())[100000s:1s])",
                 **FULL_GRID, timeout="")
    yield ranged("two sorts at each step", "mad_over_time(vector(time())[100000s:1s])",
                 **FULL_GRID)
    yield ranged("a regression at each step", "predict_linear(vector(time())[100000s:1s],1e300)",
                 **FULL_GRID)
    yield ranged("sort of sorts", "quantile_over_time(0.5,mad_over_time(vector(time())[1000s:1s])"
                 "[50000s:1s])", **FULL_GRID)
    # What a step takes must count, whether there is a sample at it or not.
    yield instant("steps without a sample", """count(last_over_time((
                  topk(1e6, {__name__=~".+"}) unless topk(1e6, {__name__=~".*[a-z]"}) * 2
                  unless topk(1e6, {__name__=~"[a-z].*"}) > 9e9)[900000m:5m]))""", timeout="")
    yield instant("steps of scalars", "sum_over_time(vector(%s)[190000s:1s])"
                  % nested("max_of(1,", "1", ")", 190))
    yield instant("steps of literal vectors", "count(last_over_time((%s)[190000s:1s]))"
                  % " or ".join(f'label_replace(vector(1),"a","{n}","","")' for n in range(600)))
    yield instant("no step at all", "load[1h:0s]")
    yield instant("steps longer than the range", "max_over_time(load[1ms:292y])")
    yield instant("absent through years", "absent_over_time(load[190000h:1h])")
    yield instant("subquery of a subquery's 1,000 times", "load[1h:1s]" + "[1h:1s]" * 900)


def times():
    far = "9223372036854775807"
    yield instant("range of a century", "load[100y]")
    yield instant("range beyond int64", f"load[{far}s]")
    yield instant("range of all durations", "rate(load[292y])")
    yield instant("range beyond all durations", "rate(load[293y])")
    yield instant("offset 292y", "load offset 292y")
    yield instant("offset -292y", "load offset -292y")
    yield instant("offset int64", f"load offset {far}ms")
    yield instant("offset -int64", f"load offset -{far}s")
    yield instant("offsets that add up", nested("max_over_time((", "load offset 292y",
                                                ")[1h:1m] offset 292y)", 60))
    yield instant("offsets back and forth", nested("max_over_time((", "load offset -292y",
                                                   ")[1h:1m] offset 292y @ 9e15)", 60))
    for at in ("1e300", "-1e300", "Inf", "NaN", far, "-9223372036854775808", "9223372036854775.807",
               "-9223372036854775.808", "9.2e15"):
        yield instant(f"@ {at}", f"rate(load[5m] @ {at}) or load @ {at} offset 292y")
    yield instant("@ at the edge, in a subquery", "max_over_time(load[292y:200y] @ -9.2e15)")
    for duration in ("1y ^ 1y", "1y * 1y * 1y", "1 / 0", "1 % 0", "0 / (1 - 1s)", "-1y",
                     "max_of(1y, 300y)", "step() / step()", "range() ^ 0.5", "1s - 1s",
                     "2 ^ 2 ^ 2 ^ 2 ^ 2", "1e-300"):
        yield instant(f"duration {duration}", f"max_over_time(load[{duration}])")
    yield instant("duration of 100,000 terms", "load[" + "1s+" * 100 * K + "1s]")
    yield instant("offset of 100,000 terms", "load offset (" + "1s-" * 100 * K + "1s)")
    yield instant("duration of 100,000 powers", "load[" + "1^" * 100 * K + "1]")


def joins():
    yield instant("cross product", "load + on() group_left() load")
    yield instant("cross product of everything",
                  f"{EVERYTHING} * on() group_right() {EVERYTHING}")
    yield ranged("cross product over a range",
                 "load * on(job) group_left() (load > 1e9 or requests_total)", **FULL_GRID)
    yield instant("everything", EVERYTHING)
    yield instant("everything, by its empty name", '{__name__!="",x=""}')
    yield ranged("everything over a range", EVERYTHING, **FULL_GRID)
    yield instant("all samples of everything", EVERYTHING + "[1h]")
    yield instant("on 300,000 labels", f"load + on({names(300 * K)}) load")
    yield instant("ignoring 300,000 labels", f"load + ignoring({names(300 * K)}) load")
    yield instant("300,000 labels of a group",
                  f"load + on(n) group_left({names(300 * K)}) load")
    yield instant("by many labels", f"sum by ({names(300 * K)}) (load)")
    yield instant("without many labels", f"sum without ({names(300 * K)}) (load)")
    yield instant("100,000 matchers", "load{%s}" % names(100 * K, 'n!="x{}"'))
    yield instant("absent with 200,000 matchers", "absent(load{%s})" % names(200 * K, 'x{}="1"'))
    yield instant("filled from both sides", "load + on(n, instance) fill(0) requests_total * 1e308")
    yield ranged("unmatched over a range",
                 "load + on(n) group_left() requests_total{n='nope'} or load", **FULL_GRID)
    yield instant("values of everything", f'count_values("v", {EVERYTHING})')
    yield ranged("values that are all different", 'count_values("v", load)')
    yield ranged("values of native histograms", 'count_values("v", native)')
    yield instant("values without end", nested('count_values without() ("v", ', "load", ")", 150))


def label_bombs():
    yield instant("label doubled 60 times", nested(
        "label_replace(", 'label_replace(load,"d","0123456789abcdef","","")',
        ',"d","$1$1","d","(.*)")', 60))
    yield instant("label doubled 30 times through $0", nested(
        "label_replace(", "load", ',"n","$0$0","n",".*")', 30))
    yield instant("label joined with itself 60 times", nested(
        "label_join(", "load", ',"d","-","d","d","n")', 60))
    yield instant("a million copies of a thousand", 'label_replace(label_replace(load,"d","%s",'
                  '"",""),"e","%s","d","(.*)")' % ("x" * K, "$1" * M))
    yield instant("a million sources of a label",
                  'label_join(label_replace(load,"d","%s","",""),"e","",%s)'
                  % ("x" * 10 * K, ",".join(['"d"'] * M)))
    yield instant("a long label for everybody",
                  'label_replace(%s,"d","%s","","")' % (EVERYTHING, "x" * (10 * M)))
    yield instant("a separator of a megabyte",
                  nested("label_join(", "load", ',"d","%s","n","n")' % ("x" * M), 9))
    yield instant("many labels", nested("label_replace(", "load", ',"%s","1","","")', 150)
                  .replace("%s", "y" * 1000))
    yield instant("metric name by the megabyte", 'sum by (__name__) '
                  '(label_replace(load,"__name__","%s$1","n","(.*)"))' % ("x" * M))
    yield instant("bounds of a megabyte in warnings", " or ".join(
        f'histogram_quantile({n}, label_join(load,"le","{"x" * M}","n","n"))'
        for n in range(6)), timeout="")
    yield instant("sorted by a million labels", f"""sort_by_label(load,{names(M, '"x{}"')})""")
    yield instant("sorted by long digits", 'sort_by_label(label_replace(load,"d","%s$1","n",'
                  '"(.*)"),"d")' % ("0" * 100 * K))


def functions():
    yield instant("topk 1e18", "topk(1e18, load)")
    yield instant("topk 1e300", "topk(1e300, load)")
    yield instant("topk NaN", "topk(NaN, load)")
    yield instant("bottomk -Inf", "bottomk(-Inf, load)")
    yield ranged("topk of each step", "topk(time(), load)")
    yield instant("limitk 1e18", "limitk(1e18, load)")
    yield instant("limitk -1e18", "limitk(-1e18, load)")
    yield instant("limit_ratio NaN", "limit_ratio(NaN, load)")
    yield instant("limit_ratio 1e308", "limit_ratio(-1e308, load)")
    yield instant("quantile NaN", f"quantile(NaN, {EVERYTHING})")
    yield instant("quantile Inf", "quantile(-Inf, load) or quantile(Inf, load)")
    yield instant("histogram_quantile of junk",
                  'histogram_quantile(1e308, {__name__=~"l.*|native"})')
    yield instant("histogram_quantile of junk bounds", 'histogram_quantile(0.5, label_replace('
                  'label_replace(load,"le","NaN","n",".*1"),"le","1e999","n",".*2"))')
    yield instant("histogram_quantiles", 'histogram_quantiles(native, "q", NaN, -1, 2, Inf, 0)')
    yield ranged("histogram_fraction of the impossible", "histogram_fraction(Inf, -Inf, native)")
    yield ranged("native histograms by the hundred thousand", "native", **FULL_GRID)
    yield ranged("sum of native histograms", "sum(native) / 0")
    yield instant("native histograms times Inf", "sum(native * Inf - native * -Inf)")
    yield instant("trimmed native histograms", "native </ NaN or native >/ -Inf")
    yield instant("predict_linear Inf", "predict_linear(load[1h], Inf)")
    yield instant("predict_linear 1e308", "predict_linear(load[1h], 1e308) * 1e308")
    for factors in ("0, 0", "1, 1", "NaN, NaN", "5e-324, 5e-324", "0.9999999999999999, 1e-300"):
        yield instant(f"smoothing {factors}", f"double_exponential_smoothing(load[1h], {factors})")
    yield instant("holt_winters", "holt_winters(load[1h], 0.5, 0.5)")
    yield instant("info of everything", f"info({EVERYTHING})")
    yield ranged("info with every info metric", 'info(load, {__name__=~".+"})')
    yield ranged("info of infos", nested("info(", "requests_total", ")", 100))
    yield instant("round to nothing", "round(load, 5e-324) + round(load, 0) + round(load, NaN)")
    yield instant("clamp the wrong way", "clamp(load, Inf, -Inf) or clamp(load, NaN, NaN)")
    yield instant("dates far away", "year(vector(9.2e18)) + month(vector(-9.2e18)) "
                  "+ days_in_month(vector(NaN)) + day_of_year(vector(Inf)) + hour(vector(1e308))")
    yield instant("vector of a missing scalar", f"vector(scalar({EVERYTHING}))")
    yield instant("arguments by the million", "abs(" + "1," * M + "1)")
    yield instant("unknown function", "death(load)")
    yield instant("rate of a rate's rates", nested("rate(", "load", "[1h:10s])", 5))


def parameters():
    yield instant("NUL", b"load\x00 + 1")
    yield instant("NULs", b"\x00" * M)
    yield instant("invalid UTF-8", b"\xff\xfe\xc3(")
    yield instant("invalid UTF-8 in a string", b'label_replace(vector(1),"d","\xff\xc3","","")')
    yield instant("invalid UTF-8 in a name", b'{"\xc3\x28"="\xff"}')
    yield instant("UTF-8 by the megabyte", "\U0001f480" * M)
    yield asked("no query", "query")
    yield asked("empty query", "query", ("query", ""))
    yield asked("parameters twice", "query", *[("query", "load"), ("time", T)] * 20)
    yield asked("9,000 queries in one", "query", *[("query", EVERYTHING)] * 9000)
    yield asked("a million parameters", "query", *[("a", "")] * M)
    yield asked("ten megabytes of something else", "query", ("query", 1), ("x", "y" * (10 * M)))
    yield asked("more than the body may have", "query", ("query", "x" * (65 << 20)))
    for timeout in ("0", "-1", "1e300", "292y", "1e-9", "NaN", "x" * M):
        yield instant(f"timeout {timeout[:9]}", "load", timeout=timeout)
    for limit in ("-1", "0", "9223372036854775807", "9223372036854775808", "NaN", "1" * M):
        yield instant(f"limit {limit[:20]}", "load", limit=limit)
    for lookback in ("-1", "292y", "1e300", "9.2e9", "1e-9"):
        yield instant(f"lookback {lookback}", "count(load)", lookback_delta=lookback)
    for time in ("9e18", "-9e18", "9.2e15", "-9.2e15", "NaN", "1e400", "0000-00-00T00:00:00Z",
                 "9999-12-31T23:59:59.999999999+99:99", "1" * M):
        yield asked(f"time {time[:20]}", "query", ("query", "rate(load[292y])"), ("time", time))
    for step in ("1e-9", "0", "-1", "NaN", "1e300", "9.2e9", "292y", "1ms", "x" * M):
        yield ranged(f"step {step[:9]}", "load", step=step)
    yield ranged("11,000 points", "rate(load{n='001'}[1h])", **FULL_GRID)
    yield ranged("11,000 points of all", "sum(rate(load[1h]))", **FULL_GRID)
    for start, end in (("-9e18", "9e18"), ("-9.2e15", "9.2e15"), (9.2e15, 9.2e15 + 1),
                       (-9.2e15, -9.2e15 + 1), ("9e18", "-9e18"), (0, 292 * YEARS)):
        yield ranged(f"from {start} to {end}", "rate(load[292y]) or vector(time())", start=start,
                     end=end)
        yield ranged(f"from {start} to {end} in long steps", "load offset 292y", start=start,
                     end=end, step="9.2e9")


def other_endpoints():
    deep = nested("abs(", 'label_join(load,"a","%s","b")' % ("x" * (10 * M)), ")", 190)
    chain = 'label_join(load,"a","%s","b")' % ("x" * M) + "+load" * 990
    for path in ("format_query", "parse_query"):
        yield asked(f"{path}: deep", path, ("query", nested("(", "1", ")", M)))
        yield asked(f"{path}: all levels around a long string", path, ("query", deep))
        yield asked(f"{path}: all operators behind a long string", path, ("query", chain))
        yield asked(f"{path}: many labels", path, ("query", f"sum by ({names(300 * K)}) (load)"))
        yield asked(f"{path}: duration of 100,000 terms", path,
                    ("query", "load[" + "1s+" * 100 * K + "1s]"))
        yield asked(f"{path}: invalid UTF-8", path, ("query", b'"\xff\xfe"'))
        yield asked(f"{path}: numbers", path, ("query", "load offset 292y * -1e308 ^ 5e-324"))
    every_name = ("match[]", EVERYTHING)
    slow = ("match[]", f'{{__name__=~".+",n=~"{COUNTED_REGEX}"}}')
    many = ("match[]", "load{%s}" % ",".join(['n=~"(?:.?){1000}"'] * 100 * K))
    for path in ("series", "labels"):
        yield asked(f"{path}: everything 9,000 times", path, *[every_name] * 9000)
        yield asked(f"{path}: 9,000 regexes", path, *[slow] * 9000)
        yield asked(f"{path}: 100,000 regexes in one selector", path, many)
        yield asked(f"{path}: a bomb", path, ("match[]", '{n=~"((a{100}){100}){100}"}'))
        yield asked(f"{path}: deep", path, ("match[]", "(" * M))
        yield asked(f"{path}: no UTF-8", path, ("match[]", b'{a="\xff"}'))
        yield asked(f"{path}: times", path, every_name, ("start", "-9.2e15"), ("end", "9.2e15"))
        yield asked(f"{path}: too late", path, every_name, ("start", "9e18"))
        yield asked(f"{path}: limit", path, every_name, ("limit", "-1"))
        yield asked(f"{path}: great limit", path, every_name, ("limit", "9223372036854775807"))
    yield asked("exemplars: 900 selectors", "query_exemplars",
                ("query", " or ".join([EVERYTHING] * 900)))
    yield asked("exemplars: 5,000 selectors", "query_exemplars",
                ("query", " or ".join([EVERYTHING] * 5000)))
    yield asked("exemplars: deep", "query_exemplars", ("query", "-" * M + "load"))
    yield asked("exemplars: duration of a million terms", "query_exemplars",
                ("query", "load[" + "1s+" * M + "1s]"))
    yield asked("exemplars: times", "query_exemplars", ("query", EVERYTHING),
                ("start", "-9.2e15"), ("end", "9.2e15"))
    yield asked("exemplars: no selector", "query_exemplars", ("query", "1"))


TABLE = (nesting, chains, literals, regexes, subqueries, times, joins, label_bombs, functions,
         parameters, other_endpoints)

# The tree of the longest chain of operators is as deep as the chain is long.
sys.setrecursionlimit(10 * K)

# Those that take the most time or memory, for the test of many at once.
WORST = ("a sort at each step", "steps without a sample", "sum of native histograms",
         "1,000 operands of or, all different", "regex on a label of a million letters",
         "label doubled 60 times", "sorted by a million labels", "5,000 groups to capture",
         "100,000 regexes in one selector", "native histograms by the hundred thousand")


# ------------------------------------------------------------------------------------ asking

def start_server(*flags):
    server = harness.Prom5([*FLAGS, *flags], config="global: {}\n").start()
    resource.prlimit(server.process.pid, resource.RLIMIT_DATA,
                     (RLIMIT_DATA_BYTES, RLIMIT_DATA_BYTES))
    status, text = server.write_bytes(REQUEST)
    assert status in (200, 204), f"remote write: {status} {text}"
    return server


def forget_peak(server):
    """Lets VmHWM begin again from what the process has now."""
    with open(f"/proc/{server.process.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def post_form(server, path, pairs):
    """(status, body) of a form sent by POST. (413, b"") when the server hung up while it came."""
    body = urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote,
                                  safe="()[]{},:;'\"*-|?.~!/<>^@$ ").encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    cut_off = False
    try:
        try:
            connection.request("POST", f"/api/v1/{path}", body,
                               {"Content-Type": "application/x-www-form-urlencoded"})
        except (BrokenPipeError, ConnectionResetError):
            cut_off = True  # The answer may lie there all the same.
        try:
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionError:
            if not cut_off:
                raise
            return 413, b""
    finally:
        connection.close()


def engine_queries(server):
    text = server.get("/metrics")[2].decode()
    return float(re.search(r"^prometheus_engine_queries (\S+)$", text, re.MULTILINE).group(1))


class Death(unittest.TestCase):
    """What the tests here share: a server with data, and what must hold after every query."""

    def setUp(self):
        self.server = start_server(*LIMITS)
        self.process = self.server.process.pid

    def tearDown(self):
        self.server.__exit__()

    def well_formed(self, path, status, body):
        if status == 413:
            return
        if status == 204 and path == "query_exemplars":
            return  # as Prometheus answers a query without a selector
        self.assertLess(len(body), LONGEST_ANSWER_BYTES, "length of the answer")
        try:
            answer = json.loads(body.decode(), parse_constant=self.fail)
        except ValueError as e:
            self.fail(f"{status}, not JSON in UTF-8: {e}: {body[:200]!r}")
        if answer.get("status") == "success":
            self.assertEqual(status, 200)
            self.assertIn("data", answer)
            return
        self.assertEqual(answer.get("status"), "error", body[:200])
        self.assertEqual(STATUS_OF.get(answer.get("errorType")), status, body[:300])
        self.assertTrue(answer.get("error"), "says what is wrong")

    def alive_and_right(self):
        self.assertIsNone(self.server.process.poll(), self.server.log()[-2000:])
        self.assertEqual(self.server.process.pid, self.process)
        self.assertEqual(self.server.value("vector(1)"), 1)
        self.assertEqual(self.server.value("sum(load)", T), SUM_OF_LOAD)

    def survives(self, path, pairs):
        forget_peak(self.server)
        try:
            status, body = post_form(self.server, path, pairs)
        except TimeoutError:
            self.fail(f"no answer within {PATIENCE_SECONDS} s although --query.timeout is "
                      f"{QUERY_TIMEOUT_SECONDS} s")
        except (OSError, http.client.HTTPException) as e:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.process.wait(5)
            self.fail(f"{e!r}, exit code {self.server.process.poll()}\n"
                      f"{self.server.log()[-2000:]}")
        peak_kb = self.server.status_kb("VmHWM")
        self.well_formed(path, status, body)
        self.alive_and_right()
        self.assertLess(peak_kb, MEMORY_LIMIT_KB, f"kB of memory at most; answer: {body[:120]!r}")


class OneAfterTheOther(Death):
    """Every query of the table by itself."""

    def test_names_are_unique(self):
        seen = [row[0] for rows in TABLE for row in rows()]
        self.assertEqual(sorted(seen), sorted(set(seen)))

    def check(self, rows):
        for name, path, pairs in rows():
            with self.subTest(name):
                try:
                    self.survives(path, pairs)
                except BaseException:
                    # The next query is judged by what it does itself.
                    self.tearDown()
                    self.setUp()
                    raise

    def test_nesting(self):
        self.check(nesting)

    def test_chains(self):
        self.check(chains)

    def test_literals(self):
        self.check(literals)

    def test_regexes(self):
        self.check(regexes)

    def test_subqueries(self):
        self.check(subqueries)

    def test_times(self):
        self.check(times)

    def test_joins(self):
        self.check(joins)

    def test_label_bombs(self):
        self.check(label_bombs)

    def test_functions(self):
        self.check(functions)

    def test_parameters(self):
        self.check(parameters)

    def test_other_endpoints(self):
        self.check(other_endpoints)


class ManyAtOnce(Death):
    """The worst of them at the same time, and somebody who asks something simple meanwhile."""

    def test_ten_of_the_worst(self):
        worst = {row[0]: row[1:] for rows in TABLE for row in rows() if row[0] in WORST}
        self.assertEqual(sorted(worst), sorted(WORST))
        answers = {}

        def ask(name, path, pairs):
            try:
                answers[name] = post_form(self.server, path, pairs)
            except (OSError, http.client.HTTPException) as e:
                answers[name] = e

        threads = [threading.Thread(target=ask, args=(name, *row)) for name, row in worst.items()]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join)
        simple = 0
        while simple == 0 or any(thread.is_alive() for thread in threads):
            self.alive_and_right()
            simple += 1
        for name, (path, _) in worst.items():
            with self.subTest(name):
                self.assertIsInstance(answers[name], tuple, "an answer, and no exception")
                self.well_formed(path, *answers[name])
        self.assertLess(self.server.status_kb("VmHWM"), TEN_AT_ONCE_LIMIT_KB)
        harness.wait_until(lambda: engine_queries(self.server) == 0, "all slots are free")
        self.alive_and_right()


class ClientGoesAway(unittest.TestCase):
    """A query that nobody waits for any more ends, and frees its slot."""

    def test_slot_is_free_long_before_the_timeout(self):
        # Half an hour of work, and one slot for it; the query would give up after ten minutes.
        server = self.enterContext(harness.Prom5(
            ["--query.timeout=10m", "--query.max-concurrency=1"], config="global: {}\n"))
        path = server.api_path("query_range", {
            "query": "quantile_over_time(0.5, vector(time())[1000000s:1s])", **FULL_GRID})
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                harness.wait_until(lambda: engine_queries(server) == 1, "the query runs")
            harness.wait_until(lambda: engine_queries(server) == 0, "its slot is free")
            self.assertEqual(server.value("vector(1)"), 1)


if __name__ == "__main__":
    unittest.main()
