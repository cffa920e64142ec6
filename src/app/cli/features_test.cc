#include "app/cli/features.h"

#include <gtest/gtest.h>

#include <set>

namespace prom5::cli {

TEST(Features, Notes) {
  const auto is = [](std::string_view name, std::string_view want) {
    EXPECT_EQ(feature_note(name).value_or(""), want) << name;
  };
  is("promql-delayed-name-removal", "");
  is("native-histograms", "");
  is("concurrent-rule-eval", "without effect: rules are not evaluated in this version");
  is("auto-reload-config", "without effect: see --config.auto-reload");
  is("native-histogram", "unknown; did you mean native-histograms?");
  is("zzz", "unknown");
}

TEST(Features, NamesAreThereOnce) {
  std::set<std::string_view> names;
  for (const Feature& feature : kFeatures) EXPECT_TRUE(names.insert(feature.name).second);
}

}  // namespace prom5::cli
