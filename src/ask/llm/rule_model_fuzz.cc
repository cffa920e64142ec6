#include <string>

#include "ask/catalogue/small_world_test.h"
#include "ask/llm/rule_model.h"

namespace {

using prom5::catalogue::SmallWorld;

/// Values that a question may name, some of them unfriendly.
SmallWorld& world() {
  static SmallWorld& made = *[] {
    auto* out = new SmallWorld(false);  // lives as long as the fuzzer
    const auto flat = [](double) { return 1.0; };
    const int64_t last = SmallWorld::kMinutes - 3;
    for (const char* name : {"up", "node_load1", "node_cpu_seconds_total", "http_requests_total",
                             "node_filesystem_avail_bytes", "node_filesystem_size_bytes",
                             "http_request_duration_seconds_bucket", "queue_depth"}) {
      for (const char* value : {"web-01:9100", "db-01:9100", "a\"b", "a\\b", "a|b.*"}) {
        out->put({{"__name__", name}, {"instance", value}, {"job", "api"}, {"le", "1"}}, flat,
                 last);
      }
    }
    return out;
  }();
  return made;
}

}  // namespace

/// Any question, and any after it in the same conversation, becomes queries that parse, a question
/// back or a refusal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  static llm::RuleModel model(world().catalogue, world().pack, world().meaning);
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.find('\n');
  std::vector<Message> conversation;
  for (const std::string& part :
       {text.substr(0, half), half == std::string::npos ? "and memory?" : text.substr(half + 1)}) {
    conversation.push_back({Role::User, part, {}, {}, {}, SmallWorld::kNow});
    auto reply = model.complete(conversation, {}, {});
    CHECK(reply.has_value());
    const Json& content = reply->message.content;
    const bool calls = !reply->message.calls.empty();
    CHECK(calls != (content.contains("error") || content.contains("clarification")));
    for (const ToolCall& call : reply->message.calls) {
      if (call.tool == "query_metrics") {
        CHECK(query::parse_query(call.arguments["promql"].get<std::string>()).has_value());
      }
    }
    if (calls) {
      Message kept{Role::Assistant, "", {}, {}, Json{{"frame", content["frame"]}}};
      conversation.push_back(std::move(kept));
    } else {
      conversation.push_back(std::move(reply->message));
    }
  }
  return 0;
}
