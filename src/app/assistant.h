#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config/assistant_config.h"
#include "ask/agent.h"
#include "ask/tool.h"
#include "ask/tools/list_rules.h"
#include "ask/tools/list_silences.h"
#include "ask/tools/query_tools.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/file/file_system.h"
#include "io/http/http_client.h"
#include "query/engine.h"
#include "store/storage.h"

namespace prom5 {

/// The agent with what it owns.
class Assistant : public Agent {
 public:
  /// What the agent works with, for other agents to use; they live as long as this.
  [[nodiscard]] virtual std::vector<Tool*> tools() = 0;
};

/// What an assistant needs; all of it must outlive it.
struct AssistantNeeds {
  Storage& storage;
  query::Engine& engine;
  io::HttpClient& http;
  Clock& clock;
  MetricRegistry& metrics;
  const Log& log;
  io::FileSystem& files;
  tools::RuleSource rules;        ///< the rules there are, read anew whenever they are asked for
  tools::SilenceSource silences;  ///< likewise
  tools::ScrapeSource scrapes;    ///< how the last scrapes went; empty: nobody knows
  std::string directory;          ///< for what is to outlive a restart; empty: nothing does
};

/// The rules of these files. `files` is asked at each call.
tools::RuleSource rules_of(std::function<std::vector<std::string>()> files);

/// Where the operator's own words and concepts are; empty when there is no place for them.
std::string pack_file(const AssistantNeeds& needs, const config::AssistantConfig& config);

/// The agent with every tool there is: on the built-in model, which needs no network, or on the
/// configured one with the built-in behind it. An operator's pack that cannot be read is left out,
/// with a warning and prom5_assistant_pack_errors_total.
std::unique_ptr<Assistant> make_assistant(const AssistantNeeds& needs,
                                          const config::AssistantConfig& config);

}  // namespace prom5
