#include "ask/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include "ask/catalogue/concept.h"
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
  Catalogue catalogue_{storage_, shipped_pack().lexicon, clock_};
};

}  // namespace

TEST_F(CatalogueTest, LearnsFromTheStorage) {
  put({{"__name__", "hits_total"}, {"page", "a"}});
  put({{"__name__", "hits_total"}, {"page", "b"}});
  put({{"__name__", "depth"}});
  const auto snapshot = *catalogue_.snapshot(clock_.now());
  ASSERT_EQ(snapshot->metrics().size(), 2U);
  EXPECT_EQ(snapshot->metrics()[0].name, "depth");
  ASSERT_NE(snapshot->find("hits_total"), nullptr);
  EXPECT_EQ(snapshot->find("hits_total")->help, "Hits of pages.");
  EXPECT_EQ(snapshot->find("hits_total")->type, MetricType::Counter);
  EXPECT_EQ(snapshot->find("hits"), nullptr);
  const LabelInfo* pages = snapshot->find("hits_total")->label("page");
  ASSERT_NE(pages, nullptr);
  EXPECT_EQ(pages->values, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(snapshot->find("hits_total")->label("none"), nullptr);
}

TEST_F(CatalogueTest, IsKeptForAWhile) {
  put({{"__name__", "a"}});
  ASSERT_EQ((*catalogue_.snapshot(clock_.now()))->metrics().size(), 1U);
  put({{"__name__", "b"}});
  EXPECT_EQ((*catalogue_.snapshot(clock_.now()))->metrics().size(), 1U);
  clock_.advance(DurationMs::minutes(1));
  EXPECT_EQ((*catalogue_.fresh_snapshot(clock_.now()))->metrics().size(), 2U);
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
    const auto parsed = parse_concepts(yaml, shipped_pack().lexicon);
    ASSERT_FALSE(parsed) << yaml;
    EXPECT_EQ(parsed.error().code, ErrorCode::BadData);
  };
  bad("concepts: [");
  bad("concepts:\n  - name: x\n");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    recipes:\n      - explain: x\n");
  bad("concepts:\n  - phrases: [x]\n    recipes:\n      - {needs: [x], promql: x}\n");
}

}  // namespace prom5::catalogue
