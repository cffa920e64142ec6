#include "app/cli/features.h"

#include <gtest/gtest.h>

#include <set>

namespace prom5::cli {

TEST(Features, Effects) {
  const auto is = [](std::string_view name, std::string_view no_effect) {
    const Feature* const feature = find_feature(name);
    ASSERT_NE(feature, nullptr) << name;
    EXPECT_EQ(feature->no_effect, no_effect) << name;
  };
  is("promql-delayed-name-removal", "");
  is("native-histograms", "");
  is("type-and-unit-labels", "");
  is("concurrent-rule-eval", "rules are not evaluated in this version");
  is("auto-reload-config", "see --config.auto-reload");
}

TEST(Features, UnknownNames) {
  EXPECT_EQ(find_feature("native-histogram"), nullptr);
  EXPECT_EQ(nearest_feature("native-histogram"), "native-histograms");
  EXPECT_EQ(nearest_feature("zzz"), "");
}

TEST(Features, NamesAreThereOnce) {
  std::set<std::string_view> names;
  for (const Feature& feature : kFeatures) EXPECT_TRUE(names.insert(feature.name).second);
}

}  // namespace prom5::cli
