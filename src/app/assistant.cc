#include "app/assistant.h"

#include "ask/agent/agent_loop.h"
#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/llm/rule_model.h"
#include "ask/tools/find_metrics.h"
#include "ask/tools/query_metrics.h"

namespace prom5 {

namespace {

/// Owns what the loop works with.
class BuiltInAgent final : public Assistant {
 public:
  BuiltInAgent(Storage& storage, query::Engine& engine, const Clock& clock)
      : catalogue_(storage, clock),
        model_(catalogue_, catalogue::shipped_pack()),
        find_metrics_(catalogue_),
        query_metrics_(engine),
        loop_(model_, tools(), {}) {}

  Result<Answer> ask(const Question& question, const TokenSink& tokens) override {
    return loop_.ask(question, tokens);
  }
  [[nodiscard]] std::vector<SessionInfo> sessions() const override { return loop_.sessions(); }
  [[nodiscard]] std::optional<Json> session(const std::string& session_id) const override {
    return loop_.session(session_id);
  }
  bool forget(const std::string& session_id) override { return loop_.forget(session_id); }

  [[nodiscard]] std::vector<Tool*> tools() final { return {&find_metrics_, &query_metrics_}; }

 private:
  catalogue::Catalogue catalogue_;
  llm::RuleModel model_;
  tools::FindMetrics find_metrics_;
  tools::QueryMetrics query_metrics_;
  agent::AgentLoop loop_;
};

}  // namespace

std::unique_ptr<Assistant> make_agent(Storage& storage, query::Engine& engine, const Clock& clock) {
  return std::make_unique<BuiltInAgent>(storage, engine, clock);
}

}  // namespace prom5
