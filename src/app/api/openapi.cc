#include "app/api/openapi.h"

#include <algorithm>
#include <map>

#include "app/api/api_v1.h"
#include "io/codec/json_writer.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;
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

void write_path_parameters(JsonWriter& json, std::string_view pattern) {
  json.key("parameters").begin_array();
  for (size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const size_t close = pattern.find('}', open);
    json.begin_object();
    json.field("name", pattern.substr(open + 1, close - open - 1));
    json.field("in", "path").key("required").boolean(true);
    json.key("schema").begin_object().field("type", "string").end_object();
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string describe_routes(const io::Router& router) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("openapi", "3.1.0");
  json.key("info").begin_object();
  json.field("title", "prom5").field("version", version()).end_object();
  json.key("paths").begin_object();
  for (const auto& [pattern, methods] : by_path(router)) {
    json.key(pattern).begin_object();
    if (pattern.find('{') != std::string_view::npos) write_path_parameters(json, pattern);
    for (const auto& [method, summary] : methods) {
      json.key(method).begin_object().field("summary", summary);
      json.key("responses").begin_object();
      json.key("default").begin_object().field("description", "See the reference.").end_object();
      json.end_object().end_object();
    }
    json.end_object();
  }
  json.end_object().end_object();
  return out;
}

}  // namespace prom5::api
