// Holds the code against the catalogue: each text is said somewhere, with just its places, and what
// is said to a person stands in the catalogue and nowhere else.
#include "ask/texts/text_keys.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace prom5::texts {

namespace {

std::string without_comments(const std::string& text) {
  // A string keeps its slashes.
  static const RE2 kPattern(R"re(("(?:[^"\\\n]|\\.)*")|//[^\n]*)re");
  std::string out = text;
  RE2::GlobalReplace(&out, kPattern, "\\1");
  return out;
}

std::string read_source(const std::filesystem::path& path) {
  const std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return without_comments(text.str());
}

std::string ask_folder() { return std::string(PROM5_SOURCE_DIR) + "/src/ask"; }

bool is_test(const std::string& name) {
  return name.ends_with("_test.cc") || name.ends_with("_fuzz.cc") || name.ends_with("_bench.cc");
}

/// The sources of src/ask that may say something, by their paths in it.
std::map<std::string, std::string> sources() {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ask_folder())) {
    const std::string name = std::filesystem::relative(entry.path(), ask_folder()).string();
    if (entry.path().extension() != ".cc" || is_test(name) || name.starts_with("texts/")) continue;
    out[name] = read_source(entry.path());
  }
  // The one place outside that says something of its own.
  out["command"] = read_source(std::string(PROM5_SOURCE_DIR) + "/src/app/cli/ask.cc");
  return out;
}

/// The end of the brackets that are open at `at`, strings passed over.
size_t closing(const std::string& text, size_t at) {
  size_t depth = 1;
  for (bool quoted = false; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') ++at;
    if (text[at] == '"') quoted = !quoted;
    if (quoted) continue;
    if (text[at] == '(' || text[at] == '{') ++depth;
    if ((text[at] == ')' || text[at] == '}') && --depth == 0) return at;
  }
  return at;
}

std::set<std::string> places_in(const std::string& text) {
  static const RE2 kPlace(R"re(\{\s*"(\w+)",)re");
  std::set<std::string> out;
  re2::StringPiece rest(text);
  for (std::string place; RE2::FindAndConsume(&rest, kPlace, &place);) out.insert(place);
  return out;
}

constexpr std::string_view kCall = "say(";

/// What the call whose brackets open before `at` fills in; calls within it fill in their own.
std::set<std::string> places_of_call(const std::string& text, size_t at) {
  std::string own = text.substr(at, closing(text, at) - at);
  for (size_t inner = own.find(kCall); inner != std::string::npos; inner = own.find(kCall)) {
    const size_t begin = inner + kCall.size();
    own.erase(inner, closing(own, begin) - inner);
  }
  if (own.find('{') != std::string::npos || !own.ends_with("places")) return places_in(own);
  const std::string given = "places = {";
  const size_t list = text.rfind(given, at);
  if (list == std::string::npos) return {"?"};
  const size_t begin = list + given.size();
  return places_in(text.substr(begin, closing(text, begin) - begin));
}

std::set<std::string> places_of_row(const TextRow& row) {
  std::istringstream words{std::string(row.places)};
  return {std::istream_iterator<std::string>(words), {}};
}

}  // namespace

TEST(TextKeys, EachTextIsSaidWithJustItsPlaces) {
  std::set<std::string_view> said;
  const RE2 call(R"re((\bsay\()\s*"([^"]+)")re");
  for (const auto& [name, text] : sources()) {
    re2::StringPiece rest(text);
    re2::StringPiece opening;
    for (std::string key; RE2::FindAndConsume(&rest, call, &opening, &key);) {
      const auto* const row = std::ranges::find(kTexts, key, &TextRow::key);
      ASSERT_NE(row, kTexts.end()) << name << ": " << key;
      said.insert(row->key);
      const auto open = static_cast<size_t>(opening.data() - text.data()) + kCall.size();
      EXPECT_EQ(places_of_call(text, open), places_of_row(*row)) << name << ": " << key;
    }
  }
  for (const TextRow& row : kTexts) EXPECT_TRUE(said.contains(row.key)) << row.key;
}

TEST(TextKeys, AreToldApart) {
  std::set<std::string_view> keys;
  for (const TextRow& row : kTexts) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key;
    const auto places = places_of_row(row);
    EXPECT_TRUE(row.plural.empty() || places.contains(std::string(row.plural))) << row.key;
  }
}

/// What is not said to a person, or is a question to ask next: those are understood in English.
TEST(TextKeys, NothingIsSaidPastTheCatalogue) {
  const std::set<std::string> allowed = {
      "Show CPU usage",
      "Is anything down?",
      "anything unusual in the last hour?",
      "will the disk fill up this week?",
      "which metrics are there?",
      "which metrics are there",
      "and over the last 6 hours?",
      "compare it with yesterday",
      "is it unusual?",
      "predict the ",
      "count by ({}) ({}{})",
      "count by ({}) ({})",
      "count by ({0}) ({{{0}!=\\\"\\\"}})",
      "alert when {} is above {}",
      " for two hours",
      " or vector(0)",
      "the question was given up",
      "there is no tool called ",
      "a question was given up, as a budget is used up",
      "an answer has a number that the tools did not give; it is not shown"};
  const RE2 parts(R"re("\s*\n\s*")re");
  const RE2 literal(R"re("((?:[^"\\\n]|\\.)*)")re");
  const RE2 words(R"re([A-Za-z]{2,} [A-Za-z]{2,})re");
  std::set<std::string> seen;
  size_t files = 0;
  for (const auto& [name, source] : sources()) {
    const bool says = name.ends_with("words.cc") || name == "llm/telling.cc" ||
                      name == "llm/planner.cc" || name == "llm/rule_model.cc" ||
                      name == "llm/follow_up.cc" || name.starts_with("llm/plan_") ||
                      name == "agent/question_run.cc" || name == "numbers/number_check.cc";
    if (!says) continue;
    ++files;
    std::string text = source;
    RE2::GlobalReplace(&text, parts, "");
    re2::StringPiece rest(text);
    for (std::string found; RE2::FindAndConsume(&rest, literal, &found);) {
      const bool between = found.starts_with(' ') && found.ends_with(' ');  // parts of questions
      if (between || !RE2::PartialMatch(found, words)) continue;
      EXPECT_TRUE(allowed.contains(found)) << name << ": \"" << found << "\"";
      seen.insert(found);
    }
  }
  EXPECT_GE(files, 16U);
  EXPECT_EQ(seen, allowed) << "what is allowed and not there any more";
}

}  // namespace prom5::texts
