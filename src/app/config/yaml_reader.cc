#include "app/config/yaml_reader.h"

#include <array>
#include <charconv>

#include "base/spelling.h"

namespace prom5::config {

namespace {

std::string_view kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null: return "nothing";
    case YamlNode::Kind::Scalar: return "a single value";
    case YamlNode::Kind::Sequence: return "a list";
    case YamlNode::Kind::Mapping: return "a mapping";
  }
  return "nothing";
}

}  // namespace

std::unexpected<Error> fail_in(std::string_view file, const YamlNode& node,
                               std::string_view message) {
  return fail(ErrorCode::BadData, "{}:{}:{}: {}", file, node.line, node.column, message);
}

Result<void> YamlReader::mapping(const YamlNode& node, std::string_view what,
                                 std::span<const Key> keys) const {
  if (node.kind == YamlNode::Kind::Null) return {};  // "tls_config:" with nothing behind
  if (node.kind != YamlNode::Kind::Mapping) {
    return error(node, fmt::format("{}: expected a mapping, found {}", what, kind_of(node)));
  }
  for (const auto& [name, value] : node.entries) {
    const Key* found = nullptr;
    for (const Key& key : keys) {
      if (key.name == name.scalar) found = &key;
    }
    if (found == nullptr) {
      std::vector<std::string_view> names;
      for (const Key& key : keys) names.push_back(key.name);
      const std::string_view near = nearest(name.scalar, names);
      return error(name, fmt::format("unknown key \"{}\" in {}{}", name.scalar, what,
                                     near.empty() ? std::string()
                                                  : fmt::format("; did you mean \"{}\"?", near)));
    }
    TRY(found->read(value));
  }
  return {};
}

Result<void> YamlReader::sequence(const YamlNode& node, std::string_view what,
                                  const std::function<Result<void>(const YamlNode&)>& item) const {
  if (node.kind == YamlNode::Kind::Null) return {};
  if (node.kind != YamlNode::Kind::Sequence) {
    return error(node, fmt::format("{}: expected a list, found {}; begin each entry with \"- \"",
                                   what, kind_of(node)));
  }
  for (const YamlNode& entry : node.items) TRY(item(entry));
  return {};
}

Result<std::string> YamlReader::string(const YamlNode& node) const {
  if (node.kind == YamlNode::Kind::Null) return std::string();
  if (node.kind != YamlNode::Kind::Scalar) {
    return error(node, fmt::format("expected a text, found {}", kind_of(node)));
  }
  return node.scalar;
}

Result<bool> YamlReader::boolean(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  // As YAML 1.1 has them, which Prometheus reads.
  for (const std::string_view yes :
       {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no :
       {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
    if (text == no) return false;
  }
  return error(node, fmt::format("expected true or false, found \"{}\"", text));
}

Result<uint64_t> YamlReader::count(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    return error(node, fmt::format("expected a whole number of at least 0, found \"{}\"", text));
  }
  return value;
}

Result<DurationMs> YamlReader::duration(const YamlNode& node, Zero zero) const {
  const std::string text = TRY(string(node));
  const auto value = parse_duration(text);
  if (!value) {
    return error(node, fmt::format("{}; write a number and a unit of ms, s, m, h, d, w or y, like "
                                   "\"15s\"",
                                   value.error().message));
  }
  if (value->ms == 0 && zero == Zero::Refused) {
    return error(node, "the duration must be greater than 0");
  }
  return *value;
}

Result<uint64_t> YamlReader::size(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  constexpr std::array<std::pair<std::string_view, unsigned>, 13> kUnits = {{
      {"EiB", 60},
      {"PiB", 50},
      {"TiB", 40},
      {"GiB", 30},
      {"MiB", 20},
      {"KiB", 10},
      {"EB", 60},
      {"PB", 50},
      {"TB", 40},
      {"GB", 30},
      {"MB", 20},
      {"KB", 10},
      {"B", 0},
  }};
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (failure == std::errc{} && unit.empty()) return value;
  if (failure == std::errc{}) {
    for (const auto& [name, shift] : kUnits) {
      if (unit == name && value <= UINT64_MAX >> shift) return value << shift;
    }
  }
  return error(node, fmt::format("expected a size like \"64MB\", found \"{}\"", text));
}

Result<std::vector<std::string>> YamlReader::strings(const YamlNode& node) const {
  std::vector<std::string> out;
  TRY(sequence(node, "list", [&](const YamlNode& item) -> Result<void> {
    out.push_back(TRY(string(item)));
    return {};
  }));
  return out;
}

}  // namespace prom5::config
