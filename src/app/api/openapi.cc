#include "app/api/openapi.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "app/api/api_v1.h"
#include "io/codec/json.h"
#include "io/codec/yaml.h"

namespace prom5::api {

namespace {

using codec::YamlNode;
using Methods = std::map<std::string, std::string_view>;  // method in lower case: summary

std::map<std::string_view, Methods> by_path(const io::Router& router) {
  std::map<std::string_view, Methods> paths;
  for (const io::Router::Route& route : router.routes()) {
    std::string_view left = route.methods;
    while (!left.empty()) {
      const size_t bar = std::min(left.find('|'), left.size());
      std::string method(left.substr(0, bar));
      for (char& c : method) c = static_cast<char>(c | 0x20);
      paths[route.pattern].emplace(std::move(method), route.summary);
      left.remove_prefix(std::min(bar + 1, left.size()));
    }
  }
  return paths;
}

Json path_parameters(std::string_view pattern) {
  Json out = Json::array();
  for (size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const size_t close = pattern.find('}', open);
    out.push_back({{"name", pattern.substr(open + 1, close - open - 1)},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}}}});
  }
  return out;
}

/// A plain scalar as YAML's core schema reads it, as far as the document has such.
Json scalar_json(const YamlNode& node) {
  const std::string& text = node.scalar;
  if (node.quoted) return text;
  if (text == "true" || text == "false") return text == "true";
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && read == end) return number;
  return text;
}

Json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null: return nullptr;
    case YamlNode::Kind::Scalar: return scalar_json(node);
    case YamlNode::Kind::Sequence: {
      Json out = Json::array();
      for (const YamlNode& item : node.items) out.push_back(to_json(item));
      return out;
    }
    case YamlNode::Kind::Mapping: {
      Json out = Json::object();
      for (const YamlNode::Entry& entry : node.entries) {
        out[entry.key.scalar] = to_json(entry.value);
      }
      return out;
    }
  }
  return nullptr;
}

/// The file's content. It is our own, and a test reads it: what is wrong with it is a defect.
const Json& descriptions() {
  static const Json kDescriptions = [] {
    const auto document = codec::parse_yaml(openapi_yaml());
    CHECK(document);
    Json out = to_json(*document);
    CHECK(out.contains("paths") && out.contains("components"));
    return out;
  }();
  return kDescriptions;
}

/// What the file says of an operation; null where it says nothing.
const Json* description_of(std::string_view path, std::string_view method) {
  const Json& paths = descriptions()["paths"];
  const auto item = paths.find(path);
  if (item == paths.end()) return nullptr;
  const auto operation = item->find(method);
  return operation == item->end() ? nullptr : &*operation;
}

std::string shown(std::string_view path, std::string_view method) {
  std::string out(method);
  for (char& c : out) c = static_cast<char>(c & ~0x20);
  return out.append(" ").append(path);
}

}  // namespace

std::string describe_routes(const io::Router& router) {
  Json paths = Json::object();
  for (const auto& [pattern, methods] : by_path(router)) {
    Json item = Json::object();
    if (pattern.find('{') != std::string_view::npos) item["parameters"] = path_parameters(pattern);
    for (const auto& [method, summary] : methods) {
      Json operation{{"summary", summary}};
      if (const Json* described = description_of(pattern, method)) {
        operation.update(*described);
      } else {
        operation["responses"] = {{"default", {{"description", "See the reference."}}}};
      }
      item[method] = std::move(operation);
    }
    paths[std::string(pattern)] = std::move(item);
  }
  return codec::dump_json({{"openapi", "3.1.0"},
                           {"info", {{"title", "prom5"}, {"version", version()}}},
                           {"paths", std::move(paths)},
                           {"components", descriptions()["components"]}});
}

std::vector<std::string> undescribed_routes(const io::Router& router) {
  std::vector<std::string> out;
  for (const auto& [pattern, methods] : by_path(router)) {
    if (!pattern.starts_with("/api/v5/") && pattern != "/ws" && pattern != "/mcp") continue;
    for (const auto& [method, summary] : methods) {
      if (description_of(pattern, method) == nullptr) out.push_back(shown(pattern, method));
    }
  }
  return out;
}

std::vector<std::string> described_routes() {
  std::vector<std::string> out;
  for (const auto& [path, item] : descriptions()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) out.push_back(shown(path, method));
  }
  return out;
}

}  // namespace prom5::api
