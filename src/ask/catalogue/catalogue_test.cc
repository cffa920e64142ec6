#include "ask/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include "ask/catalogue/concept.h"
#include "ask/tools/find_metrics.h"
#include "store/memory_storage.h"

namespace prom5::catalogue {

namespace {

class CatalogueTest : public testing::Test {
 protected:
  void put(const Labels& labels) {
    const auto appender = storage_.appender();
    EXPECT_TRUE(appender->append(0, labels, {clock_.now(), 1}));
    appender->set_metadata("hits_total", {MetricType::Counter, "Hits of pages.", ""});
    EXPECT_TRUE(appender->commit());
  }

  MemoryStorage storage_;
  ManualClock clock_{TimeMs{1'000'000'000}};
  Catalogue catalogue_{storage_, clock_};
};

}  // namespace

TEST_F(CatalogueTest, LearnsFromTheStorage) {
  put({{"__name__", "hits_total"}, {"page", "a"}});
  put({{"__name__", "hits_total"}, {"page", "b"}});
  put({{"__name__", "depth"}});
  const auto snapshot = *catalogue_.snapshot();
  ASSERT_EQ(snapshot->metrics.size(), 2U);
  EXPECT_EQ(snapshot->metrics[0].name, "depth");
  ASSERT_NE(snapshot->find("hits_total"), nullptr);
  EXPECT_EQ(snapshot->find("hits_total")->help, "Hits of pages.");
  EXPECT_EQ(snapshot->find("hits_total")->type, MetricType::Counter);
  EXPECT_EQ(snapshot->find("hits"), nullptr);
  const auto labels = *catalogue_.labels_of("hits_total");
  ASSERT_EQ(labels.size(), 1U);
  EXPECT_EQ(labels.at("page"), (std::set<std::string>{"a", "b"}));
  EXPECT_TRUE(catalogue_.labels_of("none")->empty());
}

TEST_F(CatalogueTest, IsKeptForAFewSeconds) {
  put({{"__name__", "a"}});
  ASSERT_EQ((*catalogue_.snapshot())->metrics.size(), 1U);
  put({{"__name__", "b"}});
  EXPECT_EQ((*catalogue_.snapshot())->metrics.size(), 1U);
  clock_.advance(DurationMs::minutes(1));
  EXPECT_EQ((*catalogue_.snapshot())->metrics.size(), 2U);
}

TEST_F(CatalogueTest, FindMetrics) {
  put({{"__name__", "hits_total"}});
  put({{"__name__", "depth"}});
  tools::FindMetrics tool(catalogue_);
  const auto finds = [&](const Json& words, size_t count) {
    const auto found = tool.call({{"words", words}}, {});
    ASSERT_TRUE(found) << words.dump();
    EXPECT_EQ((*found)["metrics"].size(), count) << words.dump();
  };
  finds(Json::array(), 2);
  finds(Json::array({"hits"}), 1);
  finds(Json::array({"pages"}), 1);
  finds(Json::array({"hits", "depth"}), 0);
  EXPECT_FALSE(tool.call(Json::object(), {}));
  EXPECT_FALSE(tool.call(Json::array(), {}));
  EXPECT_FALSE(tool.call({{"words", "hits"}}, {}));
  EXPECT_FALSE(tool.call({{"words", Json::array({1})}}, {}));
}

TEST(Catalogue, GuessesTypes) {
  EXPECT_EQ(guess_type("a_total"), MetricType::Counter);
  EXPECT_EQ(guess_type("a_bucket"), MetricType::Counter);
  EXPECT_EQ(guess_type("a_count"), MetricType::Counter);
  EXPECT_EQ(guess_type("a_sum"), MetricType::Counter);
  EXPECT_EQ(guess_type("a_bytes"), MetricType::Gauge);
}

TEST(Concepts, TheShippedPackIsGood) { EXPECT_GT(shipped_pack().concepts.size(), 10U); }

TEST(Concepts, RefusesBrokenPacks) {
  const auto bad = [](std::string_view yaml) {
    const auto parsed = parse_concepts(yaml);
    ASSERT_FALSE(parsed) << yaml;
    EXPECT_EQ(parsed.error().code, ErrorCode::BadData);
  };
  bad("concepts: [");
  bad("concepts:\n  - name: x\n");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    recipes:\n      - promql: x\n");
  bad("concepts:\n  - phrases: [x]\n    recipes:\n      - {needs: [x], promql: x}\n");
}

}  // namespace prom5::catalogue
