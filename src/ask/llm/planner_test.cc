#include "ask/llm/planner.h"

#include <gtest/gtest.h>

#include "store/memory_storage.h"

namespace prom5::llm {

namespace {

constexpr TimeMs kNow{1'768'478'400'000};

class PlannerTest : public testing::Test {
 protected:
  PlannerTest() {
    put("up", {{"job", "node"}, {"instance", "web-1:9100"}});
    put("up", {{"job", "payment"}, {"instance", "pay-1:80"}});
    for (const std::string_view name :
         {"node_cpu_seconds_total", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes",
          "node_load1", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}) {
      put(name, {{"job", "node"}, {"instance", "web-1:9100"}, {"mountpoint", "/data"}});
    }
    put("queue_depth", {{"job", "payment"}, {"queue", "mail"}});
    put("orders_placed_total", {{"job", "payment"}, {"region", "eu"}});
  }

  void put(std::string_view name, const Labels& labels) {
    const auto appender = storage_.appender();
    LabelsBuilder builder(labels);
    EXPECT_TRUE(appender->append(0, builder.set(kMetricName, name).build(), {kNow, 1}));
    EXPECT_TRUE(appender->commit());
  }

  Plan plan(std::string_view question) {
    const catalogue::ConceptPack& pack = catalogue::shipped_pack();
    auto made = Planner(catalogue_, pack).plan(parse_question(question, pack.synonyms));
    EXPECT_TRUE(made) << question << ": " << made.error().message;
    return made ? *std::move(made) : Plan{};
  }

  void asks(std::string_view question, std::string_view intent, std::string_view promql) {
    const Plan made = plan(question);
    EXPECT_EQ(made.intent, intent) << question;
    EXPECT_EQ(made.promql, promql) << question << "\n" << made.refuse_message << made.clarify;
    EXPECT_GT(made.confidence, 0) << question;
  }

  void refuses(std::string_view question, std::string_view code) {
    const Plan made = plan(question);
    EXPECT_EQ(made.intent, "refuse") << question;
    EXPECT_EQ(made.refuse_code, code) << question << "\n" << made.promql;
    EXPECT_FALSE(made.refuse_message.empty()) << question;
    EXPECT_EQ(made.promql, "") << question;
  }

  MemoryStorage storage_;
  ManualClock clock_{kNow};
  catalogue::Catalogue catalogue_{storage_, clock_};
};

const std::string kCpu =
    "100 * (1 - sum by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m])) / "
    "sum by (instance) (rate(node_cpu_seconds_total[5m])))";

}  // namespace

TEST_F(PlannerTest, Status) {
  asks("is everything up?", "status", "up");
  asks("are all targets healthy", "status", "up");
  asks("what is down?", "status", "up");
  asks("Is the payment service healthy?", "status", "up{job=\"payment\"}");
  asks("is web-1 reachable", "status", "up{instance=\"web-1:9100\"}");
}

TEST_F(PlannerTest, Concepts) {
  asks("what is the cpu usage", "query", kCpu);
  asks("How busy are the processors?", "query", kCpu);
  asks("load average", "query", "node_load1");
  asks("how much memory is available?", "query", "node_memory_MemAvailable_bytes");
  asks("ram", "query", "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)");
  asks("load of web-1", "query", "node_load1{instance=\"web-1:9100\"}");
}

TEST_F(PlannerTest, ShapesOfAnswers) {
  asks("top 3 hosts by load", "top", "topk(3, node_load1)");
  asks("which host has the highest load?", "top", "topk(1, node_load1)");
  asks("which host has the lowest load?", "top", "bottomk(1, node_load1)");
  asks("load above 4", "query", "node_load1 > 4");
  asks("load below 4", "query", "node_load1 < 4");
  asks("cpu usage above 80%", "query", kCpu + " > 80");
  const Plan trend = plan("load over the last 2 hours");
  EXPECT_EQ(trend.intent, "trend");
  EXPECT_EQ(trend.promql, "node_load1");
  EXPECT_TRUE(trend.range);
  EXPECT_EQ(trend.window, DurationMs::hours(2));
  const Plan alert = plan("alert me when cpu usage is above 90%");
  EXPECT_EQ(alert.intent, "alert");
  EXPECT_EQ(alert.promql, kCpu + " > 90");
  ASSERT_TRUE(alert.action);
  EXPECT_EQ((*alert.action)["kind"], "alert");
  EXPECT_EQ((*alert.action)["expr"], alert.promql);
}

TEST_F(PlannerTest, MetricsByName) {
  asks("queue_depth", "query", "queue_depth");
  asks("queue depth of mail", "query", "queue_depth{queue=\"mail\"}");
  asks("orders placed", "query", "sum (rate(orders_placed_total[5m]))");
  asks("orders placed per region", "query", "sum by (region) (rate(orders_placed_total[5m]))");
}

TEST_F(PlannerTest, ThePastIsNotAnsweredWithNow) {
  asks("was anything down in the last 10 minutes", "status", "min_over_time(up[10m])");
  asks("Was anything down yesterday?", "status", "min_over_time(up[1d])");
  asks("is node up", "status", R"(up{job="node"})");
}

TEST_F(PlannerTest, DoesNotGuess) {
  put("node_cpu_seconds_total", {{"mode", "idle"}, {"cpu", "0"}});
  put("node_nf_conntrack_stat_search_restart", {});
  asks("idle cpu", "query", R"(sum (rate(node_cpu_seconds_total{mode="idle"}[5m])))");
  asks("cpu usage by mode", "query", "sum by (mode) (rate(node_cpu_seconds_total[5m]))");
  asks("node_memory_MemTotal_bytes", "query", "node_memory_MemTotal_bytes");
  EXPECT_EQ(plan("how many restarts").intent, "clarify") << "one word of five is a hint";
  refuses("top 0 filesystems", "bad_number");
  refuses("rate(node_load1[5m])", "promql");
  EXPECT_EQ(plan("memroy usage").suggestions.at(0), "memory");
  EXPECT_NE(plan("how often did the machine restart").refuse_code, "not_allowed");
}

TEST_F(PlannerTest, ReadsOnly) {
  refuses("delete all metrics", "not_allowed");
  refuses("restart the payment service", "not_allowed");
  refuses("please kill web-1", "not_allowed");
  refuses("drop node_load1", "not_allowed");
}

TEST_F(PlannerTest, SaysWhatItDoesNotKnow) {
  refuses("cpu usage of mars", "unknown");
  refuses("is the unicorn service up", "unknown");
  refuses("unicorn temperature", "unknown");
  EXPECT_NE(plan("cpu usage of mars").refuse_message.find("\"mars\""), std::string::npos);
  const Plan typo = plan("is paymnet up");
  EXPECT_EQ(typo.refuse_code, "unknown");
  EXPECT_FALSE(typo.suggestions.empty());
}

TEST_F(PlannerTest, AsksBackWhenOnlyVagueWordsAreThere) {
  for (const std::string_view question : {"show me the usage", "what is high?", "", "hello"}) {
    const Plan made = plan(question);
    EXPECT_EQ(made.intent, "clarify") << question;
    EXPECT_FALSE(made.clarify.empty()) << question;
    EXPECT_FALSE(made.options.empty()) << question;
    EXPECT_EQ(made.promql, "") << question;
  }
}

TEST(Question, Words) {
  const auto is = [](std::string_view text, const std::vector<std::string>& want) {
    EXPECT_EQ(words_of(text), want) << text;
  };
  is("", {});
  is("?!", {});
  is("What's the CPU?", {"whats", "the", "cpu"});
  is("load of web-1:9100.", {"load", "of", "web-1:9100"});
  is("node_load1 > 80%", {"node_load1", "80%"});
  EXPECT_EQ(singular("queries"), "query");
  EXPECT_EQ(singular("hosts"), "host");
  EXPECT_EQ(singular("class"), "class");
  EXPECT_EQ(singular("status"), "status");
}

TEST(Question, Windows) {
  const auto is = [](std::string_view text, std::optional<DurationMs> want) {
    EXPECT_EQ(parse_question(text, {}).window, want) << text;
  };
  is("load over the last hour", DurationMs::hours(1));
  is("load in the past 30 minutes", DurationMs::minutes(30));
  is("load last 2 days", DurationMs::days(2));
  is("load last two days", DurationMs::days(2));
  is("load last 90s", DurationMs::seconds(90));
  is("load", std::nullopt);
  is("load last", std::nullopt);
  is("load last zebra", std::nullopt);
  is("load last -5 minutes", std::nullopt);
}

}  // namespace prom5::llm
