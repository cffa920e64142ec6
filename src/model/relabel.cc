#include "model/relabel.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace prom5 {

namespace {

struct ActionName {
  std::string_view name;
  RelabelAction action;
};

constexpr std::array<ActionName, 11> kActionNames = {{
    {"replace", RelabelAction::Replace},
    {"keep", RelabelAction::Keep},
    {"drop", RelabelAction::Drop},
    {"keepequal", RelabelAction::KeepEqual},
    {"dropequal", RelabelAction::DropEqual},
    {"hashmod", RelabelAction::HashMod},
    {"labelmap", RelabelAction::LabelMap},
    {"labeldrop", RelabelAction::LabelDrop},
    {"labelkeep", RelabelAction::LabelKeep},
    {"lowercase", RelabelAction::Lowercase},
    {"uppercase", RelabelAction::Uppercase},
}};

bool matches(const RelabelConfig& config, std::string_view text) {
  return !config.regex || config.regex->matches(text);
}

/// Appends the replacement for `text`; false when the pattern does not match.
bool expand(const RelabelConfig& config, std::string_view text, std::string_view pattern,
            std::string& out) {
  static const Regex whole = *Regex::compile("(.*)");
  return (config.regex ? *config.regex : whole).expand(text, pattern, out);
}

std::string joined_sources(const RelabelConfig& config, const LabelsBuilder& labels) {
  std::string out;
  for (size_t i = 0; i < config.source_labels.size(); ++i) {
    if (i > 0) out += config.separator;
    out += labels.get(config.source_labels[i]);
  }
  return out;
}

/// The last eight bytes of the MD5 digest, big-endian, modulo: what Prometheus shards by.
uint64_t hash_mod(std::string_view text, uint64_t modulus) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
  uint64_t value = 0;
  for (size_t i = 8; i < 16; ++i) value = value << 8 | digest[i];
  return value % modulus;
}

void change_case(std::string& text, bool upper) {
  for (char& c : text) {
    if (upper && is_lower(c)) c = static_cast<char>(c - 'a' + 'A');
    if (!upper) c = to_lower(c);
  }
}

void map_labels(const RelabelConfig& config, LabelsBuilder& labels) {
  const auto before = labels.labels();
  for (const auto& [name, value] : before) {
    std::string target;
    if (expand(config, name, config.replacement, target)) labels.set(target, value);
  }
}

void filter_labels(const RelabelConfig& config, LabelsBuilder& labels, bool drop_matching) {
  const auto before = labels.labels();
  for (const auto& [name, value] : before) {
    if (matches(config, name) == drop_matching) labels.remove(name);
  }
}

void replace(const RelabelConfig& config, const std::string& source, LabelsBuilder& labels) {
  std::string target;
  if (!expand(config, source, config.target_label, target) || target.empty()) return;
  std::string value;
  expand(config, source, config.replacement, value);
  labels.set(target, value);
}

bool apply(const RelabelConfig& config, LabelsBuilder& labels) {
  std::string source = joined_sources(config, labels);
  switch (config.action) {
    case RelabelAction::Keep: return matches(config, source);
    case RelabelAction::Drop: return !matches(config, source);
    case RelabelAction::KeepEqual: return source == labels.get(config.target_label);
    case RelabelAction::DropEqual: return source != labels.get(config.target_label);
    case RelabelAction::Replace: replace(config, source, labels); break;
    case RelabelAction::HashMod:
      labels.set(config.target_label, std::to_string(hash_mod(source, config.modulus)));
      break;
    case RelabelAction::LabelMap: map_labels(config, labels); break;
    case RelabelAction::LabelDrop: filter_labels(config, labels, true); break;
    case RelabelAction::LabelKeep: filter_labels(config, labels, false); break;
    case RelabelAction::Lowercase:
    case RelabelAction::Uppercase:
      change_case(source, config.action == RelabelAction::Uppercase);
      labels.set(config.target_label, source);
      break;
  }
  return true;
}

}  // namespace

std::optional<RelabelAction> parse_relabel_action(std::string_view name) {
  for (const ActionName& row : kActionNames) {
    if (name.size() == row.name.size() &&
        std::equal(name.begin(), name.end(), row.name.begin(),
                   [](char a, char b) { return (a | 0x20) == b; })) {
      return row.action;
    }
  }
  return std::nullopt;
}

Result<void> RelabelConfig::validate() const {
  const std::string_view name = to_string(action);
  const bool needs_target =
      action == RelabelAction::Replace || action == RelabelAction::HashMod ||
      action == RelabelAction::KeepEqual || action == RelabelAction::DropEqual ||
      action == RelabelAction::Lowercase || action == RelabelAction::Uppercase;
  if (needs_target && target_label.empty()) {
    return fail(ErrorCode::BadData,
                "relabel configuration for {} action requires 'target_label' "
                "value",
                name);
  }
  if (action == RelabelAction::HashMod && modulus == 0) {
    return fail(ErrorCode::BadData, "relabel configuration for hashmod requires non-zero modulus");
  }
  const bool equal = action == RelabelAction::KeepEqual || action == RelabelAction::DropEqual;
  const bool name_only = action == RelabelAction::LabelDrop || action == RelabelAction::LabelKeep;
  const bool changed = separator != ";" || modulus != 0 || replacement != "$1";
  if (equal && (regex || changed)) {
    return fail(ErrorCode::BadData,
                "{} action requires only 'source_labels' and 'target_label', "
                "and no other fields",
                name);
  }
  if (name_only && (!source_labels.empty() || !target_label.empty() || changed)) {
    return fail(ErrorCode::BadData, "{} action requires only 'regex', and no other fields", name);
  }
  const bool case_change = action == RelabelAction::Lowercase || action == RelabelAction::Uppercase;
  if (case_change && replacement != "$1") {
    return fail(ErrorCode::BadData, "'replacement' can not be set for {} action", name);
  }
  const bool literal_target = case_change || equal || action == RelabelAction::HashMod;
  if (literal_target && target_label.find('$') != std::string::npos) {
    return fail(ErrorCode::BadData, "\"{}\" is invalid 'target_label' for {} action", target_label,
                name);
  }
  return {};
}

std::string_view to_string(RelabelAction action) {
  return kActionNames[static_cast<size_t>(action)].name;
}

std::optional<size_t> relabel_until_dropped(std::span<const RelabelConfig> configs,
                                            LabelsBuilder& labels) {
  for (size_t i = 0; i < configs.size(); ++i) {
    if (!apply(configs[i], labels)) return i;
  }
  return std::nullopt;
}

bool relabel(std::span<const RelabelConfig> configs, LabelsBuilder& labels) {
  return !relabel_until_dropped(configs, labels);
}

}  // namespace prom5
