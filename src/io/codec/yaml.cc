#include "io/codec/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

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
        break;
      case YAML::NodeType::Sequence:
        out.kind = YamlNode::Kind::Sequence;
        for (const YAML::Node& item : in) out.items.push_back(TRY(convert(item, depth + 1)));
        break;
      case YAML::NodeType::Map: {
        out.kind = YamlNode::Kind::Mapping;
        for (const auto& entry : in) {
          YamlNode key = TRY(convert(entry.first, depth + 1));
          if (out.find(key.scalar) != nullptr) {
            return fail(ErrorCode::BadData, "{}:{}: key \"{}\" is given twice", key.line,
                        key.column, key.scalar);
          }
          YamlNode value = TRY(convert(entry.second, depth + 1));
          out.entries.push_back({std::move(key), std::move(value)});
        }
        break;
      }
    }
    return out;
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

/// What people usually did where the parser only says what it ran into.
std::string_view likely_cause(std::string_view text, const YAML::Exception& e) {
  size_t line_start = 0;
  for (int line = 0; line <= e.mark.line && line_start < text.size(); ++line) {
    if (text.substr(line_start).starts_with('\t')) return "; indent with spaces, not with tabs";
    line_start = std::min(text.find('\n', line_start), text.size() - 1) + 1;
  }
  const bool ran_on = e.msg.find("not found") != std::string::npos;
  return ran_on ? "; a quote or a bracket further up may not be closed" : "";
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
