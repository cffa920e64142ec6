#include "app/config/assistant_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "app/config/config.h"

namespace prom5::config {

namespace {

using llm::Provider;
using Variables = std::map<std::string, std::string, std::less<>>;

Result<AssistantConfig> read(std::string_view yaml, const Variables& variables = {}) {
  const auto root = codec::parse_yaml(yaml);
  EXPECT_TRUE(root) << yaml;
  const YamlReader reader("p.yml");
  const Environment environment = [&](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  const bool empty = root->kind == YamlNode::Kind::Null;
  return read_assistant(reader, empty ? nullptr : root->find("assistant"), environment);
}

AssistantConfig good(std::string_view yaml, const Variables& variables = {}) {
  auto config = read(yaml, variables);
  EXPECT_TRUE(config) << yaml << "\n" << config.error().message;
  return config ? *std::move(config) : AssistantConfig{};
}

void bad(std::string_view yaml, std::string_view place, std::string_view message,
         const Variables& variables = {}) {
  const auto config = read(yaml, variables);
  ASSERT_FALSE(config) << yaml;
  EXPECT_EQ(config.error().code, ErrorCode::BadData);
  EXPECT_TRUE(config.error().message.starts_with(place)) << config.error().message;
  EXPECT_NE(config.error().message.find(message), std::string::npos) << config.error().message;
}

}  // namespace

TEST(AssistantConfig, NothingIsSentUnlessSomebodySaysSo) {
  for (const auto& config :
       {good(""), good("assistant:\n"), good("assistant: {}\n"), good("global: {}\n"),
        good("assistant: {provider: none, model: m}\n"),
        good("", {{"OPENAI_API_KEY", "k"}, {"OLLAMA_HOST", "h"}}), good("", {{"AI_MODEL", "m"}})}) {
    EXPECT_TRUE(config.enabled);
    EXPECT_EQ(config.model.provider, Provider::None);
    EXPECT_TRUE(config.model.api_key.empty());
  }
}

TEST(AssistantConfig, EveryKey) {
  const AssistantConfig config = good(R"(
assistant:
  enabled: false
  provider: openai
  base_url: https://llm.example/v1
  model: big
  api_key: s3cr3t
  timeout: 30s
  connect_timeout: 2s
  max_retries: 1
  max_tokens: 500
  temperature: 0.2
  price_input_per_million: 1.5
  price_output_per_million: 6
  send_ip_addresses: true
  sessions: {max: 50, max_age: 1d, turns: 5}
  budgets: {steps: 9, time: 45s, samples: 1000, tokens: 2000}
  max_concurrent: 3
  pack_file: words/own.yaml
  proxy_url: http://proxy:3128
)");
  EXPECT_FALSE(config.enabled);
  const llm::HttpModelOptions& m = config.model;
  EXPECT_EQ(m.provider, Provider::OpenAi);
  EXPECT_EQ(m.base_url, "https://llm.example/v1");
  EXPECT_EQ(m.model, "big");
  EXPECT_EQ(m.api_key.text, "s3cr3t");
  EXPECT_EQ(config.agent.sessions.max_sessions, 50U);
  EXPECT_EQ(config.agent.sessions.max_age, DurationMs::days(1));
  EXPECT_EQ(config.agent.sessions.max_turns, 5U);
  EXPECT_EQ(config.agent.budgets.steps, 9U);
  EXPECT_EQ(config.agent.budgets.time, DurationMs::seconds(45));
  EXPECT_EQ(config.agent.budgets.samples, 1000U);
  EXPECT_EQ(config.agent.budgets.tokens, 2000U);
  EXPECT_EQ(config.agent.max_concurrent, 3U);
  EXPECT_TRUE(config.pack_file.ends_with("words/own.yaml")) << config.pack_file;
  EXPECT_EQ(m.timeout, DurationMs::seconds(30));
  EXPECT_EQ(m.connect_timeout, DurationMs::seconds(2));
  EXPECT_EQ(m.max_retries, 1U);
  EXPECT_EQ(m.max_tokens, 500U);
  EXPECT_EQ(m.temperature, 0.2);
  EXPECT_EQ(m.price_input_per_million, 1.5);
  EXPECT_EQ(m.price_output_per_million, 6);
  EXPECT_TRUE(m.send_ip_addresses);
  EXPECT_EQ(m.security->proxy.url, "http://proxy:3128");
}

TEST(AssistantConfig, TranslationsOfADirectory) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / fmt::format("texts-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder / name) << text;
  };
  const std::string yaml = fmt::format("assistant: {{texts_path: {}}}\n", folder.string());
  EXPECT_EQ(good(yaml).languages.tags(), good("").languages.tags()) << "an empty directory";
  write("de-AT.yaml", "problems.no_alert: Eh nix.");
  write("de.yaml", "ask.what: Was ist?");
  write("README", "no translation");
  const AssistantConfig config = good(yaml);
  EXPECT_EQ(config.languages.tags(), (std::vector<std::string>{"en", "de", "de-AT"}));
  EXPECT_EQ(config.languages.of("de-AT").say("ask.what"), "Was ist?") << "that of \"de\" here";
  EXPECT_EQ(good(yaml).fingerprint, config.fingerprint);
  write("de.yaml", "ask.what: Was soll's?");
  EXPECT_NE(good(yaml).fingerprint, config.fingerprint) << "a restart is needed, and told";
  write("fr.yaml", "\nstatus.up: '{nom} marche.'");
  bad(yaml, (folder / "fr.yaml").string() + ":2:12: ", "status.up: there is no place {nom}");
  std::filesystem::remove(folder / "fr.yaml");
  write("francais!.yaml", "");
  bad(yaml, (folder / "francais!.yaml").string(), "is no language tag");
  std::filesystem::remove(folder / "francais!.yaml");
  write("fr.yml", "problems.no_alert: Rien.");
  ASSERT_EQ(good(yaml).translations.size(), 3U);
  EXPECT_EQ(good(yaml).translations[2].path, (folder / "fr.yml").string());
  std::filesystem::remove_all(folder);
  bad(yaml, "p.yml:1:", "texts_path");
}

TEST(AssistantConfig, EnvironmentAsDefaults) {
  const AssistantConfig openai =
      good("", {{"OPENAI_API_KEY", "k"}, {"AI_MODEL", "m"}, {"OPENAI_BASE_URL", "http://x/v1"}});
  EXPECT_EQ(openai.model.provider, Provider::OpenAi);
  EXPECT_EQ(openai.model.base_url, "http://x/v1");
  EXPECT_EQ(openai.model.api_key.text, "k");
  const AssistantConfig file =
      good("assistant: {provider: openai, model: f, base_url: 'http://y', api_key: o}\n",
           {{"OPENAI_API_KEY", "k"}, {"AI_MODEL", "m"}, {"OPENAI_BASE_URL", "http://x"}});
  EXPECT_EQ(file.model.base_url, "http://y");
  EXPECT_EQ(file.model.model, "f");
  EXPECT_EQ(file.model.api_key.text, "o");
  EXPECT_EQ(good("assistant: {model: m}\n", {{"OPENAI_API_KEY", "k"}}).model.provider,
            Provider::OpenAi);
  EXPECT_FALSE(good("", {{"ENABLE_TEXT_AGENT", "false"}}).enabled);
  EXPECT_TRUE(good("assistant: {enabled: true}\n", {{"ENABLE_TEXT_AGENT", "0"}}).enabled);
}

TEST(AssistantConfig, TheKeyGoesToOpenAiOnly) {
  const Variables key = {{"OPENAI_API_KEY", "k"}};
  EXPECT_TRUE(good("assistant: {provider: ollama, model: m}\n", key).model.api_key.empty());
  EXPECT_TRUE(good("assistant: {provider: openai, model: m, base_url: 'http://x',\n"
                   "  authorization: {credentials: c}}\n",
                   key)
                  .model.api_key.empty());
}

TEST(AssistantConfig, HostsOfOllama) {
  const auto url = [](const std::string& host) {
    return good("", {{"AI_MODEL", "m"}, {"OLLAMA_HOST", host}}).model.base_url;
  };
  EXPECT_EQ(url("box"), "http://box:11434");
  EXPECT_EQ(url("box:80"), "http://box:80");
  EXPECT_EQ(url("0.0.0.0"), "http://127.0.0.1:11434");
  EXPECT_EQ(url("https://box"), "https://box:443");
  EXPECT_EQ(url("http://box:1/prefix"), "http://box:1/prefix");
  EXPECT_EQ(url("[::1]:9"), "http://[::1]:9");
}

TEST(AssistantConfig, AModelOnTheNetworkHasMoreTime) {
  EXPECT_EQ(good("").agent.budgets.time, DurationMs::seconds(30));
  EXPECT_EQ(good("assistant: {provider: ollama, model: m}\n").agent.budgets.time,
            DurationMs::seconds(150));
  EXPECT_EQ(
      good("assistant: {provider: ollama, model: m, budgets: {time: 7s}}\n").agent.budgets.time,
      DurationMs::seconds(7));
}

TEST(AssistantConfig, Mistakes) {
  const auto one = [](std::string_view rest, std::string_view message, std::string_view place) {
    bad("assistant:\n  provider: ollama\n  model: m\n  " + std::string(rest) + "\n", place,
        message);
  };
  one("modle: x", "did you mean \"model\"?", "p.yml:4:3: ");
  one("timeout: 5", "", "p.yml:4:12: ");
  one("max_retries: 11", "at most 10", "p.yml:4:16: ");
  one("temperature: 3", "from 0 to 2", "p.yml:4:16: ");
  one("temperature: nan", "from 0 to 2", "p.yml:4:16: ");
  one("price_input_per_million: -1", "from 0", "p.yml:4:");
  one("base_url: box:11434", "http://", "p.yml:4:13: ");
  one("api_key: a\n  api_key_file: /dev/null", "at most one", "p.yml:5:3: ");
  one("api_key: a\n  bearer_token: b", "at most one", "p.yml:5:3: ");
  one("api_key_file: /no/such/file", "/no/such/file", "p.yml:4:");
  one("follow_redirects: true", "unknown key", "p.yml:4:3: ");
  one("sessions: {max: 0}", "from 1", "p.yml:4:19: ");
  one("sessions: {age: 5d}", "unknown key", "p.yml:4:14: ");
  one("budgets: {step: 5}", "did you mean \"steps\"?", "p.yml:4:13: ");
  one("budgets: {time: 0s}", "", "p.yml:4:19: ");
  one("budgets: {samples: 0}", "from 1", "p.yml:4:22: ");
  one("max_concurrent: 0", "from 1", "p.yml:4:19: ");
  bad("assistant: [x]\n", "p.yml:1:", "mapping");
  bad("assistant: {provider: opena}\n", "p.yml:1:23: ", "did you mean \"openai\"?");
  bad("assistant: {provider: openai}\n", "p.yml:1:23: ", "model is missing");
  bad("assistant: {provider: openai, model: m}\n", "p.yml:1:23: ", "api_key_file");
  bad("assistant: {model: m}\n", "p.yml:1:20: ", "provider is missing");
  bad("assistant: {base_url: 'http://x'}\n", "p.yml:1:23: ", "provider is missing");
  bad("", "environment variable OPENAI_BASE_URL", "no http or https URL",
      {{"AI_MODEL", "m"}, {"OPENAI_BASE_URL", "x"}});
  bad("", "environment variable ENABLE_TEXT_AGENT", "neither", {{"ENABLE_TEXT_AGENT", "maybe"}});
}

TEST(AssistantConfig, Embeddings) {
  EXPECT_EQ(good("assistant: {provider: ollama, model: m}\n").embeddings.provider, Provider::None);
  EXPECT_EQ(good("assistant: {embeddings: }\n").embeddings.provider, Provider::None);
  EXPECT_EQ(good("assistant: {embeddings: {provider: none}}\n").embeddings.provider,
            Provider::None);
  EXPECT_EQ(good("", {{"OPENAI_API_KEY", "k"}, {"AI_MODEL", "m"}}).embeddings.provider,
            Provider::None);
  const llm::EmbeddingOptions e = good(R"(
assistant:
  embeddings:
    provider: ollama
    base_url: http://box:11434
    model: small
    api_key: s3cr3t
    timeout: 3s
    connect_timeout: 1s
    send_ip_addresses: true
    proxy_url: http://proxy:3128
)")
                                      .embeddings;
  EXPECT_EQ(e.provider, Provider::Ollama);
  EXPECT_EQ(e.base_url, "http://box:11434");
  EXPECT_EQ(e.model, "small");
  EXPECT_EQ(e.api_key.text, "s3cr3t");
  EXPECT_EQ(e.timeout, DurationMs::seconds(3));
  EXPECT_EQ(e.connect_timeout, DurationMs::seconds(1));
  EXPECT_TRUE(e.send_ip_addresses);
  EXPECT_EQ(e.security->proxy.url, "http://proxy:3128");
  const std::string_view openai = "assistant: {embeddings: {provider: openai, model: m}}\n";
  EXPECT_EQ(good(openai, {{"OPENAI_API_KEY", "k"}}).embeddings.api_key.text, "k");
  // The key is OpenAI's, not that of whoever else speaks its protocol.
  EXPECT_TRUE(good("assistant: {embeddings: {provider: openai, model: m, base_url: 'http://x'}}\n",
                   {{"OPENAI_API_KEY", "k"}})
                  .embeddings.api_key.empty());
  bad(openai, "p.yml:1:", "api_key_file");
  bad("assistant: {embeddings: {provider: ollama}}\n", "p.yml:1:", "model is missing");
  bad("assistant: {embeddings: {model: m}}\n", "p.yml:1:", "provider is missing");
  bad("assistant: {embeddings: {provider: x}}\n", "p.yml:1:36: ", "");
  bad("assistant: {embeddings: {modl: x}}\n", "p.yml:1:26: ", "did you mean \"model\"?");
  bad("assistant: {embeddings: [x]}\n", "p.yml:1:", "mapping");
}

TEST(AssistantConfig, InTheWholeFileAndWithoutItsSecrets) {
  const auto config = parse_config(
      "assistant: {provider: ollama, model: m, base_url: 'http://u:pw0@box', api_key: s3cr3t}\n",
      "p.yml", Check::SyntaxOnly);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->assistant.model.provider, Provider::Ollama);
  EXPECT_EQ(config->text.find("s3cr3t"), std::string::npos) << config->text;
  EXPECT_EQ(config->text.find("pw0"), std::string::npos) << config->text;
  const auto vectors =
      parse_config("assistant: {embeddings: {provider: ollama, model: m, api_key: s3cr3t}}\n",
                   "p.yml", Check::SyntaxOnly);
  ASSERT_TRUE(vectors) << vectors.error().message;
  EXPECT_EQ(vectors->assistant.embeddings.model, "m");
  EXPECT_EQ(vectors->text.find("s3cr3t"), std::string::npos) << vectors->text;
  const auto wrong = parse_config("assistant: {provider: x}\n", "p.yml");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().message.starts_with("p.yml:1:23: ")) << wrong.error().message;
  const auto lost = parse_config("api_key: x\n", "p.yml");
  ASSERT_FALSE(lost);
  EXPECT_NE(lost.error().message.find("under assistant"), std::string::npos);
}

}  // namespace prom5::config
