#include "ask/llm/past_turns.h"

#include <algorithm>
#include <array>
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
  bool of_before = false;  ///< "again", "what?": it asks nothing by itself
};

using Check = bool (*)(const Json&);

bool is_text(const Json& json) { return json.is_string(); }
bool is_flag(const Json& json) { return json.is_boolean(); }
bool is_number(const Json& json) { return json.is_number(); }
bool is_count(const Json& json) { return json.is_number_integer(); }

bool is_list_of_texts(const Json& json) {
  return json.is_array() && std::ranges::all_of(json, is_text);
}

bool is_place(const Json& json) { return is_list_of_texts(json) && json.size() == 2; }

bool all_sound(const Json& json, std::span<const std::pair<const char*, Check>> checks) {
  return std::ranges::all_of(checks, [&](const auto& one) {
    const auto found = json.find(one.first);
    return found == json.end() || one.second(*found);
  });
}

bool is_mention(const Json& json) {
  static constexpr std::array<std::pair<const char*, Check>, 5> kChecks{{{"text", is_text},
                                                                         {"folded", is_text},
                                                                         {"kind", is_text},
                                                                         {"label", is_text},
                                                                         {"negated", is_flag}}};
  return json.is_object() && all_sound(json, kChecks);
}

bool is_list_of_mentions(const Json& json) {
  return json.is_array() && std::ranges::all_of(json, is_mention);
}

/// Whether what is kept of a turn is of the types that plans write: it comes from a file.
bool is_frame(const Json& json) {
  static constexpr std::array<std::pair<const char*, Check>, 28> kChecks{{
      {"subject", is_text},
      {"metric", is_text},
      {"intent", is_text},
      {"things", is_text},
      {"promql", is_text},
      {"aggregation", is_text},
      {"called", is_text},
      {"unit", is_text},
      {"op", is_text},
      {"severity", is_text},
      {"meaning", is_text},
      {"talk", is_text},
      {"text", is_text},
      {"starts", is_text},
      {"all", is_flag},
      {"concept", is_flag},
      {"least", is_flag},
      {"asks", is_flag},
      {"quantile", is_number},
      {"value", is_number},
      {"top", is_count},
      {"window_ms", is_count},
      {"hold_s", is_count},
      {kBack, is_count},
      {"by", is_list_of_texts},
      {"targets", is_list_of_texts},
      {"options", is_list_of_texts},
      {"place", is_place},
  }};
  if (!json.is_object() || !all_sound(json, kChecks)) return false;
  const auto mentions = json.find("mentions");
  if (mentions != json.end() && !is_list_of_mentions(*mentions)) return false;
  const auto before = json.find("before");
  return before == json.end() || before->is_null() || is_frame(*before);
}

/// What is kept of a turn; null where that is nothing, or nothing that a plan wrote.
Json frame_in(const Message& message) {
  if (!message.content.is_object()) return {};
  const auto frame = message.content.find("frame");
  return frame != message.content.end() && is_frame(*frame) ? *frame : Json();
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

std::vector<Said> turns_of(std::span<const Message> conversation,
                           const catalogue::Lexicon& lexicon) {
  std::vector<Said> out;
  const Message* question = nullptr;
  for (const Message& message : conversation.first(conversation.size() - 1)) {
    if (message.role == Role::User) question = &message;
    if (message.role != Role::Assistant || question == nullptr || !message.calls.empty()) continue;
    const std::string_view kind = lexicon.turn(words_of(question->text));
    Said said{question, &message, frame_in(message), 0, kind == "again" || kind == "what"};
    if (said.frame.is_object()) {
      said.back = said.frame.value(kBack, size_t{0});
      said.frame.erase(kBack);
    }
    out.push_back(std::move(said));
    question = nullptr;
  }
  return out;
}

/// "thanks", "what?": what leaves a conversation where it was.
bool changes_nothing(const std::vector<Said>& turns, size_t at) {
  return at > 0 && (turns[at].of_before || turns[at].frame.is_null() ||
                    turns[at].frame == turns[at - 1].frame);
}

/// The question that a conversation was at behind a turn, from 0; nothing at its beginning.
std::optional<size_t> place_at(const std::vector<Said>& turns, size_t at) {
  while (true) {
    const size_t back = turns[at].back;
    if (back > at) return std::nullopt;
    if (back == 0 && !changes_nothing(turns, at)) return at;
    at -= std::max(back, size_t{1});
  }
}

std::optional<size_t> place_of(const std::vector<Said>& turns) {
  return turns.empty() ? std::nullopt : place_at(turns, turns.size() - 1);
}

Plan go_back(const std::vector<Said>& turns, const texts::TextCatalogue& texts) {
  const std::optional<size_t> at = place_of(turns);
  if (!at) return clarification(texts.say("remark.nothing_said"), {});
  // Before it there may have been another step back.
  const std::optional<size_t> earlier = *at == 0 ? std::nullopt : place_at(turns, *at - 1);
  Plan plan;
  if (!earlier) {
    plan = clarification(texts.say("remark.back_at_start"), {});
    plan.frame = {{"intent", "remark"}, {kBack, turns.size() + 1}};
    return plan;
  }
  const Said& target = turns[*earlier];
  plan = clarification(texts.say("remark.back", {{"question", target.question->text}}), {});
  plan.frame = target.frame.is_object() ? target.frame : Json{{"intent", "remark"}};
  plan.frame[kBack] = turns.size() - *earlier;
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
    Json frame = frame_in(message);
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
  const std::vector<Said> turns = turns_of(conversation, lexicon);
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
