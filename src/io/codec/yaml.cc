#include "io/codec/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "io/codec/base64.h"

namespace prom5::codec {

namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxNodes = 1'000'000;

struct Converter {
  size_t nodes = 0;

  Result<YamlNode> convert(const YAML::Node& in, int depth) {
    YamlNode out;
    out.line = in.Mark().line + 1;
    out.column = in.Mark().column + 1;
    if (depth > kMaxDepth || ++nodes > kMaxNodes) {
      return fail(ErrorCode::BadData, "{}:{}: document nests too deep or is too large", out.line,
                  out.column);
    }
    switch (in.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: break;
      case YAML::NodeType::Scalar:
        out.kind = YamlNode::Kind::Scalar;
        out.scalar = in.Scalar();
        out.quoted = in.Tag() == "!";
        if (in.Tag() == "tag:yaml.org,2002:binary") {
          auto bytes = base64_decode(out.scalar);
          if (!bytes) {
            return fail(ErrorCode::BadData, "{}:{}: !!binary needs base64", out.line, out.column);
          }
          out.scalar = *std::move(bytes);
        }
        break;
      case YAML::NodeType::Sequence:
        out.kind = YamlNode::Kind::Sequence;
        for (const YAML::Node& item : in) out.items.push_back(TRY(convert(item, depth + 1)));
        break;
      case YAML::NodeType::Map: TRY(convert_mapping(in, depth, out)); break;
    }
    return out;
  }

  Result<void> convert_mapping(const YAML::Node& in, int depth, YamlNode& out) {
    out.kind = YamlNode::Kind::Mapping;
    std::optional<YamlNode> merged;
    std::unordered_set<std::string> known;  // a list of many keys would be gone through for each
    for (const auto& entry : in) {
      YamlNode key = TRY(convert(entry.first, depth + 1));
      const bool merge = key.scalar == "<<" && !key.quoted;
      if (merge ? merged.has_value() : !known.insert(key.scalar).second) {
        return fail(ErrorCode::BadData, "{}:{}: key \"{}\" is given twice", key.line, key.column,
                    key.scalar);
      }
      YamlNode value = TRY(convert(entry.second, depth + 1));
      if (merge) {
        merged = std::move(value);
      } else {
        out.entries.push_back({std::move(key), std::move(value)});
      }
    }
    return merged ? merge_into(out, known, *std::move(merged)) : Result<void>();
  }

  /// What the mapping has of its own, `known` by its keys, stays, and of what is merged the first
  /// (yaml.org/type/merge.html).
  static Result<void> merge_into(YamlNode& out, std::unordered_set<std::string>& known,
                                 YamlNode merged) {
    std::vector<YamlNode> sources;
    if (merged.kind == YamlNode::Kind::Sequence) {
      sources = std::move(merged.items);
    } else {
      sources.push_back(std::move(merged));
    }
    for (YamlNode& source : sources) {
      if (source.kind != YamlNode::Kind::Mapping) {
        return fail(ErrorCode::BadData,
                    "{}:{}: \"<<\" merges a mapping or a list of mappings, like *name of one",
                    source.line, source.column);
      }
      for (YamlNode::Entry& entry : source.entries) {
        if (known.insert(entry.key.scalar).second) out.entries.push_back(std::move(entry));
      }
    }
    return {};
  }
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [k, v] : entries) {
    if (k.scalar == key) return &v;
  }
  return nullptr;
}

namespace {

std::string_view without_indent(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

/// "key:value", where the colon needs a space behind it.
bool lacks_space_after_colon(std::string_view line) {
  const std::string_view text = without_indent(line);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
  const bool word = text.find_first_of(" \"'{[#/") > colon;
  return word && text[colon + 1] != ' ' && text[colon + 1] != '/';
}

bool lacks_space_after_dash(std::string_view line) {
  const std::string_view text = without_indent(line);
  return text.size() > 1 && text[0] == '-' && text[1] != ' ' && text[1] != '-';
}

/// What people usually did where the parser only says what it ran into.
std::string_view likely_cause(std::string_view text, const YAML::Exception& e) {
  std::string_view line;
  std::string_view before;  // the line above that is not blank
  for (int number = 0; number <= e.mark.line && !text.empty(); ++number) {
    if (text.starts_with("<<<<<<< ") || text.starts_with(">>>>>>> ")) {
      return "; a git merge left its conflict markers in the file: remove them";
    }
    if (text.starts_with('\t')) return "; indent with spaces, not with tabs";
    if (!without_indent(line).empty()) before = line;
    line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  const auto says = [&](std::string_view what) { return e.msg.find(what) != std::string::npos; };
  if (says("anchor")) return "; put a value that begins with * or & into quotes";
  if (lacks_space_after_dash(line) || lacks_space_after_dash(before)) {
    return "; write a space after the dash that begins an entry of a list";
  }
  if (lacks_space_after_colon(before)) return "; write a space after the colon: \"key: value\"";
  if (says("illegal map value")) {
    const size_t first = line.find(": ");
    if (first != std::string_view::npos && line.find(": ", first + 2) != std::string_view::npos) {
      return "; put a value that holds a colon into quotes";
    }
    return "; its indentation does not fit the line above: align the keys of a mapping";
  }
  if (says("end of sequence not found") || says("end of map not found")) {
    return "; its indentation does not fit the lines above (align keys in one column), or a quote "
           "or a bracket further up is not closed";
  }
  return says("not found") ? "; a quote or a bracket further up may not be closed" : "";
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    return Converter{}.convert(root, 0);
  } catch (const YAML::Exception& e) {
    return fail(ErrorCode::BadData, "{}:{}: {}{}", e.mark.line + 1, e.mark.column + 1, e.msg,
                likely_cause(text, e));
  }
}

}  // namespace prom5::codec
