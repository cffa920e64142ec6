#include "ask/llm/expression.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ask/catalogue/small_world_test.h"

namespace prom5::llm {

namespace {

using catalogue::SmallWorld;

/// A question about a small world, read, and its likeliest subject.
class Asked {
 public:
  explicit Asked(const std::string& text, SmallWorld& w = world())
      : world_(w),
        vocabulary_(w.pack),
        finder_(w.pack),
        snapshot_(*w.catalogue.snapshot(SmallWorld::kNow)),
        reading(read_question(text, w.pack, vocabulary_, *snapshot_, SmallWorld::kNow)),
        ranked(finder_.rank(reading, *snapshot_)) {
    EXPECT_FALSE(ranked.empty()) << text;
  }

  static SmallWorld& world() {
    static SmallWorld made;
    return made;
  }
  [[nodiscard]] Expression expression(size_t at = 0) const {
    return {ranked[at], reading, *snapshot_, world_.pack.lexicon};
  }
  [[nodiscard]] std::string promql() const {
    const Expression e = expression();
    return e.promql(e.shape());
  }

 private:
  SmallWorld& world_;
  const Vocabulary vocabulary_;
  const SubjectFinder finder_;
  std::shared_ptr<const catalogue::Snapshot> snapshot_;

 public:
  Reading reading;
  std::vector<Subject> ranked;
};

}  // namespace

TEST(InBrackets, OnlyWhereNeeded) {
  const auto is = [](const std::string& promql, const std::string& want) {
    EXPECT_EQ(in_brackets(promql), want);
  };
  is("up", "up");
  is("rate(a[5m])", "rate(a[5m])");
  is("sum by (a, b) (rate(c[5m]))", "sum by (a, b) (rate(c[5m]))");
  is(R"(up{a="b c"})", R"(up{a="b c"})");
  is("a + b", "(a + b)");
  is("sum(a) / sum(b)", "(sum(a) / sum(b))");
  is("sum by (x) (a) / sum by (x) (b)", "(sum by (x) (a) / sum by (x) (b))");
  is("a offset 1h", "(a offset 1h)");
  is("(a + b)", "(a + b)");
  is(R"(m{x="a\\"} + 1)", R"((m{x="a\\"} + 1))");
}

TEST(InBrackets, QuotesInValues) {
  EXPECT_EQ(in_brackets(R"(m{x="\"}"} + 1)"), R"((m{x="\"}"} + 1))");
}

TEST(ConvertUnit, Each) {
  const auto converts = [](std::string_view from, Unit to, const std::string& want,
                           std::string_view want_unit) {
    std::string unit(from);
    EXPECT_EQ(convert_unit("a", from, to, unit), want) << from;
    EXPECT_EQ(unit, want_unit) << from;
  };
  converts("bytes", Unit::Gibibytes, "a / 1073741824", "GiB");
  converts("bytes", Unit::Megabytes, "a / 1000000", "MB");
  converts("bytes_per_second", Unit::MegabitsPerSecond, "a / 125000", "Mbit/s");
  converts("seconds", Unit::Milliseconds, "a * 1000", "ms");
  converts("ratio", Unit::Percent, "a * 100", "%");
  converts("bytes", Unit::Bytes, "a", "bytes");
  converts("bytes", Unit::Seconds, "a", "bytes");
  converts("count", Unit::Percent, "a", "count");
  converts("none", Unit::Gibibytes, "a", "none");
  converts("bytes", Unit::None, "a", "bytes");
  std::string unit = "ratio";
  EXPECT_EQ(convert_unit("a + b", "ratio", Unit::Percent, unit), "(a + b) * 100");
}

TEST(InUnit, Each) {
  const auto is = [](double value, Unit said, std::string_view unit, std::optional<double> want) {
    Quantity quantity;
    quantity.value = value;
    quantity.unit = said;
    const auto got = in_unit(quantity, unit);
    ASSERT_EQ(got.has_value(), want.has_value()) << value << " " << unit;
    if (want) {
      EXPECT_DOUBLE_EQ(*got, *want) << value << " " << unit;
    }
  };
  is(80, Unit::Percent, "ratio", 0.8);
  is(80, Unit::Percent, "percent", 80);
  is(0.8, Unit::Ratio, "percent", 80);
  is(80, Unit::None, "percent", 80);
  is(2, Unit::Gibibytes, "bytes", 2147483648.0);
  is(500, Unit::Milliseconds, "seconds", 0.5);
  is(5, Unit::Seconds, "bytes", std::nullopt);
  is(80, Unit::Percent, "bytes", std::nullopt);
}

TEST(StepOf, AboutSoManyPoints) {
  EXPECT_EQ(step_of(DurationMs::minutes(5), 240), DurationMs::seconds(30));
  EXPECT_EQ(step_of(DurationMs::hours(24), 240), DurationMs::minutes(10));
  EXPECT_EQ(step_of(DurationMs{0}, 240), DurationMs::seconds(30));
  for (const int64_t hours : {1, 6, 24, 168, 720, 8760}) {
    const DurationMs window = DurationMs::hours(hours);
    const DurationMs step = step_of(window, 240);
    EXPECT_LE(window.ms / step.ms, 240) << hours;
    EXPECT_GE(window.ms / step.ms, 20) << hours;
  }
}

TEST(JoinWords, Each) {
  EXPECT_EQ(join_words({}, ", "), "");
  EXPECT_EQ(join_words({"a"}, ", "), "a");
  EXPECT_EQ(join_words({"a", "b"}, ", "), "a, b");
}

TEST(Subjects, TheLikeliestFirst) {
  const auto first = [](const std::string& text, std::string_view name) {
    const Asked asked(text);
    ASSERT_FALSE(asked.ranked.empty());
    EXPECT_EQ(asked.ranked[0].name, name) << text;
    EXPECT_TRUE(asked.ranked[0].available) << text;
    for (size_t i = 1; i < asked.ranked.size(); ++i) {
      EXPECT_GE(asked.ranked[i - 1].score, asked.ranked[i].score) << text;
    }
    for (const Subject& s : asked.ranked) {
      EXPECT_FALSE(s.recipe->needs.empty()) << s.name;
    }
  };
  first("cpu usage", "CPU usage");
  first("how busy is the processor", "CPU usage");
  first("ram usage per host", "memory usage");
  first("request rate of api", "request rate");
  first("redis clients", "Redis clients");
  first("load average", "load average");
}

TEST(Subjects, ScoresAreFromNullToAboutOne) {
  double least = 1;
  double most = 0;
  for (const char* text : {"cpu usage", "redis clients", "elephants of api", "memory per host"}) {
    for (const Subject& s : Asked(text).ranked) {
      least = std::min(least, s.score);
      most = std::max(most, s.score);
    }
  }
  EXPECT_GE(least, 0);
  EXPECT_LE(most, 1.1);
}

TEST(Subjects, WhatIsNotHereIsNotAvailable) {
  const Asked asked("postgres replication lag");
  EXPECT_FALSE(asked.ranked[0].available) << asked.ranked[0].name;
}

TEST(RecipeOfMetric, ByItsType) {
  const auto recipe = [](const char* name, MetricType type) {
    catalogue::Metric metric;
    metric.name = name;
    metric.type = type;
    return recipe_of_metric(metric).promql;
  };
  EXPECT_EQ(recipe("depth", MetricType::Gauge), "depth");
  EXPECT_NE(recipe("hits_total", MetricType::Counter).find("rate(hits_total[5m])"),
            std::string::npos);
  EXPECT_NE(recipe("wait_seconds_bucket", MetricType::Counter).find("histogram_quantile("),
            std::string::npos);
}

TEST(ExpressionPromql, OfQuestions) {
  const auto is = [](const std::string& text, const std::string& want) {
    EXPECT_EQ(Asked(text).promql(), want) << text;
  };
  is("request rate of api", R"(sum(rate(http_requests_total{service="api"}[5m])))");
  is("request rate per service", "sum by (service) (rate(http_requests_total[5m]))");
  is("request rate", "sum(rate(http_requests_total[5m]))");
  is("redis clients", R"(redis_connected_clients{job="redis"})");
}

TEST(ExpressionPromql, EverySubjectOfEveryQuestionParses) {
  for (const char* text :
       {"cpu usage of web-01", "memory per environment", "request rate of api except 500",
        "disk usage of /data", "5xx of payment per status", "p99 latency of api by service",
        "average load of production hosts", "maximum cpu usage in staging"}) {
    const Asked asked(text);
    for (size_t i = 0; i < asked.ranked.size(); ++i) {
      const Expression e = asked.expression(i);
      for (const char* over : {"", "max", "avg"}) {
        Shape shape = e.shape();
        shape.over_time = over;
        shape.window = DurationMs::hours(1);
        shape.offset = DurationMs::days(1);
        const std::string promql = e.promql(shape);
        EXPECT_TRUE(query::parse_query(promql)) << text << ": " << promql;
      }
    }
  }
}

TEST(ExpressionPromql, HostileValuesStayValues) {
  SmallWorld w;
  for (const std::string value : {"a\"b", "a\\b", "rate(x", "increase([5m]", "a|b"}) {
    w.put({{"__name__", "jobs_done_total"}, {"queue", value}}, [](double m) { return m; });
  }
  for (const char* text : {"jobs done of queue rate(x", "jobs done per queue",
                           "jobs done of queue \"a\\b\"", "jobs done of queue a|b"}) {
    const Asked asked(text, w);
    const Expression e = asked.expression();
    Shape shape = e.shape();
    shape.growth = true;
    EXPECT_TRUE(query::parse_query(e.promql(shape))) << text << ": " << e.promql(shape);
    shape.since_ever = true;
    EXPECT_TRUE(query::parse_query(e.promql(shape))) << text << ": " << e.promql(shape);
  }
}

TEST(ExpressionPromql, LabelsThatAreNoIdentifiers) {
  SmallWorld w;
  for (const char* route : {"/cart", "/login"}) {
    w.put({{"__name__", "tickets_total"}, {"http.route", route}}, [](double m) { return m; });
  }
  for (const char* text : {"tickets per http.route", "tickets of /cart"}) {
    const std::string promql = Asked(text, w).promql();
    EXPECT_TRUE(query::parse_query(promql)) << text << ": " << promql;
  }
}

}  // namespace prom5::llm
