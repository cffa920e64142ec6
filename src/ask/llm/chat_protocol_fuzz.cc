#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ask/llm/reply_reader.h"

/// Any bytes are an answer of a model or an error; any answer is a turn or a complaint, with one
/// word for each of its calls; and no call leaves but of a tool that there is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  static const std::vector<ToolSpec> kTools = {
      {"query_metrics", "",
       Json{{"type", "object"}, {"properties", {{"promql", {{"type", "string"}}}}}}}};
  static const std::vector<Message> kConversation = {{Role::User, "how much?", {}, {}, {}}};
  for (const llm::Provider provider : {llm::Provider::OpenAi, llm::Provider::Ollama}) {
    const auto reply = llm::parse_chat(provider, body);
    if (!reply) continue;
    const auto read = llm::read_reply(*reply, kConversation, kTools, llm::Scrubber());
    if (const auto* complaint = std::get_if<llm::Complaint>(&read)) {
      CHECK(complaint->of_calls.size() == reply->calls.size());
      continue;
    }
    for (const ToolCall& call : std::get<Message>(read).calls) {
      CHECK(call.tool == "query_metrics" && call.arguments.is_object());
    }
  }
  return 0;
}
