#include "io/codec/yaml.h"

#include <yaml-cpp/yaml.h>

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
      return fail(ErrorCode::BadData, "line {}, column {}: document nests too deep or is too large",
                  out.line, out.column);
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
            return fail(ErrorCode::BadData, "line {}, column {}: key \"{}\" is given twice",
                        key.line, key.column, key.scalar);
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

Result<YamlNode> parse_yaml(std::string_view text) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    return Converter{}.convert(root, 0);
  } catch (const YAML::Exception& e) {
    return fail(ErrorCode::BadData, "line {}, column {}: {}", e.mark.line + 1, e.mark.column + 1,
                e.msg);
  }
}

}  // namespace prom5::codec
