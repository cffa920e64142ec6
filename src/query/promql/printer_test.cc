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

TEST(Printer, Aggregations) {
  prints(R"(avg by() (stock{aisle="9"}))", R"(avg(stock{aisle="9"}))");
  prints("min(rtt_seconds) by ()", "min(rtt_seconds)");
  prints("max by(aisle,shelf,) (stock)", "max by (aisle, shelf) (stock)");
  prints("min(rtt_seconds) without(port)", "min without (port) (rtt_seconds)");
  prints("count without() (link_up)", "count without () (link_up)");
  prints(R"(group by("rack.unit",'side') (link_up))", R"(group by ("rack.unit", side) (link_up))");
  prints("stddev(parcel_grams) without(\"größe\",`van`)",
         R"(stddev without ("größe", van) (parcel_grams))");
  prints("STDVAR BY (Till) (basket_price)", "stdvar by (Till) (basket_price)");
  prints("max by (site:rack) (link_up)", R"(max by ("site:rack") (link_up))");
  prints(R"(max by ("a\tb", 'with "quotes"', `back\slash`) (link_up))",
         R"(max by ("a\tb", "with \"quotes\"", "back\\slash") (link_up))");
  same("bottomk(3, rate(rows_read_total[10m]))");
  prints("topk by(region) (2 ^ 3 - 1, orders)", "topk by (region) (2 ^ 3 - 1, orders)");
  same("topk(scalar(max(shelves)), stock)");
  prints("quantile(.99, lag_seconds) by(shard)", "quantile by (shard) (0.99, lag_seconds)");
  same("quantile(-Inf, lag_seconds)");
  prints("count_values without(port) ('speed', link_bits)",
         R"(count_values without (port) ("speed", link_bits))");
  same("limitk(7, cart_items)");
  same("limit_ratio(-0.25, cart_items)");
  prints("sum(avg by(shard) (max without(replica) (connections)))",
         "sum(avg by (shard) (max without (replica) (connections)))");
  same("max by (on, ignoring, bool, offset, by, and, or, unless, atan2) (link_up)");
  same("max by (group_left, group_right, fill, fill_left, fill_right) (link_up)");
  same("max by (sum, avg, count, min, max, group, stddev, stdvar) (link_up)");
  same("max by (topk, bottomk, quantile, count_values, limitk, limit_ratio) (link_up)");
  same("max by (start, end, step, range, min_of, max_of, anchored, smoothed) (link_up)");
  same("sum((orders))");
  prints("( sum(orders) by(shop) )", "(sum by (shop) (orders))");
  same("sum by (shop) (rate(orders[30m])) > 0");
  same("-sum(-orders)");
}

TEST(Printer, VectorMatching) {
  prints("orders - on() returns", "orders - on () returns");
  prints("orders - on(shop,till) returns", "orders - on (shop, till) returns");
  prints("orders - on(shop,) returns", "orders - on (shop) returns");
  prints(R"(orders - on('shop.id',`till`) returns)", R"(orders - on ("shop.id", till) returns)");
  prints("orders - ignoring(till) returns", "orders - ignoring (till) returns");
  prints("orders - ignoring() returns", "orders - returns");
  prints("orders * on(shop) group_left rent", "orders * on (shop) group_left () rent");
  prints("orders * on(shop) group_left() rent", "orders * on (shop) group_left () rent");
  prints("orders * on(shop) group_left(city,) rent", "orders * on (shop) group_left (city) rent");
  prints(R"(rent * on(shop) group_right(city,"land code") orders)",
         R"(rent * on (shop) group_right (city, "land code") orders)");
  prints("rent * ignoring(till) group_right orders",
         "rent * ignoring (till) group_right () orders");
  prints("orders * ignoring() group_left rent", "orders * ignoring () group_left () rent");
  prints("rent * on() group_right orders", "rent * on () group_right () orders");
  prints("orders * on(shop) group_left() (rent)", "orders * on (shop) group_left () (rent)");
  same("orders * ignoring (till, clerk) group_left (till) rent");
  same("orders >= bool on (shop) rent");
  same("orders < bool ignoring (till) group_left (city) rent");
  prints("link_up AND ON(device) link_speed", "link_up and on (device) link_speed");
  same("link_up and ignoring (port, vlan) link_speed");
  same("link_up and on () link_speed");
  prints("link_up or ignoring() link_speed", "link_up or link_speed");
  same("link_up or on (device, port) link_speed");
  prints("link_up Unless Ignoring(on) link_speed", "link_up unless ignoring (on) link_speed");
  same("link_up unless on (start, end) link_speed");
}

TEST(Printer, FillModifiers) {
  prints("orders + fill(-1.5) returns", "orders + fill (-1.5) returns");
  prints("orders + fill (+7) returns", "orders + fill (7) returns");
  prints("orders / fill_left(1e3) returns", "orders / fill_left (1000) returns");
  prints("orders / Fill_Right(0x10) returns", "orders / fill_right (16) returns");
  prints("orders % fill_left(2) fill_right(3) returns",
         "orders % fill_left (2) fill_right (3) returns");
  prints("orders % fill_right(3) fill_left(2) returns",
         "orders % fill_left (2) fill_right (3) returns");
  prints("orders % fill_right(9) fill_left(9) returns", "orders % fill (9) returns");
  prints("orders ^ fill(inf) returns", "orders ^ fill (+Inf) returns");
  prints("orders ^ fill(-INF) returns", "orders ^ fill (-Inf) returns");
  prints("orders ^ fill(nan) returns", "orders ^ fill_left (NaN) fill_right (NaN) returns");
  prints("orders ^ fill(5m) returns", "orders ^ fill (300) returns");
  prints("orders ^ fill(1e21) returns", "orders ^ fill (1e+21) returns");
  prints("orders ^ fill(.0000001) returns", "orders ^ fill (1e-07) returns");
  same("orders - on (shop) fill (0) returns");
  prints("orders - ignoring(till) group_left(city) fill_left(0) fill_right(1) rent",
         "orders - ignoring (till) group_left (city) fill_left (0) fill_right (1) rent");
  prints("rent - on(shop) group_right fill_right(.5) orders",
         "rent - on (shop) group_right () fill_right (0.5) orders");
  same("orders > bool fill (0) returns");
  same("orders == bool on (shop) fill_left (4) returns");
}

TEST(Printer, Operators) {
  same("1 + 2 - 3 * 4 / 5 % 6 ^ 7");
  same("2 ^ 3 ^ 4");
  same("(2 ^ 3) ^ 4");
  same("(9 - (8 - 7)) / (6 / 5)");
  prints("wan%lan", "wan % lan");
  prints("wan+lan*lan2^3", "wan + lan * lan2 ^ 3");
  same("octets_in atan2 octets_out * 8");
  prints("octets_in ATAN2 octets_out", "octets_in atan2 octets_out");
  same("latency </ 0.25 + latency >/ 4");
  same("wan + lan > vpn - dmz");
  same("wan > bool lan == bool vpn");
  same("wan > lan + vpn and dmz < guest * iot or cctv");
  same("wan or lan and vpn unless dmz");
  same("wan and lan or vpn unless (dmz or guest)");
  same("5 == bool 6");
  same("5 != bool wan");
  same("3 < bool 2 <= bool 1");
  prints("wan!=5", "wan != 5");
  prints("wan>=lan", "wan >= lan");
  same("7 > bool -3 * -2");
  same("0.5 >= wan");
  same("((wan))");
  prints("( ( wan ) + 1 )", "((wan) + 1)");
  same("-2 ^ 4");
  same("(-2) ^ 4");
  same("2 ^ -4");
  same("-wan ^ 2");
  same("-wan * 2 + -lan");
  prints("wan*-lan", "wan * -lan");
  prints("wan - -lan", "wan - -lan");
  prints("+7 - +wan", "7 - +wan");
  prints("- -8.5", "8.5");
  same("-+-wan");
  prints("- ( wan )", "-(wan)");
  same("-(-wan)");
}

TEST(Printer, Selectors) {
  same("shop:orders:rate5m");
  same(":orders");
  same("_orders9");
  prints("orders{}", "orders");
  prints(R"(orders{till="2",shop="a"})", R"(orders{shop="a",till="2"})");
  prints(R"(orders{till!="2",till=~"[0-9]+",till!~"9.",till="1",})",
         R"(orders{till!="2",till!~"9.",till="1",till=~"[0-9]+"})");
  prints("orders{shop = 'a' , till = `b`}", R"(orders{shop="a",till="b"})");
  prints("orders\n{\n\tshop\n=\n'a'\n}", R"(orders{shop="a"})");
  prints("# all\norders # sold\n + returns # and back", "orders + returns");
  same(R"(orders{shop="a",shop="a"})");
  same(R"(orders{shop="{a},[b]#c"})");
  same(R"({orders="orders"})");
  same(R"({__name__="orders"})");
  same(R"({__name__=~"orders|returns",shop!=""})");
  same(R"({__name__="",shop="a"})");
  same(R"({shop="",till!~"|x"})");
  prints(R"({"orders"})", R"({__name__="orders"})");
  prints("{shop='a',`orders`}", R"({__name__="orders",shop="a"})");
  prints(R"({"orders.total"} + {'orders.back', })",
         R"({__name__="orders.total"} + {__name__="orders.back"})");
  prints(R"({"orders.total","shop.id"="a"})", R"({"shop.id"="a",__name__="orders.total"})");
  prints(R"({"shop id"=~"a|b", 'Größe'!="XL", `名`!~"x"})",
         R"({"Größe"!="XL","shop id"=~"a|b","名"!~"x"})");
  prints(R"({"shop"="a"})", R"({shop="a"})");
  prints(R"({"_9"="a","9_"="a"})", R"({"9_"="a",_9="a"})");
  prints("{``!=\"a\",till='b'}", R"({""!="a",till="b"})");
  prints(R"({'it\'s'="a", `C:\tills`='D:\\tills'})", R"({"C:\\tills"="D:\\tills","it's"="a"})");
  prints(R"({"a\"b\t"="\u00e9\x41\101"})", R"({"a\"b\t"="éAA"})");
  prints("orders{shop=~`\\d+\\.x`}", R"(orders{shop=~"\\d+\\.x"})");
  same(R"(orders{shop="\x00ü☃🛒"})");
}

TEST(Printer, KeywordsAsNames) {
  same("avg + min / max");
  same(R"(count{sum="1"}[5m])");
  same("stddev offset 1h - stdvar @ end()");
  same("topk[10m:] offset 2m");
  same("bottomk and quantile or count_values unless limitk");
  same("limit_ratio == bool group");
  same("max by (max) (max)");
  same("topk(5, topk)");
  same("offset offset 7m");
  same(R"(offset{offset="5m"}[5m] offset -5m)");
  same(R"(by{without="x"} - without{by="y"})");
  same("and and and");
  same("or or or");
  same("unless unless unless");
  same("start @ start() - end @ end()");
  same(R"(end{start="end"}[5m] @ start())");
  same("step[step()] offset -step()");
  same(R"(range{range="x"}[range()])");
  same("min_of / max_of");
  same("anchored anchored");
  same(R"(smoothed{smoothed="x"}[5m] smoothed)");
  same("fill - fill_left * fill_right");
  prints("fill{fill='x'} + fill(0) fill", R"(fill{fill="x"} + fill (0) fill)");
  prints(R"(wan{NaN="2",inf="1",on="3",by="4",bool="5"})",
         R"(wan{NaN="2",bool="5",by="4",inf="1",on="3"})");
  same("infx + nano");
}

TEST(Printer, Numbers) {
  prints("00123", "83");
  prints("018", "18");
  prints("-017", "-15");
  same("-0");
  prints("0x0F + 0XfF", "15 + 255");
  prints("-0x_1_0", "-16");
  prints("1_000_000", "1000000");
  prints("1_0.5", "10.5");
  prints(".375", "0.375");
  prints("64.", "64");
  same("3.14159");
  prints("6.02e23", "602000000000000000000000");
  prints("6.02E+7", "60200000");
  prints("1.6e-19", "0.00000000000000000016");
  prints("-1.5e-3", "-0.0015");
  prints("+2E3", "2000");
  prints("9007199254740993", "9007199254740992");
  prints("12345678901234567890", "12345678901234567000");
  prints("inf * +iNF", "+Inf * +Inf");
  prints("-InF - nan", "-Inf - NaN");
  prints("2 ^ -NAN", "2 ^ NaN");
}

TEST(Printer, DurationLiterals) {
  same("7ms");
  same("7s");
  same("7m");
  same("7h");
  same("6d");
  same("11w");
  same("2y");
  prints("1500ms", "1s500ms");
  prints("90s", "1m30s");
  prints("90m", "1h30m");
  prints("25h", "1d1h");
  prints("14d", "2w");
  prints("2w3d", "17d");
  prints("730d", "2y");
  same("52w");
  prints("1y2w3d4h5m6s7ms", "382d4h5m6s7ms");
  prints("3 * 0d", "3 * 0s");
  prints("-90s", "-1m30s");
  prints("+36h", "1d12h");
  same("5m * orders > 2h");
}

TEST(Printer, Strings) {
  prints("'till'", R"("till")");
  prints("`till`", R"("till")");
  prints("label_join(wan, 'id', '', ``)", R"(label_join(wan, "id", "", ""))");
  prints(R"('it\'s')", R"("it's")");
  prints(R"('say "hi"')", R"("say \"hi\"")");
  prints(R"(`say "hi" it's`)", R"("say \"hi\" it's")");
  prints(R"("a\\b\"c\"")", R"("a\\b\"c\"")");
  same(R"("\a\b\f\n\r\t\v")");
  prints(R"(`\a\n\x41`)", R"("\\a\\n\\x41")");
  prints("`two\nlines`", R"("two\nlines")");
  prints(R"("\x41\x7e\101\0617")", R"("A~A17")");
  prints(R"('\u00df\U0001f6d2 ö☃')", R"("ß🛒 ö☃")");
  prints(R"("\x80\377\xc3")", R"("\x80\xff\xc3")");
  prints(R"("\x7f\000\x1B")", R"("\x7f\x00\x1b")");
  prints("\"#\" # not a comment, then one", R"("#")");
  prints("label_join(wan, 'id', `/`, \"port\")", R"(label_join(wan, "id", "/", "port"))");
}

TEST(Printer, OffsetAndAt) {
  prints("orders OFFSET 1h30m", "orders offset 1h30m");
  prints("orders offset +9d", "orders offset 9d");
  same(R"(orders{shop="a"} offset -1w)");
  prints("orders offset 300", "orders offset 5m");
  prints("orders offset -1.5e3", "orders offset -25m");
  prints("orders offset 0.5", "orders offset 500ms");
  prints("orders offset 0x3c", "orders offset 1m");
  prints("orders offset 0s", "orders");
  prints("orders[90s]offset 2y", "orders[1m30s] offset 2y");
  same("orders[1h:5m] offset -1d");
  same("orders[1h:] offset 12h");
  prints("orders @ 1700000000", "orders @ 1700000000.000");
  prints("orders @ 1700000000.1257", "orders @ 1700000000.126");
  prints("orders @ -3", "orders @ -3.000");
  prints("orders @ +.5", "orders @ 0.500");
  prints("orders @ 7.", "orders @ 7.000");
  prints("orders @ 2e9", "orders @ 2000000000.000");
  prints("orders @ -4e-1", "orders @ -0.400");
  prints("orders @ 0x1F", "orders @ 31.000");
  prints("orders @ -1h30m", "orders @ -5400.000");
  same("orders @ start()");
  prints("orders @ END ( )", "orders @ end()");
  prints("orders[5m]@12.5", "orders[5m] @ 12.500");
  same("orders[5m] @ end()");
  prints("orders[1h:5m] @ -7", "orders[1h:5m] @ -7.000");
  same("orders[1h:] @ start()");
  prints("orders offset 2m @ 9", "orders @ 9.000 offset 2m");
  prints("orders[5m] offset -2m @ end()", "orders[5m] @ end() offset -2m");
  prints("orders[1h:5m] offset 2m @ 9", "orders[1h:5m] @ 9.000 offset 2m");
  prints("orders offset 2m [1h:5m]", "orders offset 2m[1h:5m]");
  prints("orders @ 9 [1h:5m]", "orders @ 9.000[1h:5m]");
  prints("orders @ 9 offset 2m [1h:5m] offset 3m @ 8",
         "orders @ 9.000 offset 2m[1h:5m] @ 8.000 offset 3m");
}

TEST(Printer, AnchoredAndSmoothed) {
  same("orders anchored");
  same(R"(orders{shop="a"} smoothed)");
  prints("orders ANCHORED", "orders anchored");
  same("orders[5m] anchored");
  same(R"(orders{shop="a"}[5m] smoothed)");
  prints("orders smoothed [5m]", "orders[5m] smoothed");
  same("orders anchored[1h:5m]");
  same("orders smoothed offset 3m");
  prints("orders anchored @ 9", "orders @ 9.000 anchored");
  prints("orders smoothed offset 3m @ start()", "orders @ start() smoothed offset 3m");
  same("orders[5m] anchored @ end() offset -3m");
  prints("orders[5m] offset 3m smoothed", "orders[5m] smoothed offset 3m");
  prints("orders[5m] @ 9 anchored", "orders[5m] anchored @ 9.000");
  prints("orders[5m] smoothed smoothed", "orders[5m] smoothed");
  same(R"(increase(orders{shop="a"}[1h] anchored) / rate(returns[1h] smoothed))");
}

TEST(Printer, RangesAndSubqueries) {
  prints("orders [ 5m ]", "orders[5m]");
  prints("orders[300]", "orders[5m]");
  prints("orders[90.25]", "orders[1m30s250ms]");
  prints("orders[1e3]", "orders[16m40s]");
  prints("orders[0x3c]", "orders[1m]");
  prints("orders[1501ms]", "orders[1s501ms]");
  prints("orders[36h]", "orders[1d12h]");
  prints("orders[1y3w]", "orders[386d]");
  same(R"(orders{shop!="a"}[4w])");
  same(R"({shop=~"a|b"}[5y])");
  prints(R"({"orders.total"}[7s])", R"({__name__="orders.total"}[7s])");
  same("orders[1h:]");
  prints("orders[ 1h30m : 7s ]", "orders[1h30m:7s]");
  prints("orders[3600:0.25]", "orders[1h:250ms]");
  same("(orders - returns)[1h:]");
  prints("sum(orders) by(shop)[1h:5m]", "sum by (shop) (orders)[1h:5m]");
  same("(-orders)[2d:12h]");
  same("vector(1)[1h:5m]");
  same("max_over_time(rate(orders[5m])[1h:5m])");
  same("min_over_time(max_over_time(rate(orders[5m])[1h:])[1d:1h])");
  same("avg_over_time((orders > bool 3)[2w:6h] offset 1w)");
  prints("stddev_over_time(deriv(orders[5m])[1h:] @ 1700000000 offset -5m)",
         "stddev_over_time(deriv(orders[5m])[1h:] @ 1700000000.000 offset -5m)");
  same("quantile_over_time(0.9, sum(orders)[1h:5m] @ end())");
}

TEST(Printer, DurationExpressions) {
  same("orders[2 * step()]");
  prints("orders[+step()]", "orders[step()]");
  same("orders[-range()]");
  prints("orders[ STEP ( ) ]", "orders[step()]");
  prints("orders[1h-15m]", "orders[1h - 15m]");
  prints("orders[5m+30]", "orders[5m + 30]");
  same("orders[1d / 24]");
  same("orders[2h % 7m]");
  same("orders[2 ^ 3 ^ 2]");
  same("orders[-2 ^ 2 + 20]");
  same("orders[1 + 2 * 3m]");
  same("orders[(1 + 2) * 3m]");
  same("orders[-(2m - 1h)]");
  prints("orders[((7m))]", "orders[(7m)]");
  prints("orders[+(7m)]", "orders[(7m)]");
  prints("orders[- -7m]", "orders[7m]");
  prints("orders[7m--10m]", "orders[7m - -10m]");
  same("orders[7m - (-10m)]");
  prints("orders[0x10*1m]", "orders[16 * 1m]");
  same("orders[5m / (1 - 1)]");
  same("orders[min_of(step(), 7m)]");
  prints("orders[MAX_OF(1m,2m)]", "orders[max_of(1m, 2m)]");
  same("orders[min_of(max_of(step(), 1m), range() / 4)]");
  same("orders[-min_of(1m, -step())]");
  prints("orders[3*max_of(+step(),range())]", "orders[3 * max_of(step(), range())]");
  same("orders[range() / 2:step()]");
  same("orders[(1h):min_of(1m, step())]");
  prints("orders[1h+30m:5m*2]", "orders[1h + 30m:5m * 2]");
  same("orders[step() + 7m] offset (range() - 1h)");
  prints("orders[7m] offset step() @ end()", "orders[7m] @ end() offset step()");
  same("orders[2m * 3] anchored offset (1m + 1m)");
  same("orders[1h:step()] offset -(step() * 3)");
}

TEST(Printer, DurationExpressionsInOffsets) {
  same("orders offset -step()");
  prints("orders offset +range()", "orders offset range()");
  same("orders offset -range()");
  same("orders offset (7m)");
  same("orders offset -(7)");
  prints("orders offset +(7m)", "orders offset (7m)");
  prints("orders offset (7m+step())", "orders offset (7m + step())");
  same("orders offset -(1h / 4)");
  same("orders offset (1h * -2)");
  same("orders offset (-(1h))");
  same("orders offset min_of(1m, step())");
  prints("orders offset +max_of(1m, +2m)", "orders offset max_of(1m, 2m)");
  same("orders offset -max_of(1m, range() / 10)");
  same("orders offset -(7m ^ 2)");
  // What follows a bare literal or call is arithmetic of the vectors.
  prints("orders offset -7m^2", "orders offset -7m ^ 2");
  prints("orders offset step()*2", "orders offset step() * 2");
  same("orders offset 7m - returns offset 8m");
  same("orders offset min_of(1m, 2m) + 1");
}

TEST(Printer, RoundTrips) {
  ok("time() - process_start_time_seconds{job='till'} > 30 * 24 * 3600");
  ok("start() + end() * step() / range()");
  ok("min_of(1, time()) - max_of(pi(), 3)");
  ok("100 * (1 - avg by (host) (rate(cpu_seconds{mode='idle'}[5m])))");
  ok("sum by (shop) (orders) / on (shop) group_left (city) max by (shop, city) (shop_info)");
  ok("histogram_quantile(.95, sum by (le,route) (rate(request_seconds_bucket[5m])))");
  ok("histogram_quantile(0.5, rate(request_seconds[1m])) < bool 1");
  ok("histogram_fraction(0, 0.2, request_seconds) + histogram_count(request_seconds)");
  ok("histogram_quantiles(request_seconds, 'q', .5, .9)");
  ok("predict_linear(disk_free_bytes{mount!~'/(proc|sys)'}[6h], 4 * 3600) < 0");
  ok("double_exponential_smoothing(queue_length[1h:1m], 0.3, 0.7)");
  ok("label_replace(link_up, \"rack\", \"$1\", \"device\", `sw-(\\d+)-.*`) == 0");
  ok("label_join(link_up, 'id', '/', 'device', 'port') unless on (id) maintenance");
  ok("label_join(link_up, 'id', ' ')");
  ok("sort_desc(topk(10, sum without (pod, container) (memory_bytes)))");
  ok("sort_by_label(stock, 'aisle', 'shelf')");
  ok("absent(link_up{device=\"sw-1\"}) or absent_over_time(link_up[10m])");
  ok("clamp(round(latency, .25), 0, 10) + clamp_min(latency, -1)");
  ok("year() * 100 + month(timestamp(backup)) - hour(vector(time()))");
  ok("scalar(count(replica_up)) * 2 - vector(scalar(sum(replica_up)) + 1)");
  ok("changes(config_hash[1d]) > 3 and on (host) resets(uptime[1d]) == 0");
  ok("deg(rad(angle)) + sgn(-angle) * abs(ceil(floor(angle)))");
  ok("info(rate(orders[5m]), {region=~\"north|south\", \"rack.unit\"!=''})");
  ok("info(orders) - info(orders, {__name__=~'site_.+'})");
  ok("wal_bytes offset 1d / wal_bytes offset -1d");
  ok("delta(wal_bytes[1h] offset 1w @ end()) > 2 * delta(wal_bytes[1h])");
  ok("last_over_time(wal_bytes[7d])[4w:1d] offset 3h @ 1700000000");
  ok("mad_over_time(lag_seconds[1h]) - ts_of_max_over_time(lag_seconds[1h])");
  ok("sum_over_time((lag_seconds > bool 5)[1h:15s]) / count_over_time(lag_seconds[1h:15s])");
  ok("count_values('version', build_info) > 1 unless count(build_info) == 0");
  ok("sum(rate(octets_in{port=~'eth\\\\d+'}[2m])) * 8 / 1e9 atan2 2 ^ .5");
  ok("max(rtt_seconds) by (peer) + fill(0) on_call");
  ok("quantile(0.9, rtt_seconds) by (peer) >= on (peer) group_right (site) fill_right(1) limits");
  ok("limitk(3, {\"net.rtt\", peer='a'}) or limit_ratio(.1, {'net.rtt', peer!='a'})");
  ok("rate(orders[2*step()+1m] offset (range()/2)) - rate(orders[max_of(step(),5m)] smoothed)");
  ok("-(orders - +returns) ^ -2 * -3");
  ok("# what the shop sold\nsum(\n  orders # each till\n)\n- # and what came back\nsum(returns)");
}

}  // namespace prom5::promql
