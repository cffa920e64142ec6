#include "app/api/mcp.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "io/codec/json.h"

namespace prom5::api {

namespace {

/// The newest first: what is agreed on when a client wants one that nobody knows here.
constexpr std::array kRevisions =
    std::to_array<std::string_view>({"2025-06-18", "2025-03-26", "2024-11-05"});
/// The revision that took batches away, gave structured results and a header for revisions.
constexpr std::string_view kStructured = "2025-06-18";

constexpr std::array kLogLevels = std::to_array<std::string_view>(
    {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"});

constexpr std::string_view kInstructions =
    "Metrics of the systems that this server watches. Look for metrics before you query them; "
    "every number should come from a query. All tools only read.";

struct Prompt {
  std::string_view name;
  std::string_view description;
  std::string_view argument;  ///< a required one; empty: none
  std::string_view argument_description;
  std::string_view text;  ///< "{}" stands for the argument
};

constexpr std::array kPrompts = std::to_array<Prompt>({
    {"health_check", "What is the state of all that is watched?", "", "",
     "Check the health of everything that is watched: which targets are down, which alerts fire, "
     "and how busy processors, memory and disks are. Name the query behind each number."},
    {"investigate", "Why does something behave as it does?", "subject",
     "what to look into: an alert, a host, a service, a metric",
     "Investigate {}. Find the metrics that tell about it, look at their last hours, say what "
     "changed and when, and what the likely cause is. Name the query behind each number."},
});

/// The member of that name when it is an object, else an empty one.
Json object_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "integer") {
    return value.is_number() && value.get<double>() == std::trunc(value.get<double>());
  }
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "null") return value.is_null();
  return true;  // a word of JSON schema that is not checked here
}

bool has_one_type(const Json& value, const Json& types) {
  if (types.is_string()) return has_type(value, types.get<std::string>());
  if (!types.is_array() || types.empty()) return true;
  return std::ranges::any_of(types, [&](const Json& type) {
    return type.is_string() && has_type(value, type.get<std::string>());
  });
}

/// What is wrong with the arguments, by the top level of the schema: a client may send anything.
std::optional<std::string> wrong_argument(const Json& schema, const Json& arguments) {
  const Json properties = object_member(schema, "properties");
  for (const Json& name : schema.value("required", Json::array())) {
    if (name.is_string() && !arguments.contains(name.get<std::string>())) {
      return fmt::format("argument \"{}\" is missing", name.get<std::string>());
    }
  }
  for (const auto& [name, value] : arguments.items()) {
    const auto property = properties.find(name);
    if (property == properties.end()) {
      if (schema.value("additionalProperties", Json()) == Json(false)) {
        return fmt::format("there is no argument \"{}\"", name);
      }
      continue;
    }
    if (!property->is_object()) continue;
    if (const auto type = property->find("type");
        type != property->end() && !has_one_type(value, *type)) {
      return fmt::format("argument \"{}\" must be of type {}", name, codec::dump_json(*type));
    }
    if (const auto allowed = property->find("enum");
        allowed != property->end() && std::ranges::find(*allowed, value) == allowed->end()) {
      return fmt::format("argument \"{}\" must be one of {}", name, codec::dump_json(*allowed));
    }
  }
  return std::nullopt;
}

Json tool_json(const ToolSpec& spec) {
  Json schema = spec.parameters.is_object() ? spec.parameters : Json::object();
  schema["type"] = "object";
  return {{"name", spec.name},
          {"description", spec.description},
          {"inputSchema", schema},
          {"annotations",
           {{"readOnlyHint", true},
            {"destructiveHint", false},
            {"idempotentHint", true},
            {"openWorldHint", false}}}};
}

Json tool_result(const Json& result, bool structured) {
  Json out{{"content", Json::array({{{"type", "text"}, {"text", codec::dump_json(result)}}})},
           {"isError", false}};
  if (structured) {
    out["structuredContent"] = result.is_object() ? result : Json{{"result", result}};
  }
  return out;
}

Json tool_failure(const std::string& message) {
  return {{"content", Json::array({{{"type", "text"}, {"text", message}}})}, {"isError", true}};
}

Json prompt_json(const Prompt& prompt) {
  Json out{{"name", prompt.name}, {"description", prompt.description}};
  Json arguments = Json::array();
  if (!prompt.argument.empty()) {
    arguments.push_back({{"name", prompt.argument},
                         {"description", prompt.argument_description},
                         {"required", true}});
  }
  out["arguments"] = std::move(arguments);
  return out;
}

bool is_id(const Json& id) { return id.is_string() || id.is_number_integer(); }

}  // namespace

struct McpCore::Method {
  struct Call {
    McpCore& core;
    const Json& parameters;
    const Json& id;
    const Peer& peer;
  };
  std::string_view name;
  std::function<Outcome(const Call&)> run;
};

const std::vector<McpCore::Method>& McpCore::methods() {
  using Call = Method::Call;
  static const std::vector<Method> kMethods = {
      {"initialize", [](const Call& c) { return c.core.initialize(c.parameters); }},
      {"ping", [](const Call&) -> Outcome { return Json::object(); }},
      {"tools/list", [](const Call& c) { return c.core.list_tools(c.parameters); }},
      {"tools/call", [](const Call& c) { return c.core.call_tool(c.parameters, c.id, c.peer); }},
      {"resources/list", [](const Call& c) { return c.core.list_resources(c.parameters); }},
      {"resources/templates/list",
       [](const Call&) -> Outcome { return Json{{"resourceTemplates", Json::array()}}; }},
      {"resources/read", [](const Call& c) { return c.core.read_resource(c.parameters, c.peer); }},
      {"prompts/list",
       [](const Call&) -> Outcome {
         Json prompts = Json::array();
         for (const Prompt& prompt : kPrompts) prompts.push_back(prompt_json(prompt));
         return Json{{"prompts", prompts}};
       }},
      {"prompts/get", [](const Call& c) { return c.core.get_prompt(c.parameters); }},
      {"logging/setLevel",
       [](const Call& c) -> Outcome {
         // Nothing is sent that a level could hold back.
         if (std::ranges::find(kLogLevels, text_member(c.parameters, "level")) !=
             kLogLevels.end()) {
           return Json::object();
         }
         return std::unexpected(RpcError{kInvalidParams, "\"level\" is not known"});
       }},
  };
  return kMethods;
}

McpCore::McpCore(std::vector<Tool*> tools, std::vector<McpResource> resources, const Clock& clock,
                 MetricRegistry& metrics, McpOptions options)
    : resources_(std::move(resources)),
      clock_(clock),
      options_(std::move(options)),
      messages_(
          metrics.counter("prom5_mcp_messages_total", "Messages of the Model Context Protocol.")),
      tool_calls_(metrics.counter("prom5_mcp_tool_calls_total", "Tools called over MCP.")),
      failed_calls_(metrics.counter("prom5_mcp_tool_failures_total",
                                    "Tools called over MCP that gave an error.")),
      refused_(metrics.counter("prom5_mcp_refused_total",
                               "MCP messages and sessions turned away by a limit.")) {
  for (Tool* tool : tools) tools_.push_back({tool->spec(), tool});
}

bool McpCore::knows_revision(std::string_view revision) {
  return std::ranges::find(kRevisions, revision) != kRevisions.end();
}

std::string McpCore::agreed_revision(const Json& parameters) {
  const std::string wanted = text_member(parameters, "protocolVersion");
  return knows_revision(wanted) ? wanted : std::string(kRevisions[0]);
}

bool McpCore::is_initialize(const Json& message) {
  return message.is_object() && text_member(message, "method") == "initialize" &&
         message.contains("id");
}

Json McpCore::error_message(const Json& id, int code, std::string_view message) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}};
}

std::optional<Json> McpCore::answer_text(std::string_view text, const Peer& peer) {
  const auto message = codec::parse_json(text);
  if (message) return answer(*message, peer);
  messages_.add();
  return error_message(nullptr, kParseError, "not JSON: " + message.error().message);
}

std::optional<Json> McpCore::answer(const Json& message, const Peer& peer) {
  return message.is_array() ? answer_batch(message, peer) : answer_one(message, peer);
}

std::optional<Json> McpCore::answer_batch(const Json& batch, const Peer& peer) {
  const auto refuse = [&](std::string_view why) {
    messages_.add();
    return error_message(nullptr, kInvalidRequest, why);
  };
  if (peer.revision >= kStructured) return refuse("this revision of the protocol has no batches");
  if (batch.empty()) return refuse("an empty batch");
  if (batch.size() > options_.max_batch) {
    refused_.add();
    return refuse(fmt::format("a batch may have {} messages", options_.max_batch));
  }
  Json answers = Json::array();
  for (const Json& message : batch) {
    if (is_initialize(message)) {
      answers.push_back(
          error_message(message["id"], kInvalidRequest, "\"initialize\" stands alone"));
    } else if (auto one = answer_one(message, peer)) {
      answers.push_back(*std::move(one));
    }
  }
  if (answers.empty()) return std::nullopt;
  return answers;
}

std::optional<Json> McpCore::answer_one(const Json& message, const Peer& peer) {
  messages_.add();
  if (!message.is_object() || text_member(message, "jsonrpc") != "2.0") {
    return error_message(nullptr, kInvalidRequest, "not a message of JSON-RPC 2.0");
  }
  const bool has_id = message.contains("id");
  const Json id = has_id ? message["id"] : Json();
  if (!message.contains("method")) {
    // An answer to what nobody asked here.
    if (message.contains("result") || message.contains("error")) return std::nullopt;
    return error_message(is_id(id) ? id : Json(), kInvalidRequest, "\"method\" is missing");
  }
  if (has_id && !is_id(id)) {
    return error_message(nullptr, kInvalidRequest, "\"id\" must be a text or a whole number");
  }
  const std::string method = text_member(message, "method");
  const auto given = message.find("params");
  if (given != message.end() && !given->is_object()) {
    if (!has_id) return std::nullopt;
    return error_message(id, kInvalidParams, "\"params\" must be an object");
  }
  const Json parameters = object_member(message, "params");
  if (!has_id) {
    notice(method, parameters, peer);
    return std::nullopt;
  }
  const auto known = std::ranges::find(methods(), method, &Method::name);
  if (known == methods().end()) {
    return error_message(id, kMethodNotFound, "there is no method \"" + method + "\"");
  }
  Outcome outcome = known->run({*this, parameters, id, peer});
  if (!outcome) return error_message(id, outcome.error().code, outcome.error().message);
  return Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", *std::move(outcome)}};
}

/// What is not known is passed over: a notification has no answer.
void McpCore::notice(const std::string& method, const Json& parameters, const Peer& peer) {
  if (method != "notifications/cancelled" || !parameters.contains("requestId")) return;
  std::optional<std::stop_source> call;
  {
    const MutexLock lock(mutex_);
    const auto found = calls_.find(peer.session + '/' + codec::dump_json(parameters["requestId"]));
    if (found != calls_.end()) call = found->second;
  }
  if (call) call->request_stop();  // not under the lock: it runs what waits for it
}

/// All lists come in one page, so no cursor is ever given out.
McpCore::RpcError McpCore::unknown_cursor() { return {kInvalidParams, "the cursor is not known"}; }

McpCore::Outcome McpCore::initialize(const Json& parameters) {
  if (!parameters.contains("protocolVersion") || !parameters["protocolVersion"].is_string()) {
    return std::unexpected(RpcError{kInvalidParams, "\"protocolVersion\" is missing"});
  }
  return Json{
      {"protocolVersion", agreed_revision(parameters)},
      {"capabilities",
       {{"tools", {{"listChanged", false}}},
        {"resources", {{"subscribe", false}, {"listChanged", false}}},
        {"prompts", {{"listChanged", false}}},
        {"logging", Json::object()}}},
      {"serverInfo", {{"name", "prom5"}, {"title", "prom5"}, {"version", options_.version}}},
      {"instructions", kInstructions}};
}

McpCore::Outcome McpCore::list_tools(const Json& parameters) {
  if (parameters.contains("cursor")) return std::unexpected(unknown_cursor());
  Json tools = Json::array();
  for (const NamedTool& tool : tools_) tools.push_back(tool_json(tool.spec));
  return Json{{"tools", tools}};
}

McpCore::Outcome McpCore::call_tool(const Json& parameters, const Json& id, const Peer& peer) {
  const std::string name = text_member(parameters, "name");
  if (name.empty()) return std::unexpected(RpcError{kInvalidParams, "\"name\" is missing"});
  const auto tool =
      std::ranges::find_if(tools_, [&](const NamedTool& t) { return t.spec.name == name; });
  if (tool == tools_.end()) {
    return std::unexpected(RpcError{kInvalidParams, "there is no tool \"" + name + "\""});
  }
  const Json arguments = parameters.value("arguments", Json::object());
  if (!arguments.is_object()) {
    return std::unexpected(RpcError{kInvalidParams, "\"arguments\" must be an object"});
  }
  tool_calls_.add();
  if (const auto wrong = wrong_argument(tool->spec.parameters, arguments)) {
    failed_calls_.add();
    // For the model to read and mend, not for its program to break at.
    return tool_failure(*wrong);
  }
  const std::string key = peer.session + '/' + codec::dump_json(id);
  std::stop_source stop;
  {
    const MutexLock lock(mutex_);
    if (calls_.size() >= options_.max_calls) {
      refused_.add();
      return std::unexpected(RpcError{kBusy, "too many tools are at work; try again"});
    }
    if (!calls_.emplace(key, stop).second) {
      return std::unexpected(RpcError{kInvalidRequest, "a request of this id is under way"});
    }
  }
  const std::stop_callback peer_leaves(peer.stop, [&] { stop.request_stop(); });
  Json result = run_tool(*tool->tool, arguments, peer, stop.get_token());
  const MutexLock lock(mutex_);
  calls_.erase(key);
  return result;
}

Json McpCore::run_tool(Tool& tool, const Json& arguments, const Peer& peer,
                       const std::stop_token& stop) {
  try {
    const TimeMs now = clock_.now();
    QueryBudget budget(clock_, now + options_.call_time, options_.call_samples);
    const auto result = tool.call(arguments, {now, stop, &budget});
    if (result) return tool_result(*result, peer.revision.empty() || peer.revision >= kStructured);
    failed_calls_.add();
    return tool_failure(result.error().message);
  } catch (const std::exception&) {
    // The JSON library's, when a value inside an argument is of another kind than was expected.
    failed_calls_.add();
    return tool_failure("the arguments are not what the tool takes");
  }
}

McpCore::Outcome McpCore::list_resources(const Json& parameters) {
  if (parameters.contains("cursor")) return std::unexpected(unknown_cursor());
  Json resources = Json::array();
  for (const McpResource& resource : resources_) {
    resources.push_back({{"uri", resource.uri},
                         {"name", resource.name},
                         {"description", resource.description},
                         {"mimeType", "application/json"}});
  }
  return Json{{"resources", resources}};
}

McpCore::Outcome McpCore::read_resource(const Json& parameters, const Peer& peer) {
  const std::string uri = text_member(parameters, "uri");
  if (uri.empty()) return std::unexpected(RpcError{kInvalidParams, "\"uri\" is missing"});
  const auto resource = std::ranges::find(resources_, uri, &McpResource::uri);
  if (resource == resources_.end()) {
    return std::unexpected(RpcError{kResourceNotFound, "there is no resource \"" + uri + "\""});
  }
  const auto content = resource->read({clock_.now(), peer.stop});
  if (!content) return std::unexpected(RpcError{kInternalError, content.error().message});
  return Json{{"contents", Json::array({{{"uri", uri},
                                         {"mimeType", "application/json"},
                                         {"text", codec::dump_json(*content)}}})}};
}

McpCore::Outcome McpCore::get_prompt(const Json& parameters) {
  const auto prompt = std::ranges::find(kPrompts, text_member(parameters, "name"), &Prompt::name);
  if (prompt == kPrompts.end()) {
    return std::unexpected(RpcError{kInvalidParams, "there is no such prompt"});
  }
  std::string text(prompt->text);
  if (!prompt->argument.empty()) {
    const Json arguments = object_member(parameters, "arguments");
    const std::string value = text_member(arguments, std::string(prompt->argument).c_str());
    if (value.empty()) {
      return std::unexpected(
          RpcError{kInvalidParams, fmt::format("argument \"{}\" is missing", prompt->argument)});
    }
    text.replace(text.find("{}"), 2, value);
  }
  return Json{{"description", prompt->description},
              {"messages",
               Json::array({{{"role", "user"}, {"content", {{"type", "text"}, {"text", text}}}}})}};
}

}  // namespace prom5::api
