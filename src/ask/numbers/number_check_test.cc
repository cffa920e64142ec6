#include "ask/numbers/number_check.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ask/llm/words.h"
#include "base/rng.h"
#include "io/codec/number.h"

namespace prom5::numbers {

namespace {

constexpr TimeMs kNow{1'768'486'400'000};  // 2026-01-15T14:13:20Z

Json point(double value, double seconds = kNow.as_seconds()) {
  std::string text;
  codec::append_sample_value(text, value);
  return Json::array({seconds, text});
}

Json vector_of(const std::vector<std::pair<std::string, double>>& series) {
  Json list = Json::array();
  for (const auto& [name, value] : series) {
    list.push_back({{"metric", {{"instance", name}}}, {"value", point(value)}});
  }
  return {{"resultType", "vector"}, {"result", list}, {"total", series.size()}};
}

Json matrix_of(const std::vector<double>& values) {
  Json points = Json::array();
  double seconds = kNow.as_seconds() - 60.0 * static_cast<double>(values.size());
  for (const double value : values) points.push_back(point(value, seconds += 60));
  return {{"resultType", "matrix"},
          {"result", Json::array({{{"metric", {{"instance", "web-01"}}}, {"values", points}}})},
          {"total", 1}};
}

/// The turns of a question whose tools gave `results`, by the id of the call.
std::vector<Message> turns_of(const llm::Results& results, const Json& plan = Json::object(),
                              std::string question = "cpu usage?") {
  std::vector<Message> out;
  out.push_back({Role::User, std::move(question), {}, {}, {}, kNow});
  out.push_back({Role::Assistant, "", {}, {}, plan, {}});
  for (const auto& [id, result] : results) {
    out[1].calls.push_back({id, "query_metrics", {{"promql", "rate(x[5m])"}}});
    out.push_back({Role::Tool, "", {}, id, result, kNow});
  }
  return out;
}

class Known {
 public:
  explicit Known(const std::vector<Message>& turns) : evidence_(gather_numbers(turns)) {}
  void good(std::string_view text) const {
    EXPECT_EQ(unfounded_numbers(text, evidence_), std::vector<std::string>{}) << text;
  }
  void bad(std::string_view text, const std::string& number) const {
    EXPECT_EQ(unfounded_numbers(text, evidence_), std::vector<std::string>{number}) << text;
  }
  [[nodiscard]] bool passes(std::string_view text) const {
    return unfounded_numbers(text, evidence_).empty();
  }
  [[nodiscard]] const NumberEvidence& evidence() const { return evidence_; }

 private:
  NumberEvidence evidence_;
};

constexpr std::array<std::string_view, 10> kUnits = {
    "percent", "ratio",      "bytes", "bytes_per_second", "bits_per_second",
    "seconds", "per_second", "count", "celsius",          "rpm"};

/// A value of a size that its unit has.
double random_value(Rng& rng, std::string_view unit) {
  const double share = static_cast<double>(rng.next() >> 11) / 9007199254740992.0;
  if (unit == "ratio") return share;
  if (unit == "percent" || unit == "celsius") return share * 100;
  if (unit == "count") return std::floor(share * 100'000);
  const double exponent = unit.starts_with("b") ? 13 : 6;
  return std::pow(10.0, share * exponent) * (1 + share);
}

/// The text with another digit in the place of one; the same when there is none.
std::string with_changed_digit(const std::string& text, Rng& rng) {
  std::vector<size_t> digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] >= '0' && text[i] <= '9') digits.push_back(i);
  }
  if (digits.empty()) return text;
  std::string out = text;
  char& digit = out[digits[rng.next() % digits.size()]];
  digit = static_cast<char>('0' + (digit - '0' + 1 + rng.next() % 9) % 10);
  return out;
}

}  // namespace

TEST(NumberCheck, Values) {
  const Known known(
      turns_of({{"query", vector_of({{"web-01", 87.348}, {"10.0.0.5:9100", 0.25}})}}));
  known.good("web-01: 87.3 %; 10.0.0.5:9100: 0.25 %.");
  known.good("About 87 % on web-01, and 25 % on 10.0.0.5:9100.");
  known.good("2 hosts answer.");
  known.good("No numbers, but p95 and web-07 and v1.2.");
  known.bad("web-01: 87.4 %.", "87.4");
  known.bad("web-01: 88.3 %.", "88.3");
  known.bad("3 hosts answer.", "3");
  known.bad("It is 87.3 GiB.", "87.3");
}

TEST(NumberCheck, Bytes) {
  const Known known(turns_of({{"query", vector_of({{"a", 1.5 * 1024 * 1024 * 1024}})}}));
  known.good("1.50 GiB");
  known.good("1536 MiB/s");
  known.good("1.61 GB");
  known.bad("1.51 GiB", "1.51");
  known.bad("1.50 MiB", "1.50");
}

TEST(NumberCheck, Durations) {
  const Known known(
      turns_of({{"query", vector_of({{"a", 12'030}, {"b", 0.0123}, {"c", 187'500}})}}));
  known.good("a: 3 h 20 min.");
  known.good("a: 3.34 h, c: 2 d 4 h");
  known.good("b: 12.3 ms");
  known.bad("a: 3 h 21 min.", "3 h 21 min");
  known.bad("a: 4 h 20 min", "4 h 20 min");
  known.bad("b: 12.4 ms", "12.4");
  known.bad("c: 2 d 5 h", "2 d 5 h");
}

TEST(NumberCheck, Times) {
  Json found{{"since", kNow.as_seconds() - 600}, {"runs_out_s", 86'400}};
  const Known known(turns_of({{"found", found}}));
  known.good("since 14:03");
  known.good("since 2026-01-15 14:03");
  known.good("at about 2026-01-16 14:13");
  known.good("2026-01-15T14:03:20Z");
  known.bad("since 14:04", "14:04");
  known.bad("since 2026-01-16 14:03", "14:03");
  known.bad("2026-01-15T14:03:21Z", "2026-01-15T14:03:21Z");
}

TEST(NumberCheck, ChangesAndRanges) {
  const Known change(
      turns_of({{"now", vector_of({{"a", 120}})}, {"then", vector_of({{"a", 80}})}}));
  change.good("a 120 now, 80 ago (+50 %), 40 more than before");
  change.bad("a 120 now (+51 %)", "51");
  const Known range(turns_of({{"query", matrix_of({4, 9, 2, 6})}}));
  range.good("web-01: 6 (between 2 and 9, at first 4), 5.25 on average, up by 50 %");
  range.bad("web-01: 6 (between 3 and 9)", "3");
}

TEST(NumberCheck, TheQuestionAndThePlanMaySayNumbers) {
  const Json plan{{"wording", "beyond"},
                  {"promql", "histogram_quantile(0.95, x) > 250"},
                  {"window", "7d"},
                  {"action", {{"for_s", 90}, {"threshold", 17.5}}}};
  const auto turns = turns_of({}, plan, "hosts above 90 % in the last 3 hours");
  const Known known(turns);
  known.good("None is above 90 %, in the last 3 hours. Within 7d: 250, for 1m30s above 17.5.");
  known.good("The 95th percentile of histogram_quantile(0.95, x) > 250.");
  known.bad("None is above 91 %.", "91");
  // Arguments may be of any kind.
  auto called = turns;
  called[1].calls.push_back({"1", "x", {{"past", true}, {"none", nullptr}, {"at", {4.5}}}});
  Known(called).good("4.5");
  // What a model on the network says of its own answer proves nothing.
  auto told = turns;
  told[1].content["model"] = "gpt";
  const Known network(told);
  network.bad("250 it is", "250");
}

TEST(NumberCheck, WhatCameBeforeARestartDoesNotCount) {
  auto turns = turns_of({{"query", vector_of({{"a", 42.5}})}});
  Known(turns).good("a: 42.5");
  turns.push_back({Role::Assistant, "", {}, {}, {{"restart", true}}, {}});
  Known(turns).bad("a: 42.5", "42.5");
}

TEST(NumberCheck, TheRestOfAList) {
  std::vector<std::pair<std::string, double>> many;
  for (int i = 0; i < 12; ++i) many.emplace_back(std::string(1, static_cast<char>('a' + i)), 0.5);
  const Known known(turns_of({{"query", vector_of(many)}}));
  known.good("a: 0.50; b: 0.50; c: 0.50; d: 0.50; e: 0.50; and 7 more.");
  known.bad("a: 0.50; b: 0.50; c: 0.50; d: 0.50; e: 0.50; and 8 more.", "8");
}

TEST(NumberCheck, AQueryMayGiveTheUnitThatIsSaid) {
  const llm::Results results{{"query", vector_of({{"a", 195.8}})}};
  Known(turns_of(results)).bad("a: 196 GB", "196");
  const Known known(turns_of(results, {{"unit", "GB/s"}}));
  known.good("a: 196 GB/s");
  known.bad("a: 196 MB/s", "196");
  known.bad("a: 197 GB/s", "197");
  auto network = turns_of(results, {{"model", "far"}, {"unit", "GB"}});
  Known(network).bad("a: 196 GB", "196");
  network[1].calls[0].arguments["promql"] = "x / 1e9";
  Known(network).good("a: 196 GB");
}

TEST(NumberCheck, TheRestOfWhatHasATrend) {
  llm::Plan plan;
  plan.subject = "disk";
  plan.wording = "time_to";
  plan.entity_labels = {"instance"};
  llm::Results results;
  std::vector<std::pair<std::string, double>> disks;
  Json forecast = Json::array();
  for (int i = 0; i < 11; ++i) {
    const std::string name = fmt::format("disk-{}", i);
    disks.emplace_back(name, 1000 * i);
    forecast.push_back({{"labels", {{"instance", name}}}});
    if (i < 8) forecast.back()["reached_in_s"] = 4000 + 1000 * i;
  }
  results["query"] = vector_of(disks);
  results["forecast"] = {{"series", forecast}, {"total", 11}};
  const std::string text = llm::say_answer(plan, results, kNow);
  EXPECT_NE(text.find("and 3 more"), std::string::npos) << text;
  Known(turns_of(results)).good(text);
}

TEST(NumberCheck, SentencesAreDropped) {
  const Known known(turns_of({{"query", vector_of({{"a", 42.5}})}}));
  EXPECT_EQ(founded_sentences("It is 42.5 now. Was it 99? No.", known.evidence()),
            "It is 42.5 now. No.");
  EXPECT_EQ(founded_sentences("It is 43.5.", known.evidence()), "");
}

TEST(NumberCheck, TheTableShowsWhatThereIs) {
  Evidence one;
  one.promql = "up";
  one.result = vector_of({{"a", 1}});
  EXPECT_EQ(evidence_table(std::span(&one, 1)), "What the queries gave:\nup\n  instance=a  1");
  EXPECT_EQ(evidence_table({}), "The tools gave no numbers that could be shown.");
}

TEST(NumberCheck, WhatWordsSayOfEvidencePassesAndAChangedDigitDoesNot) {
  constexpr uint64_t kSeed = 20'260'115;
  SCOPED_TRACE(kSeed);
  Rng rng(kSeed);
  size_t changed = 0;
  size_t caught = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string_view unit = kUnits[rng.next() % kUnits.size()];
    llm::Plan plan;
    plan.subject = "load";
    plan.unit = std::string(unit);
    plan.entity_labels = {"instance"};
    plan.promql = "rate(x[5m])";
    const double value = random_value(rng, unit);
    llm::Results results;
    if (round % 4 == 0) {
      plan.wording = "compare";
      plan.window = "a day";
      results["now"] = vector_of({{"web", value}});
      results["then"] = vector_of({{"web", random_value(rng, unit)}});
    } else if (round % 4 == 1) {
      plan.range = true;
      results["query"] = matrix_of({random_value(rng, unit), value, random_value(rng, unit)});
    } else {
      results["query"] = vector_of({{"web", value}, {"db", random_value(rng, unit)}});
    }
    const std::string text = llm::say_answer(plan, results, kNow);
    const Known known(turns_of(results));
    known.good(text);
    // A name keeps its digits: there is a number in it, but it is none.
    std::string said = text;
    if (plan.range) said.erase(0, said.find(": ") == std::string::npos ? 0 : said.find(": "));
    const std::string wrong = with_changed_digit(said, rng);
    if (wrong == said) continue;
    ++changed;
    caught += known.passes(wrong) ? 0 : 1;
  }
  EXPECT_GT(changed, 10'000U);
  EXPECT_GE(static_cast<double>(caught), 0.99 * static_cast<double>(changed))
      << caught << " of " << changed;
}

TEST(NumberCheck, TheRestOfALongListIsFounded) {
  std::vector<std::pair<std::string, double>> hosts;
  for (int i = 0; i < 34; ++i) hosts.emplace_back(fmt::format("host-{}", i), 1);
  const llm::Results results{{"query", vector_of(hosts)}};
  llm::Plan plan;
  plan.wording = "things";
  plan.subject = "hosts";
  plan.entity_labels = {"instance"};
  const std::string said = llm::say_answer(plan, results, kNow);
  EXPECT_TRUE(said.ends_with("; and 4 more.")) << said;
  const Known known(turns_of(results));
  known.good(said);
  EXPECT_FALSE(known.passes(said.substr(0, said.size() - 7) + "5 more."));
}

TEST(NumberCheck, ReadsGermanReplies) {
  const texts::TextCatalogue& german = texts::Languages::shipped().of("de");
  const texts::NumberWords words = german.number_words();
  const auto unfounded = [&](std::string_view text, const llm::Results& results) {
    return unfounded_numbers(text, gather_numbers(turns_of(results)), words);
  };
  std::vector<std::pair<std::string, double>> many;
  for (int i = 0; i < 11; ++i) many.emplace_back(fmt::format("disk-{}", i), 1.25 + 20 * i);
  const llm::Results results{{"query", vector_of(many)},
                             {"backtest", {{"tested_s", 86'400}, {"count", 3}, {"series", 40}}}};
  const auto good = [&](std::string_view text) {
    EXPECT_EQ(unfounded(text, results), std::vector<std::string>{}) << text;
  };
  const auto bad = [&](std::string_view text, const std::string& number) {
    EXPECT_EQ(unfounded(text, results), std::vector<std::string>{number}) << text;
  };
  const std::string five = "load: a: 1.25; b: 21.25; c: 41.25; d: 61.25; e: 81.25; ";
  good(five + "und 6 weitere."), bad(five + "und 7 weitere.", "7");
  good(five + "and 6 more.");
  good("load: 11 gefunden. a: 1.25."), bad("load: 12 gefunden. a: 1.25.", "12");
  good("In den letzten 24 Stunden wäre er 3 Mal ausgelöst worden.");
  bad("In den letzten 25 Stunden wäre er 3 Mal ausgelöst worden.", "25");
  good("Nirgends etwas Ungewöhnliches: 40 Zeitreihen angesehen.");
  bad("Nirgends etwas Ungewöhnliches: 57 Zeitreihen angesehen.", "57");
  const llm::Results far{{"query", vector_of({{"a", 2e9}})}};
  EXPECT_TRUE(unfounded("load: mehr als 30 Jahre.", far).empty());
  EXPECT_FALSE(unfounded("load: mehr als 40 Jahre.", far).empty());
  llm::Plan plan;
  plan.subject = "load";
  plan.entity_labels = {"instance"};
  const std::string said = llm::say_answer(plan, results, kNow, german);
  EXPECT_NE(said.find("und 6 weitere"), std::string::npos) << said;
  good(said);
}

TEST(NumberCheck, AModelDoesNotFoundItsOwnNumbers) {
  const auto turns = [](std::string_view promql, const Json& gave) {
    std::vector<Message> out;
    out.push_back({Role::User, "how full is the disk?", {}, {}, {}, kNow});
    Message call{Role::Assistant, "", {}, {}, {}, {}};
    call.content = {{"model", "gpt"}};
    call.calls.push_back({"1", "query_metrics", Json{{"promql", std::string(promql)}}});
    out.push_back(call);
    Message result{Role::Tool, "", {}, "1", {}, kNow};
    result.content = gave;
    out.push_back(result);
    return out;
  };
  const Json good{{"resultType", "scalar"}, {"result", Json::array({kNow.as_seconds(), "0.5"})}};
  // A call that failed says nothing.
  const std::vector<Message> failed = turns("disk > 42", {{"error", "no"}});
  EXPECT_EQ(unfounded_numbers("It is 42 %.", gather_numbers(failed)),
            std::vector<std::string>{"42"});
  // A slash in a label's value converts nothing.
  const std::vector<Message> quoted = turns(R"(disk{path="/a\"*",b='/'})", good);
  EXPECT_EQ(unfounded_numbers("It is 0.5 GiB.", gather_numbers(quoted)),
            std::vector<std::string>{"0.5"});
  const std::vector<Message> divided = turns("disk / 1024", good);
  EXPECT_TRUE(unfounded_numbers("It is 0.5 GiB.", gather_numbers(divided)).empty());
}

TEST(NumberCheck, OfAModelThatWritesAsPeopleDo) {
  std::vector<Message> turns;
  turns.push_back({Role::User, "top 3 hosts over 80% cpu?", {}, {}, {}, kNow});
  Message call{Role::Assistant, "", {}, {}, {}, {}};
  call.calls.push_back(
      {"1", "query_metrics",
       Json{{"promql", " topk(3, avg_over_time(cpu[5m])) > 0.8"}, {"range_s", 3600}}});
  turns.push_back(call);
  Message result{Role::Tool, "", {}, "1", {}, kNow};
  result.content = {{"resultType", "vector"},
                    {"result",
                     {{{"metric", {{"instance", "web-01:9100"}, {"url", "https://shop.example/a"}}},
                       {"value", {kNow.as_seconds(), "0.7342"}}},
                      {{"metric", {{"instance", "web-02:9100"}}},
                       {"value", {kNow.as_seconds(), "1234567890"}}}}}};
  turns.push_back(result);
  const Known known(turns);
  known.good("web-01 uses 0.7342, that is 73.4 % or 73%.");
  known.good("web-01:9100 (73.42%) and web-02:9100");
  known.good("about 1.23 GB, 1.15 GiB, 1,234,567,890 bytes, 1235 MB or 1.2e9");
  known.good("1.234.567.890 Bytes; 73,42 %");
  known.good("2 hosts of the top 3 in the last 5 minutes, 60 min, 1 hour or 3600 s");
  known.good("It is over 80%: 0.7342 at 14:13:20 on 2026-01-15");
  known.good("p95, http2 and v1.2 are names");
  known.good("9.88 Gbit/s");
  known.bad("It is 74.9 %.", "74.9");
  known.bad("cpu=99%", "99");
  known.bad("load:55", "55");
  known.bad("1,234,999,890 bytes", "1,234,999,890");
  known.bad("1.234.999.890 Bytes", "1.234.999.890");
  known.bad("100 hosts", "100");
  known.bad("web-09:9199", "9199");
  known.bad("(4711)", "4711");
  known.bad("0.73419", "0.73419");
  EXPECT_EQ(unfounded_numbers("between 12-19 and 44/7", gather_numbers(turns)),
            (std::vector<std::string>{"12", "19", "44", "7"}));
}

}  // namespace prom5::numbers
