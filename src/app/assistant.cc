#include "app/assistant.h"

#include "app/config/rule_file.h"
#include "ask/agent/agent_loop.h"
#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/catalogue/embedder.h"
#include "ask/catalogue/meaning_index.h"
#include "ask/catalogue/operator_pack.h"
#include "ask/llm/fallback_model.h"
#include "ask/llm/http_embedder.h"
#include "ask/llm/rule_model.h"
#include "ask/tools/anomalies.h"
#include "ask/tools/correlate.h"
#include "ask/tools/crossings.h"
#include "ask/tools/data_since.h"
#include "ask/tools/describe_series.h"
#include "ask/tools/find_causes.h"
#include "ask/tools/find_metrics.h"
#include "ask/tools/proposals.h"
#include "ask/tools/query_metrics.h"
#include "ask/tools/query_tools.h"
#include "ask/tools/restarts.h"

namespace prom5 {

namespace {

/// The shipped pack with the operator's own.
catalogue::ConceptPack load_pack(const AssistantNeeds& needs,
                                 const config::AssistantConfig& config) {
  Counter& errors = needs.metrics.counter("prom5_assistant_pack_errors_total",
                                          "Packs of the operator that could not be used.");
  catalogue::ConceptPack pack = catalogue::shipped_pack();
  const std::string path = pack_file(needs, config);
  if (path.empty()) return pack;
  const auto text = needs.files.read(path);
  if (!text && text.error().code == ErrorCode::NotFound) return pack;
  const auto done = text ? merge_checked(pack, *text) : Result<void>(std::unexpected(text.error()));
  if (!done) {
    errors.add();
    needs.log.warn("the assistant goes without the operator's pack",
                   {{"file", path}, {"error", done.error().message}});
  }
  return pack;
}

agent::AgentOptions loop_options(const AssistantNeeds& needs,
                                 const config::AssistantConfig& config) {
  agent::AgentOptions options = config.agent;
  options.directory = needs.directory;
  return options;
}

/// What tools are made of.
struct ToolNeeds {
  const AssistantNeeds& server;
  catalogue::Catalogue& catalogue;
  const catalogue::ConceptPack& pack;
  catalogue::MeaningIndex& meaning;
};

template <typename Kind, typename... From>
std::unique_ptr<Tool> tool_of(From&&... from) {
  return std::make_unique<Kind>(std::forward<From>(from)...);
}

/// Everything that an agent, MCP's clients and language models can do: a row each.
using MakeTool = std::unique_ptr<Tool> (*)(const ToolNeeds&);
constexpr MakeTool kTools[] = {
    [](const ToolNeeds& n) {
      return tool_of<tools::FindMetrics>(n.catalogue, n.pack.lexicon, n.meaning);
    },
    [](const ToolNeeds& n) { return tool_of<tools::QueryMetrics>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::DataSince>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::DescribeSeries>(n.catalogue); },
    [](const ToolNeeds& n) { return tool_of<tools::ExplainQuery>(n.server.engine); },
    [](const ToolNeeds& n) {
      return tool_of<tools::DiagnoseQuery>(n.server.engine, n.server.storage, n.server.clock);
    },
    [](const ToolNeeds& n) { return tool_of<tools::ListAlerts>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::ListRules>(n.server.rules); },
    [](const ToolNeeds& n) { return tool_of<tools::ListSilences>(n.server.silences); },
    [](const ToolNeeds& n) {
      return tool_of<tools::ListTargets>(n.server.engine, n.server.scrapes);
    },
    [](const ToolNeeds& n) {
      return tool_of<tools::Anomalies>(n.server.engine, n.catalogue, n.pack);
    },
    [](const ToolNeeds& n) {
      return tool_of<tools::Correlate>(n.server.engine, n.catalogue, n.pack);
    },
    [](const ToolNeeds& n) {
      return tool_of<tools::FindCauses>(n.server.engine, n.catalogue, n.pack);
    },
    [](const ToolNeeds& n) { return tool_of<tools::ForecastSeries>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::Crossings>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::Restarts>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::ProposeAlert>(n.server.engine); },
    [](const ToolNeeds& n) { return tool_of<tools::ProposeSilence>(n.server.engine); },
};

std::vector<std::unique_ptr<Tool>> make_tools(const ToolNeeds& needs) {
  std::vector<std::unique_ptr<Tool>> out;
  for (const MakeTool make : kTools) out.push_back(make(needs));
  return out;
}

/// Owns what the loop works with.
class BuiltInAgent final : public Assistant {
 public:
  BuiltInAgent(const AssistantNeeds& needs, const config::AssistantConfig& config)
      : enabled_(config.enabled),
        languages_(config.languages),
        pack_(load_pack(needs, config)),
        catalogue_(needs.storage, pack_.lexicon, needs.clock),
        words_embedder_(pack_.lexicon, catalogue::shipped_word_vectors()),
        http_embedder_(llm::make_embedder(config.embeddings, needs.http, needs.clock, needs.metrics,
                                          needs.log)),
        meaning_(pack_, words_embedder_, http_embedder_.get()),
        built_in_(catalogue_, pack_, meaning_, languages_),
        configured_(llm::make_language_model(config.model, built_in_, needs.http, needs.clock,
                                             needs.metrics, needs.log)),
        tools_(make_tools({needs, catalogue_, pack_, meaning_})),
        loop_(configured_ != nullptr ? *configured_ : built_in_, tools(),
              {needs.clock, needs.metrics, needs.log, &needs.files, &languages_},
              loop_options(needs, config)) {}

  Result<Answer> ask(const Question& question, const Follower& follower) override {
    if (!enabled_) {
      return fail(ErrorCode::Unavailable,
                  "the assistant is switched off (assistant: enabled, or ENABLE_TEXT_AGENT)");
    }
    return loop_.ask(question, follower);
  }
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string& user) const override {
    return loop_.sessions(user);
  }
  [[nodiscard]] std::optional<Json> session(const std::string& user,
                                            const std::string& session_id) const override {
    return loop_.session(user, session_id);
  }
  bool forget(const std::string& user, const std::string& session_id) override {
    return loop_.forget(user, session_id);
  }
  Result<void> feedback(const Feedback& feedback) override { return loop_.feedback(feedback); }
  [[nodiscard]] Json feedback_report() const override { return loop_.feedback_report(); }

  [[nodiscard]] std::vector<Tool*> tools() final {
    std::vector<Tool*> out;
    for (const auto& tool : tools_) out.push_back(tool.get());
    return out;
  }

 private:
  const bool enabled_;
  const texts::Languages languages_;
  const catalogue::ConceptPack pack_;
  catalogue::Catalogue catalogue_;
  catalogue::BuiltInEmbedder words_embedder_;
  std::unique_ptr<catalogue::Embedder> http_embedder_;  // null: the built-in one alone
  catalogue::MeaningIndex meaning_;
  llm::RuleModel built_in_;
  std::unique_ptr<LanguageModel> configured_;  // null: the built-in one alone
  const std::vector<std::unique_ptr<Tool>> tools_;
  agent::AgentLoop loop_;
};

}  // namespace

tools::RuleSource rules_of(std::function<std::vector<std::string>()> files) {
  return [files = std::move(files)] -> Result<std::vector<tools::RuleInfo>> {
    std::vector<tools::RuleInfo> out;
    for (const std::string& file : files()) {
      for (const config::RuleGroup& group : TRY(config::load_rule_file(file))) {
        for (const config::Rule& rule : group.rules) {
          const bool alert = !rule.alert.empty();
          out.push_back({alert ? rule.alert : rule.record, alert, rule.expr, rule.hold, rule.labels,
                         group.name, file});
        }
      }
    }
    return out;
  };
}

std::string pack_file(const AssistantNeeds& needs, const config::AssistantConfig& config) {
  if (!config.pack_file.empty()) return config.pack_file;
  return needs.directory.empty() ? "" : needs.directory + "/pack.yaml";
}

std::unique_ptr<Assistant> make_assistant(const AssistantNeeds& needs,
                                          const config::AssistantConfig& config) {
  return std::make_unique<BuiltInAgent>(needs, config);
}

}  // namespace prom5
