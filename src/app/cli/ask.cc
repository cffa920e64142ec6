#include <fmt/core.h>

#include <array>

#include "app/cli/client.h"
#include "app/cli/command.h"

namespace prom5::cli {

namespace {

constexpr std::array kFlags = std::to_array<Flag>({
    {"url", FlagKind::Text, "http://127.0.0.1:9090", "The server to ask."},
    {"json", FlagKind::Switch, "false", "Print the answer as JSON."},
    {"session", FlagKind::Text, "", "Go on in a conversation."},
});

}  // namespace

const std::span<const Flag> kAskFlags = kFlags;

int run_ask(const Flags& flags) {
  std::string question;
  for (const std::string& word : flags.arguments()) {
    question += (question.empty() ? "" : " ") + word;
  }
  if (question.empty()) return complain("ask needs a QUESTION", kWrongUse);
  Json body{{"query", question}};
  if (!flags.text("session").empty()) body["session_id"] = flags.text("session");
  const auto answer = post_json(flags.text("url"), "/api/v5/query/natural", body);
  if (!answer) {
    return complain_of(answer.error(), flags.text("url"));
  }
  const bool answered = answer->contains("promql");
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*answer));
    return answered ? kGood : kFailure;
  }
  if (answered) {
    fmt::print("{}\n\n  {}\n", (*answer)["answer"].get<std::string>(),
               (*answer)["promql"].get<std::string>());
    return kGood;
  }
  if (answer->contains("clarification")) {
    const Json& clarification = (*answer)["clarification"];
    fmt::print("{}\n", clarification.value("question", ""));
    for (const Json& option : clarification["options"]) {
      fmt::print("  - {}\n", option.get<std::string>());
    }
    return kFailure;
  }
  const Json error = answer->value("error", Json::object());
  fmt::print("{}\n", error.is_object() ? error.value("message", "no answer") : error.dump());
  if (!error.is_object()) return kFailure;
  for (const Json& suggestion : error.value("suggestions", Json::array())) {
    fmt::print("  - {}\n", suggestion.get<std::string>());
  }
  return kFailure;
}

}  // namespace prom5::cli
