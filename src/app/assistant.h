#pragma once

#include <memory>

#include "ask/agent.h"
#include "base/clock.h"
#include "query/engine.h"
#include "store/storage.h"

namespace prom5 {

/// The agent on the built-in model, which needs no network, with every tool there is.
std::unique_ptr<Agent> make_agent(Storage& storage, query::Engine& engine, const Clock& clock);

}  // namespace prom5
