#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ask/agent.h"
#include "ask/language_model.h"
#include "ask/tool.h"
#include "base/mutex.h"

namespace prom5::agent {

struct AgentOptions {
  size_t max_steps = 16;       ///< turns of the model for one question
  size_t max_sessions = 1000;  ///< the least recently used go first
  size_t max_turns = 20;       ///< of a conversation that are remembered
};

/// Question, tool calls, answer with evidence: the loop around a language model. Any thread; the
/// questions of one session are taken one after another.
class AgentLoop final : public Agent {
 public:
  AgentLoop(LanguageModel& model, std::vector<Tool*> tools, AgentOptions options)
      : model_(model), tools_(std::move(tools)), options_(options) {}

  Result<Answer> ask(const Question& question, const TokenSink& tokens) override;
  [[nodiscard]] std::vector<SessionInfo> sessions() const override;
  [[nodiscard]] std::optional<Json> session(const std::string& session_id) const override;
  bool forget(const std::string& session_id) override;

 private:
  /// One conversation. Its mutex is held while a question is answered; what can be told of it is
  /// guarded by the loop's.
  struct Session {
    std::string id;
    SessionInfo info;
    Json told = Json::array();
    Mutex mutex;
    std::vector<Message> messages GUARDED_BY(mutex);
  };

  std::shared_ptr<Session> session_of(const std::string& id) EXCLUDES(mutex_);
  void note(Session& session, const Question& question, const Answer& answer) EXCLUDES(mutex_);
  Message run_tool(const ToolCall& call, const ToolContext& context,
                   std::vector<Evidence>& evidence);

  LanguageModel& model_;
  const std::vector<Tool*> tools_;
  const AgentOptions options_;

  mutable Mutex mutex_;
  std::list<std::shared_ptr<Session>> sessions_ GUARDED_BY(mutex_);  // most recently used first
};

}  // namespace prom5::agent
