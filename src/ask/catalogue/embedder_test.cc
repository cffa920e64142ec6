#include "ask/catalogue/embedder.h"

#include <gtest/gtest.h>

#include <numeric>

#include "ask/catalogue/flat_search.h"
#include "ask/catalogue/word_features.h"
#include "base/rng.h"

namespace prom5::catalogue {

namespace {

float product(const Embedding& a, const Embedding& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

class EmbedderTest : public testing::Test {
 protected:
  float likeness(std::string_view a, std::string_view b) const {
    return product(embedder_.embed_one(a), embedder_.embed_one(b));
  }
  /// That `a` is nearer to `near` than to `far`.
  void nearer(std::string_view a, std::string_view near, std::string_view far) const {
    EXPECT_GT(likeness(a, near), likeness(a, far) + 0.1) << a << ": " << near << ", " << far;
  }

  const BuiltInEmbedder embedder_{shipped_pack().lexicon, shipped_word_vectors()};
};

}  // namespace

TEST_F(EmbedderTest, RelatedTextsAreNearer) {
  nearer("running out of room", "free disk space", "request latency");
  nearer("how many people bought something", "order rate", "packets dropped");
  nearer("garbage collector stops the program", "go_gc_duration_seconds", "node_load1");
  nearer("messages nobody has read", "consumer lag", "CPU temperature");
  nearer("cache misses", "keyspace hits", "certificate expiry");
}

TEST_F(EmbedderTest, TypingErrorsStayNear) {
  nearer("memmory presure", "memory pressure", "request rate");
  nearer("replicaton lag", "replication lag", "network errors");
  nearer("certifcate expirey", "certificate expiry", "memory");
  // Words of which the packs know nothing are told apart by their letters.
  nearer("zorbifier", "zorbifire", "quuxtable");
}

TEST_F(EmbedderTest, IsOfLengthOneAndAlwaysTheSame) {
  const Embedding once = embedder_.embed_one("disk I/O of web-01");
  EXPECT_NEAR(product(once, once), 1, 1e-5);
  EXPECT_EQ(once, embedder_.embed_one("disk I/O of web-01"));
  EXPECT_NEAR(likeness("memory usage", "usage: MEMORY!"), 1, 1e-5);  // order and case say nothing
  for (const std::string_view nothing : {"", "   ", "the of a", "5 12", "?!"}) {
    EXPECT_EQ(embedder_.embed_one(nothing), Embedding{}) << nothing;
  }
  BuiltInEmbedder many(shipped_pack().lexicon, shipped_word_vectors());
  const std::vector<std::string> texts = {"cpu", "disk I/O of web-01", "cpu"};
  const auto all = *many.embed(texts, {});
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0], all[2]);
  EXPECT_EQ(all[1], once);
}

TEST(WordVectors, TheSamePackGivesTheSameTable) {
  const std::string table = make_word_vectors(shipped_pack());
  EXPECT_EQ(table, make_word_vectors(shipped_pack()));
  EXPECT_LT(table.size(), size_t{2} << 20);
  const auto loaded = WordVectors::load(table);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const std::string_view word : {"memory", "latency", "disk"}) {
    ASSERT_NE(loaded->find(word), nullptr) << word;
    ASSERT_NE(shipped_word_vectors().find(word), nullptr) << word;
    EXPECT_EQ(loaded->find(word)->meaning, shipped_word_vectors().find(word)->meaning) << word;
  }
  EXPECT_EQ(loaded->find("zorbifier"), nullptr);
  // What is rare tells more.
  EXPECT_LT(loaded->find("total")->weight, loaded->find("temperature")->weight);
}

TEST(WordVectors, RefusesWhatIsNoTable) {
  const std::string table = make_word_vectors(ConceptPack{});
  ASSERT_TRUE(WordVectors::load(table));
  const std::string whole = make_word_vectors(shipped_pack());
  const auto bad = [](const std::string& bytes) {
    const auto loaded = WordVectors::load(bytes);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::Corruption);
  };
  bad("");
  bad("text");
  bad(table + "x");
  bad("X" + table.substr(1));
  bad(table.substr(0, 4) + "\1" + table.substr(5));
  for (const size_t size : {size_t{11}, size_t{20}, whole.size() / 2, whole.size() - 1}) {
    bad(whole.substr(0, size));
  }
}

TEST(WordVectors, GuessesBySpelling) {
  const WordVectors& words = shipped_word_vectors();
  const auto near = [&](std::string_view wrong, std::string_view right, float least) {
    const auto guess = words.guess(wrong);
    const auto& meaning = words.find(right)->meaning;
    EXPECT_GT(std::inner_product(guess.begin(), guess.end(), meaning.begin(), 0.0F), least)
        << wrong;
  };
  near("latencyy", "latency", 0.5);
  near("temprature", "temperature", 0.4);
  EXPECT_EQ(words.guess("qxz"), WordVectors::Meaning{});
  EXPECT_EQ(words.guess(""), WordVectors::Meaning{});
}

TEST(WordFeatures, Overlap) {
  EXPECT_DOUBLE_EQ(overlap(pieces_of("memory"), pieces_of("memory")), 1);
  EXPECT_DOUBLE_EQ(overlap(pieces_of("memory"), pieces_of("disk")), 0);
  EXPECT_DOUBLE_EQ(overlap({1, 2, 3}, {2, 3, 4, 5, 6}), 0.5);
  EXPECT_DOUBLE_EQ(overlap({}, {1}), 0);
  EXPECT_EQ(pieces_of("ab").size(), 3U);  // "<ab", "ab>", "<ab>"
}

TEST(FlatSearch, AsTheSlowWay) {
  Rng rng(7);
  std::vector<Embedding> rows(100);
  for (Embedding& row : rows) {
    for (float& number : row) number = static_cast<float>(rng.unit() - 0.5);
  }
  rows[40] = rows[60];
  const Embedding query = rows[60];
  std::vector<uint32_t> want(rows.size());
  std::iota(want.begin(), want.end(), 0);
  std::stable_sort(want.begin(), want.end(), [&](uint32_t a, uint32_t b) {
    return product(rows[a], query) > product(rows[b], query);
  });
  const auto found = nearest_rows(rows, query, 10);
  ASSERT_EQ(found.size(), 10U);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].row, want[i]) << i;
    EXPECT_NEAR(found[i].similarity, product(rows[want[i]], query), 1e-4) << i;
  }
  EXPECT_EQ(found[0].row, 40U);  // of equals the first
  EXPECT_EQ(nearest_rows(rows, query, 1000).size(), rows.size());
  EXPECT_TRUE(nearest_rows({}, query, 3).empty());
  EXPECT_TRUE(nearest_rows(rows, query, 0).empty());
}

}  // namespace prom5::catalogue
