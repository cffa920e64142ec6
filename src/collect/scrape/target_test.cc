#include "collect/scrape/target.h"

#include <gtest/gtest.h>

#include <set>

namespace prom5::scrape {

namespace {

RelabelConfig rule(RelabelAction action, std::string source, std::string_view regex,
                   std::string target = "", std::string replacement = "$1") {
  RelabelConfig out;
  out.action = action;
  if (!source.empty()) out.source_labels = {std::move(source)};
  out.regex = *Regex::compile(std::string(regex));
  out.target_label = std::move(target);
  out.replacement = std::move(replacement);
  return out;
}

ScrapeOptions job(std::vector<RelabelConfig> rules = {}) {
  ScrapeOptions out;
  out.job_name = "api";
  out.relabel_configs = std::move(rules);
  return out;
}

TargetGroup group(std::vector<Labels> targets, Labels labels = {}) {
  return {"0", std::move(targets), std::move(labels)};
}

/// The only target, which must be there.
Target one(const TargetGroup& from, const ScrapeOptions& options) {
  auto made = make_targets(from, options);
  if (made.active.size() != 1) {
    ADD_FAILURE() << "not one target";
    return {};
  }
  return made.active[0];
}

const TargetGroup kHost = group({Labels{{"__address__", "host:9100"}}});

}  // namespace

TEST(Target, Defaults) {
  const Target target = one(kHost, job());
  EXPECT_EQ(target.labels, (Labels{{"job", "api"}, {"instance", "host:9100"}}));
  EXPECT_EQ(target.url, "http://host:9100/metrics");
  EXPECT_EQ(target.interval, DurationMs::minutes(1));
  EXPECT_EQ(target.timeout, DurationMs::seconds(10));
  EXPECT_EQ(target.discovered.get("__scheme__"), "http");
  EXPECT_EQ(target.discovered.get("__metrics_path__"), "/metrics");
  EXPECT_EQ(target.discovered.get("__scrape_interval__"), "1m");
  EXPECT_EQ(target.discovered.get("__scrape_timeout__"), "10s");
}

TEST(Target, ATargetsOwnLabelsWin) {
  const Labels own{{"__address__", "a:1"}, {"env", "own"}};
  const Target target = one(group({own}, Labels{{"env", "group"}, {"dc", "x"}}), job());
  EXPECT_EQ(target.labels.get("env"), "own");
  EXPECT_EQ(target.labels.get("dc"), "x");
}

TEST(Target, LabelsSayWhereToAsk) {
  const auto url = [](std::vector<std::pair<std::string_view, std::string_view>> extra,
                      std::string_view want) {
    LabelsBuilder labels;
    labels.set("__address__", "a:1");
    for (const auto& [name, value] : extra) labels.set(name, value);
    EXPECT_EQ(one(group({labels.build()}), job()).url, want);
  };
  url({}, "http://a:1/metrics");
  url({{"__scheme__", "https"}}, "https://a:1/metrics");
  url({{"__metrics_path__", "/probe"}}, "http://a:1/probe");
  url({{"__param_module", "http 2xx"}}, "http://a:1/metrics?module=http%202xx");
}

TEST(Target, Parameters) {
  ScrapeOptions options = job();
  options.params = {{"match[]", "a"}, {"match[]", "b"}};
  EXPECT_EQ(one(kHost, options).url, "http://host:9100/metrics?match%5B%5D=a&match%5B%5D=b");
  options.params = {{"module", "first"}};
  options.relabel_configs = {rule(RelabelAction::Replace, "", ".*", "__param_module", "other")};
  EXPECT_EQ(one(kHost, options).url, "http://host:9100/metrics?module=other");
}

TEST(Target, Relabelling) {
  const auto labels = [](RelabelConfig r, const Labels& want) {
    EXPECT_EQ(one(kHost, job({std::move(r)})).labels, want);
  };
  using A = RelabelAction;
  labels(rule(A::Replace, "__address__", "(.*):.*", "host"),
         {{"job", "api"}, {"instance", "host:9100"}, {"host", "host"}});
  labels(rule(A::Replace, "__address__", "nothing", "host"),
         {{"job", "api"}, {"instance", "host:9100"}});
  labels(rule(A::Replace, "", ".*", "instance", "me"), {{"job", "api"}, {"instance", "me"}});
  labels(rule(A::Replace, "", ".*", "job", "other"), {{"job", "other"}, {"instance", "host:9100"}});
  labels(rule(A::Replace, "", ".*", "__tmp", "x"), {{"job", "api"}, {"instance", "host:9100"}});
  labels(rule(A::Keep, "__address__", "host.*"), {{"job", "api"}, {"instance", "host:9100"}});
}

TEST(Target, DroppedTargetsKeepTheirDiscoveredLabels) {
  const auto made = make_targets(group({Labels{{"__address__", "a:1"}}, {{"__address__", "b:1"}}}),
                                 job({rule(RelabelAction::Drop, "__address__", "a.*")}));
  ASSERT_EQ(made.active.size(), 1U);
  ASSERT_EQ(made.dropped.size(), 1U);
  EXPECT_EQ(made.active[0].url, "http://b:1/metrics");
  EXPECT_EQ(made.dropped[0].discovered.get("__address__"), "a:1");
  EXPECT_EQ(made.dropped[0].discovered.get("job"), "api");
  EXPECT_EQ(made.dropped[0].reason, "relabel_configs[0]: drop by __address__ matching \"a.*\"");
  EXPECT_FALSE(made.dropped[0].invalid);
}

TEST(Target, RelabellingSetsTheInterval) {
  const auto rules = [](std::string interval, std::string timeout) {
    return job({rule(RelabelAction::Replace, "", ".*", "__scrape_interval__", std::move(interval)),
                rule(RelabelAction::Replace, "", ".*", "__scrape_timeout__", std::move(timeout))});
  };
  const Target target = one(kHost, rules("30s", "5s"));
  EXPECT_EQ(target.interval, DurationMs::seconds(30));
  EXPECT_EQ(target.timeout, DurationMs::seconds(5));
  const auto refused = [&](std::string interval, std::string timeout) {
    const auto made = make_targets(kHost, rules(interval, timeout));
    ASSERT_EQ(made.dropped.size(), 1U) << interval << " " << timeout;
    EXPECT_TRUE(made.dropped[0].invalid);
    EXPECT_NE(made.dropped[0].reason.find("scrape interval"), std::string::npos)
        << made.dropped[0].reason;
  };
  refused("0s", "5s");
  refused("30s", "0s");
  refused("10s", "30s");
  refused("soon", "5s");
  refused("30s", "later");
}

TEST(Target, NeedsAnAddress) {
  const auto refused = [](const TargetGroup& from, const ScrapeOptions& options) {
    const auto made = make_targets(from, options);
    ASSERT_EQ(made.dropped.size(), 1U);
    EXPECT_NE(made.dropped[0].reason.find("address"), std::string::npos);
  };
  refused(group({Labels{{"env", "x"}}}), job());
  refused(kHost, job({rule(RelabelAction::LabelDrop, "", "__address__")}));
}

// A target's place in the interval comes from its hash: the same after a restart, and spread.
TEST(Target, HashPlacesTargets) {
  const Target a = one(kHost, job());
  EXPECT_EQ(a.hash(), one(kHost, job()).hash());
  EXPECT_NE(a.hash(), one(group({Labels{{"__address__", "host:9101"}}}), job()).hash());
  EXPECT_NE(a.hash(), one(kHost, job({rule(RelabelAction::Replace, "", ".*", "x", "y")})).hash());
  constexpr uint64_t kQuarters = 4;
  std::array<int, kQuarters> counts{};
  for (int i = 0; i < 1000; ++i) {
    const Labels own{{"__address__", "host-" + std::to_string(i) + ":9100"}};
    const uint64_t offset = one(group({own}), job()).hash() % 60'000;
    ++counts.at(offset * kQuarters / 60'000);
  }
  for (const int count : counts) EXPECT_NEAR(count, 250, 75);
}

}  // namespace prom5::scrape
