#pragma once

#include <gtest/gtest.h>

#include <string>

#include "ask/agent/agent_loop.h"
#include "ask/catalogue/small_world_test.h"
#include "ask/llm/rule_model.h"
#include "ask/tools/anomalies.h"
#include "ask/tools/correlate.h"
#include "ask/tools/crossings.h"
#include "ask/tools/data_since.h"
#include "ask/tools/describe_series.h"
#include "ask/tools/find_causes.h"
#include "ask/tools/find_metrics.h"
#include "ask/tools/list_rules.h"
#include "ask/tools/list_silences.h"
#include "ask/tools/proposals.h"
#include "ask/tools/query_metrics.h"
#include "ask/tools/query_tools.h"
#include "ask/tools/restarts.h"

namespace prom5::llm {

using catalogue::SmallWorld;

/// A world, all tools, the built-in model, and the loop around them.
class Assistant {
 public:
  explicit Assistant(SmallWorld& world, const agent::Budgets& budgets = {})
      : world_(world), options_{.budgets = budgets} {}

  /// `languages`: as Accept-Language has them.
  Answer ask(const std::string& text, const std::string& session = "",
             const std::string& languages = "") {
    Question question;
    question.text = text;
    question.session_id = session;
    question.time = SmallWorld::kNow;
    question.languages = languages;
    auto answer = loop_.ask(question, {});
    EXPECT_TRUE(answer) << text.substr(0, 200) << ": " << (answer ? "" : answer.error().message);
    return answer ? *std::move(answer) : Answer{};
  }

  /// How the last scrapes went.
  std::vector<tools::ScrapeInfo> scrapes;

 private:
  SmallWorld& world_;
  tools::QueryMetrics query_{world_.engine};
  tools::FindMetrics find_{world_.catalogue, world_.pack.lexicon, world_.meaning};
  tools::DescribeSeries describe_{world_.catalogue};
  tools::ExplainQuery explain_{world_.engine};
  tools::DiagnoseQuery diagnose_{world_.engine, world_.storage, world_.clock};
  tools::ListAlerts alerts_{world_.engine};
  tools::ListTargets targets_{world_.engine, [this] { return scrapes; }};
  tools::ListSilences silences_{[](const ToolContext&) {
    return Result<tools::Silences>({true,
                                    {{"a",
                                      "active",
                                      {R"(alertname="HighCpu")"},
                                      SmallWorld::kNow,
                                      SmallWorld::kNow + DurationMs::hours(2),
                                      "ops",
                                      "moving hosts"}}});
  }};
  tools::ListRules rules_{[] {
    return Result<std::vector<tools::RuleInfo>>(
        {{"HighCpu", true, "cpu > 90", DurationMs::minutes(5), {}, "g", "a.yml"},
         {"job:disk:sum", false, "sum by (job) (disk)", {}, {}, "g", "a.yml"}});
  }};
  tools::Anomalies anomalies_{world_.engine, world_.catalogue, world_.pack};
  tools::Correlate correlate_{world_.engine, world_.catalogue, world_.pack};
  tools::FindCauses causes_{world_.engine, world_.catalogue, world_.pack};
  tools::ForecastSeries forecast_{world_.engine};
  tools::Crossings crossings_{world_.engine};
  tools::Restarts restarts_{world_.engine};
  tools::DataSince since_{world_.engine};
  tools::ProposeAlert alert_{world_.engine};
  tools::ProposeSilence silence_{world_.engine};
  RuleModel model_{world_.catalogue, world_.pack, world_.meaning};
  Log log_{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  agent::AgentOptions options_;
  agent::AgentLoop loop_{model_,
                         {&query_, &find_, &describe_, &explain_, &diagnose_, &alerts_, &targets_,
                          &rules_, &silences_, &anomalies_, &correlate_, &causes_, &forecast_,
                          &crossings_, &restarts_, &since_, &alert_, &silence_},
                         {world_.clock, world_.registry, log_, nullptr},
                         options_};
};

inline Assistant& assistant() {
  static SmallWorld world;
  static Assistant made(world);
  return made;
}

inline std::string shown(const Answer& a) {
  return fmt::format("[{}] {} | {} | clarify: {} | refuse: {} {} | action: {}", a.intent, a.promql,
                     a.text, a.clarification ? a.clarification->question : "",
                     a.refusal ? a.refusal->code : "", a.refusal ? a.refusal->message : "",
                     a.action ? a.action->dump() : "");
}

inline bool declined(const Answer& a) { return a.refusal || a.clarification; }

/// What holds for every answer to anything.
inline void expect_sound(const Answer& a, const std::string& question) {
  const std::string told = question.substr(0, 200) + "\n" + shown(a);
  EXPECT_FALSE(a.session_id.empty()) << told;
  EXPECT_FALSE(a.refusal && a.clarification) << told;
  if (declined(a)) {
    EXPECT_TRUE(a.promql.empty()) << told;
    EXPECT_FALSE(a.action) << told;
    EXPECT_TRUE(a.evidence.empty()) << told;
  } else {
    EXPECT_FALSE(a.text.empty()) << told;
  }
  if (a.refusal) {
    EXPECT_FALSE(a.refusal->code.empty() || a.refusal->message.empty()) << told;
    EXPECT_NE(a.refusal->code, "query_failed") << told;
  }
  if (a.clarification) {
    EXPECT_FALSE(a.clarification->question.empty()) << told;
  }
  EXPECT_GE(a.confidence, 0) << told;
  EXPECT_LE(a.confidence, 1) << told;
  if (!a.promql.empty()) {
    EXPECT_TRUE(query::parse_query(a.promql)) << told;
  }
  for (const std::string& promql : a.queries) EXPECT_TRUE(query::parse_query(promql)) << told;
}

inline Answer answered(const std::string& question, const std::string& session = "") {
  Answer a = assistant().ask(question, session);
  expect_sound(a, question);
  EXPECT_FALSE(declined(a)) << question << "\n" << shown(a);
  return a;
}

/// An answer whose query has all of these in it.
inline Answer reads(const std::string& question, std::initializer_list<std::string_view> parts,
                    const std::string& session = "") {
  Answer a = answered(question, session);
  std::string all = a.promql;
  for (const std::string& promql : a.queries) all += " ; " + promql;
  for (const std::string_view part : parts) {
    EXPECT_NE(all.find(part), std::string::npos) << question << ": no " << part << "\n" << shown(a);
  }
  return a;
}

inline Answer refused(const std::string& question, const std::string& session = "") {
  Answer a = assistant().ask(question, session);
  expect_sound(a, question);
  EXPECT_TRUE(a.refusal) << question << "\n" << shown(a);
  return a;
}

/// What is answered in a world of one's own, which is made once; each number in it is from
/// evidence.
template <typename World>
Answer answer_in(const std::string& question, const std::string& session = "",
                 const std::string& languages = "") {
  static World world;
  static Assistant made(world);
  Answer a = made.ask(question, session, languages);
  expect_sound(a, question);
  EXPECT_EQ(world.registry.counter("prom5_assistant_unchecked_numbers_total", "").value(), 0)
      << question << shown(a);
  return a;
}

inline void text_has(const Answer& a, std::string_view part) {
  EXPECT_NE(a.text.find(part), std::string::npos) << part << "\n" << shown(a);
}
inline void text_lacks(const Answer& a, std::string_view part) {
  EXPECT_EQ(a.text.find(part), std::string::npos) << part << "\n" << shown(a);
}

}  // namespace prom5::llm
