#include "collect/discovery/target_list.h"

#include "io/codec/json.h"
#include "io/codec/utf8.h"
#include "io/codec/yaml.h"

namespace prom5::discovery {

namespace {

using codec::YamlNode;

std::unexpected<Error> error(const YamlNode& node, std::string_view what) {
  return fail(ErrorCode::BadData, "{}:{}: {}", node.line, node.column, what);
}

Result<TargetGroup> read_group(const YamlNode& node, std::string source, bool json) {
  if (node.kind != YamlNode::Kind::Mapping) {
    return error(node, "expected {targets: […], labels: {…}}");
  }
  TargetGroup group;
  group.source = std::move(source);
  for (const auto& [key, value] : node.entries) {
    if (key.scalar == "targets") {
      if (value.kind != YamlNode::Kind::Sequence && value.kind != YamlNode::Kind::Null) {
        return error(value, "targets: expected a list");
      }
      for (const YamlNode& item : value.items) {
        if (item.kind != YamlNode::Kind::Scalar || (json && !item.quoted))
          return error(item, "a target is a text, host:port");
        group.targets.push_back(Labels{{"__address__", item.scalar}});
      }
    } else if (key.scalar == "labels") {
      LabelsBuilder labels;
      for (const auto& [name, text] : value.entries) {
        const bool nested =
            text.kind == YamlNode::Kind::Sequence || text.kind == YamlNode::Kind::Mapping;
        if (nested || (json && !text.quoted)) {
          return error(text, "the value of a label is a text");
        }
        if (name.scalar.empty() || !codec::utf8_valid(name.scalar) ||
            !codec::utf8_valid(text.scalar)) {
          return error(name, fmt::format("\"{}\" is not a valid label", name.scalar));
        }
        labels.set(name.scalar, text.scalar);
      }
      group.labels = labels.build();
    } else {
      return error(key,
                   fmt::format("unknown key \"{}\"; known are targets and labels", key.scalar));
    }
  }
  return group;
}

}  // namespace

Result<std::vector<TargetGroup>> parse_target_list(std::string_view text, const std::string& source,
                                                   TargetListFormat format) {
  const bool json = format == TargetListFormat::Json;
  // Half a file is then told from a whole one.
  if (json) TRY(codec::parse_json(text));
  const YamlNode root = TRY(codec::parse_yaml(text));
  if (root.kind != YamlNode::Kind::Sequence && root.kind != YamlNode::Kind::Null) {
    return error(root, "expected a list of {targets: […], labels: {…}}");
  }
  std::vector<TargetGroup> out;
  for (size_t i = 0; i < root.items.size(); ++i) {
    out.push_back(TRY(read_group(root.items[i], fmt::format("{}:{}", source, i), json)));
  }
  return out;
}

}  // namespace prom5::discovery
