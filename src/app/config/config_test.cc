#include "app/config/config.h"

#include <gtest/gtest.h>

namespace prom5::config {

namespace {

void bad(std::string_view text, std::string_view place, std::string_view message) {
  const auto parsed = parse_config(text, "p.yml");
  ASSERT_FALSE(parsed) << text;
  EXPECT_EQ(parsed.error().code, ErrorCode::BadData);
  const std::string& error = parsed.error().message;
  EXPECT_TRUE(error.starts_with(place)) << error << "\nfor\n" << text;
  EXPECT_NE(error.find(message), std::string::npos) << error << "\nfor\n" << text;
}

Config good(std::string_view text) {
  auto parsed = parse_config(text, "p.yml");
  EXPECT_TRUE(parsed) << text << "\n" << parsed.error().message;
  return parsed ? *std::move(parsed) : Config{};
}

std::string job(std::string_view rest) {
  return "scrape_configs:\n  - job_name: a\n    " + std::string(rest) + "\n";
}

}  // namespace

TEST(Config, Defaults) {
  const Config config = good("");
  EXPECT_EQ(config.global.scrape_interval, DurationMs::minutes(1));
  EXPECT_EQ(config.global.scrape_timeout, DurationMs::seconds(10));
  EXPECT_TRUE(config.scrapes.empty());
  good("global:\n");
  good("scrape_configs:\n");
}

TEST(Config, ScrapesInheritFromGlobalWhereverItStands) {
  const Config config = good(job("static_configs: []") + "global: {scrape_interval: 5s}\n");
  ASSERT_EQ(config.scrapes.size(), 1U);
  EXPECT_EQ(config.scrapes[0].options.interval, DurationMs::seconds(5));
  EXPECT_EQ(config.scrapes[0].options.timeout, DurationMs::seconds(5));  // never above the interval
}

TEST(Config, StaticConfigs) {
  const Config config =
      good(job("static_configs: [{targets: ['x:1', 'y:2'], labels: {env: prod}}]"));
  ASSERT_EQ(config.scrapes.size(), 1U);
  ASSERT_EQ(config.scrapes[0].options.static_groups.size(), 1U);
  const TargetGroup& group = config.scrapes[0].options.static_groups[0];
  EXPECT_EQ(group.targets,
            (std::vector<Labels>{{{"__address__", "x:1"}}, {{"__address__", "y:2"}}}));
  EXPECT_EQ(group.labels, (Labels{{"env", "prod"}}));
  bad(job("static_configs: [{targets: ['http://x/']}]"), "p.yml:3:", "not a valid hostname");
  bad(job("static_configs: [{targets: x}]"), "p.yml:3:", "expected a list");
  bad(job("static_configs: [{target: [x]}]"), "p.yml:3:", "did you mean \"targets\"?");
  bad(job("static_configs: [{targets: [x], labels: [a]}]"), "p.yml:3:", "mapping");
}

TEST(Config, UnknownKeysNameTheirPlace) {
  bad("globl: {}\n", "p.yml:1:1: ", "unknown key \"globl\"");
  bad("globl: {}\n", "p.yml:1:1: ", "did you mean \"global\"?");
  bad("global:\n  scrape_intervall: 5s\n", "p.yml:2:3: ", "did you mean \"scrape_interval\"?");
  bad(job("zebra: 1"), "p.yml:3:5: ", "unknown key \"zebra\"");
}

TEST(Config, BadValues) {
  const auto interval = [](std::string_view value) {
    bad("global:\n  scrape_interval: " + std::string(value) + "\n", "p.yml:2:20: ", "");
  };
  interval("5");
  interval("0s");
  interval("-5s");
  interval("5 s");
  interval("soon");
  interval("1m1h");
  interval("[5s]");
  bad("global: {scrape_interval: 5s, scrape_timeout: 6s}\n", "p.yml:1:", "scrape timeout");
  bad(job("honor_labels: maybe"), "p.yml:3:", "true or false");
  bad(job("sample_limit: -1"), "p.yml:3:", "whole number");
  bad(job("body_size_limit: 5XB"), "p.yml:3:", "size");
  bad(job("scheme: ftp"), "p.yml:3:", "ftp");
  bad(job("relabel_configs: [{action: explode}]"), "p.yml:3:", "unknown relabel action");
  bad(job("relabel_configs: [{regex: '('}]"), "p.yml:3:", "regex");
}

TEST(Config, Jobs) {
  bad("scrape_configs:\n  - scheme: http\n", "p.yml:2:", "job_name is missing");
  bad("scrape_configs:\n  - job_name: a\n  - job_name: a\n", "p.yml:3:", "two scrape configs");
  bad("scrape_configs: {job_name: a}\n", "p.yml:1:", "expected a list");
}

TEST(Config, MalformedYaml) {
  bad("global: [", "p.yml:1:", "a quote or a bracket");
  bad("global:\n\tscrape_interval: 5s\n", "p.yml:2:", "not with tabs");
  bad("a: 1\na: 2\n", "p.yml:2:1: ", "given twice");
  bad("- a\n", "p.yml:1:1: ", "expected a mapping");
}

TEST(Config, UnsupportedPartsAreToldOrNoted) {
  bad(job("ec2_sd_configs: [{region: x}]"), "p.yml:3:", "ec2_sd_configs is not supported");
  good("rule_files: []\n");
  good("rule_files: ['no-such*.conf']\n");
  bad("rule_files: ['my/*/rules']\n", "p.yml:1:14: ", "in the last part only");
  const auto noted = parse_config(job("ec2_sd_configs: [{region: x}]"), "p.yml", Check::SyntaxOnly);
  ASSERT_TRUE(noted) << noted.error().message;
  EXPECT_EQ(noted->notes.size(), 1U);
  EXPECT_EQ(good("alerting: {alertmanagers: []}\n").notes.size(), 1U);
  const Config traced = good("tracing: {endpoint: 'localhost:4317'}\n");
  ASSERT_EQ(traced.notes.size(), 1U);
  EXPECT_TRUE(traced.notes[0].starts_with("p.yml:1:10: tracing has no effect")) << traced.notes[0];
  bad("tracing: {endpoint: x, client_type: udp}\n", "p.yml:1:", "client_type");
  bad("tracing: {client_type: http}\n", "p.yml:1:", "endpoint is missing");
}

TEST(Config, TheSameRemoteReadTwice) {
  const std::string one = "remote_read:\n  - url: http://a/r\n";
  good(one + "  - url: http://b/r\n  - {url: http://a/r, read_recent: true}\n");
  bad(one + "  - url: http://b/r\n  - url: http://a/r\n",
      "p.yml:4:5: duplicate remote read configs", "line 2, for URL http://a/r");
}

TEST(Config, ProxyUrls) {
  const auto proxy = [](std::string_view url) {
    return job("proxy_url: '" + std::string(url) + "'");
  };
  good(proxy("http://proxy:3128"));
  good(proxy("https://me:secret@proxy:3128/"));
  good(proxy("socks5://[::1]:1080"));
  good(proxy("socks5h://proxy"));
  good(proxy(""));
  bad(proxy("://x"), "p.yml:3:16: ", "proxy_url: missing protocol scheme");
  bad(proxy("proxy:3128"), "p.yml:3:16: ", "does not begin with http, https");
  bad(proxy("ftp://proxy"), "p.yml:3:16: ", "does not begin with http, https");
  bad(proxy("http://"), "p.yml:3:16: ", "has no host");
  bad(proxy("http://:3128"), "p.yml:3:16: ", "has no host");
  bad(proxy("http://proxy:port"), "p.yml:3:16: ", "a port that is no number");
}

TEST(Config, TheSameRemoteWriteTwice) {
  const std::string one = "remote_write:\n  - url: http://a/w\n";
  good(one + "  - url: http://b/w\n  - {url: http://a/w, remote_timeout: 9s}\n");
  good(one + "  - {url: http://a/w, name: other}\n");
  bad(one + "  - url: http://b/w\n  - url: http://a/w\n",
      "p.yml:4:5: duplicate remote write configs", "line 2, for URL http://a/w");
}

TEST(Config, MergeKeys) {
  const std::string two =
      "scrape_configs:\n  - &first\n    job_name: a\n    metrics_path: /m\n    scheme: http\n"
      "  - <<: *first\n    job_name: b\n    scheme: https\n";
  const Config config = good(two);
  ASSERT_EQ(config.scrapes.size(), 2U);
  EXPECT_EQ(config.scrapes[1].options.metrics_path, "/m");
  EXPECT_EQ(config.scrapes[1].options.scheme, "https");
  EXPECT_EQ(good(config.text).scrapes.at(1).options.fingerprint,
            config.scrapes[1].options.fingerprint);
  bad("global:\n  <<: {scrape_interval: soon}\n", "p.yml:2:25: ", "soon");
  bad("global:\n  <<: [1]\n", "p.yml:2:8: ", "merges a mapping");
}

TEST(Config, SecretsAreNotShown) {
  const auto hides = [](std::string_view rest) {
    const Config config = good(job(rest));
    EXPECT_EQ(config.text.find("hunter2"), std::string::npos) << config.text;
  };
  hides("basic_auth:\n      username: u\n      password: hunter2");
  hides("authorization:\n      credentials: hunter2");
  hides("basic_auth: {username: u, password: hunter2}");
  hides("basic_auth:\n      username: u\n      password: >-\n        hunter2");
  hides("basic_auth:\n      username: u\n      \"password\": hunter2");
  hides("http_headers: {X-Key: {secrets: [hunter2]}}");
  hides("basic_auth: {username: u, password: 'it''s-hunter2'}");
  hides("http_headers: {X-Key: {secrets: [\"a\\\"b-hunter2\"]}}");
  hides("# password: hunter2\n    scheme: http");
}

TEST(Config, TheAssistantsSectionIsToldApart) {
  const auto of = [](const std::string& text) { return good(text).assistant.fingerprint; };
  const std::string section = "assistant:\n  max_concurrent: 3\n";
  EXPECT_EQ(of(section), of("global: {}\n# once more\n" + section));
  EXPECT_NE(of(section), of("assistant:\n  max_concurrent: 4\n"));
  EXPECT_NE(of(section), of("global: {}\n"));
}

TEST(Config, WhatIsShownReadsBackTheSame) {
  const Config config = good(
      "global:\n  scrape_interval: 15s\n  external_labels: {a: \"x: y\", b: ''}\n"
      "scrape_configs:\n- job_name: '007'\n  params:\n    q: [\"a b\", '#c', \"d\\ne\"]\n"
      "  static_configs:\n  - targets: []\n  - targets: ['h:1', \"i:2\"]\n    labels:\n");
  const Config again = good(config.text);
  EXPECT_EQ(again.text, config.text);
  EXPECT_EQ(again.scrapes.at(0).options.fingerprint, config.scrapes.at(0).options.fingerprint)
      << config.text;
}

TEST(Config, UrlsAreTargetsOnlyForRelabelling) {
  const std::string groups = "static_configs: [{targets: ['http://x/y']}]\n    ";
  bad(job(groups), "p.yml:3:", "not a valid hostname");
  good(job(groups + "relabel_configs: [{target_label: __address__, replacement: 'probe:9115'}]"));
}

TEST(Config, DefaultsThatProtect) {
  const ScrapeLimits limits{.body_size = 1 << 20, .samples = 7, .labels = 8};
  const auto options = [&](std::string_view rest) {
    auto parsed = parse_config(job(rest), "p.yml", Check::Whole, limits);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed->scrapes.at(0).options;
  };
  EXPECT_EQ(options("").sample_limit, 7U);
  EXPECT_EQ(options("sample_limit: 9").sample_limit, 9U);
  EXPECT_EQ(options("").label_limit, 8U);
  EXPECT_EQ(options("").label_value_length_limit, 4096U);
  EXPECT_EQ(options("body_size_limit: 64MB").body_size_limit, size_t{1} << 20);
  EXPECT_EQ(options("body_size_limit: 64KB").body_size_limit, size_t{64} << 10);
}

TEST(Config, AtMostOneOfEach) {
  bad(job("basic_auth: {username: u, password: a, password_file: b}"), "p.yml:", "at most one of");
  bad(job("basic_auth: {username: u}\n    authorization: {credentials: x}"),
      "p.yml:", "at most one of");
  bad(job("authorization: {type: basic, credentials: x}"), "p.yml:", "use basic_auth");
  good(job("honor_labels: yes\n    tls_config:\n    params:"));
}

TEST(Config, FingerprintsTellWhatChanged) {
  const auto of = [](std::string_view rest) {
    return good(job(rest)).scrapes.at(0).options.fingerprint;
  };
  EXPECT_EQ(of("scheme: http"), of("scheme:   http  # note"));
  EXPECT_NE(of("scheme: http"), of("scheme: https"));
}

TEST(Config, RemoteRead) {
  const auto read = [](std::string_view rest) {
    return good("remote_read:\n  - url: http://u:p@far/api/v1/read\n    " + std::string(rest) +
                "\n")
        .remote_reads.at(0);
  };
  const remote::ReadOptions plain = read("");
  EXPECT_EQ(plain.url, "http://u:p@far/api/v1/read");
  EXPECT_EQ(plain.name, plain.url);
  EXPECT_EQ(plain.timeout, DurationMs::minutes(1));
  EXPECT_FALSE(plain.read_recent);
  EXPECT_TRUE(plain.filter_external_labels);
  EXPECT_EQ(plain.chunked_read_limit, 50'000'000U);
  const remote::ReadOptions full = read(
      "name: far\n    remote_timeout: 5s\n    read_recent: true\n    chunked_read_limit: 1000\n"
      "    filter_external_labels: false\n    required_matchers: {tier: old}\n"
      "    headers: {X-Tenant: a}");
  EXPECT_EQ(full.name, "far");
  EXPECT_EQ(full.timeout, DurationMs::seconds(5));
  EXPECT_TRUE(full.read_recent);
  EXPECT_FALSE(full.filter_external_labels);
  EXPECT_EQ(full.chunked_read_limit, 1'000U);
  const std::vector<std::pair<std::string, std::string>> matchers = {{"tier", "old"}};
  EXPECT_EQ(full.required_matchers, matchers);
  const std::vector<std::pair<std::string, std::string>> headers = {{"X-Tenant", "a"}};
  EXPECT_EQ(full.headers, headers);
  EXPECT_TRUE(good("remote_read:\n").remote_reads.empty());
  bad("remote_read: [{name: a}]\n", "p.yml:1:", "url");
  bad("remote_read: [{url: 'http://a', name: x}, {url: 'http://b', name: x}]\n",
      "p.yml:1:", "names must be unique");
  bad("remote_read: [{url: 'http://a', chunked_read_limit: 5MB}]\n", "p.yml:1:", "whole number");
  bad("remote_read: [{url: 'http://a', headers: {User-Agent: x}}]\n", "p.yml:1:", "reserved");
}

TEST(Config, TheEmbeddedOneIsGood) {
  EXPECT_EQ(good(embedded_config("127.0.0.1:9090", "web-1")).scrapes.size(), 2U);
}

}  // namespace prom5::config
