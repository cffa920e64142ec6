#include "ask/llm/chat_protocol.h"

#include <algorithm>
#include <array>

namespace prom5::llm {

namespace {

constexpr size_t kMaxCalls = 16;  ///< in one turn; a stream may name any index

/// What differs between providers, but for the bodies themselves.
struct ProviderRow {
  Provider provider;
  std::string_view name;
  std::string_view base_url;
  std::string_view path;
};

constexpr std::array kProviders = std::to_array<ProviderRow>({
    {Provider::None, "none", "", ""},
    {Provider::OpenAi, "openai", "https://api.openai.com/v1", "/chat/completions"},
    {Provider::Ollama, "ollama", "http://127.0.0.1:11434", "/api/chat"},
});

const ProviderRow& row_of(Provider provider) { return kProviders[static_cast<size_t>(provider)]; }

// Reading what others wrote: a member of the wrong type is one that is not there.

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

uint64_t count_of(const Json& object, const char* key) {
  constexpr double kMost = 1e12;
  if (!object.is_object()) return 0;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  const double value = found->get<double>();
  return value > 0 && value < kMost ? static_cast<uint64_t>(value) : 0;
}

const Json& member(const Json& object, const char* key) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

std::string one_line(std::string text) {
  constexpr size_t kLongest = 300;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() > kLongest) {
    size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    text = text.substr(0, cut) + "…";
  }
  return text;
}

// Requests

Json tool_json(const ToolSpec& tool) {
  Json parameters = tool.parameters.is_object() ? tool.parameters : Json{{"type", "object"}};
  return {{"type", "function"},
          {"function",
           {{"name", tool.name},
            {"description", tool.description},
            {"parameters", std::move(parameters)}}}};
}

Json call_json(Provider provider, const ChatCall& call) {
  if (provider == Provider::OpenAi) {
    return {{"id", call.id},
            {"type", "function"},
            {"function", {{"name", call.tool}, {"arguments", call.arguments}}}};
  }
  auto arguments = codec::parse_json(call.arguments);
  return {
      {"function", {{"name", call.tool}, {"arguments", arguments ? *arguments : Json::object()}}}};
}

Json turn_json(Provider provider, const ChatTurn& turn) {
  switch (turn.kind) {
    case ChatTurn::Kind::System: return {{"role", "system"}, {"content", turn.text}};
    case ChatTurn::Kind::User: return {{"role", "user"}, {"content", turn.text}};
    case ChatTurn::Kind::Assistant: {
      Json out{{"role", "assistant"}, {"content", turn.text}};
      for (const ChatCall& call : turn.calls) {
        out["tool_calls"].push_back(call_json(provider, call));
      }
      return out;
    }
    case ChatTurn::Kind::Tool: break;
  }
  Json out{{"role", "tool"}, {"content", turn.text}};
  if (provider == Provider::OpenAi) {
    out["tool_call_id"] = turn.call_id;
  } else {
    out["tool_name"] = turn.tool;
  }
  return out;
}

// Answers

std::unexpected<Error> error_of(const Json& error) {
  const std::string said = error.is_string() ? error.get<std::string>() : text_of(error, "message");
  return fail(ErrorCode::Unavailable, "the language model says: {}",
              one_line(said.empty() ? "an error" : said));
}

/// Puts a reply together from the chunks of a stream.
class ChunkReader {
 public:
  Result<void> add(std::string_view data) {
    if (data == "[DONE]") {
      done_ = true;
      return {};
    }
    const auto json = codec::parse_json(data);
    if (!json || !json->is_object()) {
      return fail(ErrorCode::Unavailable, "the language model's stream is not JSON");
    }
    return add(*json, "delta");
  }

  /// part: "delta" of a chunk, "message" of a whole answer.
  Result<void> add(const Json& json, const char* part) {
    if (!member(json, "error").is_null()) return error_of(member(json, "error"));
    const Json& usage = member(json, "usage");
    if (usage.is_object()) {
      reply_.input_tokens = count_of(usage, "prompt_tokens");
      reply_.output_tokens = count_of(usage, "completion_tokens");
    }
    const Json& choices = member(json, "choices");
    if (!choices.is_array() || choices.empty()) return {};
    const Json& choice = choices[0];
    if (const std::string finish = text_of(choice, "finish_reason"); !finish.empty()) {
      reply_.finish = finish;
    }
    const Json& delta = member(choice, part);
    reply_.text += text_of(delta, "content");
    const Json& calls = member(delta, "tool_calls");
    if (!calls.is_array()) return {};
    for (size_t i = 0; i < calls.size(); ++i) TRY(add_call(calls[i], i));
    return {};
  }

  Result<ChatReply> finish() {
    if (!done_ && reply_.finish.empty()) {
      return fail(ErrorCode::Unavailable, "the language model's answer ends early");
    }
    std::erase_if(reply_.calls, [](const ChatCall& c) { return c.tool.empty() && c.id.empty(); });
    return std::move(reply_);
  }

 private:
  Result<void> add_call(const Json& part, size_t position) {
    const Json& index = member(part, "index");
    const size_t at = index.is_number() ? count_of(part, "index") : position;
    if (at >= kMaxCalls) {
      return fail(ErrorCode::Unavailable, "the language model makes more than {} calls at once",
                  kMaxCalls);
    }
    if (reply_.calls.size() <= at) reply_.calls.resize(at + 1);
    ChatCall& call = reply_.calls[at];
    // Some repeat the id and the name in each part.
    if (const std::string id = text_of(part, "id"); !id.empty()) call.id = id;
    const Json& function = member(part, "function");
    if (const std::string name = text_of(function, "name"); !name.empty()) call.tool = name;
    const Json& arguments = member(function, "arguments");
    call.arguments +=
        arguments.is_object() ? codec::dump_json(arguments) : text_of(function, "arguments");
    return {};
  }

  ChatReply reply_;
  bool done_ = false;
};

/// The next line of `rest`, without its end.
std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<ChatReply> parse_openai(std::string_view body) {
  ChunkReader reader;
  const size_t first = body.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && body[first] == '{') {
    const auto whole = codec::parse_json(body);
    if (!whole) return fail(ErrorCode::Unavailable, "the language model's answer is not JSON");
    TRY(reader.add(*whole, "message"));
    return reader.finish();
  }
  std::string data;
  bool any = false;
  for (std::string_view rest = body; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (line.starts_with("data:")) {
      any = true;
      std::string_view value = line.substr(5);
      if (value.starts_with(' ')) value.remove_prefix(1);
      if (!data.empty()) data += '\n';
      data += value;
    }
    // An event ends with an empty line, or with the stream.
    if ((line.empty() || rest.empty()) && !data.empty()) {
      TRY(reader.add(data));
      data.clear();
    }
  }
  if (!any) return fail(ErrorCode::Unavailable, "the language model's answer is no event stream");
  return reader.finish();
}

Result<void> add_ollama(const Json& json, ChatReply& reply, bool& done) {
  if (!member(json, "error").is_null()) return error_of(member(json, "error"));
  const Json& message = member(json, "message");
  reply.text += text_of(message, "content");
  const Json& calls = member(message, "tool_calls");
  if (calls.is_array()) {
    for (const Json& part : calls) {
      if (reply.calls.size() == kMaxCalls) {
        return fail(ErrorCode::Unavailable, "the language model makes more than {} calls at once",
                    kMaxCalls);
      }
      const Json& function = member(part, "function");
      const Json& arguments = member(function, "arguments");
      reply.calls.push_back(
          {text_of(part, "id"), text_of(function, "name"),
           arguments.is_string() ? arguments.get<std::string>() : codec::dump_json(arguments)});
    }
  }
  const Json& end = member(json, "done");
  if (!end.is_boolean() || !end.get<bool>()) return {};
  done = true;
  reply.finish = text_of(json, "done_reason");
  reply.input_tokens = count_of(json, "prompt_eval_count");
  reply.output_tokens = count_of(json, "eval_count");
  return {};
}

Result<ChatReply> parse_ollama(std::string_view body) {
  ChatReply reply;
  bool done = false;
  for (std::string_view rest = body; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (line.empty()) continue;
    const auto json = codec::parse_json(line);
    if (!json || !json->is_object()) {
      return fail(ErrorCode::Unavailable, "the language model's stream is not JSON");
    }
    TRY(add_ollama(*json, reply, done));
  }
  if (!done) return fail(ErrorCode::Unavailable, "the language model's answer ends early");
  return reply;
}

}  // namespace

std::string_view to_string(Provider provider) { return row_of(provider).name; }

std::string chat_url(const HttpModelOptions& options) {
  const ProviderRow& row = row_of(options.provider);
  std::string url = options.base_url.empty() ? std::string(row.base_url) : options.base_url;
  while (url.ends_with('/')) url.pop_back();
  return url + std::string(row.path);
}

std::string chat_request(const HttpModelOptions& options, std::span<const ChatTurn> turns,
                         std::span<const ToolSpec> tools, TokenLimitField limit) {
  Json body{{"model", options.model}, {"stream", true}};
  Json& messages = body["messages"] = Json::array();
  for (const ChatTurn& turn : turns) messages.push_back(turn_json(options.provider, turn));
  Json& list = body["tools"] = Json::array();
  for (const ToolSpec& tool : tools) list.push_back(tool_json(tool));
  if (options.provider == Provider::OpenAi) {
    body["stream_options"] = {{"include_usage", true}};
    const bool newer = limit == TokenLimitField::MaxCompletionTokens;
    if (options.max_tokens > 0) {
      body[newer ? "max_completion_tokens" : "max_tokens"] = options.max_tokens;
    }
    if (options.temperature) body["temperature"] = *options.temperature;
  } else {
    Json& more = body["options"] = Json::object();
    if (options.max_tokens > 0) more["num_predict"] = options.max_tokens;
    if (options.temperature) more["temperature"] = *options.temperature;
  }
  return codec::dump_json(body);
}

Result<ChatReply> parse_chat(Provider provider, std::string_view body) {
  return provider == Provider::OpenAi ? parse_openai(body) : parse_ollama(body);
}

std::string chat_error(std::string_view body) {
  constexpr size_t kWorthParsing = 64 << 10;
  if (body.size() <= kWorthParsing) {
    if (const auto json = codec::parse_json(body); json && json->is_object()) {
      const Json& error = member(*json, "error");
      if (error.is_string()) return one_line(error.get<std::string>());
      if (const std::string said = text_of(error, "message"); !said.empty()) return one_line(said);
      if (const std::string said = text_of(*json, "message"); !said.empty()) return one_line(said);
    }
  }
  return "";
}

}  // namespace prom5::llm
