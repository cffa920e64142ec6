#include "ask/llm/past_turns.h"

#include <vector>

#include "base/ascii.h"

namespace prom5::llm {

namespace {

/// How many of the turns before one went back.
constexpr const char* kBack = "back";

/// A turn that was answered.
struct Said {
  const Message* question;
  const Message* answer;
  Json frame;  ///< without what only counts steps back
  size_t back = 0;
};

std::vector<Said> turns_of(std::span<const Message> conversation) {
  std::vector<Said> out;
  const Message* question = nullptr;
  for (const Message& message : conversation.first(conversation.size() - 1)) {
    if (message.role == Role::User) question = &message;
    if (message.role != Role::Assistant || question == nullptr || !message.calls.empty()) continue;
    Said said{question, &message, {}, 0};
    if (message.content.is_object()) said.frame = message.content.value("frame", Json());
    if (said.frame.is_object()) {
      said.back = said.frame.value(kBack, size_t{0});
      said.frame.erase(kBack);
    }
    out.push_back(std::move(said));
    question = nullptr;
  }
  return out;
}

/// The words of a turn, in lower case and without accents, with blanks between.
std::string words_of(std::string_view text) {
  std::string out;
  for (const Token& token : tokenize(text)) {
    std::string word;
    for (const char c : token.text) {
      if (is_alnum(c) || static_cast<unsigned char>(c) >= 0x80) word += c;
    }
    if (!word.empty()) out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

/// "thanks", "what?": what leaves a conversation where it was.
bool changes_nothing(const std::vector<Said>& turns, size_t at) {
  return at > 0 && (turns[at].frame.is_null() || turns[at].frame == turns[at - 1].frame);
}

/// The turn that a conversation is at, from 0; nothing at its beginning.
std::optional<size_t> place_of(const std::vector<Said>& turns) {
  if (turns.empty()) return std::nullopt;
  size_t at = turns.size() - 1;
  while (at > 0 && turns[at].back == 0 && changes_nothing(turns, at)) --at;
  const size_t back = turns[at].back;
  if (back == 0) return at;
  return back > at ? std::nullopt : std::optional(at - back);
}

Plan go_back(const std::vector<Said>& turns, const texts::TextCatalogue& texts) {
  std::optional<size_t> at = place_of(turns);
  if (!at) return clarification(texts.say("remark.nothing_said"), {});
  while (*at > 0 && changes_nothing(turns, *at)) --*at;
  Plan plan;
  if (*at == 0) {
    plan = clarification(texts.say("remark.back_at_start"), {});
    plan.frame = {{"intent", "remark"}, {kBack, turns.size() + 1}};
    return plan;
  }
  const Said& target = turns[*at - 1];
  plan = clarification(texts.say("remark.back", {{"question", target.question->text}}), {});
  plan.frame = target.frame.is_object() ? target.frame : Json{{"intent", "remark"}};
  plan.frame[kBack] = turns.size() - (*at - 1);
  return plan;
}

Plan say_again(const std::vector<Said>& turns, size_t at, const texts::TextCatalogue& texts) {
  const Said& said = turns[at];
  std::string text = texts.say("remark.said_again",
                               {{"question", said.question->text}, {"answer", said.answer->text}});
  if (said.frame.is_object()) {
    const std::string meaning = said.frame.value("meaning", "");
    if (!meaning.empty()) text += " " + texts.say("remark.meaning", {{"meaning", meaning}});
  }
  Plan plan = clarification(std::move(text), {});
  plan.frame = said.frame;
  return plan;
}

}  // namespace

Json frame_before(std::span<const Message> conversation) {
  for (size_t i = conversation.size() - 1; i-- > 0;) {
    const Message& message = conversation[i];
    if (message.role != Role::Assistant || !message.content.contains("frame")) continue;
    Json frame = message.content["frame"];
    if (frame.is_object()) frame.erase(kBack);
    return frame;
  }
  return {};
}

std::optional<PastTurn> past_turn(std::span<const Message> conversation,
                                  const catalogue::Lexicon& lexicon,
                                  const texts::TextCatalogue& texts) {
  const std::string_view kind = lexicon.turn(words_of(conversation.back().text));
  if (kind.empty()) return std::nullopt;
  const std::vector<Said> turns = turns_of(conversation);
  PastTurn out;
  if (kind == "undo") {
    out.plan = go_back(turns, texts);
    return out;
  }
  const auto at = place_of(turns);
  if (!at) {
    out.plan = clarification(texts.say("remark.nothing_said"), {});
  } else if (kind == "what") {
    out.plan = say_again(turns, *at, texts);
  } else {
    out.again.question = turns[*at].question->text;
    if (*at > 0) out.again.frame = turns[*at - 1].frame;
  }
  return out;
}

}  // namespace prom5::llm
