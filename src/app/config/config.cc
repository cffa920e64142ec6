#include "app/config/config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "app/config/scrape_config.h"
#include "app/config/yaml_reader.h"
#include "io/codec/json_writer.h"
#include "io/file/file_system.h"
#include "query/engine.h"

namespace prom5::config {

namespace {

bool is_empty(const YamlNode& node) {
  return node.kind == YamlNode::Kind::Null ||
         (node.kind == YamlNode::Kind::Sequence && node.items.empty()) ||
         (node.kind == YamlNode::Kind::Mapping && node.entries.empty());
}

/// `$NAME` and `${NAME}` by the environment, `$$` as a dollar; what is not set is empty.
std::string expand_environment(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    const bool braces = text[i + 1] == '{';
    size_t start = i + (braces ? 2 : 1);
    size_t end = start;
    const auto is_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (end < text.size() && is_name(text[end])) ++end;
    const char* value = std::getenv(std::string(text.substr(start, end - start)).c_str());
    if (value != nullptr) out += value;
    i = braces ? end : end - 1;
  }
  return out;
}

class ConfigReader {
 public:
  ConfigReader(const std::string& file, bool read_files) : reader_(file, read_files) {}

  Result<Config> read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::Null) return std::move(config_);
    // Scrape configurations inherit from `global`, wherever it stands in the file.
    if (const YamlNode* global = root.find("global")) TRY(read_global(*global));
    const std::vector<Key> keys = {
        {"global", [](const YamlNode&) -> Result<void> { return {}; }},
        {"scrape_configs", [this](const YamlNode& n) { return read_scrapes(n); }},
        {"storage", [this](const YamlNode& n) { return read_storage(n); }},
        {"retention", [this](const YamlNode& n) { return read_retention_rules(n); }},
        // Without rules there is nothing to send, so where it would go may stand there.
        {"alerting", [this](const YamlNode& n) { return note(n, "alerting"); }},
        {"runtime", [this](const YamlNode& n) { return note(n, "runtime"); }},
        {"rule_files", unsupported("rule_files")},
        {"scrape_config_files", unsupported("scrape_config_files")},
        {"remote_write", unsupported("remote_write")},
        {"remote_read", unsupported("remote_read")},
        {"otlp", unsupported("otlp")},
        {"tracing", unsupported("tracing")},
    };
    TRY(reader_.mapping(root, "the configuration", keys));
    return std::move(config_);
  }

 private:
  Result<void> note(const YamlNode& node, std::string_view key) {
    if (is_empty(node)) return {};
    config_.notes.push_back(fmt::format("{}:{}:{}: {} has no effect in this version",
                                        reader_.file(), node.line, node.column, key));
    return {};
  }

  std::function<Result<void>(const YamlNode&)> unsupported(std::string_view key) {
    return [this, key](const YamlNode& node) -> Result<void> {
      if (is_empty(node)) return {};
      return reader_.error(
          node, fmt::format("{} is not supported by this version yet; remove it to start", key));
    };
  }

  std::function<Result<void>(const YamlNode&)> number(uint64_t& target) {
    return [this, &target](const YamlNode& n) -> Result<void> {
      target = TRY(reader_.count(n));
      return {};
    };
  }
  std::function<Result<void>(const YamlNode&)> duration(DurationMs& target) {
    return [this, &target](const YamlNode& n) -> Result<void> {
      target = TRY(reader_.duration(n));
      return {};
    };
  }

  Result<void> read_global(const YamlNode& node) {
    if (is_empty(node)) return {};
    GlobalConfig& g = config_.global;
    bool timeout_given = false;
    const auto ignored = [](const YamlNode&) -> Result<void> { return {}; };
    const std::vector<Key> keys = {
        {"scrape_interval", duration(g.scrape_interval)},
        {"scrape_timeout",
         [&](const YamlNode& n) -> Result<void> {
           g.scrape_timeout = TRY(reader_.duration(n));
           timeout_given = true;
           return {};
         }},
        {"evaluation_interval", duration(g.evaluation_interval)},
        {"external_labels", [this](const YamlNode& n) { return read_external_labels(n); }},
        {"body_size_limit",
         [&](const YamlNode& n) -> Result<void> {
           const uint64_t limit = TRY(reader_.size(n));
           if (limit > 0) g.body_size_limit = limit;
           return {};
         }},
        {"sample_limit", number(g.sample_limit)},
        {"label_limit", number(g.label_limit)},
        {"label_name_length_limit", number(g.label_name_length_limit)},
        {"label_value_length_limit", number(g.label_value_length_limit)},
        {"target_limit", number(g.target_limit)},
        {"keep_dropped_targets", ignored},
        {"rule_query_offset", ignored},
        {"scrape_protocols", ignored},
        {"metric_name_validation_scheme", ignored},
        {"metric_name_escaping_scheme", ignored},
        {"always_scrape_classic_histograms", ignored},
        {"scrape_native_histograms", unsupported_switch("scrape_native_histograms")},
        {"convert_classic_histograms_to_nhcb",
         unsupported_switch("convert_classic_histograms_to_nhcb")},
        {"extra_scrape_metrics", unsupported_switch("extra_scrape_metrics")},
        {"query_log_file",
         [&](const YamlNode& n) -> Result<void> {
           std::filesystem::path path = TRY(reader_.string(n));
           if (!path.empty() && path.is_relative()) {
             path = std::filesystem::path(reader_.file()).parent_path() / path;
           }
           g.query_log_file = path.string();
           return {};
         }},
        {"scrape_failure_log_file", unsupported("scrape_failure_log_file")},
    };
    TRY(reader_.mapping(node, "global", keys));
    if (g.scrape_timeout > g.scrape_interval) {
      if (timeout_given) {
        return reader_.error(node, "global scrape timeout is greater than the scrape interval");
      }
      g.scrape_timeout = g.scrape_interval;
    }
    return {};
  }

  std::function<Result<void>(const YamlNode&)> unsupported_switch(std::string_view key) {
    return [this, key](const YamlNode& n) -> Result<void> {
      if (!TRY(reader_.boolean(n))) return {};
      return reader_.error(n, fmt::format("{} is not supported by this version yet", key));
    };
  }

  Result<void> read_external_labels(const YamlNode& node) {
    if (is_empty(node)) return {};
    if (node.kind != YamlNode::Kind::Mapping) return reader_.error(node, "expected a mapping");
    for (const auto& [name, value] : node.entries) {
      config_.global.external_labels.emplace_back(name.scalar,
                                                  expand_environment(TRY(reader_.string(value))));
    }
    return {};
  }

  Result<void> read_scrapes(const YamlNode& node) {
    std::set<std::string> jobs;
    return reader_.sequence(node, "scrape_configs", [&](const YamlNode& entry) -> Result<void> {
      config_.scrapes.push_back(TRY(read_scrape_config(reader_, entry, config_.global, jobs)));
      return {};
    });
  }

  Result<void> read_retention(const YamlNode& node) {
    if (is_empty(node)) return {};
    std::vector<Key> keys = {
        {"time",
         [this](const YamlNode& n) -> Result<void> {
           config_.retention = TRY(reader_.duration(n, YamlReader::Zero::Allowed));
           return {};
         }},
        {"size",
         [this](const YamlNode& n) -> Result<void> {
           config_.retention_bytes = TRY(reader_.size(n));
           return {};
         }},
        {"percentage", unsupported("percentage")},
    };
    for (size_t tier = 0; tier < tsdb::kTiers; ++tier) {
      keys.push_back({tsdb::tier_name(tier), [this, tier](const YamlNode& n) -> Result<void> {
                        config_.tier_retention[tier] =
                            TRY(reader_.duration(n, YamlReader::Zero::Allowed));
                        return {};
                      }});
    }
    return reader_.mapping(node, "retention", keys);
  }

  Result<void> read_retention_rules(const YamlNode& node) {
    return reader_.sequence(node, "retention", [&](const YamlNode& entry) -> Result<void> {
      tsdb::RetentionRule rule;
      const std::vector<Key> keys = {
          {"match",
           [&](const YamlNode& n) -> Result<void> {
             auto matchers = query::parse_series_selector(TRY(reader_.string(n)));
             if (!matchers) return reader_.error(n, matchers.error().message);
             rule.matchers = *std::move(matchers);
             return {};
           }},
          {"for",
           [&](const YamlNode& n) -> Result<void> {
             rule.keep = TRY(reader_.duration(n));
             return {};
           }},
      };
      TRY(reader_.mapping(entry, "an entry of retention", keys));
      if (rule.matchers.empty()) return reader_.error(entry, "match is missing: which series?");
      if (rule.keep.ms == 0) return reader_.error(entry, "for is missing: how long to keep them?");
      config_.retention_rules.push_back(std::move(rule));
      return {};
    });
  }

  Result<void> read_storage(const YamlNode& node) {
    if (is_empty(node)) return {};
    const std::vector<Key> tsdb_keys = {
        {"out_of_order_time_window",
         [this](const YamlNode& n) -> Result<void> {
           config_.out_of_order_time_window = TRY(reader_.duration(n, YamlReader::Zero::Allowed));
           return {};
         }},
        {"retention", [this](const YamlNode& n) { return read_retention(n); }},
        {"stale_series_compaction_threshold", unsupported("stale_series_compaction_threshold")},
        {"chunk_encoding", unsupported("chunk_encoding")},
    };
    const std::vector<Key> exemplar_keys = {
        {"max_exemplars", number(config_.max_exemplars)},
    };
    const std::vector<Key> keys = {
        {"tsdb", [&](const YamlNode& n) { return reader_.mapping(n, "tsdb", tsdb_keys); }},
        {"exemplars",
         [&](const YamlNode& n) { return reader_.mapping(n, "exemplars", exemplar_keys); }},
    };
    return reader_.mapping(node, "storage", keys);
  }

  YamlReader reader_;
  Config config_;
};

/// A text that is the same for the same tree, for telling whether a part changed.
std::string fingerprint(const YamlNode& node) {
  std::string out = fmt::format("{}\"{}\"", static_cast<int>(node.kind), node.scalar);
  for (const YamlNode& item : node.items) out += "[" + fingerprint(item) + "]";
  for (const auto& [key, value] : node.entries) {
    out += "{" + fingerprint(key) + ":" + fingerprint(value) + "}";
  }
  return out;
}

constexpr std::array kSecretKeys = std::to_array<std::string_view>(
    {"password", "credentials", "bearer_token", "client_secret", "secret_key", "secrets"});

bool is_secret_key(std::string_view key) {
  return std::find(kSecretKeys.begin(), kSecretKeys.end(), key) != kSecretKeys.end();
}

/// Plain where it reads back the same, else in double quotes.
std::string scalar_text(const YamlNode& node) {
  const std::string& text = node.scalar;
  const bool plain = !node.quoted && !text.empty() &&
                     text.find_first_of(":#,[]{}&*!|>'\"%@`\n\t\\") == std::string::npos &&
                     text.front() != ' ' && text.back() != ' ' && text.front() != '-' &&
                     text.front() != '?';
  if (plain) return text;
  std::string out;
  codec::append_json_string(out, text);
  return out;
}

/// The tree as YAML again, without comments and with "<secret>" in place of every secret, however
/// it was written.
void print_yaml(const YamlNode& node, size_t indent, bool secret, std::string& out) {
  const std::string margin(indent, ' ');
  switch (node.kind) {
    case YamlNode::Kind::Null: out += "\n"; break;
    case YamlNode::Kind::Scalar:
      out += fmt::format(" {}\n", secret ? "<secret>" : scalar_text(node));
      break;
    case YamlNode::Kind::Sequence:
      out += node.items.empty() ? " []\n" : "\n";
      for (const YamlNode& item : node.items) {
        out += margin + "-";
        std::string text;
        print_yaml(item, indent + 2, secret, text);
        // A mapping begins on the line of its dash.
        const bool nested = item.kind == YamlNode::Kind::Mapping && !item.entries.empty();
        out += nested ? " " + text.substr(indent + 3) : text;
      }
      break;
    case YamlNode::Kind::Mapping:
      out += node.entries.empty() ? " {}\n" : "\n";
      for (const auto& [key, value] : node.entries) {
        out += margin + scalar_text(key) + ":";
        print_yaml(value, indent + 2, secret || is_secret_key(key.scalar), out);
      }
      break;
  }
}

std::string without_secrets(const YamlNode& root) {
  std::string out;
  print_yaml(root, 0, false, out);
  return out.substr(std::min(out.find_first_not_of('\n'), out.size()));
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file, NamedFiles named) {
  const auto root = codec::parse_yaml(text);
  if (!root) {
    return fail(ErrorCode::BadData, "{}:{}", file, root.error().message);
  }
  Config config = TRY(ConfigReader(file, named == NamedFiles::Read).read(*root));
  config.text = without_secrets(*root);
  const YamlNode* scrapes = root->find("scrape_configs");
  const YamlNode* global = root->find("global");
  for (size_t i = 0; i < config.scrapes.size(); ++i) {
    config.scrapes[i].fingerprint =
        fingerprint(scrapes->items[i]) + (global == nullptr ? "" : fingerprint(*global));
  }
  return config;
}

Result<Config> load_config(const std::string& file, NamedFiles named) {
  io::PosixFileSystem files;
  const auto text = files.read(file);
  if (!text) return fail(ErrorCode::BadData, "configuration file: {}", text.error().message);
  return parse_config(*text, file, named);
}

std::string embedded_config(std::string_view address, std::string_view host_name) {
  return fmt::format(R"(# The embedded default: this server and this host.
global:
  scrape_interval: 5s
  evaluation_interval: 5s
scrape_configs:
  - job_name: prom5
    static_configs:
      - targets: ['{0}']
  - job_name: host
    metrics_path: /host/metrics
    static_configs:
      - targets: ['{0}']
        labels:
          instance: '{1}'
)",
                     address, host_name);
}

}  // namespace prom5::config
