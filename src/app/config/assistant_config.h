#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/translation_files.h"
#include "app/config/yaml_reader.h"
#include "ask/agent/agent_options.h"
#include "ask/llm/embedding_options.h"
#include "ask/llm/http_model_options.h"
#include "ask/texts/languages.h"

namespace prom5::config {

/// What the assistant answers with.
struct AssistantConfig {
  bool enabled = true;  ///< whether questions are answered at all
  /// Provider::None unless the configuration or the environment names a model: then nothing is sent
  /// anywhere and the built-in model answers.
  llm::HttpModelOptions model;
  /// What turns texts into vectors beside the built-in way; Provider::None unless the section
  /// `embeddings` names a model.
  llm::EmbeddingOptions embeddings;
  agent::AgentOptions agent;  ///< without its directory, which the server knows
  /// Synonyms and concepts of the operator's own; empty: assistant/pack.yaml below the data. The
  /// file need not be there.
  std::string pack_file;
  /// What it says, in the languages that are shipped and those of the directory `texts_path`.
  texts::Languages languages = texts::Languages::shipped();
  std::vector<TranslationFiles::File> translations;  ///< what that directory has
  std::string fingerprint;  ///< another where the section or a translation says something else
};

/// The value of an environment variable; empty when it is not set.
using Environment = std::function<std::string(std::string_view name)>;

/// That of this process.
std::string process_environment(std::string_view name);

/// Reads the section `assistant`; `node` is null when there is none. What it does not say comes
/// from the environment: ENABLE_TEXT_AGENT, AI_MODEL, OPENAI_API_KEY, OPENAI_BASE_URL, OLLAMA_HOST.
/// Of embeddings only OPENAI_API_KEY may be left out, where OpenAI's own service is asked.
/// A key alone names no model, so a key that is there for other programs sends nothing.
Result<AssistantConfig> read_assistant(const YamlReader& reader, const YamlNode* node,
                                       const Environment& environment);

}  // namespace prom5::config
