#include "ask/llm/scrub.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "base/rng.h"

namespace prom5::llm {

namespace {

std::string scrubbed(std::string_view text, PrivateOptions options = {}) {
  Scrubber scrubber(options);
  std::string out = scrubber.scrub(text);
  EXPECT_EQ(scrubber.restore(out), text);
  return out;
}

/// The text with these parts of it gone, and no others.
void hides(std::string_view text, std::string_view expected) {
  EXPECT_EQ(scrubbed(text), expected) << text;
}

void keeps(std::string_view text) { EXPECT_EQ(scrubbed(text), text) << text; }

std::string pick(Rng& rng, std::string_view letters, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += letters[rng.below(letters.size())];
  return out;
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kAlnum =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

std::string with_luhn(std::string digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 0) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return digits + static_cast<char>('0' + (10 - sum % 10) % 10);
}

std::string german_iban(Rng& rng) {
  const std::string account = pick(rng, kDigits, 18);
  unsigned rest = 0;
  for (const char c : account + "131400") rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
  return fmt::format("DE{:02}{}", 98 - rest, account);
}

using Generator = std::function<std::string(Rng&)>;

const std::array kGenerators = std::to_array<Generator>({
    [](Rng& r) { return pick(r, kLower, 5) + "." + pick(r, kLower, 6) + "@mail-7.example.org"; },
    [](Rng& r) { return "AKIA" + pick(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 15) + "7"; },
    [](Rng& r) { return "ghp_" + pick(r, kAlnum, 35) + "4"; },
    [](Rng& r) { return "xoxb-" + pick(r, kDigits, 11) + "-" + pick(r, kAlnum, 24); },
    [](Rng& r) { return "AIza" + pick(r, kAlnum, 34) + "9"; },
    [](Rng& r) { return "sk-proj-" + pick(r, kAlnum, 40) + "0"; },
    [](Rng& r) {
      return "eyJ" + pick(r, kAlnum, 20) + "." + pick(r, kAlnum, 40) + "." + pick(r, kAlnum, 43);
    },
    [](Rng& r) { return pick(r, kAlnum, 48); },
    [](Rng& r) { return with_luhn("4" + pick(r, kDigits, 14)); },
    [](Rng& r) { return with_luhn("5" + pick(r, kDigits, 14)); },
    [](Rng& r) { return german_iban(r); },
    [](Rng& r) { return "+49 171 " + pick(r, "123456789", 7); },
    [](Rng& r) { return fmt::format("10.{}.{}.{}", r.below(256), r.below(256), 1 + r.below(255)); },
});

const std::array kSurroundings = std::to_array<std::string_view>(
    {"{}", "login failed for {} (again)", "user={}", "\"{}\"", "{{instance=\"{}\"}}", "a {}, b",
     "см. {} ✓", "target: {}\nnext line", "<{}>", "({})"});

/// Names and numbers as a monitoring system has them.
std::string harmless(Rng& rng) {
  switch (rng.below(8)) {
    case 0: return "node_" + pick(rng, kLower, 6) + "_" + pick(rng, kLower, 9) + "_total";
    case 1: return fmt::format("web-{:02}:9100", rng.below(100));
    case 2: return fmt::format("{}h{}m", rng.below(24), rng.below(60));
    case 3: return fmt::format("{:.6f}", rng.unit() * 1e6);
    case 4: return fmt::format("{}", 1'700'000'000 + rng.below(100'000'000));
    case 5: return fmt::format("{:e}", rng.unit() * 1e12);
    case 6:
      return fmt::format("payments-{}{}-{}", pick(rng, "bcdf2456789", 9), rng.below(10),
                         pick(rng, "bcdfghjklmnpqrstvwxz2456789", 5));
    default: return pick(rng, kUpper, 1) + pick(rng, kLower, 7) + pick(rng, kUpper, 1) + "Usage";
  }
}

}  // namespace

TEST(Scrub, SecretsByTheirSurroundings) {
  hides("password=hunter2", "password=[secret 1]");
  hides("DB_PASSWORD: \"a b\\\"c\" rest", "DB_PASSWORD: \"[secret 1]\" rest");
  hides(R"({"api_key":"k1x"})", R"({"api_key":"[secret 1]"})");
  hides(R"({\"client_secret\":\"k1x\"})", R"({\"client_secret\":\"[secret 1]\"})");
  hides("--token s3cr3t --web.port=1", "--token [secret 1] --web.port=1");
  hides("my password is swordfish", "my password is [secret 1]");
  hides("GET /x?token=abc123x&y=1", "GET /x?token=[secret 1]&y=1");
  hides("Authorization: Basic dTpw", "Authorization: Basic [secret 1]");
  hides("authorization: abc", "authorization: [secret 1]");
  hides("sent Bearer abcdef123456 twice", "sent Bearer [secret 1] twice");
  hides("https://joe:pa@ss@db:5432/x", "https://[secret 1]@db:5432/x");
  hides("redis://:geheim@cache:6379", "redis://[secret 1]@cache:6379");
  hides("root:pass1@tcp(db:3306)/x", "root:[secret 1]@tcp(db:3306)/x");
  hides("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIx\n-----END RSA PRIVATE KEY-----\nb",
        "a\n[secret 1]\nb");
  hides("-----BEGIN PRIVATE KEY-----\nMIIx", "[secret 1]");
  hides("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/[secret 1]");
}

TEST(Scrub, SecretsByTheirShape) {
  hides("AKIAIOSFODNN7EXAMPLE", "[secret 1]");
  hides("key 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.", "key [secret 1].");
  hides("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[secret 1]");
  hides("id 9f86d081884c7d659a2feaa0c55ad015", "id [secret 1]");
  hides("bot 123456789:AAF1x-abcdefghijklmnopqrstuvwxyz012", "bot [secret 1]");
}

TEST(Scrub, PersonalData) {
  hides("mail jane.doe+x@example.co.uk, please", "mail [email 1], please");
  hides("<a@b.de> and <c@d.de>, a@b.de", "<[email 1]> and <[email 2]>, [email 1]");
  hides("card 4111 1111 1111 1111.", "card [card 1].");
  hides("card 378282246310005", "card [card 1]");
  hides("DE89 3704 0044 0532 0130 00", "[iban 1]");
  hides("GB82WEST12345698765432", "[iban 1]");
  hides("call +49 (171) 123-4567 now", "call [phone 1] now");
  hides("call (555) 234-5678", "call [phone 1]");
  hides("call 555-234-5678", "call [phone 1]");
  hides("Tel. 030 12345678", "Tel. [phone 1]");
  hides("instance=\"10.1.2.3:9100\"", "instance=\"[ip 1]:9100\"");
  hides("from 2001:db8::7 port 1", "from [ip 1] port 1");
}

TEST(Scrub, AddressesStayWhenTheyMay) {
  EXPECT_EQ(scrubbed("10.1.2.3 and 2001:db8::7", {.ip_addresses = false}),
            "10.1.2.3 and 2001:db8::7");
}

TEST(Scrub, WhatLooksLikeAPlaceholderComesBackAsItWas) {
  hides("[email 1] a@b.de", "[text 1] [email 1]");
  hides("[ip 1.2.3.4]", "[ip [ip 1]]");
  hides("password=[email 1]", "password=[text 1]");
  keeps("[email] [email x] [5m] [card");
}

TEST(Scrub, NoFalseHits) {
  for (const std::string_view text : {"node_memory_MemAvailable_bytes",
                                      "web-01:9100",
                                      "http://web-01:9100/metrics?x=1",
                                      "5m",
                                      "1h30m",
                                      "rate(http_requests_total{code=~\"5..\"}[5m]) > 0.05",
                                      "1763797138.123",
                                      "1.7637971381234567e+09",
                                      "1234567890123456",
                                      "1700000000000000000",
                                      "2026-01-15T12:00:00Z",
                                      "12:34:56",
                                      "getty@tty1.service",
                                      "payments-7d9f8b6c5d-x2k4p",
                                      "sum(up) @ 1609746000",
                                      "up @ end()",
                                      "127.0.0.1:9090",
                                      "::1",
                                      "0.0.0.0:80",
                                      "v2.53.1",
                                      "aa:bb:cc:dd:ee:ff",
                                      "KubePodCrashLoopingInProduction2",
                                      "kube-state-metrics-kubernetes-cluster-eu-west-1a",
                                      "/var/lib/docker/overlay2",
                                      "max_token=5",
                                      "tokens=512",
                                      "token_bucket_size{a=\"b\"} 7",
                                      "password=true",
                                      "password: null",
                                      "the bearer authentication failed",
                                      "a+1000000000",
                                      "x{le=\"+Inf\"}",
                                      "process_start_time_seconds",
                                      "sk-learn-model-server-deployment",
                                      "550e8400-e29b-41d4-a716-446655440000",
                                      "+1.5e+09",
                                      "-12345678901",
                                      "99.95",
                                      "prometheus_tsdb_head_series_created_total"}) {
    keeps(text);
  }
}

TEST(Scrub, Documents) {
  Scrubber scrubber;
  const Json json{{"metric", {{"user", "a@b.de"}, {"password", "x"}, {"token", "true"}}},
                  {"value", {1763797138.5, "4111111111111111"}},
                  {"values", {{1, "4111111111111111"}, {2, "a@b.de"}}},
                  {"note", "4111111111111111"},
                  {"a@b.de", nullptr},
                  {"secret", {{"inner", "y"}, {"list", {"z", 5}}}}};
  const Json expected{
      {"metric", {{"user", "[email 1]"}, {"password", "[secret 1]"}, {"token", "true"}}},
      {"value", {1763797138.5, "4111111111111111"}},
      {"values", {{1, "4111111111111111"}, {2, "[email 1]"}}},
      {"note", "[card 1]"},
      {"[email 1]", nullptr},
      {"secret", {{"inner", "[secret 2]"}, {"list", {"[secret 3]", 5}}}}};
  const Json sent = scrubber.scrub_json(json);
  EXPECT_EQ(sent, expected) << sent.dump();
  EXPECT_EQ(scrubber.restore_json(sent), json);
  EXPECT_EQ(scrubber.counts()[static_cast<size_t>(PrivateKind::Secret)], 3U);
}

TEST(Scrub, BackIntoQueries) {
  Scrubber scrubber;
  scrubber.learn_json(Json{{"password", "a\"b\\c"}});
  scrubber.learn("jane@example.org");
  const Json call{{"promql", "x{u=\"[email 1]\",p=\"[secret 1]\"}"}, {"note", "[secret 1]"}};
  EXPECT_EQ(scrubber.restore_json(call),
            (Json{{"promql", R"(x{u="jane@example.org",p="a\"b\\c"})"}, {"note", "a\"b\\c"}}));
  EXPECT_EQ(scrubber.restore("[email 2] [secret 0]"), "[email 2] [secret 0]");
}

TEST(Scrub, WhatIsKnownFromOneTextIsHiddenInAll) {
  Scrubber scrubber({}, {"the-server-key"});
  scrubber.learn("password=swordfish");
  EXPECT_EQ(scrubber.scrub("swordfish? no, swordfishes; a-swordfish."),
            "[secret 2]? no, swordfishes; a-[secret 2].");
  EXPECT_EQ(scrubber.scrub("it is the-server-key"), "it is [secret 1]");
  EXPECT_EQ(scrubber.restore("[secret 1] [secret 2]"), "[secret 1] swordfish");
}

TEST(Scrub, NeverSendsAnOriginal) {
  const uint64_t seed = 20260115;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 20'000; ++round) {
    const std::string original = kGenerators[rng.below(kGenerators.size())](rng);
    const std::string_view pattern = kSurroundings[rng.below(kSurroundings.size())];
    const std::string planted = fmt::format(fmt::runtime(pattern), original);
    const std::string text = harmless(rng) + " " + planted + " " + harmless(rng);
    Scrubber scrubber;
    const std::string sent = scrubber.scrub(text);
    ASSERT_EQ(sent.find(original), std::string::npos) << text << "\n" << sent;
    ASSERT_EQ(scrubber.restore(sent), text);
  }
}

TEST(Scrub, HarmlessTextStays) {
  const uint64_t seed = 20260116;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = harmless(rng) + " " + harmless(rng) + "," + harmless(rng);
    ASSERT_EQ(Scrubber().scrub(text), text);
  }
}

TEST(Scrub, AnyTextComesBack) {
  const uint64_t seed = 20260117;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  // Rich in what the shapes are made of.
  constexpr std::string_view kBytes = "a1Z@.:/[]\"'\\=- +(){}<>_%\né email ip 1password=";
  for (int round = 0; round < 50'000; ++round) {
    const std::string text = pick(rng, kBytes, rng.below(60));
    Scrubber scrubber;
    const std::string sent = scrubber.scrub(text);
    ASSERT_EQ(scrubber.restore(sent), text) << sent;
  }
}

TEST(Scrub, LongTextsTakeNotLong) {
  for (const std::string_view piece : {"a-", "a:", "password=", "1 ", "://", "a@", "[", "+", "x.",
                                       "authorization:", "-----BEGIN ", "aB3-", "DE89 "}) {
    std::string text;
    while (text.size() < size_t{256} << 10) text += piece;
    Scrubber scrubber;
    EXPECT_EQ(scrubber.restore(scrubber.scrub(text)), text);
  }
}

}  // namespace prom5::llm
