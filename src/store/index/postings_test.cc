#include "store/index/postings.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.h"

namespace prom5::index {

TEST(Postings, SetOperations) {
  const PostingList a = {1, 3, 5, 7};
  const PostingList b = {3, 4, 7};
  EXPECT_EQ(intersect(a, b), (PostingList{3, 7}));
  EXPECT_EQ(subtract(a, b), (PostingList{1, 5}));
  EXPECT_EQ(intersect(a, {}), PostingList{});
  EXPECT_EQ(subtract({}, b), PostingList{});
  const PostingList c = {2, 6};
  EXPECT_EQ(unite({&a, &c}), (PostingList{1, 2, 3, 5, 6, 7}));
  EXPECT_EQ(unite({}), PostingList{});
}

TEST(Postings, SelectAgreesWithLookingAtEverySeries) {
  const uint64_t seed = 41;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  MemPostings postings;
  std::map<SeriesId, Labels> twin;
  const std::vector<std::string> values = {"", "a", "b", "ab", "c"};
  const auto value = [&] { return values[rng.below(values.size())]; };
  for (int i = 0; i < 400; ++i) {
    const SeriesId id = 1 + rng.below(100'000);  // in any order, as in a replay
    if (twin.contains(id)) continue;
    const Labels labels{{"__name__", "m"}, {"x", value()}, {"y", value()}, {"z", value()}};
    postings.add(id, labels);
    twin[id] = labels;
  }
  const auto gone = [](SeriesId id) { return id % 5 == 0; };
  postings.remove_if(gone);
  std::erase_if(twin, [&](const auto& entry) { return gone(entry.first); });

  const std::vector<std::string> patterns = {"",    "a",    "b",     "a|b", "a|a", "a|",
                                             ".*",  ".+",   "a.*",   "|c",  "d",   "(a|b)?",
                                             "ab?", "[ab]", "a|b|d", "no"};
  for (int i = 0; i < 3000; ++i) {
    std::vector<Matcher> matchers;
    std::string text;
    for (uint64_t k = rng.below(4); k > 0; --k) {
      const std::vector<std::string> names = {"x", "y", "z", "none", "__name__"};
      matchers.push_back(Matcher::make(static_cast<MatchType>(rng.below(4)),
                                       names[rng.below(names.size())],
                                       patterns[rng.below(patterns.size())])
                             .value());
      text += matchers.back().to_string() + " ";
    }
    PostingList want;
    for (const auto& [id, labels] : twin) {
      if (matches_all(matchers, labels)) want.push_back(id);
    }
    ASSERT_EQ(postings.select(matchers), want) << text;
    std::set<std::string> names;
    std::set<std::string> of_x;
    for (const SeriesId id : want) {
      for (const LabelView label : twin[id]) {
        names.emplace(label.name);
        if (label.name == "x") of_x.emplace(label.value);
      }
    }
    const auto listed = [](const std::set<std::string>& all) {
      return std::vector<std::string>(all.begin(), all.end());
    };
    ASSERT_EQ(postings.label_names(matchers), listed(names)) << text;
    ASSERT_EQ(postings.label_values("x", matchers), listed(of_x)) << text;
  }
}

TEST(Postings, NamesAndValues) {
  MemPostings postings;
  postings.add(1, {{"b", "2"}, {"a", "1"}});
  postings.add(2, {{"b", "1"}});
  postings.add(2, {{"b", "1"}});
  EXPECT_EQ(postings.all(), (PostingList{1, 2}));
  EXPECT_EQ(postings.label_names({}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(postings.label_values("b", {}), (std::vector<std::string>{"1", "2"}));
  EXPECT_TRUE(postings.label_values("none", {}).empty());
  postings.remove_if([](SeriesId id) { return id == 1; });
  EXPECT_EQ(postings.label_names({}), (std::vector<std::string>{"b"}));
  EXPECT_EQ(postings.label_values("b", {}), (std::vector<std::string>{"1"}));
}

}  // namespace prom5::index
