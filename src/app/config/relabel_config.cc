#include "app/config/relabel_config.h"

#include <array>

namespace prom5::config {

namespace {

constexpr std::array kActions = std::to_array<std::string_view>(
    {"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop",
     "labelkeep", "lowercase", "uppercase"});

/// The key that the action cannot have, or the whole entry.
const YamlNode& culprit_of(const YamlNode& entry, RelabelAction action) {
  const bool equal = action == RelabelAction::KeepEqual || action == RelabelAction::DropEqual;
  const bool names = action == RelabelAction::LabelDrop || action == RelabelAction::LabelKeep;
  for (const auto& [key, value] : entry.entries) {
    const std::string& name = key.scalar;
    const bool detail = name == "modulus" || name == "separator" || name == "replacement";
    if (equal && (detail || name == "regex")) return key;
    if (names && (detail || name == "source_labels" || name == "target_label")) return key;
  }
  return entry;
}

Result<RelabelConfig> read_one(const YamlReader& reader, const YamlNode& entry,
                               std::string_view what) {
  if (entry.kind == YamlNode::Kind::Null) {
    return reader.error(entry,
                        fmt::format("{}: an entry is empty or null; remove the \"-\"", what));
  }
  RelabelConfig config;
  const Read regex = [&](const YamlNode& n) -> Result<void> {
    if (n.kind == YamlNode::Kind::Null) return {};
    auto compiled = Regex::compile(TRY(reader.string(n)));
    if (!compiled) return reader.error(n, "regex: " + compiled.error().message);
    config.regex = *std::move(compiled);
    return {};
  };
  const Read action = [&](const YamlNode& n) -> Result<void> {
    if (const auto known = parse_relabel_action(TRY(reader.string(n)))) {
      config.action = *known;
      return {};
    }
    TRY(reader.word(n, "relabel action", kActions));
    return {};
  };
  const std::vector<Key> keys = {{"source_labels", reader.into(config.source_labels)},
                                 {"separator", reader.into(config.separator)},
                                 {"target_label", reader.into(config.target_label)},
                                 {"modulus", reader.into(config.modulus)},
                                 {"replacement", reader.into(config.replacement)},
                                 {"regex", regex},
                                 {"action", action}};
  TRY(reader.mapping(entry, "an entry of relabelling", keys));
  if (auto valid = config.validate(); !valid) {
    return reader.error(culprit_of(entry, config.action), valid.error().message);
  }
  return config;
}

}  // namespace

Read relabel_configs(const YamlReader& reader, std::string_view what,
                     std::vector<RelabelConfig>& out) {
  return [&reader, what, &out](const YamlNode& node) {
    return reader.sequence(node, what, [&](const YamlNode& entry) -> Result<void> {
      out.push_back(TRY(read_one(reader, entry, what)));
      return {};
    });
  };
}

}  // namespace prom5::config
