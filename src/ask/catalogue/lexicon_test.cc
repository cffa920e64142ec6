#include "ask/catalogue/lexicon.h"

#include <gtest/gtest.h>

#include "ask/catalogue/concept.h"

namespace prom5::catalogue {

namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kSmall = R"(
means:
  memory: [ram, mem]
  request: [rps]
heard:
  redis: [readis]
kinds:
  host: [instance, node]
roles:
  database: [db]
numbered: {core: [cpu]}
values: {method: [GET, PUT]}
aliases:
  postgres: [postgresql, pg]
ignored: [the, of]
weak: [usage]
)";

}  // namespace

TEST(Lexicon, ReadsItsSections) {
  const Lexicon lexicon = *Lexicon::parse(kSmall);
  EXPECT_EQ(lexicon.canonical("ram"), "memory");
  EXPECT_EQ(lexicon.canonical("RAM"), "memory");
  EXPECT_EQ(lexicon.canonical("memory"), "memory");
  EXPECT_EQ(lexicon.canonical("mems"), "memory");  // by its singular
  EXPECT_EQ(lexicon.canonical("elephants"), "elephant");
  EXPECT_EQ(lexicon.canonical(""), "");
  EXPECT_TRUE(lexicon.says_nothing("the"));
  EXPECT_FALSE(lexicon.says_nothing("usage"));
  EXPECT_TRUE(lexicon.is_weak("usage"));
  EXPECT_FALSE(lexicon.is_weak("memory"));
  ASSERT_NE(lexicon.kind("host"), nullptr);
  EXPECT_EQ(*lexicon.kind("host"), (Words{"instance", "node"}));
  EXPECT_EQ(lexicon.kind("node"), nullptr);
  ASSERT_NE(lexicon.role("database"), nullptr);
  EXPECT_EQ(*lexicon.role("database"), Words{"db"});
  EXPECT_EQ(lexicon.role("db"), nullptr);
  ASSERT_NE(lexicon.alias("postgres"), nullptr);
  EXPECT_EQ(*lexicon.alias("postgres"), (Words{"postgresql", "pg"}));
  EXPECT_EQ(lexicon.heard().at("readis"), "redis");
  for (const char* word : {"ram", "memory", "the", "usage", "host", "database", "postgres"}) {
    EXPECT_TRUE(lexicon.known().contains(word)) << word;
  }
  EXPECT_FALSE(lexicon.known().contains("elephant"));
}

TEST(Lexicon, RefusesWhatIsBroken) {
  const auto bad = [](const std::string& yaml) {
    const auto parsed = Lexicon::parse(yaml);
    ASSERT_FALSE(parsed) << yaml;
    EXPECT_EQ(parsed.error().code, ErrorCode::BadData) << yaml;
  };
  bad("");
  bad("[");
  bad("means: {}");
  for (const std::string_view key :
       {"means", "heard", "kinds", "roles", "aliases", "values", "ignored", "weak"}) {
    std::string text(kSmall);
    const size_t at = text.find("\n" + std::string(key) + ":");
    ASSERT_NE(at, std::string::npos) << key;
    bad(text.replace(at + 1, key.size(), "elsewhere"));
  }
  const auto line_told = [](const std::string& yaml, std::string_view line) {
    const auto parsed = Lexicon::parse(yaml);
    ASSERT_FALSE(parsed) << yaml;
    EXPECT_NE(parsed.error().message.find(line), std::string::npos) << parsed.error().message;
  };
  line_told("means:\n  memory: [[ram]]\nheard: {}\n", "line 2");
  line_told("means:\n  memory:\n    - {a: b}\n", "line 3");
}

TEST(Lexicon, Singular) {
  const auto one = [](std::string_view word, std::string_view want) {
    EXPECT_EQ(singular(word), want) << word;
  };
  one("hosts", "host");
  one("queries", "query");
  one("processes", "process");
  one("boxes", "box");
  one("switches", "switch");
  one("crashes", "crash");
  one("caches", "cach");  // the lexicon's table has those that endings do not tell
  one("status", "status");
  one("redis", "redis");
  one("https", "https");
  one("rps", "rps");
  one("gas", "gas");
  one("class", "class");
  one("ios", "ios");
  one("s", "s");
  one("ies", "ies");
  one("", "");
  one("\xc3\xa9s", "\xc3\xa9s");
}

TEST(Lexicon, WordsOfNames) {
  const Lexicon lexicon = *Lexicon::parse(kSmall);
  const auto words = [&](std::string_view name, const Words& want) {
    EXPECT_EQ(lexicon.words_of_name(name), want) << name;
  };
  words("node_memory_MemAvailable_bytes", {"node", "memory", "memory", "available", "byte"});
  words("http_requests_total", {"http", "request", "total"});
  words("job:rps:rate5m", {"job", "request", "rate5m"});
  words("HTTPServer", {"httpserver"});
  words("___", {});
  words("", {});
  words("the_ram", {"the", "memory"});
}

TEST(Lexicon, WordsOfTextLeaveOutWhatSaysNothing) {
  const Lexicon lexicon = *Lexicon::parse(kSmall);
  EXPECT_EQ(lexicon.words_of_text("The usage of the RAM, in bytes."),
            (Words{"usage", "memory", "in", "byte"}));
  EXPECT_EQ(lexicon.words_of_text(" \xf0\x9f\x98\x80 \xff "), Words{});
}

TEST(ShippedLexicon, ItsFormsAreStable) {
  // Canonical of canonical is the same, or names and questions would not meet.
  const Lexicon& lexicon = shipped_pack().lexicon;
  for (const std::string& word : lexicon.known()) {
    const std::string once = lexicon.canonical(word);
    EXPECT_EQ(lexicon.canonical(once), once) << word;
  }
}

TEST(ShippedLexicon, ItsTablesUseItsForms) {
  const Lexicon& lexicon = shipped_pack().lexicon;
  for (const char* kind : {"host", "hosts", "server", "servers", "machine", "service", "app", "pod",
                           "database", "topic", "filesystem", "disks", "queue"}) {
    EXPECT_NE(lexicon.kind(lexicon.canonical(kind)), nullptr) << kind;
  }
  for (const auto& [heard, word] : lexicon.heard()) {
    EXPECT_EQ(heard.find(' '), std::string::npos) << heard;
    EXPECT_FALSE(word.empty()) << heard;
  }
}

TEST(Lexicon, KnowsWhatIsCalledByANumber) {
  const auto lexicon = Lexicon::parse(kSmall);
  ASSERT_TRUE(lexicon) << lexicon.error().message;
  ASSERT_NE(lexicon->numbered("core"), nullptr);
  EXPECT_EQ(*lexicon->numbered("core"), std::vector<std::string>{"cpu"});
  EXPECT_EQ(lexicon->numbered("cpu"), nullptr);
}

}  // namespace prom5::catalogue
