#include "ask/catalogue/recipe_query.h"

#include <gtest/gtest.h>

#include <set>

#include "ask/catalogue/concept.h"
#include "query/engine.h"

namespace prom5::catalogue {

namespace {

using Words = std::vector<std::string>;

std::function<std::string(const std::string&)> always(std::string matchers) {
  return [matchers = std::move(matchers)](const std::string&) { return matchers; };
}

void expect_parses(const std::string& promql, std::string_view from) {
  const auto parsed = query::parse_query(promql);
  EXPECT_TRUE(parsed) << from << "\n  " << promql << "\n  "
                      << (parsed ? "" : parsed.error().message);
}

/// Composes, and holds the result against what is wanted and against the parser.
void composes(std::string_view recipe, const QueryParts& parts, std::string_view want) {
  const std::string got = compose(recipe, parts);
  EXPECT_EQ(got, want) << recipe;
  expect_parses(got, recipe);
}

}  // namespace

TEST(Compose, WithNothingARecipeIsWhatItWas) {
  const auto same = [](std::string_view recipe) { composes(recipe, {}, recipe); };
  same("up");
  same("1 - up");
  same("up == 0");
  same("sum(up)");
  same("rate(a_total[5m])");
  same(R"(a{b="c"})");
  same(R"(a{b="}",c='x',d=`y`})");
  same(R"(a{b=~"x|y",c!="z"}[5m] offset 1h)");
  same("100 * (1 - sum(rate(a[5m])) / sum(rate(b[5m])))");
  same("a / on (instance, job) group_left (version) b");
  same("a * ignoring(x) b");
  same("a and on (instance) b > 0");
  same("a unless b or c");
  same("a > bool 5");
  same("time() - a");
  same("a ^ -2 + 1e3");
  same("vector(1)");
  same(R"x(label_replace(a, "x", "$1", "y", "(.*) rate(z)"))x");
  same("max_over_time(a[1h])");
  same("max_over_time(rate(a[5m])[1h:1m])");
  same("quantile_over_time(0.9, a[5m])");
  same("histogram_quantile(0.99, rate(a_bucket[5m]))");
  same("clamp_min(a, 0)");
  same("absent(a)");
  same("a:b:c");
}

TEST(Compose, Matchers) {
  const auto with = [](std::string_view recipe, std::string_view want) {
    composes(recipe, {.matchers = always("x=\"1\"")}, want);
  };
  with("up", R"(up{x="1"})");
  with("up{}", R"(up{x="1"})");
  with(R"(up{job="a"})", R"(up{job="a",x="1"})");
  with(R"(up{job="a}"})", R"(up{job="a}",x="1"})");
  with(R"(up{job="a\"}"})", R"(up{job="a\"}",x="1"})");
  with("up{job='}'}", R"(up{job='}',x="1"})");
  with("up{job=`}`}", R"(up{job=`}`,x="1"})");
  with("rate(a[5m])", R"(rate(a{x="1"}[5m]))");
  with(R"(rate(a{b="c"}[5m]))", R"(rate(a{b="c",x="1"}[5m]))");
  with("a / b", R"(a{x="1"} / b{x="1"})");
  with("a / on (instance) b", R"(a{x="1"} / on (instance) b{x="1"})");
  with("a / on(instance) group_left(v) b", R"(a{x="1"} / on(instance) group_left(v) b{x="1"})");
  with("a * ignoring (v) group_right b", R"(a{x="1"} * ignoring (v) group_right b{x="1"})");
  with("(a and b) or c", R"((a{x="1"} and b{x="1"}) or c{x="1"})");
  with("a and (b or c)", R"(a{x="1"} and (b{x="1"} or c{x="1"}))");
  with("sum(a) > bool 1", R"(sum(a{x="1"}) > bool 1)");
  with("a == Inf", R"(a{x="1"} == Inf)");
  with("a - NaN", R"(a{x="1"} - NaN)");
  with("time() - a", R"(time() - a{x="1"})");
  with("a offset 5m", R"(a{x="1"} offset 5m)");
  with("max_over_time(a[1h:5m])", R"(max_over_time(a{x="1"}[1h:5m]))");
  with("label_replace(a, 'x', 'up', 'y', 'z')", R"(label_replace(a{x="1"}, 'x', 'up', 'y', 'z'))");
  with("scalar(a) * 2", R"(scalar(a{x="1"}) * 2)");
  with("sum (a)", R"(sum (a{x="1"}))");
  with("a{b=\"c\"} > 1e3", R"(a{b="c",x="1"} > 1e3)");
}

TEST(Compose, MatchersAreOfEachMetric) {
  QueryParts parts;
  parts.matchers = [](const std::string& metric) { return metric == "a" ? R"(x="1")" : ""; };
  composes("a / b", parts, R"(a{x="1"} / b)");
  composes(R"(a{y="2"} / b{z="3"})", parts, R"(a{y="2",x="1"} / b{z="3"})");
}

TEST(Compose, By) {
  const auto by = [](std::string_view recipe, std::string_view want) {
    composes(recipe, {.by = {"instance", "job"}}, want);
  };
  by("a", "a");
  by("sum(a)", "sum by (instance, job) (a)");
  by("avg(a)", "avg by (instance, job) (a)");
  by("max(a) - min(a)", "max by (instance, job) (a) - min by (instance, job) (a)");
  by("count(a == 0)", "count by (instance, job) (a == 0)");
  by("stddev(a) + stdvar(a)", "stddev by (instance, job) (a) + stdvar by (instance, job) (a)");
  by("group(a)", "group by (instance, job) (a)");
  by("sum(rate(a[5m])) / sum(rate(b[5m]))",
     "sum by (instance, job) (rate(a[5m])) / sum by (instance, job) (rate(b[5m]))");
  by("max(sum(a))", "max by (instance, job) (sum by (instance, job) (a))");
  by("sum_over_time(a[5m])", "sum_over_time(a[5m])");
  by("sum(summary_a)", "sum by (instance, job) (summary_a)");
  by("min", "min");
}

TEST(Compose, LabelsThatAreNoIdentifiersAreQuoted) {
  composes("sum(a)", {.by = {"http.route", "job"}}, R"(sum by ("http.route", job) (a))");
}

TEST(Compose, UnderAQuantileTheBucketsStay) {
  const QueryParts two{.by = {"job"}};
  composes("histogram_quantile(0.95, sum(rate(a_bucket[5m])))", {},
           "histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m])))");
  composes("histogram_quantile(0.95, sum(rate(a_bucket[5m])))", two,
           "histogram_quantile(0.95, sum by (le, job) (rate(a_bucket[5m])))");
  composes("1000 * histogram_quantile(0.5, (sum(rate(a_bucket[5m]))))", two,
           "1000 * histogram_quantile(0.5, (sum by (le, job) (rate(a_bucket[5m]))))");
  composes("histogram_quantile(0.9, sum(rate(a_bucket[5m]))) / max(b)", two,
           "histogram_quantile(0.9, sum by (le, job) (rate(a_bucket[5m]))) / max by (job) (b)");
  composes("max(histogram_quantile(0.9, sum(rate(a_bucket[5m]))))", two,
           "max by (job) (histogram_quantile(0.9, sum by (le, job) (rate(a_bucket[5m]))))");
}

TEST(Compose, Quantile) {
  const auto at = [](double quantile, std::string_view recipe, std::string_view want) {
    composes(recipe, {.quantile = quantile}, want);
  };
  at(0.5, "histogram_quantile(0.95, rate(a[5m]))", "histogram_quantile(0.5, rate(a[5m]))");
  at(0.999, "histogram_quantile(0.95, rate(a[5m]))", "histogram_quantile(0.999, rate(a[5m]))");
  at(1, "histogram_quantile( 0.95, rate(a[5m]))", "histogram_quantile( 1, rate(a[5m]))");
  at(0, "histogram_quantile(0.95, rate(a[5m]))", "histogram_quantile(0, rate(a[5m]))");
  at(0.5, "1000 * histogram_quantile(0.95, rate(a[5m])) > 5",
     "1000 * histogram_quantile(0.5, rate(a[5m])) > 5");
  at(0.5, "histogram_quantile(0.9, rate(a[5m])) / histogram_quantile(0.8, rate(b[5m]))",
     "histogram_quantile(0.5, rate(a[5m])) / histogram_quantile(0.5, rate(b[5m]))");
  at(0.5, R"(a{quantile="0.99",b="c"})", R"(a{quantile="0.5",b="c"})");
  at(0.5, "sum(a) * 0.95", "sum(a) * 0.95");
  at(0.5, "histogram_quantile(.95, rate(a[5m]))", "histogram_quantile(0.5, rate(a[5m]))");
}

TEST(Compose, WindowAndOffset) {
  composes("rate(a[5m])", {.window = "1h"}, "rate(a[1h])");
  composes("rate(a[10m])", {.window = "1h"}, "rate(a[10m])");
  composes(R"(a{x="[5m]"})", {.window = "1h"}, R"(a{x="[5m]"})");
  const DurationMs day = DurationMs::days(1);
  composes("a", {.offset = day}, "a offset 1d");
  composes("rate(a[5m])", {.offset = day}, "rate(a[5m] offset 1d)");
  composes("a / on (x) b", {.offset = day}, "a offset 1d / on (x) b offset 1d");
  composes("sum(a) > 5", {.offset = DurationMs::minutes(90)}, "sum(a offset 1h30m) > 5");
  composes("time() - a", {.offset = day}, "time() - a offset 1d");
  composes("a", {.offset = DurationMs::hours(-1)}, "a offset -1h");
}

TEST(Compose, AllTogether) {
  const QueryParts parts{.matchers = always(R"(env="p")"),
                         .by = {"job"},
                         .window = "30m",
                         .quantile = 0.5,
                         .offset = DurationMs::hours(2)};
  composes(R"(histogram_quantile(0.95, sum(rate(a_bucket{x!=""}[5m]))))", parts,
           R"(histogram_quantile(0.5, sum by (le, job) )"
           R"((rate(a_bucket{x!="",env="p"}[30m] offset 2h))))");
}

TEST(Compose, BrokenTextsAreNoMatterOfLifeAndDeath) {
  for (const std::string_view recipe : {"",
                                        "(",
                                        ")",
                                        "))))",
                                        "a{",
                                        "a[",
                                        "a{b=\"",
                                        "on",
                                        "on (",
                                        "by(",
                                        "\"",
                                        "\\",
                                        "'a",
                                        "a{b='",
                                        "histogram_quantile(",
                                        "histogram_quantile(,",
                                        "5m",
                                        "sum",
                                        "sum(",
                                        "\xff{\xfe}",
                                        "{}",
                                        "a{\"\\",
                                        "`"}) {
    compose(recipe, {.matchers = always("x=\"1\""), .by = {"a"}, .quantile = 0.5});
    metrics_in(recipe);
    has_aggregation(recipe);
  }
}

TEST(MetricsIn, Each) {
  const auto in = [](std::string_view recipe, const Words& want) {
    EXPECT_EQ(metrics_in(recipe), want) << recipe;
  };
  in("", {});
  in("1 + 1", {});
  in("vector(1)", {});
  in("a", {"a"});
  in("a / a", {"a"});
  in("b + a", {"b", "a"});
  in("sum by (x) (a)", {"a"});
  in("sum without (x) (a)", {"a"});
  in("a / on (x, y) group_left (z) b", {"a", "b"});
  in("a and b or c unless d", {"a", "b", "c", "d"});
  in(R"(a{b="c d"} > bool 5)", {"a"});
  in("rate(a:b[5m])", {"a:b"});
  in("time() - max_over_time(a[1h:5m])", {"a"});
  in(R"(label_replace(a, "b", "$1", "c", "d"))", {"a"});
  in("Inf + inf - NaN * nan", {});
}

TEST(MetricsIn, WhatIsSaidOfTimeIsNoMetric) {
  EXPECT_EQ(metrics_in("a offset 5m"), Words{"a"});
  EXPECT_EQ(metrics_in("a @ end()"), Words{"a"});
  EXPECT_EQ(metrics_in("sum(a) by (job)"), Words{"a"});
}

TEST(HasAggregation, Each) {
  for (const char* yes : {"sum(a)", "avg (a)", "1 - max(a)", "rate(a[5m]) / count(b)"}) {
    EXPECT_TRUE(has_aggregation(yes)) << yes;
  }
  for (const char* no : {"a", "rate(a[5m])", "sum_over_time(a[5m])", "sum", "a{b='sum(c)'}"}) {
    EXPECT_FALSE(has_aggregation(no)) << no;
  }
}

TEST(Compose, EveryShippedRecipeParsesWithAnyParts) {
  const std::vector<QueryParts> all = {
      {},
      {.by = {"instance"}},
      {.by = {"instance", "job", "le"}},
      {.matchers = always(R"(env="production",instance=~"web-01:9100|db\\..*")")},
      {.matchers = always(R"(x="\"})(\\")"),
       .by = {"job"},
       .window = "1h",
       .quantile = 0.99,
       .offset = DurationMs::days(7)},
      {.window = "1d", .offset = DurationMs::minutes(1)},
  };
  for (const Concept& c : shipped_pack().concepts) {
    for (const Recipe& recipe : c.recipes) {
      for (const std::string& promql : {recipe.promql, recipe.mean}) {
        if (promql.empty()) continue;
        for (const QueryParts& parts : all) expect_parses(compose(promql, parts), c.name);
      }
    }
    if (!metrics_in(c.toward).empty()) {
      for (const QueryParts& parts : all) expect_parses(compose(c.toward, parts), c.name);
    }
  }
}

TEST(Compose, EveryMetricOfEveryShippedRecipeGetsItsMatchers) {
  for (const Concept& c : shipped_pack().concepts) {
    for (const Recipe& recipe : c.recipes) {
      std::set<std::string> asked;
      QueryParts parts;
      parts.matchers = [&](const std::string& metric) {
        asked.insert(metric);
        return std::string();
      };
      compose(recipe.promql, parts);
      EXPECT_EQ(asked, std::set<std::string>(recipe.needs.begin(), recipe.needs.end())) << c.name;
    }
  }
}

}  // namespace prom5::catalogue
