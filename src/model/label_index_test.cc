#include "model/label_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace prom5 {

TEST(LabelIndex, NumbersEachSetOnce) {
  Rng rng(7);
  LabelIndex index;
  std::vector<Labels> sets;
  std::map<Labels, size_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const Labels labels = {{"a", fmt::format("{}", rng.below(50))},
                           {"b", fmt::format("{}", rng.below(100))}};
    const auto [known, fresh] = model.try_emplace(labels, model.size());
    const auto found =
        index.find_or_add(labels, [&](size_t n) -> const Labels& { return sets[n]; });
    ASSERT_EQ(found.added, fresh);
    ASSERT_EQ(found.number, known->second);
    if (fresh) sets.push_back(labels);
  }
}

TEST(LabelProjection, KeepsWhatIsListedOrTheOthers) {
  const Labels all = {{"__name__", "x"}, {"b", "1"}, {"c", "2"}, {"d", std::string(300, 'd')}};
  const auto keep = [&](std::vector<std::string> names, LabelProjection::Keep which) {
    Labels out = {{"left", "over"}};
    LabelProjection(std::move(names), which).apply(all, out);
    return out;
  };
  using enum LabelProjection::Keep;
  EXPECT_EQ(keep({}, Listed), Labels());
  EXPECT_EQ(keep({}, Others), all);
  EXPECT_EQ(keep({"c", "a", "b", "c"}, Listed), (Labels{{"b", "1"}, {"c", "2"}}));
  EXPECT_EQ(keep({"zz", "d"}, Listed), (Labels{{"d", std::string(300, 'd')}}));
  EXPECT_EQ(keep({"c", "__name__", "e", "d"}, Others), (Labels{{"b", "1"}}));
}

TEST(Labels, WithoutOneLabel) {
  const Labels all = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  EXPECT_EQ(all.without("b"), (Labels{{"a", "1"}, {"c", "3"}}));
  EXPECT_EQ(all.without("a"), (Labels{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(all.without("c"), (Labels{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(all.without("aa"), all);
  EXPECT_EQ(Labels().without("a"), Labels());
}

}  // namespace prom5
