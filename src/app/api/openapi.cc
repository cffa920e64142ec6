#include "app/api/openapi.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "app/api/api_v1.h"
#include "io/codec/json.h"
#include "io/codec/yaml.h"

namespace prom5::api {

namespace {

using codec::YamlNode;

constexpr std::string_view kV1 = "/api/v1";
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

/// Adds what `more` has to the objects of `out`. A name that both have is a defect of the files.
void merge(Json& out, const Json& more) {
  for (const auto& [key, value] : more.items()) {
    CHECK(!out.contains(key));
    out[key] = value;
  }
}

/// The files' content. They are our own, and a test reads them: what is wrong is a defect.
const Json& descriptions() {
  static const Json kDescriptions = [] {
    Json out{{"paths", Json::object()}, {"components", Json::object()}};
    for (const std::string_view text : {openapi_yaml(), openapi_v1_yaml()}) {
      const auto document = codec::parse_yaml(text);
      CHECK(document);
      const Json file = to_json(*document);
      CHECK(file.contains("paths") && file.contains("components"));
      merge(out["paths"], file["paths"]);
      for (const auto& [kind, parts] : file["components"].items()) {
        merge(out["components"][kind], parts);
      }
    }
    return out;
  }();
  return kDescriptions;
}

constexpr std::string_view kComponents = "#/components/";

/// What a reference stands for; what is none stands for itself.
const Json& resolved(const Json& json) {
  const auto reference = json.find("$ref");
  if (reference == json.end()) return json;
  return descriptions().at(Json::json_pointer(reference->get<std::string>().substr(1)));
}

/// A GET's parameters as the form of a POST.
Json as_form(const Json& get) {
  Json form{{"type", "object"}, {"properties", Json::object()}};
  Json others = Json::array();
  for (const Json& written : get.value("parameters", Json::array())) {
    const Json& parameter = resolved(written);
    if (parameter.at("in") != "query") {
      others.push_back(written);
      continue;
    }
    Json schema = parameter.at("schema");
    if (parameter.contains("description")) schema["description"] = parameter["description"];
    const auto& name = parameter.at("name").get_ref<const std::string&>();
    form["properties"][name] = std::move(schema);
    if (parameter.value("required", false)) form["required"].push_back(name);
  }
  Json post = get;
  post["operationId"] = get.at("operationId").get<std::string>() + "Post";
  post.erase("parameters");
  if (!others.empty()) post["parameters"] = std::move(others);
  post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"] = std::move(form);
  return post;
}

/// What the files say of an operation; nothing where they say nothing.
std::optional<Json> description_of(std::string_view path, std::string_view method) {
  const Json& paths = descriptions()["paths"];
  const auto item = paths.find(path);
  if (item == paths.end()) return std::nullopt;
  if (const auto operation = item->find(method); operation != item->end()) return *operation;
  const auto get = item->find("get");
  const bool form = method == "post" && path.starts_with(kV1) && get != item->end();
  return form ? std::optional(as_form(*get)) : std::nullopt;
}

Json describe_path(std::string_view pattern, const Methods& methods) {
  Json item = Json::object();
  if (pattern.find('{') != std::string_view::npos) item["parameters"] = path_parameters(pattern);
  for (const auto& [method, summary] : methods) {
    Json operation{{"summary", summary}};
    if (const auto described = description_of(pattern, method)) {
      operation.update(*described);
    } else {
      operation["responses"] = {{"default", {{"description", "See the reference."}}}};
    }
    item[method] = std::move(operation);
  }
  return item;
}

/// The components that `json` refers to, and those that these refer to.
void collect_components(const Json& json, std::set<std::string>& out) {
  if (json.is_object() && json.contains("$ref")) {
    const auto& reference = json["$ref"].get_ref<const std::string&>();
    if (reference.starts_with(kComponents) && out.insert(reference).second) {
      collect_components(resolved(json), out);
    }
  }
  if (!json.is_structured()) return;
  for (const Json& inner : json) collect_components(inner, out);
}

Json components_of(const Json& paths) {
  std::set<std::string> references;
  collect_components(paths, references);
  Json out = Json::object();
  for (const std::string& reference : references) {
    const std::string name = reference.substr(kComponents.size());
    out[Json::json_pointer("/" + name)] = resolved({{"$ref", reference}});
  }
  return out;
}

/// Whether YAML reads a key without quotes as this text.
bool is_plain_key(std::string_view key) {
  const auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  constexpr std::array kWords = std::to_array<std::string_view>(
      {"true", "false", "null", "yes", "no", "on", "off", "y", "n"});
  return !key.empty() && (is_letter(key[0]) || key[0] == '/') &&
         std::ranges::find(kWords, key) == kWords.end() && std::ranges::all_of(key, [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '/';
         });
}

/// Block style; scalars, and what is empty, as JSON has them, which YAML reads likewise.
void append_yaml(const Json& json, size_t indent, std::string& out) {
  const auto value = [&](const Json& inner) {
    if (inner.is_structured() && !inner.empty()) {
      out += '\n';
      append_yaml(inner, indent + 2, out);
    } else {
      out += ' ' + codec::dump_json(inner) + '\n';
    }
  };
  if (json.is_array()) {
    for (const Json& item : json) {
      out.append(indent, ' ') += '-';
      value(item);
    }
    return;
  }
  for (const auto& [key, inner] : json.items()) {
    out.append(indent, ' ') += is_plain_key(key) ? key : codec::dump_json(key);
    out += ':';
    value(inner);
  }
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
    paths[std::string(pattern)] = describe_path(pattern, methods);
  }
  return codec::dump_json({{"openapi", "3.1.0"},
                           {"info", {{"title", "prom5"}, {"version", version()}}},
                           {"paths", std::move(paths)},
                           {"components", descriptions()["components"]}});
}

std::string describe_v1_routes(const io::Router& router, std::string_view version) {
  Json paths = Json::object();
  for (const auto& [pattern, methods] : by_path(router)) {
    if (!pattern.starts_with("/api/v1/")) continue;
    paths[std::string(pattern.substr(kV1.size()))] = describe_path(pattern, methods);
  }
  const Json components = components_of(paths);
  const bool newer = version == "3.2" || version == "3.2.0";
  const Json document{{"openapi", newer ? "3.2.0" : "3.1.0"},
                      {"info", {{"title", "prom5"}, {"version", api::version()}}},
                      {"servers", Json::array({{{"url", kV1}}})},
                      {"paths", std::move(paths)},
                      {"components", components}};
  std::string out;
  append_yaml(document, 0, out);
  return out;
}

void add_openapi_routes(io::Router& router) {
  router.add("GET", "/api/v1/openapi.yaml", "What is below /api/v1, as OpenAPI.",
             [&router](const io::HttpRequest& request, const io::PathArguments&) {
               io::HttpResponse response;
               response.headers.add("Content-Type", "application/yaml; charset=utf-8");
               response.headers.add("Cache-Control", "no-cache, no-store, must-revalidate");
               response.body = describe_v1_routes(router, request.parameter("openapi_version"));
               return response;
             });
  router.add("GET", "/api/v5/openapi.json", "This description, as OpenAPI 3.1.",
             [&router](const io::HttpRequest&, const io::PathArguments&) {
               return io::HttpResponse::json(200, describe_routes(router));
             });
}

std::vector<std::string> undescribed_routes(const io::Router& router) {
  std::vector<std::string> out;
  for (const auto& [pattern, methods] : by_path(router)) {
    const bool own = pattern.starts_with("/api/v5/") || pattern == "/ws" || pattern == "/mcp";
    if (!own && !pattern.starts_with("/api/v1/")) continue;
    for (const auto& [method, summary] : methods) {
      if (!description_of(pattern, method)) out.push_back(shown(pattern, method));
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
