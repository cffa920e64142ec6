#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "ask/agent.h"
#include "ask/agent/agent_metrics.h"
#include "ask/agent/agent_options.h"
#include "ask/language_model.h"
#include "ask/query_budget.h"
#include "ask/texts/text_catalogue.h"
#include "ask/tool.h"
#include "base/clock.h"
#include "base/log.h"

namespace prom5::agent {

/// The tools by name, and how they are told to a model; made once.
struct Toolbox {
  explicit Toolbox(const std::vector<Tool*>& tools);

  std::vector<ToolSpec> specs;
  std::map<std::string, Tool*, std::less<>> by_name;
};

/// What the questions of one loop have in common; must outlive its runs.
struct RunNeeds {
  LanguageModel& model;
  const Toolbox& tools;
  const Budgets& budgets;
  const Clock& clock;
  const Log& log;
  AgentMetrics& metrics;
};

/// One question on its way to its answer: the model's turns and the tools' results, within the
/// question's budgets. One thread.
class QuestionRun {
 public:
  /// `history`: what was said before. `texts`: of the language of the reply. `deadline`: when the
  /// time is up.
  QuestionRun(const RunNeeds& needs, const texts::TextCatalogue& texts,
              std::vector<Message> history, const Question& question, const Follower& follower,
              TimeMs deadline);

  /// The answer, whose numbers are checked. A budget that is used up is a refusal. Errors: those of
  /// the model; Canceled when the question's stop is requested.
  Result<Answer> run();

  /// What the next question may go on from; null when the answer says nothing about it.
  [[nodiscard]] Json take_frame();

 private:
  struct Found {  ///< a query that gave something
    size_t turn;  ///< where its result is
    std::string promql;
  };

  Result<Reply> ask_model();
  void call_tool(const ToolCall& call);
  [[nodiscard]] std::optional<Limit> exhausted() const;
  Answer give_up(Limit limit);
  Answer finish();
  [[nodiscard]] std::vector<Evidence> take_evidence();
  void check_numbers(Answer& answer);
  void count_tokens(const Reply& reply);

  const RunNeeds& needs_;
  const texts::TextCatalogue& texts_;
  const Question& question_;
  const Follower& follower_;
  QueryBudget budget_;
  std::vector<Message> turns_;
  const size_t first_;  // the question's place among them
  std::vector<Found> found_;
  std::vector<Evidence> shown_;  // by analyses
  size_t steps_ = 0;
  uint64_t tokens_ = 0;
  size_t measured_ = 0;  // turns whose size is known
  uint64_t bytes_ = 0;   // of those
};

}  // namespace prom5::agent
