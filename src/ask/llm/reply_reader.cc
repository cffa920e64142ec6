#include "ask/llm/reply_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "ask/intent.h"
#include "ask/llm/grounds.h"
#include "ask/llm/private_shapes.h"
#include "ask/llm/prompt.h"
#include "ask/numbers/number_check.h"
#include "base/ascii.h"

namespace prom5::llm {

namespace {

constexpr size_t kMaxTextBytes = 4000;
constexpr size_t kMaxListed = 10;  ///< options, suggestions, queries

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> texts_in(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (const Json& item : *found) {
    if (out.size() == kMaxListed) break;
    if (item.is_string()) out.push_back(item.get<std::string>());
    // Some write the queries as the API lists them.
    if (item.is_object()) out.push_back(text_in(item, "promql"));
  }
  std::erase(out, "");
  return out;
}

bool is_of_type(const Json& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "integer") {  // some write 60.0
    return value.is_number() && std::trunc(value.get<double>()) == value.get<double>();
  }
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return true;
}

/// What is wrong with arguments by a tool's schema; empty when nothing is. Only what all tools
/// use of JSON schema: required members, their types, and of lists those of the items.
std::string argument_fault(const Json& schema, const Json& arguments) {
  if (!schema.is_object()) return "";
  const Json required = schema.value("required", Json::array());
  for (const Json& name : required) {
    if (name.is_string() && !arguments.contains(name.get_ref<const std::string&>())) {
      return fmt::format("\"{}\" is missing", name.get<std::string>());
    }
  }
  const auto properties = schema.find("properties");
  if (properties == schema.end() || !properties->is_object()) return "";
  for (const auto& [name, value] : arguments.items()) {
    const auto property = properties->find(name);
    if (property == properties->end()) return fmt::format("there is no argument \"{}\"", name);
    if (!property->is_object()) continue;
    const std::string type = text_in(*property, "type");
    if (!is_of_type(value, type)) return fmt::format("\"{}\" must be of type {}", name, type);
    const auto items = property->find("items");
    if (!value.is_array() || items == property->end() || !items->is_object()) continue;
    const std::string item_type = text_in(*items, "type");
    for (const Json& item : value) {
      if (!is_of_type(item, item_type)) {
        return fmt::format("\"{}\" must hold values of type {}", name, item_type);
      }
    }
  }
  return "";
}

/// Ids of a conversation: a model's own where they are sane and new, else one that all providers
/// take (some insist on nine letters or digits).
class CallIds {
 public:
  explicit CallIds(std::span<const Message> conversation) {
    for (const Message& message : conversation) {
      for (const ToolCall& call : message.calls) used_.insert(call.id);
    }
  }

  std::string take(const std::string& wanted) {
    constexpr size_t kLongest = 64;
    const bool sane =
        !wanted.empty() && wanted.size() <= kLongest && std::ranges::all_of(wanted, [](char c) {
          return is_alnum(c) || c == '_' || c == '-' || c == '.' || c == ':';
        });
    if (sane && used_.insert(wanted).second) return wanted;
    for (size_t n = used_.size();; ++n) {
      std::string made = fmt::format("call{:05}", n % 100'000);
      if (used_.insert(made).second) return made;
    }
  }

 private:
  std::set<std::string> used_;
};

std::span<const Message> since_question(std::span<const Message> conversation) {
  size_t question = 0;
  for (size_t i = 0; i < conversation.size(); ++i) {
    if (conversation[i].role == Role::User) question = i;
  }
  return conversation.subspan(question);
}

/// Turns the arguments of final_answer into the agent's content.
class FinalAnswer {
 public:
  FinalAnswer(const Json& arguments, std::span<const Message> conversation)
      : arguments_(arguments),
        grounds_(gather_grounds(conversation)),
        evidence_(numbers::gather_numbers(since_question(conversation))) {}

  /// BadData with what the model is to put right.
  Result<Message> read() {
    message_.role = Role::Assistant;
    Json& content = message_.content = Json::object();
    const Json confidence = arguments_.value("confidence", Json());
    content["confidence"] =
        confidence.is_number() ? std::clamp(confidence.get<double>(), 0.0, 1.0) : 0.5;
    const auto clarification = arguments_.find("clarification");
    const auto refusal = arguments_.find("refusal");
    if (clarification != arguments_.end() && clarification->is_object()) {
      TRY(read_clarification(*clarification));
    } else if (refusal != arguments_.end() && refusal->is_object()) {
      TRY(read_refusal(*refusal));
    } else {
      TRY(read_answer());
    }
    return std::move(message_);
  }

 private:
  Result<std::string> shown(const std::string& text) {
    std::string plain = plain_text(text, grounds_);
    const std::vector<std::string> unfounded = numbers::unfounded_numbers(plain, evidence_);
    if (!unfounded.empty()) {
      return fail(
          ErrorCode::BadData,
          "these numbers are in no result of this conversation: {}. Write only numbers "
          "that a tool gave, or run the query that gives them",
          fmt::join(std::span(unfounded).first(std::min(unfounded.size(), size_t{5})), ", "));
    }
    if (plain.size() > kMaxTextBytes) {
      return fail(ErrorCode::BadData, "the text is longer than {} bytes; say it shorter",
                  kMaxTextBytes);
    }
    return plain;
  }

  Result<void> read_clarification(const Json& given) {
    const std::string question = TRY(shown(text_in(given, "question")));
    if (question.empty()) return fail(ErrorCode::BadData, "the clarification has no question");
    std::vector<std::string> options;
    for (const std::string& option : texts_in(given, "options")) {
      options.push_back(TRY(shown(option)));
    }
    message_.text = question;
    message_.content["intent"] = "clarify";
    message_.content["clarification"] = {{"question", question}, {"options", options}};
    return {};
  }

  Result<void> read_refusal(const Json& given) {
    const std::string reason = TRY(shown(text_in(given, "message")));
    if (reason.empty()) return fail(ErrorCode::BadData, "the refusal has no message");
    std::vector<std::string> suggestions;
    for (const std::string& suggestion : texts_in(given, "suggestions")) {
      suggestions.push_back(TRY(shown(suggestion)));
    }
    std::string code = text_in(given, "code");
    const bool sane = !code.empty() && code.size() <= 40 &&
                      std::ranges::all_of(code, [](char c) { return is_lower(c) || c == '_'; });
    if (!sane) code = "refused";
    message_.text = reason;
    message_.content["intent"] = "refuse";
    message_.content["error"] = {{"code", code}, {"message", reason}, {"suggestions", suggestions}};
    return {};
  }

  Result<void> check_query(const std::string& promql) const {
    if (grounds_.has_run(promql)) return {};
    return fail(ErrorCode::BadData,
                "the query {} was not run in this conversation, or failed. Run it with a tool "
                "first, then name it exactly as it was run",
                promql);
  }

  Result<void> read_answer() {
    Json& content = message_.content;
    std::string promql = text_in(arguments_, "promql");
    const std::vector<std::string> queries = texts_in(arguments_, "queries");
    if (promql.empty() && !queries.empty()) promql = queries.front();
    if (!promql.empty()) TRY(check_query(promql));
    for (const std::string& query : queries) TRY(check_query(query));
    if (!grounds_.any_result) {
      return fail(ErrorCode::BadData,
                  "an answer rests on at least one result of a tool; there is none yet");
    }
    message_.text = TRY(shown(text_in(arguments_, "text")));
    if (message_.text.find_first_not_of(" \n") == std::string::npos) {
      return fail(ErrorCode::BadData, "the answer has no text");
    }
    const std::string intent = text_in(arguments_, "intent");
    const auto known = intent_of(intent);
    content["intent"] = known && *known < Intent::Clarify ? intent : "query";
    // As it ran: without the blanks around it.
    content["promql"] = std::string(trimmed(promql));
    if (queries.size() > 1) {
      Json& list = content["queries"] = Json::array();
      for (const std::string& query : queries) list.push_back({{"promql", query}});
    }
    content["explanation"] = TRY(shown(text_in(arguments_, "explanation")));
    const std::string unit = text_in(arguments_, "unit");
    const bool sane = !unit.empty() && unit.size() <= 20 &&
                      std::ranges::all_of(unit, [](char c) { return is_lower(c) || c == '_'; });
    content["unit"] = sane ? unit : "none";
    content["answer"] = message_.text;
    return {};
  }

  const Json& arguments_;
  const Grounds grounds_;
  const numbers::NumberEvidence evidence_;
  Message message_;
};

const ToolSpec* find_tool(std::span<const ToolSpec> tools, const std::string& name) {
  const auto found = std::ranges::find(tools, name, &ToolSpec::name);
  return found == tools.end() ? nullptr : &*found;
}

/// The arguments of a call, originals put back. BadData with what the model is to put right.
Result<Json> read_arguments(const ChatCall& call, const ToolSpec* tool, bool cut_short,
                            const Scrubber& scrubber) {
  const bool none = call.arguments.find_first_not_of(" \t\r\n") == std::string::npos;
  const auto json = codec::parse_json(none ? "{}" : call.arguments);
  if (!json || !json->is_object()) {
    return fail(ErrorCode::BadData, "the arguments are no JSON object{}",
                cut_short ? ": they were cut at the limit of tokens; be shorter" : "");
  }
  Json arguments = scrubber.restore_json(*json);
  if (tool == nullptr) return arguments;
  if (const std::string fault = argument_fault(tool->parameters, arguments); !fault.empty()) {
    return fail(ErrorCode::BadData, "{}", fault);
  }
  return arguments;
}

}  // namespace

std::variant<Message, Complaint> read_reply(const ChatReply& reply,
                                            std::span<const Message> conversation,
                                            std::span<const ToolSpec> tools,
                                            const Scrubber& scrubber) {
  Complaint complaint;
  if (reply.calls.empty()) {
    complaint.text = "That was text. Call a tool, or final_answer to end.";
    return complaint;
  }
  Message message;
  message.role = Role::Assistant;
  CallIds ids(conversation);
  bool wrong = false;
  for (const ChatCall& call : reply.calls) {
    std::string& fault = complaint.of_calls.emplace_back();
    const bool last = call.tool == kFinalAnswer;
    const ToolSpec* tool = last ? nullptr : find_tool(tools, call.tool);
    // A final answer beside calls came before their results: it is passed over.
    if (last && reply.calls.size() > 1) continue;
    if (!last && tool == nullptr) {
      fault = "there is no such tool; use only those that are listed";
      wrong = true;
      continue;
    }
    auto arguments = read_arguments(call, tool, reply.finish == "length", scrubber);
    if (arguments && last) {
      auto answer = FinalAnswer(*arguments, conversation).read();
      if (answer) return *std::move(answer);
      fault = answer.error().message;
    } else if (arguments) {
      message.calls.push_back({ids.take(call.id), call.tool, *std::move(arguments)});
    } else {
      fault = arguments.error().message;
    }
    wrong = wrong || !fault.empty();
  }
  if (!wrong && !message.calls.empty()) return message;
  complaint.text = "That turn was not carried out.";
  return complaint;
}

}  // namespace prom5::llm
