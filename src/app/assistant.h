#pragma once

#include <memory>
#include <vector>

#include "ask/agent.h"
#include "ask/tool.h"
#include "base/clock.h"
#include "query/engine.h"
#include "store/storage.h"

namespace prom5 {

/// The agent with what it owns.
class Assistant : public Agent {
 public:
  /// What the agent works with, for other agents to use; they live as long as this.
  [[nodiscard]] virtual std::vector<Tool*> tools() = 0;
};

/// The agent on the built-in model, which needs no network, with every tool there is.
std::unique_ptr<Assistant> make_agent(Storage& storage, query::Engine& engine, const Clock& clock);

}  // namespace prom5
