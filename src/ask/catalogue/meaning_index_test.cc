#include "ask/catalogue/meaning_index.h"

#include <gtest/gtest.h>

#include <atomic>

#include "ask/tools/find_metrics.h"
#include "store/memory_storage.h"

namespace prom5::catalogue {

namespace {

/// Puts every text on the axis of its length; can be told to fail.
class LengthEmbedder final : public Embedder {
 public:
  Result<std::vector<Embedding>> embed(std::span<const std::string> texts,
                                       const std::stop_token& /*stop*/) override {
    texts_seen += texts.size();
    if (fails) return fail(ErrorCode::Unavailable, "as told");
    std::vector<Embedding> out(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) out[i][texts[i].size() % kDimensions] = 1;
    return out;
  }

  std::atomic<bool> fails = false;
  std::atomic<size_t> texts_seen = 0;
};

class MeaningIndexTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& help) {
    const auto appender = storage_.appender();
    EXPECT_TRUE(appender->append(0, Labels{{"__name__", name}}, {clock_.now(), 1}));
    appender->set_metadata(name, {MetricType::Gauge, help, ""});
    EXPECT_TRUE(appender->commit());
    clock_.advance(DurationMs::hours(1));
  }
  std::shared_ptr<const Snapshot> snapshot() { return *catalogue_.snapshot(clock_.now()); }
  static std::string first(const std::vector<Hit>& hits) {
    return hits.empty() ? "" : hits.front().name;
  }

  MemoryStorage storage_;
  ManualClock clock_{TimeMs{1'000'000'000'000}};
  const ConceptPack& pack_ = shipped_pack();
  Catalogue catalogue_{storage_, pack_.lexicon, clock_};
  BuiltInEmbedder built_in_{pack_.lexicon, shipped_word_vectors()};
};

}  // namespace

TEST_F(MeaningIndexTest, FindsConceptsAndMetrics) {
  MeaningIndex index(pack_, built_in_, nullptr);
  const auto concepts = index.nearest("running out of room", 3);
  ASSERT_EQ(concepts.size(), 3U);
  EXPECT_EQ(concepts[0].kind, Hit::Kind::Concept);
  EXPECT_EQ(concepts[0].name, "free disk space");
  EXPECT_EQ(pack_.concepts[concepts[0].index].name, "free disk space");
  EXPECT_GE(concepts[0].similarity, concepts[1].similarity);
  EXPECT_TRUE(index.nearest("running out of room", 3, Hit::Kind::Metric).empty());

  put("jvm_pause_seconds", "Time in which the garbage collector stopped everything.");
  put("shop_baskets", "Orders that were begun.");
  index.follow(snapshot());
  EXPECT_EQ(first(index.nearest("gc stalls", 5, Hit::Kind::Metric)), "jvm_pause_seconds");
  EXPECT_EQ(first(index.nearest("purchase", 5, Hit::Kind::Metric)), "shop_baskets");
  for (const Hit& hit : index.nearest("gc stalls", 5, Hit::Kind::Concept)) {
    EXPECT_EQ(hit.kind, Hit::Kind::Concept);
  }
  EXPECT_TRUE(index.nearest("", 5).empty());
  EXPECT_TRUE(index.nearest("gc", 0).empty());
}

TEST_F(MeaningIndexTest, FollowsSnapshotsAndKeepsWhatStays) {
  LengthEmbedder lengths;
  MeaningIndex index(pack_, lengths, nullptr);
  put("aaaa", "");
  put("bbbbbb", "help");
  index.follow(snapshot());
  EXPECT_EQ(first(index.nearest("1234", 1, Hit::Kind::Metric)), "aaaa");
  size_t before = lengths.texts_seen;
  index.follow(snapshot());
  EXPECT_EQ(lengths.texts_seen, before);  // the same snapshot
  put("ccccc", "");
  put("bbbbbb", "longer");
  clock_.advance(DurationMs::hours(1));
  before = lengths.texts_seen;
  index.follow(*catalogue_.fresh_snapshot(clock_.now()));
  EXPECT_EQ(lengths.texts_seen, before + 2);  // the new one and the new help
  EXPECT_EQ(first(index.nearest("12345", 1, Hit::Kind::Metric)), "ccccc");
  EXPECT_EQ(first(index.nearest("1234", 1, Hit::Kind::Metric)), "aaaa");
  EXPECT_EQ(first(index.nearest("bbbbbb LONGER", 1, Hit::Kind::Metric)), "bbbbbb");
  EXPECT_TRUE(index.nearest("bbbbbb HELP", 1, Hit::Kind::Metric).empty());
}

TEST_F(MeaningIndexTest, TheConfiguredOneAnswersUntilItFails) {
  LengthEmbedder lengths;
  MeaningIndex index(pack_, built_in_, &lengths);
  put("disk_free", "");
  put("zzzz", "");
  index.follow(snapshot());
  while (!index.uses_configured()) std::this_thread::yield();
  EXPECT_EQ(first(index.nearest("disk", 1, Hit::Kind::Metric)), "zzzz");  // four letters
  lengths.fails = true;
  EXPECT_EQ(first(index.nearest("disk", 1, Hit::Kind::Metric)), "disk_free");
}

TEST_F(MeaningIndexTest, FindMetrics) {
  put("jvm_pause_seconds", "Time in which the garbage collector stopped everything.");
  put("shop_baskets", "Orders that were begun.");
  put("disk_free_bytes", "Room on the disk.");
  put("disk_latency", "How long the disk takes.");
  MeaningIndex index(pack_, built_in_, nullptr);
  tools::FindMetrics tool(catalogue_, pack_.lexicon, index);
  const auto call = [&](const Json& words) {
    const auto found = tool.call({{"words", words}}, {clock_.now(), {}});
    EXPECT_TRUE(found) << words.dump();
    return found ? *found : Json::object();
  };
  const Json all = call(Json::array());
  EXPECT_EQ(all["total"], 4);
  EXPECT_FALSE(all["metrics"][0].contains("by"));
  const Json disks = call({"disks"});
  EXPECT_EQ(disks["total"], 2);  // meaning adds to the list, not to what has the word
  EXPECT_EQ(disks["metrics"][0]["by"], "words");
  EXPECT_EQ(disks["metrics"][1]["by"], "words");
  const Json most = call({"disk", "free"});
  EXPECT_EQ(most["total"], 1);
  EXPECT_EQ(most["metrics"][0]["name"], "disk_free_bytes");
  EXPECT_EQ(most["metrics"][1]["by"], "meaning");
  const Json meant = call({"purchase"});
  EXPECT_EQ(meant["metrics"][0]["name"], "shop_baskets");
  for (const Json& bad : {Json::array(), Json::object(), Json{{"words", "disk"}},
                          Json{{"words", Json::array({1})}}}) {
    EXPECT_FALSE(tool.call(bad, {clock_.now(), {}})) << bad.dump();
  }
}

TEST(FuseRanks, WhatBothHaveComesFirst) {
  using tools::fuse_ranks;
  EXPECT_EQ(fuse_ranks({1, 2, 3}, {4, 2, 5}), (std::vector<uint32_t>{2, 1, 4, 3, 5}));
  EXPECT_EQ(fuse_ranks({3, 1}, {}), (std::vector<uint32_t>{3, 1}));
  EXPECT_TRUE(fuse_ranks({}, {}).empty());
}

}  // namespace prom5::catalogue
