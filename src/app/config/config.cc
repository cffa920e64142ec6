#include "app/config/config.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "app/config/alerting_config.h"
#include "app/config/config_text.h"
#include "app/config/discovery_config.h"
#include "app/config/remote_config.h"
#include "app/config/rule_file.h"
#include "app/config/scrape_config.h"
#include "app/config/target_check.h"
#include "base/ascii.h"
#include "io/codec/utf8.h"
#include "io/file/file_system.h"
#include "query/engine.h"

namespace prom5::config {

namespace {

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
    while (end < text.size() && is_word_byte(text[end])) ++end;
    const char* value = std::getenv(std::string(text.substr(start, end - start)).c_str());
    if (value != nullptr) out += value;
    i = braces ? end : end - 1;
  }
  return out;
}

class ConfigReader {
 public:
  ConfigReader(const std::string& file, Check check, const ScrapeLimits& limits)
      : reader_(file, check), limits_(limits) {
    config_.files.push_back(file);
    config_.global.scrape.body_size_limit = limits.body_size;
    config_.global.scrape.created_as_start = limits.created_as_start;
    config_.global.scrape.type_and_unit_labels = limits.type_and_unit_labels;
  }

  Result<Config> read(const YamlNode& root) {
    if (root.kind != YamlNode::Kind::Null) {
      // Other sections inherit from `global`, wherever it stands in the file.
      if (const YamlNode* global = root.find("global")) TRY(read_global(*global));
      TRY(reader_.mapping(root, "the configuration", top_keys()));
      TRY(check_otlp(root.find("otlp")));
    }
    TRY(read_assistant_section(root));
    for (const std::string& note : reader_.notes()) config_.notes.push_back(note);
    return std::move(config_);
  }

 private:
  std::vector<Key> top_keys() {
    return {
        {"global", reader_.ignored()},
        {"scrape_configs", [this](const YamlNode& n) { return read_scrapes(reader_, n); }},
        {"scrape_config_files", [this](const YamlNode& n) { return read_scrape_files(n); }},
        {"rule_files", [this](const YamlNode& n) { return read_rule_files(n); }},
        {"storage", [this](const YamlNode& n) { return read_storage(n); }},
        {"retention", [this](const YamlNode& n) { return read_retention_rules(n); }},
        {"alerting",
         [this](const YamlNode& n) -> Result<void> {
           config_.alertmanagers = TRY(read_alerting(reader_, n));
           return {};
         }},
        {"tracing", [this](const YamlNode& n) { return check_tracing(reader_, n); }},
        {"otlp", [this](const YamlNode& n) { return read_otlp(n); }},
        {"runtime", [this](const YamlNode& n) { return read_runtime(n); }},
        {"assistant", reader_.ignored()},  // read also where it is not there
        {"remote_write",
         [this](const YamlNode& n) -> Result<void> {
           config_.remote_writes = TRY(read_remote_writes(reader_, n));
           return {};
         }},
        {"remote_read",
         [this](const YamlNode& n) -> Result<void> {
           config_.remote_reads = TRY(read_remote_reads(reader_, n));
           return {};
         }},
    };
  }

  Result<void> read_assistant_section(const YamlNode& root) {
    const YamlNode* section =
        root.kind == YamlNode::Kind::Mapping ? root.find("assistant") : nullptr;
    // The text alone says the same on every machine.
    const Environment nothing = [](std::string_view) { return std::string(); };
    const bool whole = reader_.check() == Check::Whole;
    config_.assistant =
        TRY(read_assistant(reader_, section, whole ? process_environment : nothing));
    if (section != nullptr) config_.assistant.fingerprint += fingerprint(*section);
    return {};
  }

  Result<void> read_runtime(const YamlNode& node) {
    uint64_t percent = 0;
    const std::vector<Key> keys = {{"gogc", reader_.into(percent)}};
    TRY(reader_.mapping(node, "runtime", keys));
    // There is no garbage collector to be tuned.
    if (!is_empty(node)) reader_.note(node, "runtime has no effect: prom5 collects no garbage");
    return {};
  }

  Result<void> read_global(const YamlNode& node) {
    GlobalConfig& g = config_.global;
    std::vector<Key> keys = {
        {"scrape_interval", reader_.into(g.scrape_interval)},
        {"scrape_timeout", reader_.into(g.scrape_timeout)},
        {"evaluation_interval", reader_.into(g.evaluation_interval)},
        {"rule_query_offset", reader_.into(g.rule_query_offset, YamlReader::Zero::Allowed)},
        {"external_labels", [this](const YamlNode& n) { return read_external_labels(n); }},
        {"query_log_file", [&](const YamlNode& n) -> Result<void> {
           g.query_log_file = TRY(reader_.output_path(n));
           return {};
         }}};
    for (Key& key : shared_scrape_keys(reader_, g.scrape)) keys.push_back(std::move(key));
    TRY(reader_.mapping(node, "global", keys));
    TRY(check_names(reader_, node, g.scrape, node.find("metric_name_escaping_scheme") != nullptr));
    if (g.scrape_timeout > g.scrape_interval) {
      if (const YamlNode* timeout = node.find("scrape_timeout")) {
        return reader_.error(*timeout,
                             "global scrape timeout is greater than the scrape interval; make "
                             "scrape_timeout at most scrape_interval");
      }
      g.scrape_timeout = g.scrape_interval;
    }
    return {};
  }

  Result<void> read_external_labels(const YamlNode& node) {
    return reader_.dictionary(
        node, "external_labels", [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
          if (name.scalar.empty() || !codec::utf8_valid(name.scalar)) {
            return reader_.error(name,
                                 fmt::format("\"{}\" is not a valid label name", name.scalar));
          }
          config_.global.external_labels.emplace_back(
              name.scalar, expand_environment(TRY(reader_.string(value))));
          return {};
        });
  }

  Result<void> read_scrapes(const YamlReader& reader, const YamlNode& node) {
    return reader.sequence(node, "scrape_configs", [&](const YamlNode& entry) -> Result<void> {
      ScrapeJob job = TRY(read_scrape_config(reader, entry, config_.global, limits_));
      const auto [first, fresh] = jobs_.try_emplace(job.options.job_name, reader.file());
      if (!fresh) {
        const bool elsewhere = first->second != reader.file();
        return reader.error(
            *entry.find("job_name"),
            fmt::format("job_name \"{}\" is used by two scrape configs{}; names "
                        "must be unique",
                        job.options.job_name, elsewhere ? ", the first in " + first->second : ""));
      }
      job.options.fingerprint = fingerprint(entry);
      job.text = without_secrets(entry);
      config_.scrapes.push_back(std::move(job));
      return {};
    });
  }

  /// The files that a list of patterns names; a * may stand in the last part of each.
  struct NamedFile {
    std::string path;
    const YamlNode* place;
  };
  Result<std::vector<NamedFile>> files_of(const YamlNode& node, std::string_view what,
                                          bool of_rules) {
    std::vector<NamedFile> out;
    TRY(reader_.sequence(node, what, [&](const YamlNode& item) -> Result<void> {
      const std::string text = TRY(reader_.string(item));
      const size_t slash = text.rfind('/');
      const bool star_in_folder = slash != std::string::npos && text.find('*') < slash;
      if (text.empty() || star_in_folder) {
        return reader_.error(item, fmt::format("{}: invalid file path \"{}\"; a * may stand in the "
                                               "last part only",
                                               what, text));
      }
      if (reader_.check() == Check::SyntaxOnly && of_rules) return {};
      const std::string pattern = TRY(reader_.output_path(item));
      for (std::string& file : matching_files(pattern)) out.push_back({std::move(file), &item});
      return {};
    }));
    return out;
  }

  Result<void> read_scrape_files(const YamlNode& node) {
    io::PosixFileSystem files;
    for (const auto& [file, place] : TRY(files_of(node, "scrape_config_files", false))) {
      config_.files.push_back(file);
      const auto text = files.read(file);
      if (!text) {
        if (reader_.check() == Check::SyntaxOnly) continue;
        return unread(*place, "scrape_config_files", text.error());
      }
      const auto root = codec::parse_yaml(*text);
      if (!root) return fail(ErrorCode::BadData, "{}:{}", file, root.error().message);
      const YamlReader reader(file, reader_.check());
      const std::vector<Key> keys = {
          {"scrape_configs", [&](const YamlNode& n) { return read_scrapes(reader, n); }}};
      TRY(reader.mapping(*root, "a file of scrape_config_files", keys));
      for (const std::string& note : reader.notes()) config_.notes.push_back(note);
    }
    return {};
  }

  Result<void> read_rule_files(const YamlNode& node) {
    const auto named = TRY(files_of(node, "rule_files", true));
    for (const NamedFile& file : named) config_.rule_files.push_back(file.path);
    if (is_empty(node)) return {};
    reader_.note(node, "rules are checked, but not evaluated by this version");
    if (reader_.check() == Check::SyntaxOnly) return {};
    io::PosixFileSystem files;
    for (const auto& [file, place] : named) {
      config_.files.push_back(file);
      const auto text = files.read(file);
      if (!text) return unread(*place, "rule_files", text.error());
      TRY(parse_rule_file(*text, file));
    }
    return {};
  }

  /// A file that is named here and cannot be read, and what to do about it.
  [[nodiscard]] std::unexpected<Error> unread(const YamlNode& place, std::string_view what,
                                              const Error& why) const {
    return reader_.error(
        place, fmt::format("{}: {}; correct the path or remove the entry", what, why.message));
  }

  Result<void> read_otlp(const YamlNode& node) {
    ingest::OtlpOptions& o = config_.otlp;
    const Read translation = [&](const YamlNode& n) -> Result<void> {
      const std::string word = TRY(reader_.word(n, "translation_strategy", kTranslations));
      const auto place = std::find(kTranslations.begin(), kTranslations.end(), word);
      o.translation = static_cast<ingest::OtlpTranslation>(place - kTranslations.begin());
      return {};
    };
    const std::vector<Key> keys = {
        {"promote_resource_attributes", attributes_into(o.promote_resource_attributes)},
        {"promote_all_resource_attributes", reader_.into(o.promote_all_resource_attributes)},
        {"ignore_resource_attributes", attributes_into(o.ignore_resource_attributes)},
        {"translation_strategy", translation},
        {"keep_identifying_resource_attributes",
         reader_.into(o.keep_identifying_resource_attributes)},
        {"convert_histograms_to_nhcb", reader_.into(o.convert_histograms_to_nhcb)},
        {"promote_scope_metadata", reader_.into(o.promote_scope_metadata)},
        {"label_name_underscore_sanitization", reader_.into(o.label_name_underscore_sanitization)},
        {"label_name_preserve_multiple_underscores",
         reader_.into(o.label_name_preserve_multiple_underscores)}};
    TRY(reader_.mapping(node, "otlp", keys));
    if (o.promote_all_resource_attributes && !o.promote_resource_attributes.empty()) {
      return reader_.error(*node.find("promote_resource_attributes"),
                           "promote_resource_attributes has no place beside "
                           "promote_all_resource_attributes: remove one");
    }
    if (!o.ignore_resource_attributes.empty() && !o.promote_all_resource_attributes) {
      return reader_.error(*node.find("ignore_resource_attributes"),
                           "ignore_resource_attributes needs promote_all_resource_attributes: "
                           "true");
    }
    return {};
  }

  /// Names of attributes: blanks around them are cut, none is empty or there twice.
  Read attributes_into(std::vector<std::string>& target) {
    return [this, &target](const YamlNode& node) {
      return reader_.sequence(node, "attributes", [&](const YamlNode& item) -> Result<void> {
        std::string name = TRY(reader_.string(item));
        name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
        name.erase(name.find_last_not_of(' ') + 1);
        if (name.empty())
          return reader_.error(item, "the name of an attribute is empty; remove it");
        if (std::find(target.begin(), target.end(), name) != target.end()) {
          return reader_.error(item, fmt::format("duplicated attribute \"{}\"; remove it", name));
        }
        target.push_back(std::move(name));
        return {};
      });
    };
  }

  /// Where names are of the old character set, they must be made so.
  Result<void> check_otlp(const YamlNode* node) const {
    using enum ingest::OtlpTranslation;
    const auto translation = config_.otlp.translation;
    const bool keeps = translation == NoUtf8EscapingWithSuffixes || translation == NoTranslation;
    if (node == nullptr || !keeps || !config_.global.scrape.legacy_names) return {};
    const YamlNode& strategy = *node->find("translation_strategy");
    return reader_.error(strategy, fmt::format("translation_strategy {} is not allowed with "
                                               "metric_name_validation_scheme: legacy; use "
                                               "UnderscoreEscapingWithSuffixes",
                                               strategy.scalar));
  }

  Result<void> read_retention(const YamlNode& node) {
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
        {"percentage", [this](const YamlNode& n) -> Result<void> {
           const double percent = TRY(reader_.real(n));
           if (!(percent >= 0 && percent <= 100)) {
             return reader_.error(n,
                                  "storage.tsdb.retention.percentage must be in the range "
                                  "[0, 100]");
           }
           return percent > 0 ? reader_.not_yet(n, "retention by percentage", "use size")
                              : Result<void>();
         }}};
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
      const Read match = [&](const YamlNode& n) -> Result<void> {
        auto matchers = query::parse_series_selector(TRY(reader_.string(n)));
        if (!matchers) return reader_.error(n, matchers.error().message);
        rule.matchers = *std::move(matchers);
        return {};
      };
      const std::vector<Key> keys = {{"match", match}, {"for", reader_.into(rule.keep)}};
      TRY(reader_.mapping(entry, "an entry of retention", keys));
      if (rule.matchers.empty()) return reader_.error(entry, "match is missing: which series?");
      if (rule.keep.ms == 0) return reader_.error(entry, "for is missing: how long to keep them?");
      config_.retention_rules.push_back(std::move(rule));
      return {};
    });
  }

  Result<void> read_storage(const YamlNode& node) {
    const Read floats = [&](const YamlNode& n) -> Result<void> {
      constexpr std::array kEncodings = std::to_array<std::string_view>({"xor", "xor2"});
      TRY(reader_.word(n, "chunk_encoding.floats", kEncodings));
      reader_.note(n, "chunk_encoding has no effect: prom5 chooses the smallest for each chunk");
      return {};
    };
    const std::vector<Key> encoding_keys = {{"floats", floats}};
    const std::vector<Key> tsdb_keys = {
        {"out_of_order_time_window",
         reader_.into(config_.out_of_order_time_window, YamlReader::Zero::Allowed)},
        {"retention", [this](const YamlNode& n) { return read_retention(n); }},
        {"stale_series_compaction_threshold",
         [this](const YamlNode& n) -> Result<void> {
           TRY(reader_.real(n));
           return is_empty(n) || n.scalar == "0"
                      ? Result<void>()
                      : reader_.not_yet(n, "stale_series_compaction_threshold");
         }},
        {"chunk_encoding",
         [&](const YamlNode& n) { return reader_.mapping(n, "chunk_encoding", encoding_keys); }}};
    const std::vector<Key> exemplar_keys = {{"max_exemplars", reader_.into(config_.max_exemplars)}};
    const std::vector<Key> keys = {
        {"tsdb", [&](const YamlNode& n) { return reader_.mapping(n, "tsdb", tsdb_keys); }},
        {"exemplars",
         [&](const YamlNode& n) { return reader_.mapping(n, "exemplars", exemplar_keys); }}};
    return reader_.mapping(node, "storage", keys);
  }

  static constexpr std::array kTranslations = std::to_array<std::string_view>(
      {"UnderscoreEscapingWithSuffixes", "NoUTF8EscapingWithSuffixes",
       "UnderscoreEscapingWithoutSuffixes", "NoTranslation"});

  YamlReader reader_;
  const ScrapeLimits limits_;
  std::map<std::string, std::string> jobs_;  ///< and the file each stands in
  Config config_;
};

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file, Check check,
                            const ScrapeLimits& limits) {
  const auto root = codec::parse_yaml(text);
  if (!root) {
    return fail(ErrorCode::BadData, "{}:{}", file, root.error().message);
  }
  Config config = TRY(ConfigReader(file, check, limits).read(*root));
  config.text = without_secrets(*root);
  if (const YamlNode* global = root->find("global")) {
    for (ScrapeJob& job : config.scrapes) job.options.fingerprint += fingerprint(*global);
  }
  return config;
}

Result<Config> load_config(const std::string& file, Check check, const ScrapeLimits& limits) {
  io::PosixFileSystem files;
  const auto text = files.read(file);
  if (!text) return fail(ErrorCode::BadData, "configuration file: {}", text.error().message);
  return parse_config(*text, file, check, limits);
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
