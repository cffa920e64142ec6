#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace prom5::codec {

/// A YAML document as a plain tree that remembers where each node stood, so that a wrong value can
/// be named by line and column (both from 1).
struct YamlNode {
  enum class Kind : uint8_t { Null, Scalar, Sequence, Mapping };

  Kind kind = Kind::Null;
  std::string scalar;
  bool quoted = false;  ///< a quoted scalar is text even where it reads like a number
  std::vector<YamlNode> items;
  struct Entry;
  std::vector<Entry> entries;
  int line = 1;
  int column = 1;

  /// The value under `key` of a mapping, or null.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

struct YamlNode::Entry {
  YamlNode key;
  YamlNode value;
};

/// Aliases are replaced by what they stand for, and merge keys ("<<: *name") by the entries of what
/// they name; each node keeps the place where it is written.
/// BadData with "LINE:COLUMN: " in front for malformed text, duplicate keys, nesting deeper than
/// 100, and documents whose aliases expand past a million nodes.
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace prom5::codec
