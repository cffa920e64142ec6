#include "app/config/assistant_config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <optional>

#include "app/config/http_config.h"
#include "io/file/file_system.h"
#include "io/http/url.h"

namespace prom5::config {

namespace {

using llm::HttpModelOptions;
using llm::Provider;

constexpr std::array kProviderNames = std::to_array<std::string_view>({"none", "openai", "ollama"});

/// A model on the network has 120 seconds; then the built-in one has its own time.
constexpr DurationMs kNetworkTime = DurationMs::seconds(120 + 30);

constexpr std::string_view kOllamaPort = "11434";

/// A number in a range, both ends included.
Read number(const YamlReader& reader, std::string_view name, double least, double most,
            std::function<void(double)> put) {
  return [&reader, name, least, most, put = std::move(put)](const YamlNode& n) -> Result<void> {
    const double value = TRY(reader.real(n));
    if (!(value >= least && value <= most)) {
      return reader.error(n, fmt::format("{} must be from {:g} to {:g}", name, least, most));
    }
    put(value);
    return {};
  };
}

Read count(const YamlReader& reader, std::string_view name, uint64_t most, uint64_t& target) {
  return [&reader, name, most, &target](const YamlNode& n) -> Result<void> {
    target = TRY(reader.count(n));
    if (target <= most) return {};
    return reader.error(n, fmt::format("{} must be at most {}", name, most));
  };
}

Result<bool> switch_of(std::string_view name, const std::string& value, bool otherwise) {
  if (value.empty()) return otherwise;
  for (const std::string_view on : {"true", "1", "yes", "on"}) {
    if (value == on) return true;
  }
  for (const std::string_view off : {"false", "0", "no", "off"}) {
    if (value == off) return false;
  }
  return fail(ErrorCode::BadData, "environment variable {}: \"{}\" is neither true nor false", name,
              value);
}

/// OLLAMA_HOST is what Ollama itself listens on: "0.0.0.0", "host", "host:port" or a URL.
std::string ollama_url(std::string host) {
  if (host.empty()) return "";
  if (host.find("://") == std::string::npos) host = "http://" + host;
  const auto url = io::parse_url(host);
  if (!url) return host;  // which is refused, with its name
  const std::string name = url->host == "0.0.0.0" ? "127.0.0.1" : url->host;
  const bool six = name.find(':') != std::string::npos;
  const std::string port = !url->port.empty()       ? url->port
                           : url->scheme == "https" ? "443"
                                                    : std::string(kOllamaPort);
  return fmt::format("{}://{}{}{}:{}{}", url->scheme, six ? "[" : "", name, six ? "]" : "", port,
                     url->target == "/" ? "" : url->target);
}

class AssistantReader {
 public:
  AssistantReader(const YamlReader& reader, const YamlNode* node, const Environment& environment)
      : reader_(reader), node_(node), environment_(environment) {}

  Result<AssistantConfig> read() {
    config_.enabled = TRY(switch_of("ENABLE_TEXT_AGENT", environment_("ENABLE_TEXT_AGENT"), true));
    if (node_ != nullptr && node_->kind != YamlNode::Kind::Null) TRY(read_section());
    TRY(complete());
    if (config_.model.provider != Provider::None) TRY(check());
    return std::move(config_);
  }

 private:
  Result<void> read_section() {
    HttpModelOptions& m = config_.model;
    HttpConfigReader http(reader_);
    std::vector<Key> keys = {
        {"enabled", reader_.into(config_.enabled)},
        {"provider", [this](const YamlNode& n) { return read_provider(n); }},
        {"base_url", reader_.url_into(m.base_url)},
        {"model", reader_.into(m.model)},
        {"api_key", reader_.into(m.api_key)},
        {"api_key_file", reader_.secret_file(m.api_key)},
        {"timeout", reader_.into(m.timeout)},
        {"connect_timeout", reader_.into(m.connect_timeout)},
        {"max_retries", count(reader_, "max_retries", 10, m.max_retries)},
        {"max_tokens", count(reader_, "max_tokens", 1'000'000, m.max_tokens)},
        {"temperature", number(reader_, "temperature", 0, 2, [&](double v) { m.temperature = v; })},
        {"price_input_per_million", number(reader_, "price_input_per_million", 0, 1e6,
                                           [&](double v) { m.price_input_per_million = v; })},
        {"price_output_per_million", number(reader_, "price_output_per_million", 0, 1e6,
                                            [&](double v) { m.price_output_per_million = v; })},
        {"send_ip_addresses", reader_.into(m.send_ip_addresses)},
        {"embeddings", [this](const YamlNode& n) { return read_embeddings(n); }},
        {"pack_file",
         [this](const YamlNode& n) -> Result<void> {
           config_.pack_file = TRY(reader_.output_path(n));
           return {};
         }},
        {"texts_path", [this](const YamlNode& n) { return read_texts(n); }},
        {"max_concurrent", at_least_one("max_concurrent", 256, config_.agent.max_concurrent)},
        {"budgets", [this](const YamlNode& n) { return read_budgets(n); }},
        {"sessions", [this](const YamlNode& n) { return read_sessions(n); }}};
    for (Key& key : http.keys()) {
      // Nothing but the configured host is asked, so redirects are no choice.
      if (key.name != "follow_redirects") keys.push_back(std::move(key));
    }
    TRY(reader_.mapping(*node_, "assistant", keys));
    TRY(reader_.at_most_one(*node_, {"api_key", "api_key_file", "basic_auth", "authorization",
                                     "oauth2", "bearer_token", "bearer_token_file"}));
    m.security = TRY(http.finish(*node_));
    own_credentials_ = !m.security->credentials.empty() || !m.security->user.empty() ||
                       !m.security->password.empty() || m.security->oauth2.has_value();
    return {};
  }

  /// A number that cannot be 0, as nothing would be answered or remembered.
  Read at_least_one(std::string_view name, uint64_t most, uint64_t& target) {
    return [this, name, most, &target](const YamlNode& n) -> Result<void> {
      target = TRY(reader_.count(n));
      if (target >= 1 && target <= most) return {};
      return reader_.error(n, fmt::format("{} must be from 1 to {}", name, most));
    };
  }

  Result<void> read_budgets(const YamlNode& node) {
    agent::Budgets& b = config_.agent.budgets;
    if (is_empty(node)) return {};
    own_time_ = node.find("time") != nullptr;
    const std::vector<Key> keys = {{"steps", at_least_one("steps", 1000, b.steps)},
                                   {"time", reader_.into(b.time)},
                                   {"samples", at_least_one("samples", UINT64_MAX, b.samples)},
                                   {"tokens", at_least_one("tokens", UINT64_MAX, b.tokens)}};
    return reader_.mapping(node, "assistant: budgets", keys);
  }

  Result<void> read_sessions(const YamlNode& node) {
    agent::ConversationOptions& s = config_.agent.sessions;
    if (is_empty(node)) return {};
    const std::vector<Key> keys = {{"max", at_least_one("max", 100'000, s.max_sessions)},
                                   {"max_age", reader_.into(s.max_age)},
                                   {"turns", at_least_one("turns", 1000, s.max_turns)}};
    return reader_.mapping(node, "assistant: sessions", keys);
  }

  /// Where files are not looked at, the directory need not be there.
  Result<void> read_texts(const YamlNode& node) {
    const std::string path = TRY(reader_.output_path(node));
    if (path.empty() || reader_.check() != Check::Whole) return {};
    io::PosixFileSystem files;
    auto found = read_translations(files, path, config_.languages);
    if (!found) {
      if (found.error().code == ErrorCode::BadData) return std::unexpected(found.error());
      return reader_.error(node, "texts_path: " + found.error().message);
    }
    for (const std::string& note : found->notes) {
      reader_.note(node, "assistant: texts_path: " + note);
    }
    config_.fingerprint += found->fingerprint;
    config_.translations = std::move(found->files);
    return {};
  }

  Result<Provider> provider(const YamlNode& node) const {
    const std::string name = TRY(reader_.word(node, "provider", kProviderNames));
    const auto* const found = std::find(kProviderNames.begin(), kProviderNames.end(), name);
    return static_cast<Provider>(found - kProviderNames.begin());
  }

  Result<void> read_provider(const YamlNode& node) {
    provider_ = TRY(provider(node));
    return {};
  }

  /// A section of its own, which takes nothing from its neighbours: another host may serve it.
  Result<void> read_embeddings(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::Null) return {};
    llm::EmbeddingOptions& e = config_.embeddings;
    HttpConfigReader http(reader_);
    const auto take_provider = [&](const YamlNode& n) -> Result<void> {
      e.provider = TRY(provider(n));
      return {};
    };
    std::vector<Key> keys = {{"provider", take_provider},
                             {"base_url", reader_.url_into(e.base_url)},
                             {"model", reader_.into(e.model)},
                             {"api_key", reader_.into(e.api_key)},
                             {"api_key_file", reader_.secret_file(e.api_key)},
                             {"timeout", reader_.into(e.timeout)},
                             {"connect_timeout", reader_.into(e.connect_timeout)},
                             {"send_ip_addresses", reader_.into(e.send_ip_addresses)}};
    for (Key& key : http.keys()) {
      if (key.name != "follow_redirects") keys.push_back(std::move(key));
    }
    constexpr std::string_view kName = "assistant: embeddings";
    TRY(reader_.mapping(node, kName, keys));
    TRY(reader_.at_most_one(node, {"api_key", "api_key_file", "basic_auth", "authorization",
                                   "oauth2", "bearer_token", "bearer_token_file"}));
    e.security = TRY(http.finish(node));
    if (e.provider == Provider::None) {
      if (node.find("provider") != nullptr || node.entries.empty()) return {};
      return reader_.error(node, fmt::format("{}: provider is missing; add \"provider: openai\" or "
                                             "\"provider: ollama\"",
                                             kName));
    }
    if (e.model.empty()) {
      return reader_.error(node, fmt::format("{}: model is missing; add \"model: …\"", kName));
    }
    const auto& own = *e.security;
    if (e.provider != Provider::OpenAi || !e.base_url.empty() || !own.credentials.empty() ||
        !own.user.empty() || own.oauth2 || !e.api_key.empty()) {
      return {};
    }
    e.api_key.text = environment_("OPENAI_API_KEY");
    if (!e.api_key.empty()) return {};
    return reader_.error(node, fmt::format("{}: provider openai needs a key: add "
                                           "\"api_key_file: …\", or set OPENAI_API_KEY",
                                           kName));
  }

  /// Takes from the environment what the section leaves open.
  Result<void> complete() {
    HttpModelOptions& m = config_.model;
    if (m.model.empty()) m.model = environment_("AI_MODEL");
    const std::string key = environment_("OPENAI_API_KEY");
    const std::string openai = environment_("OPENAI_BASE_URL");
    const std::string ollama = environment_("OLLAMA_HOST");
    if (!provider_ && !m.model.empty()) {
      if (!key.empty() || !openai.empty()) {
        provider_ = Provider::OpenAi;
      } else if (!ollama.empty()) {
        provider_ = Provider::Ollama;
      }
    }
    if (!provider_) {
      const YamlNode* lone = node_ == nullptr ? nullptr : node_->find("model");
      if (lone == nullptr && node_ != nullptr) lone = node_->find("base_url");
      if (lone != nullptr && !is_empty(*lone)) {
        return reader_.error(*lone,
                             "assistant: provider is missing; add \"provider: openai\" or "
                             "\"provider: ollama\"");
      }
    }
    m.provider = provider_.value_or(Provider::None);
    if (m.provider != Provider::None && !own_time_) config_.agent.budgets.time = kNetworkTime;
    const bool is_openai = m.provider == Provider::OpenAi;
    if (m.base_url.empty() && m.provider != Provider::None) {
      m.base_url = is_openai ? openai : ollama_url(ollama);
      TRY(check_url(is_openai ? "OPENAI_BASE_URL" : "OLLAMA_HOST", m.base_url));
    }
    if (is_openai && m.api_key.empty() && !own_credentials_) m.api_key.text = key;
    return {};
  }

  static Result<void> check_url(std::string_view name, const std::string& url) {
    if (url.empty() || io::parse_url(url)) return {};
    return fail(ErrorCode::BadData, "environment variable {}: \"{}\" is no http or https URL", name,
                io::without_secrets(url));
  }

  /// A model that is to be asked must be named, and OpenAI's own service wants a key.
  Result<void> check() const {
    const HttpModelOptions& m = config_.model;
    if (m.model.empty()) {
      return wrong("model is missing; add \"model: …\", or set AI_MODEL");
    }
    const bool own_service = m.provider == Provider::OpenAi && m.base_url.empty();
    if (own_service && m.api_key.empty() && !own_credentials_) {
      return wrong(
          "provider openai needs a key: add \"api_key_file: …\", or set OPENAI_API_KEY; "
          "for a server of your own add \"base_url: …\"");
    }
    return {};
  }

  Result<void> wrong(std::string_view message) const {
    const std::string text = fmt::format("assistant: {}", message);
    const YamlNode* at = node_ == nullptr ? nullptr : node_->find("provider");
    if (at == nullptr) at = node_;
    if (at != nullptr) return reader_.error(*at, text);
    return fail(ErrorCode::BadData, "{}", text);
  }

  const YamlReader& reader_;
  const YamlNode* node_;
  const Environment& environment_;
  AssistantConfig config_;
  std::optional<Provider> provider_;
  bool own_time_ = false;         ///< budgets: time is given
  bool own_credentials_ = false;  ///< by one of the keys of <http_config>
};

}  // namespace

std::string process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::string() : std::string(value);
}

Result<AssistantConfig> read_assistant(const YamlReader& reader, const YamlNode* node,
                                       const Environment& environment) {
  return AssistantReader(reader, node, environment).read();
}

}  // namespace prom5::config
