#include "ask/catalogue/concept.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ask/catalogue/recipe_query.h"
#include "io/codec/number.h"
#include "query/engine.h"

namespace prom5::catalogue {

namespace {

const Lexicon& lexicon() { return shipped_pack().lexicon; }

void for_each_recipe(const std::function<void(const Concept&, const Recipe&)>& look) {
  for (const Concept& entry : shipped_pack().concepts) {
    for (const Recipe& recipe : entry.recipes) look(entry, recipe);
  }
}

Result<std::vector<Concept>> parse(std::string_view yaml) {
  return parse_concepts(yaml, lexicon());
}

constexpr std::string_view kOne = R"(concepts:
  - name: queue depth
    phrases: [queue depth, depth queue, queue length]
    about: [workers]
    worst: least
    alert: {above: 5, for: 10m}
    toward: queue_limit
    related: [queue wait]
    recipes:
      - promql: 'queue_depth{kind="work"} / on (job) queue_limit'
        by: [instance, job]
        each: true
        finding: true
        join: max
        unit: ratio
        explain: How full it is.
        requires_label: {queue_depth: kind}
      - promql: histogram_quantile(0.95, rate(queue_seconds_bucket[5m]))
        mean: rate(queue_seconds_sum[5m])
)";

}  // namespace

TEST(Concepts, AreReadWithAllTheirFields) {
  const auto parsed = parse(kOne);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 1U);
  const Concept& c = parsed->front();
  EXPECT_EQ(c.name, "queue depth");
  EXPECT_EQ(c.phrases.size(), 2U) << "the same words in another order are one phrase";
  EXPECT_TRUE(c.about.contains(lexicon().canonical("workers")));
  EXPECT_TRUE(c.least_is_worst);
  ASSERT_TRUE(c.alert);
  EXPECT_EQ(c.alert->op, ">");
  EXPECT_EQ(c.alert->value, 5);
  EXPECT_EQ(c.alert->hold, DurationMs::minutes(10));
  EXPECT_EQ(c.toward, "queue_limit");
  EXPECT_EQ(c.related, std::vector<std::string>{"queue wait"});
  ASSERT_EQ(c.recipes.size(), 2U);
  const Recipe& first = c.recipes[0];
  EXPECT_EQ(first.needs, (std::vector<std::string>{"queue_depth", "queue_limit"}));
  EXPECT_EQ(first.by, (std::vector<std::string>{"instance", "job"}));
  EXPECT_TRUE(first.each);
  EXPECT_TRUE(first.finding);
  EXPECT_EQ(first.join, "max");
  EXPECT_EQ(first.unit, "ratio");
  EXPECT_EQ(first.explain, "How full it is.");
  EXPECT_EQ(first.requires_label.at("queue_depth"), "kind");
  EXPECT_EQ(c.recipes[1].unit, "none");
  EXPECT_EQ(c.recipes[1].mean, "rate(queue_seconds_sum[5m])");
  EXPECT_FALSE(c.recipes[1].each);
}

TEST(Concepts, AnAlertMayBeBelow) {
  const auto parsed = parse(
      "concepts:\n  - {name: x, phrases: [x], alert: {below: 0.5}, recipes: [{promql: x}]}\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->front().alert->op, "<");
  EXPECT_EQ(parsed->front().alert->value, 0.5);
  EXPECT_EQ(parsed->front().alert->hold, DurationMs::minutes(5));
}

TEST(Concepts, RefuseBrokenPacks) {
  const auto bad = [](std::string_view yaml, std::string_view told) {
    const auto parsed = parse(yaml);
    ASSERT_FALSE(parsed) << yaml;
    EXPECT_EQ(parsed.error().code, ErrorCode::BadData) << yaml;
    EXPECT_NE(parsed.error().message.find(told), std::string::npos) << parsed.error().message;
  };
  bad("concepts: [", "1:1");
  bad("concepts:\n  - name: x\n", "line 2");
  bad("concepts:\n  - name: x\n    phrases: [x]\n", "line 2");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    recipes:\n      - unit: x\n", "line 5");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    recipes:\n      - promql: 1 + 1\n", "line 5");
  bad("concepts:\n  - phrases: [x]\n    recipes:\n      - promql: x\n", "line 2");
  bad("concepts:\n  - name: x\n    colour: red\n", "line 3, column 5: unknown key \"colour\"");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    recipes:\n      - promql: x\n"
      "        needs: [x]\n",
      "line 6, column 9: unknown key \"needs\"");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    alert: {over: 3}\n"
      "    recipes: [{promql: x}]\n",
      "line 4");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    alert: {above: many}\n"
      "    recipes: [{promql: x}]\n",
      "line 4");
  bad("concepts:\n  - name: x\n    phrases: [x]\n    alert: {above: 3, for: long}\n"
      "    recipes: [{promql: x}]\n",
      "");
}

TEST(Concepts, NoneAreNoError) { EXPECT_TRUE(parse("concepts: []")->empty()); }

TEST(ShippedPack, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const Concept& c : shipped_pack().concepts) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name << " is there twice";
    EXPECT_EQ(shipped_pack().find(c.name), &c);
  }
  EXPECT_GT(names.size(), 100U);
  EXPECT_EQ(shipped_pack().find("flux capacitor"), nullptr);
  EXPECT_EQ(shipped_pack().find(""), nullptr);
}

TEST(ShippedPack, EveryRecipeIsPromql) {
  for_each_recipe([](const Concept& c, const Recipe& recipe) {
    for (const std::string& promql : {recipe.promql, recipe.mean}) {
      if (promql.empty()) continue;
      const auto parsed = query::parse_query(promql);
      EXPECT_TRUE(parsed) << c.name << ": " << promql << ": " << parsed.error().message;
    }
  });
}

TEST(ShippedPack, EveryRecipeKeepsTheRulesOfCompose) {
  for_each_recipe([](const Concept& c, const Recipe& recipe) {
    for (const std::string_view word : {" offset ", "without", "@"}) {
      EXPECT_EQ(recipe.promql.find(word), std::string::npos) << c.name << ": " << recipe.promql;
    }
    EXPECT_FALSE(recipe.needs.empty()) << c.name;
    EXPECT_EQ(recipe.needs, metrics_in(recipe.promql)) << c.name;
  });
}

TEST(ShippedPack, EveryMeanReadsOfTheSameThing) {
  for_each_recipe([](const Concept& c, const Recipe& recipe) {
    if (recipe.mean.empty()) return;
    EXPECT_NE(recipe.promql.find("quantile"), std::string::npos) << c.name << ": " << recipe.promql;
    // x_bucket's average is of x_sum and x_count.
    std::string family = recipe.needs.front();
    for (const std::string_view tail : {"_bucket", "_sum", "_count"}) {
      if (family.ends_with(tail)) family.resize(family.size() - tail.size());
    }
    for (const std::string& metric : metrics_in(recipe.mean)) {
      EXPECT_TRUE(metric.starts_with(family)) << c.name << ": " << recipe.mean;
    }
  });
}

TEST(ShippedPack, EveryRelatedConceptExists) {
  for (const Concept& c : shipped_pack().concepts) {
    for (const std::string& other : c.related) {
      EXPECT_NE(shipped_pack().find(other), nullptr) << c.name << " is related to " << other;
      EXPECT_NE(other, c.name);
    }
  }
}

TEST(ShippedPack, WhatThingsGoTowardIsANumberOrPromql) {
  for (const Concept& c : shipped_pack().concepts) {
    if (c.toward.empty() || codec::parse_double(c.toward)) continue;
    const auto parsed = query::parse_query(c.toward);
    EXPECT_TRUE(parsed) << c.name << ": " << c.toward;
    EXPECT_FALSE(metrics_in(c.toward).empty()) << c.name << ": " << c.toward;
  }
}

TEST(ShippedPack, EveryUnitIsKnown) {
  const std::set<std::string> units = {"percent", "ratio",      "bytes",       "bytes_per_second",
                                       "count",   "per_second", "seconds",     "bits_per_second",
                                       "celsius", "timestamp",  "up",          "flag",
                                       "none",    "hertz",      "milliseconds"};
  for_each_recipe([&](const Concept& c, const Recipe& recipe) {
    EXPECT_TRUE(units.contains(recipe.unit)) << c.name << ": " << recipe.unit;
    const std::set<std::string> joins = {"", "sum", "avg", "max", "min"};
    EXPECT_TRUE(joins.contains(recipe.join)) << c.name << ": " << recipe.join;
    EXPECT_FALSE(recipe.explain.empty()) << c.name << ": " << recipe.promql;
  });
}

TEST(ShippedPack, PhrasesAreInTheLexiconsForm) {
  for (const Concept& c : shipped_pack().concepts) {
    EXPECT_FALSE(c.phrases.empty()) << c.name;
    for (const auto& phrase : c.phrases) {
      EXPECT_FALSE(phrase.empty()) << c.name;
      for (const std::string& word : phrase) {
        EXPECT_EQ(lexicon().canonical(word), word) << c.name;
      }
    }
  }
}

TEST(ShippedPack, AlertsAreInTheirRecipesUnit) {
  for (const Concept& c : shipped_pack().concepts) {
    if (!c.alert) continue;
    EXPECT_TRUE(std::isfinite(c.alert->value)) << c.name;
    EXPECT_TRUE(c.alert->op == ">" || c.alert->op == "<") << c.name;
    EXPECT_GE(c.alert->hold.ms, 0) << c.name;
    const std::string& unit = c.recipes.front().unit;
    // A load of 1.5 per core is a ratio too; 90 would be percent.
    if (unit == "ratio") {
      EXPECT_LE(c.alert->value, 2) << c.name << " is a ratio";
    }
    if (unit == "percent" && c.alert->value != 0) {
      EXPECT_GE(c.alert->value, 0.1) << c.name << " is in percent";
    }
  }
}

TEST(ShippedPack, RequiredLabelsAreOfTheRecipesMetrics) {
  for_each_recipe([](const Concept& c, const Recipe& recipe) {
    for (const auto& [metric, label] : recipe.requires_label) {
      EXPECT_TRUE(std::count(recipe.needs.begin(), recipe.needs.end(), metric)) << c.name;
      EXPECT_FALSE(label.empty()) << c.name;
    }
  });
}

}  // namespace prom5::catalogue
