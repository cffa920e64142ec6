#include <gtest/gtest.h>

#include <string>

#include "query/promql/parser.h"

namespace prom5::promql {

namespace {

/// The normal form, which must be its own normal form; the error where there is none.
std::string normal(std::string_view query) {
  const auto parsed = parse(query);
  if (!parsed) return parsed.error().message;
  const std::string once = print(**parsed);
  const auto again = parse(once);
  EXPECT_TRUE(again) << query << " prints as " << once << ": " << again.error().message;
  if (!again) return once;
  EXPECT_EQ(print(**again), once) << query;
  return once;
}

void prints(std::string_view query, std::string_view want) { EXPECT_EQ(normal(query), want); }
void same(std::string_view query) { prints(query, query); }

void ok(std::string_view query) {
  EXPECT_TRUE(parse(query)) << query << ": " << parse(query).error().message;
  normal(query);
}

}  // namespace

// The cases of prometheus promql/parser/printer_test.go.
TEST(Printer, NormalForm) {
  prints(R"(sum by() (task:errors:rate10s{job="s"}))", R"(sum(task:errors:rate10s{job="s"}))");
  prints(R"(sum by(code) (task:errors:rate10s{job="s"}))",
         R"(sum by (code) (task:errors:rate10s{job="s"}))");
  prints(R"(sum without() (task:errors:rate10s{job="s"}))",
         R"(sum without () (task:errors:rate10s{job="s"}))");
  prints(R"(sum without(instance) (task:errors:rate10s{job="s"}))",
         R"(sum without (instance) (task:errors:rate10s{job="s"}))");
  prints(R"(sum by("foo.bar") (task:errors:rate10s{job="s"}))",
         R"(sum by ("foo.bar") (task:errors:rate10s{job="s"}))");
  prints(R"(sum without("foo.bar") (task:errors:rate10s{job="s"}))",
         R"(sum without ("foo.bar") (task:errors:rate10s{job="s"}))");
  same(R"(topk(5, task:errors:rate10s{job="s"}))");
  same(R"(count_values("value", task:errors:rate10s{job="s"}))");
  prints("a - on() c", "a - on () c");
  prints("a - on(b) c", "a - on (b) c");
  prints("a - on(b) group_left(x) c", "a - on (b) group_left (x) c");
  prints("a - on(b) group_left(x, y) c", "a - on (b) group_left (x, y) c");
  prints("a - on(b) group_left c", "a - on (b) group_left () c");
  prints("a - on(b) group_left() (c)", "a - on (b) group_left () (c)");
  prints("a - ignoring(b) c", "a - ignoring (b) c");
  prints("a - ignoring() c", "a - c");
  prints("a - ignoring() group_left(__metric__) c", "a - ignoring () group_left (__metric__) c");
  prints("a - ignoring() group_left c", "a - ignoring () group_left () c");
  prints("a + fill(-23) b", "a + fill (-23) b");
  prints("a + fill_left(-23) b", "a + fill_left (-23) b");
  prints("a + fill_right(42) b", "a + fill_right (42) b");
  prints("a + fill_left(-23) fill_right(42) b", "a + fill_left (-23) fill_right (42) b");
  prints("a + fill_left(5) fill_right(5) b", "a + fill (5) b");
  prints("a + on(b) group_left fill(-23) c", "a + on (b) group_left () fill (-23) c");
  same("up > bool 0");
  same("a offset 1m");
  same("a offset -7m");
  same(R"(a{c="d"}[5m] offset 1m)");
  same("a[5m] offset 1m");
  same("a[12m] offset -3m");
  same("a[1h:5m] offset 1m");
  same("a anchored");
  same("a[5m] anchored");
  same(R"(a{b="c"}[5m] anchored)");
  same(R"(a{b="c"}[5m] anchored offset 1m)");
  same(R"(a{b="c"}[5m] anchored @ start() offset 1m)");
  same("a smoothed");
  same("a[5m] smoothed");
  same(R"(a{b="c"}[5m] smoothed)");
  same(R"(a{b="c"}[5m] smoothed offset 1m)");
  same(R"(a{b="c"}[5m] smoothed @ start() offset 1m)");
  same(R"({__name__="a"})");
  same(R"(a{b!="c"}[1m])");
  same(R"(a{b=~"c"}[1m])");
  same(R"(a{b!~"c"}[1m])");
  prints("a @ 10", "a @ 10.000");
  prints("a[1m] @ 10", "a[1m] @ 10.000");
  same("a @ start()");
  same("a @ end()");
  same("a[1m] @ start()");
  same("a[1m] @ end()");
  same(R"({__name__="",a="x"})");
  same(R"({"a.b"="c"})");
  same(R"({"0"="1"})");
  prints(R"({"_0"="1"})", R"({_0="1"})");
  same(R"({""="0"})");
  prints(R"({``="0"})", R"({""="0"})");
  same("1048576");
  same("foo[step()]");
  same("foo[-step()]");
  same("foo[(step())]");
  same("foo[-(step())]");
  same("foo offset step()");
  same("foo offset -step()");
  same("foo offset (step())");
  same("foo offset -(step())");
  prints("foo offset +(5)", "foo offset (5)");
  same("foo offset -(5)");
  same("foo offset (5)");
  same("foo offset (5m)");
  same("foo[(5s)]");
  same("foo[(5m):(1m)]");
  prints("foo offset +min_of(10s, 20s)", "foo offset min_of(10s, 20s)");
  same("foo offset -min_of(10s, 20s)");
  prints("foo offset -min_of(10s, +max_of(step() ^ 2, 2))",
         "foo offset -min_of(10s, max_of(step() ^ 2, 2))");
  prints("foo[200-min_of(-step()^+step(),1)]", "foo[200 - min_of(-step() ^ step(), 1)]");
  same("foo[200 - min_of(step() + 10s, -max_of(step() ^ 2, 3))]");
  same("foo[range()]");
  same("foo[-range()]");
  same("foo offset range()");
  same("foo offset -range()");
  same("foo[max_of(range(), 5s)]");
  same("predict_linear(foo[1h], 3000)");
  prints(R"(sum by("üüü") (foo))", R"(sum by ("üüü") (foo))");
  prints(R"(sum without("äää") (foo))", R"(sum without ("äää") (foo))");
  prints(R"(count by("ööö", job) (foo))", R"(count by ("ööö", job) (foo))");
}

// The valid cases of prometheus promql/parser/parse_test.go.
TEST(Printer, RoundTrips) {
  ok("1");
  ok("+Inf");
  ok("-Inf");
  ok(".5");
  ok("5.");
  ok("123.4567");
  ok("5e-3");
  ok("5e3");
  ok("0xc");
  ok("0755");
  ok("+5.5e-3");
  ok("-0755");
  ok("1 + 1");
  ok("1 - 1");
  ok("1 * 1");
  ok("1 % 1");
  ok("1 / 1");
  ok("1 == bool 1");
  ok("1 != bool 1");
  ok("1 > bool 1");
  ok("1 >= bool 1");
  ok("1 < bool 1");
  ok("1 <= bool 1");
  ok("-1^2");
  ok("-1*2");
  ok("-1+2");
  ok("-1^-2");
  ok("+1 + -2 * 1");
  ok("1 + 2/(3*1)");
  ok("1 < bool 2 - 1 * 2");
  ok("-some_metric");
  ok("+some_metric");
  ok(" +some_metric");
  ok(R"( +{"some_metric"})");
  ok(R"(offset{step="1s"}[5m])");
  ok(R"(step{offset="1s"}[5m])");
  ok(R"(anchored{job="test"})");
  ok(R"(smoothed{job="test"})");
  ok("foo * bar");
  ok("foo * sum");
  ok("foo == 1");
  ok("foo == bool 1");
  ok("2.5 / bar");
  ok("foo and bar");
  ok("foo or bar");
  ok("foo unless bar");
  ok("foo * on(test,blub) bar");
  ok("foo * on(test,blub) group_left bar");
  ok("foo and on(test,blub) bar");
  ok("foo and on() bar");
  ok("foo and ignoring(test,blub) bar");
  ok("foo and ignoring() bar");
  ok("foo unless on(bar) baz");
  ok("foo / on(test,blub) group_left(bar) bar");
  ok("foo / ignoring(test,blub) group_left(blub) bar");
  ok("foo / ignoring(test,blub) group_left(bar) bar");
  ok("foo - on(test,blub) group_right(bar,foo) bar");
  ok("foo - ignoring(test,blub) group_right(bar,foo) bar");
  ok("foo");
  ok("min");
  ok("foo offset 5m");
  ok("foo offset -7m");
  ok("foo offset +(5)");
  ok("foo offset -(5)");
  ok("foo offset (5)");
  ok("foo[(5s)]");
  ok("foo OFFSET 1h30m");
  ok("foo OFFSET 1m30ms");
  ok("foo @ 1603774568");
  ok("foo @ -100");
  ok("foo @ .3");
  ok("foo @ 3.");
  ok("foo @ 3.33");
  ok("foo @ 3e2");
  ok("foo @ 3e-1");
  ok("foo @ 0xA");
  ok("foo @ -3.3e1");
  ok(R"(foo:bar{a="bc"})");
  ok(R"({"foo"})");
  ok(R"({'foo\'bar', 'a\\dos\\path'='boo\\urns'})");
  ok(R"({'foo\'bar', `a\dos\path`="boo"})");
  ok(R"({"foo", a="bc"})");
  ok("foo{NaN='bc'}");
  ok("foo{bar='}'}");
  ok(R"(foo{a="b", foo!="bar", test=~"test", bar!~"baz"})");
  ok(R"(foo{a="b", foo!="bar", test=~"test", bar!~"baz",})");
  ok("test[1000ms]");
  ok("test[1001ms]");
  ok("test[1002ms]");
  ok("test[5s]");
  ok("test[5m]");
  ok("foo[5m30s]");
  ok("test[5h] OFFSET 5m");
  ok("test[5d] OFFSET 10s");
  ok("test[5w] offset 2w");
  ok(R"(test{a="b"}[5y] OFFSET 3d)");
  ok(R"(test{a="b"}[5m] OFFSET 3600)");
  ok("foo[3ms] @ 2.345");
  ok("foo[4s180ms] @ 2.345");
  ok("foo[4.18] @ 2.345");
  ok("foo[4s18ms] @ 2.345");
  ok("foo[4.018] @ 2.345");
  ok(R"(test{a="b"}[5y] @ 1603774699)");
  ok("test[5]");
  ok("some_metric[5m] @ 1m");
  ok("sum by (foo)(some_metric)");
  ok("sum by (anchored)(some_metric)");
  ok("sum by (smoothed)(some_metric)");
  ok(R"(sum by ("foo bar")({"some.metric"}))");
  ok(R"(sum by ("foo", bar, 'baz')({"some.metric"}))");
  ok("avg by (foo)(some_metric)");
  ok("max by (foo)(some_metric)");
  ok("sum without (foo) (some_metric)");
  ok("sum (some_metric) without (foo)");
  ok("stddev(some_metric)");
  ok("stdvar by (foo)(some_metric)");
  ok("sum by ()(some_metric)");
  ok("sum by (foo,bar,)(some_metric)");
  ok("sum by (foo,)(some_metric)");
  ok("topk(5, some_metric)");
  ok(R"(count_values("value", some_metric))");
  ok("time()");
  ok(R"(floor(some_metric{foo!="bar"}))");
  ok("rate(some_metric[5m])");
  ok("round(some_metric)");
  ok("round(some_metric, 5)");
  ok("sum(sum)");
  ok("a + sum");
  ok(R"("double-quoted string \" with escaped quote")");
  ok(R"('single-quoted string \' with escaped quote')");
  ok("`backtick-quoted string`");
  ok(R"("\a\b\f\n\r\t\v\\\" - \xFF\377\u1234\U00010111\U0001011111☺")");
  ok(R"('\a\b\f\n\r\t\v\\\' - \xFF\377\u1234\U00010111\U0001011111☺')");
  ok(R"(`\a\b\f\n\r\t\v\\\"\' - \xFF\377\u1234\U00010111\U0001011111☺`)");
  ok(R"(foo{bar="baz"}[10m:6s])");
  ok(R"(foo{bar="baz"}[10m5s:1h6ms])");
  ok("foo[10m:]");
  ok(R"(min_over_time(rate(foo{bar="baz"}[2s])[5m:5s]))");
  ok(R"(min_over_time(rate(foo{bar="baz"}[2s])[5m:])[4m:3s])");
  ok(R"(min_over_time(rate(foo{bar="baz"}[2s])[5m:] offset 4m)[4m:3s])");
  ok(R"(min_over_time(rate(foo{bar="baz"}[2s])[5m:] @ 1603775091)[4m:3s])");
  ok(R"(min_over_time(rate(foo{bar="baz"}[2s])[5m:] @ -160377509)[4m:3s])");
  ok("sum without(and, by, avg, count, alert, annotations)(some_metric) [30m:10s]");
  ok("some_metric OFFSET 1m [10m:5s]");
  ok("some_metric @ 123 [10m:5s]");
  ok("some_metric @ 123 offset 1m [10m:5s]");
  ok("some_metric offset 1m @ 123 [10m:5s]");
  ok("some_metric[10m:5s] offset 1m @ 123");
  ok(R"((foo + bar{nm="val"})[5m:])");
  ok(R"((foo + bar{nm="val"})[5m:] offset 10m)");
  ok(R"((foo + bar{nm="val"} @ 1234)[5m:] @ 1603775019)");
  ok("foo @ start()");
  ok("foo @ end()");
  ok("test[5y] @ start()");
  ok("test[5y] @ end()");
  ok("foo[10m:6s] @ start()");
  ok("foo[10m:6s] @ end()");
  ok("start()");
  ok("end()");
  ok("start");
  ok("end");
  ok(R"(start{end="foo"})");
  ok(R"(end{start="foo"})");
  ok("foo unless on(start) bar");
  ok("foo unless on(end) bar");
  ok("info(rate(http_request_counter_total{}[5m]))");
  ok(R"(info(http_request_counter_total{namespace="zzz"}, {foo="bar", bar="baz"}))");
  ok("foo[11s+10s-5*2^2]");
  ok("foo[-(10s-5s)+20s]");
  ok("foo[-10s+15s]");
  ok("foo[step()]");
  ok("foo[  -  step  (  )  ]");
  ok("foo[   step  (  )  ]");
  ok("foo[-step()]");
  ok("foo offset step()");
  ok("foo offset -step()");
  ok("foo[max_of(step(),5s)]");
  ok("foo offset max_of(step(),5s)");
  ok("foo offset -min_of(5s,step()+8s)");
  ok("foo[range()]");
  ok("foo[2m/range()]");
  ok("foo[-range()]");
  ok("foo offset range()");
  ok("foo offset -range()");
  ok("foo[max_of(range(),5s)]");
  ok("foo[4s+4s:1s*2] offset (5s-8)");
  ok("foo offset 5s-8");
  ok("rate(foo[2m+2m])");
  ok("foo offset -1^1");
  ok("foo offset -(1^2)");
  ok("foo offset (-1^2)");
  ok("foo[-2^2]");
  ok("foo[0+-2^2]");
  ok("(sum(foo))");
  ok("(sum(foo) )");
  ok("(sum(foo) by (bar))");
  ok("(sum by (bar) (foo))");
  ok("sum by (job)(rate(http_requests_total[30m]))");
}

}  // namespace prom5::promql
