#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/labels.h"
#include "model/regex.h"

namespace prom5 {

enum class RelabelAction : uint8_t {
  Replace,
  Keep,
  Drop,
  KeepEqual,
  DropEqual,
  HashMod,
  LabelMap,
  LabelDrop,
  LabelKeep,
  Lowercase,
  Uppercase,
};

/// "replace", "labelmap", ….
std::string_view to_string(RelabelAction action);

/// "replace", "labelmap", …; nothing for another word.
std::optional<RelabelAction> parse_relabel_action(std::string_view name);

/// One relabelling step with Prometheus' defaults (prometheus model/relabel/relabel.go).
struct RelabelConfig {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string target_label;
  std::optional<Regex> regex;  ///< nothing: "(.*)", which matches everything
  uint64_t modulus = 0;
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::Replace;

  /// BadData naming the key that is missing or may not be set with this action.
  [[nodiscard]] Result<void> validate() const;
};

/// Applies the steps in order. The place of the step that dropped the label set, if one did.
std::optional<size_t> relabel_until_dropped(std::span<const RelabelConfig> configs,
                                            LabelsBuilder& labels);

/// The same. False when a step dropped the label set.
bool relabel(std::span<const RelabelConfig> configs, LabelsBuilder& labels);

}  // namespace prom5
