#include "model/metadata.h"

#include <gtest/gtest.h>

#include "model/labels.h"

namespace prom5 {

TEST(Metadata, TypesHaveNames) {
  for (int i = 0; i <= static_cast<int>(MetricType::StateSet); ++i) {
    const auto type = static_cast<MetricType>(i);
    EXPECT_EQ(parse_metric_type(to_string(type)), type) << to_string(type);
  }
  EXPECT_EQ(parse_metric_type(""), MetricType::Unknown);
  EXPECT_EQ(parse_metric_type("Counter"), MetricType::Unknown);
}

TEST(Metadata, TypeAndUnitAsLabels) {
  const auto is = [](MetricType type, std::string_view unit, const Labels& before,
                     const Labels& after) {
    LabelsBuilder builder(before);
    set_type_and_unit(type, unit, builder);
    EXPECT_EQ(builder.build(), after) << before.to_string();
  };
  using enum MetricType;
  is(Counter, "bytes", {{"a", "b"}}, {{"__type__", "counter"}, {"__unit__", "bytes"}, {"a", "b"}});
  is(GaugeHistogram, "", {}, {{"__type__", "gaugehistogram"}});
  is(Unknown, "", {{"a", "b"}}, {{"a", "b"}});
  // What is known takes the place of what was said; what is not known leaves it.
  is(Gauge, "", {{"__type__", "x"}, {"__unit__", "y"}}, {{"__type__", "gauge"}, {"__unit__", "y"}});
  is(Unknown, "m", {{"__type__", "x"}, {"__unit__", "y"}}, {{"__type__", "x"}, {"__unit__", "m"}});
}

}  // namespace prom5
