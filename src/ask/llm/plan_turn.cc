// What a turn of a conversation is before it is read as a question: a remark that asks nothing, the
// choice of something that was offered, a question in German, an answer to a question back.
#include <algorithm>
#include <set>

#include "ask/llm/number_words.h"
#include "ask/llm/planner.h"
#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// Longer ones say something.
constexpr size_t kLongestRemark = 6;
/// "what does it look like with": no phrase of the lexicon has more words.
constexpr size_t kLongestPhrase = 5;

/// Words of letters and digits, in lower case and without accents; other signs part them.
std::vector<std::string> plain_words(std::string_view text) {
  std::vector<std::string> out;
  for (const Token& token : tokenize(text)) {
    std::string word;
    for (const char c : token.text + ' ') {
      if (is_alnum(c) || static_cast<unsigned char>(c) >= 0x80) {
        word += c;
      } else if (!word.empty()) {
        out.push_back(std::exchange(word, ""));
      }
    }
  }
  return out;
}

/// What a remark does; empty where something is asked or chosen.
std::string_view remark_in(std::string_view said, const catalogue::Lexicon& lexicon) {
  const std::vector<std::string> words = plain_words(said);
  if (words.empty() || words.size() > kLongestRemark) return "";
  std::set<std::string_view> kinds;
  for (const std::string& word : words) {
    const std::string_view kind = lexicon.remark(word);
    if (kind.empty()) return "";
    kinds.insert(kind);
  }
  for (const std::string_view kind : {"bye", "no", "thanks", "yes", "hello", "good"}) {
    if (kinds.contains(kind)) return kind;
  }
  return "";
}

/// "2", "number 2", "the second one".
struct Choice {
  size_t index = 0;   ///< from 1; 0 is the last
  std::string said;   ///< "2"
  bool bare = false;  ///< a number alone, which may be the answer to "how many?"
};

std::optional<Choice> choice_in(std::string_view said, const catalogue::Lexicon& lexicon) {
  std::optional<Choice> out;
  bool one = false;  // "the second one" has two ordinals
  const std::vector<std::string> words = plain_words(said);
  if (words.empty() || words.size() > kLongestRemark) return std::nullopt;
  for (const std::string& word : words) {
    std::string_view which = lexicon.ordinal(word);
    const bool number = word.size() <= 4 && std::ranges::all_of(word, is_digit);
    if (number && which.empty()) which = word;
    if (!which.empty() && word == "one" && words.size() > 1) {
      one = true;
    } else if (!which.empty()) {
      if (out) return std::nullopt;
      const double index = which == "last" ? 0 : codec::parse_double(which).value_or(0);
      out = {static_cast<size_t>(index), std::string(which), false};
      if (which != "last" && index < 1) out->index = SIZE_MAX;
    } else if (!lexicon.chooses(word)) {
      return std::nullopt;
    }
  }
  if (!out && one) out = {1, "1", false};  // "number one"
  if (out) {
    const bool marked = said.find_first_of("#.)") != std::string_view::npos;
    out->bare = !marked && std::ranges::all_of(words, [](const std::string& word) {
      return std::ranges::all_of(word, is_digit) || is_any_of(word, {"please", "bitte"});
    });
  }
  return out;
}

/// "last" alone may begin a question, and "die Last" is the load.
bool is_bare_last(std::string_view said) {
  return std::ranges::all_of(plain_words(said), [](const std::string& word) {
    return is_any_of(word, {"last", "die", "der", "das", "den"});
  });
}

/// The only option that has all the words that were said.
std::optional<size_t> option_named(std::string_view said, const std::vector<std::string>& options) {
  const std::vector<std::string> words = plain_words(said);
  std::optional<size_t> found;
  for (size_t i = 0; i < options.size(); ++i) {
    const std::vector<std::string> own = plain_words(options[i]);
    if (own == words) return i;
    const bool all = std::ranges::all_of(
        words, [&](const std::string& w) { return std::ranges::find(own, w) != own.end(); });
    if (!all || words.empty()) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

/// A question with a place for what is offered: what stands before it and behind; null where its
/// words are not found.
Json place_for(const std::string& question, const std::vector<std::string>& words) {
  std::string behind = question;
  std::string before;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t at = behind.find(words[i]);
    if (at == std::string::npos || words[i].empty()) return {};
    if (i == 0) {
      before = behind.substr(0, at);
      behind = behind.substr(at + words[i].size());
    } else {
      behind.erase(at, words[i].size());
    }
  }
  if (words.empty()) return {};
  return Json::array({std::move(before), std::move(behind)});
}

/// A question with something in its place. "at 15:00" behind an "at" brings none of its own.
std::string in_place(const Json& place, const std::string& what) {
  std::string before(trimmed(place[0].get<std::string>()));
  const size_t blank = before.rfind(' ');
  const size_t last = blank == std::string::npos ? 0 : blank + 1;
  if (last < before.size() && what.starts_with(before.substr(last) + " ")) before.resize(last);
  if (!before.empty() && !before.ends_with(' ')) before += ' ';
  return before + what + place[1].get<std::string>();
}

std::vector<std::string> offered_in(const Json& before) {
  if (!before.is_object()) return {};
  return before.value("options", std::vector<std::string>{});
}

/// What a conversation was about before something was asked back.
Json without_offers(const Json& before) {
  if (!before.is_object()) return {};
  if (before.contains("before")) return before["before"];
  Json out = before;
  for (const char* key : {"options", "place", "asks"}) out.erase(key);
  return out;
}

bool is_declined(const Plan& plan) { return !plan.clarify.empty() || !plan.refuse_code.empty(); }

std::string numbered_list(const std::vector<std::string>& options) {
  std::vector<std::string> list;
  for (size_t i = 0; i < options.size(); ++i) {
    list.push_back(fmt::format("{}. {}", i + 1, options[i]));
  }
  return join_words(list, "; ");
}

}  // namespace

/// Asks with the same options once more.
Plan Planner::ask_again(const std::string& question, const Json& before) const {
  Plan plan = clarification(question, offered_in(before));
  plan.frame = before;
  return plan;
}

Plan Planner::reply_yes(const Json& before) {
  const std::vector<std::string> options = offered_in(before);
  if (before.is_object() && before.value("asks", false)) {
    if (options.size() == 1) return take_option(options[0], before);
    return ask_again(texts_.say("ask.which_option", {{"options", numbered_list(options)}}), before);
  }
  const std::string intent = before.is_object() ? before.value("intent", "") : "";
  const bool proposed = intent == "alert" || intent == "silence";
  Plan plan =
      clarification(proposed ? texts_.say("remark.only_proposed") : texts_.say("remark.good"), {});
  plan.frame = before;
  return plan;
}

Plan Planner::reply_no(const Json& before) const {
  const std::string intent = before.is_object() ? before.value("intent", "") : "";
  const bool proposed = intent == "alert" || intent == "silence";
  Plan plan = clarification(proposed ? texts_.say("remark.not_made") : texts_.say("remark.no"), {});
  plan.frame = without_offers(before);
  if (!plan.frame.is_object()) plan.frame = Json::object();
  if (proposed || plan.frame.value("intent", "") == "clarify") {
    plan.frame["intent"] = plan.frame.contains("subject") ? "query" : "remark";
    for (const char* key : {"op", "value", "hold_s", "severity", "text"}) plan.frame.erase(key);
  }
  return plan;
}

std::optional<Plan> Planner::plan_remark(const std::string& said, const Json& before) {
  const std::string_view kind = remark_in(said, knowledge_.pack.lexicon);
  if (kind.empty()) return std::nullopt;
  if (kind == "no") return reply_no(before);
  if (kind == "yes" || kind == "good") return reply_yes(before);
  Plan plan;
  if (kind == "hello") plan = clarification(texts_.say("remark.hello"), starting_points());
  if (kind == "thanks") plan = clarification(texts_.say("remark.thanks"), {});
  if (kind == "bye") plan = clarification(texts_.say("remark.bye"), {});
  plan.frame = before;
  if (kind == "hello" && !plan.options.empty()) {
    plan.frame = {{"intent", "remark"}, {"options", plan.options}};
  }
  return plan;
}

Plan Planner::take_option(const std::string& option, const Json& before) {
  const Json base = without_offers(before);
  const bool goes_on = base.is_object() && base.contains("subject");
  const bool clarifies = before.value("intent", "") == "clarify";
  std::string question = option;
  Plan plan;
  if (before.contains("place")) {
    question = in_place(before["place"], option);
    plan = plan_text(question, goes_on ? base : Json());
    if (!is_declined(plan) || !clarifies) {
      return with_offers(question, std::move(plan), goes_on ? base : Json());
    }
  }
  question = option;
  if (clarifies) {
    plan = plan_question(option, before);
  } else {
    plan = plan_text(option, goes_on ? base : Json());
  }
  return with_offers(question, std::move(plan), goes_on ? base : Json());
}

std::optional<Plan> Planner::plan_option(const std::string& said, const Json& before) {
  const std::vector<std::string> options = offered_in(before);
  const bool asks = before.is_object() && before.value("asks", false);
  const auto choice = choice_in(said, knowledge_.pack.lexicon);
  if (choice && choice->index == 0 && !asks && is_bare_last(said)) return std::nullopt;
  if (!choice) {
    const auto named = asks ? option_named(said, options) : std::nullopt;
    return named ? std::optional(take_option(options[*named], before)) : std::nullopt;
  }
  const std::string intent = before.is_object() ? before.value("intent", "") : "";
  // "5" after the top, "90" after "at which value?"
  const bool amount =
      intent == "top" || intent == "alert" || (options.empty() && intent == "clarify");
  if (choice->bare && amount) return std::nullopt;
  // "and 7?" after core 3 is another core, and "and 90?" after an alert another limit, whatever
  // was suggested beside the answer.
  const bool another = !asks && before.is_object() &&
                       (before.contains("called") || intent == "alert") &&
                       (said.starts_with("and ") || said.starts_with("und "));
  if (another) return std::nullopt;
  if (options.empty()) {
    Plan plan = clarification(texts_.say("ask.none_offered"), starting_points());
    plan.frame = before.is_object() ? before : Json::object();
    plan.frame["options"] = plan.options;
    return plan;
  }
  const size_t index = choice->index == 0 ? options.size() : choice->index;
  if (index >= 1 && index <= options.size()) return take_option(options[index - 1], before);
  if (choice->bare && intent == "clarify") {
    Plan joined = plan_question(said, before);
    if (joined.intent == Intent::Alert) return with_offers(said, std::move(joined), Json());
  }
  return ask_again(texts_.say("ask.no_such_option", {{"number", choice->said},
                                                     {"count", options.size()},
                                                     {"options", numbered_list(options)}}),
                   before);
}

Plan Planner::with_offers(const std::string& asked, Plan plan, const Json& before) const {
  const bool declined = is_declined(plan);
  const std::vector<std::string>& offered = plan.clarify.empty() ? plan.suggestions : plan.options;
  const bool goes_on = before.is_object() && before.contains("subject");
  if (plan.frame.is_object()) {
    for (const char* key : {"options", "place", "asks"}) plan.frame.erase(key);
  }
  if (offered.empty()) return plan;
  if (!plan.frame.is_object()) {
    plan.frame = declined && goes_on ? without_offers(before) : Json::object();
    if (!goes_on || !declined) plan.frame["intent"] = std::string(to_string(plan.intent));
  }
  plan.frame["options"] = offered;
  if (!declined) return plan;
  plan.frame["asks"] = true;
  const std::string question = plan.frame.value("text", asked);
  if (Json place = place_for(question, plan.instead_of); !place.is_null()) {
    plan.frame["place"] = std::move(place);
  }
  if (goes_on && !plan.frame.contains("subject")) plan.frame["before"] = without_offers(before);
  return plan;
}

Plan Planner::plan(const std::string& said, const Json& before) {
  if (auto query = plan_promql(said)) return with_offers(said, *std::move(query), Json());
  if (auto remark = plan_remark(said, before)) return *std::move(remark);
  if (auto option = plan_option(said, before)) return *std::move(option);
  const std::string asked = in_english(said);
  Plan out = with_offers(asked, plan_question(asked, before), before);
  if (is_declined(out) && asked == said) say_language(said, out);
  if (out.frame.is_object() && !is_declined(out)) {
    out.frame.erase("meaning");
    if (!out.explanation.empty()) out.frame["meaning"] = out.explanation;
  }
  return out;
}

namespace {

/// "vor 2 Stunden" as "2 hours ago": the word that says so stands behind in English. Empty where
/// nothing of the kind begins at the token.
std::string ago_at(std::span<const Token> tokens, size_t i, const catalogue::Lexicon& lexicon) {
  if (tokens[i].text != "vor" || i + 2 >= tokens.size()) return "";
  const std::string* number = lexicon.from_german(tokens[i + 1].text);
  const std::string* unit = lexicon.from_german(tokens[i + 2].text);
  const bool one = number != nullptr && *number == "a";
  const std::string count = one ? "1" : number != nullptr ? *number : tokens[i + 1].text;
  return unit != nullptr && plain_number(count) ? count + " " + *unit + " ago" : "";
}

}  // namespace

std::string Planner::in_english(const std::string& said) const {
  const catalogue::Lexicon& lexicon = knowledge_.pack.lexicon;
  const std::vector<Token> tokens = tokenize(said);
  std::string out;
  bool german = false;
  size_t strange = 0;  // short words that are none of English here
  for (size_t i = 0; i < tokens.size();) {
    const std::string* english = nullptr;
    size_t count = std::min(kLongestPhrase, tokens.size() - i);
    for (; english == nullptr && count > 0; --count) {
      std::string phrase;
      for (size_t k = i; k < i + count; ++k) phrase += (k > i ? " " : "") + tokens[k].text;
      english = lexicon.from_german(phrase);
    }
    const Token& token = tokens[i];
    if (const std::string ago = ago_at(tokens, i, lexicon); !ago.empty()) {
      out += (out.empty() ? "" : " ") + ago;
      german = true;
      i += 3;
      continue;
    }
    const bool known = knowledge_.vocabulary.knows(token.text);
    const std::string folded = catalogue::fold(token.text);
    const bool name = !snapshot_.places(folded).empty() || snapshot_.find(token.written) != nullptr;
    // "API-Dienst": a name and what it is of.
    const size_t hyphen = english == nullptr ? token.text.rfind('-') : std::string::npos;
    const std::string* kind =
        hyphen == std::string::npos ? nullptr : lexicon.from_german(token.text.substr(hyphen + 1));
    if (kind != nullptr && !name) {
      out += (out.empty() ? "" : " ") + token.written.substr(0, hyphen) + " " + *kind;
      german = true;
      ++i;
      continue;
    }
    if (english == nullptr) {
      const bool letters = std::ranges::all_of(token.text, is_alpha);
      if (letters && !known && !name) return said;
      out += (out.empty() ? "" : " ") + token.written;
      ++i;
      continue;
    }
    constexpr size_t kShort = 3;
    constexpr size_t kSeveral = 2;
    for (size_t k = i; k < i + count + 1; ++k) {
      const std::string& word = tokens[k].text;
      if (knowledge_.vocabulary.knows(word) || !snapshot_.places(catalogue::fold(word)).empty()) {
        continue;
      }
      german = german || word.size() > kShort || lexicon.is_german(word);
      ++strange;
    }
    const bool phrase = count > 0;  // "was ist", as no English has it
    german =
        german || phrase || strange >= kSeveral || texts_.is_question_word(to_lower(token.written));
    out += (out.empty() ? "" : " ") + *english;
    i += count + 1;
  }
  // "welche feuern nicht": what would be read without its "not" is not read.
  const bool negates =
      std::ranges::any_of(tokens, [](const Token& token) { return token.text == "nicht"; });
  if (!german || !negates) return german ? out : said;
  const Reading english =
      read_question(out, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_);
  return std::ranges::any_of(english.mentions, &catalogue::Mention::negated) ? out : said;
}

/// "wie hoch ist die Auslastung?": that English is understood, where the question is in the
/// language of the reply.
void Planner::say_language(const std::string& asked, Plan& plan) const {
  const bool foreign = std::ranges::any_of(tokenize(asked), [&](const Token& token) {
    return texts_.is_question_word(to_lower(token.written));
  });
  if (!foreign) return;
  std::string& said = plan.clarify.empty() ? plan.refuse_message : plan.clarify;
  said += " " + texts_.say("ask.in_english");
}

/// An answer to a question back belongs to what was asked; what is no answer stands for itself.
Plan Planner::plan_question(const std::string& asked, const Json& before) {
  const bool has_place = before.is_object() && before.contains("place");
  const bool answers = before.is_object() && before.value("intent", "") == "clarify";
  if (!answers && !has_place) return plan_text(asked, before);
  const Reading alone =
      read_question(asked, knowledge_.pack, knowledge_.vocabulary, snapshot_, now_);
  const bool own = alone.intent_said && names_subject(alone, knowledge_);
  Plan plan;
  if (answers) {
    plan = plan_text(before.value("text", "") + " " + asked, Json());
    if (!is_declined(plan) && !own) return plan;
    plan = plan_text(asked, Json());
  } else {
    plan = plan_text(asked, before);
  }
  // "at 15:00" after "at 25:00": it stands where that stood.
  constexpr size_t kShort = 4;
  if (!has_place || own || !is_declined(plan) || alone.tokens.size() > kShort) return plan;
  const Json base = without_offers(before);
  const bool goes_on = base.is_object() && base.contains("subject");
  Plan filled = plan_text(in_place(before["place"], asked), goes_on ? base : Json());
  return is_declined(filled) ? plan : filled;
}

}  // namespace prom5::llm
