#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ask/agent.h"
#include "ask/agent/agent_metrics.h"
#include "ask/agent/agent_options.h"
#include "ask/agent/conversation_store.h"
#include "ask/agent/feedback_store.h"
#include "ask/agent/question_gate.h"
#include "ask/agent/question_run.h"
#include "ask/language_model.h"
#include "ask/texts/languages.h"
#include "ask/tool.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/file/file_system.h"

namespace prom5::agent {

/// What a loop works with; all of it must outlive it.
struct AgentServices {
  const Clock& clock;
  MetricRegistry& metrics;
  const Log& log;
  io::FileSystem* files = nullptr;              ///< null: nothing is kept across a restart
  const texts::Languages* languages = nullptr;  ///< of replies; null: those that are shipped
};

/// Question, tool calls, answer with evidence: the loop around a language model. Any thread; the
/// questions of one conversation are taken one after another, and of all so many at once as the
/// options say.
///
/// Beside the errors of Agent::ask: Unavailable when too many questions wait already.
class AgentLoop final : public Agent {
 public:
  AgentLoop(LanguageModel& model, const std::vector<Tool*>& tools, const AgentServices& services,
            AgentOptions options);

  Result<Answer> ask(const Question& question, const Follower& follower) override;
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string& user) const override;
  [[nodiscard]] std::optional<Json> session(const std::string& user,
                                            const std::string& session_id) const override;
  bool forget(const std::string& user, const std::string& session_id) override;

  Result<void> feedback(const Feedback& feedback) override;
  [[nodiscard]] Json feedback_report() const override { return feedback_.report(); }

 private:
  Result<Answer> answer(const Question& question, const ConversationKey& key, TimeMs begun,
                        const Follower& follower);

  const AgentServices services_;
  const AgentOptions options_;
  const Toolbox tools_;
  AgentMetrics metrics_;
  const RunNeeds needs_;
  QuestionGate gate_;
  ConversationStore conversations_;
  FeedbackStore feedback_;
};

}  // namespace prom5::agent
