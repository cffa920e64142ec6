#include "ask/texts/text_catalogue.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/spelling.h"
#include "io/codec/utf8.h"

namespace prom5::texts {

namespace {

using codec::YamlNode;

constexpr size_t kMaxTextBytes = 2000;
/// More are not told of one file.
constexpr size_t kMaxMistakes = 100;
constexpr size_t kMaxNameBytes = 100;
/// The section of what the packs' concepts are called.
constexpr std::string_view kConcepts = "concepts";
/// And of words that questions in the language have.
constexpr std::string_view kQuestionWords = "question_words";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) {
    out += (out.empty() ? "{" : ", {") + std::string(name) + "}";
  }
  return out.empty() ? "none" : out;
}

/// The last word of a text, with nothing but blanks behind it; empty behind punctuation.
std::string word_before(std::string_view text) {
  text = trimmed(text, " ");
  const size_t start = text.find_last_of(' ');
  const std::string_view word = start == std::string_view::npos ? text : text.substr(start + 1);
  constexpr std::string_view kEnds = ".,;:!?()[]";
  return word.empty() || kEnds.contains(word.back()) ? std::string() : std::string(word);
}

/// The first word of a text behind a blank, without the punctuation behind it.
std::string word_behind(std::string_view text) {
  if (!text.starts_with(' ')) return "";
  text.remove_prefix(1);
  return std::string(trimmed(text.substr(0, text.find(' ')), ".,;:!?()[]"));
}

void add_once(std::vector<std::string>& words, std::string word) {
  if (!word.empty() && std::ranges::find(words, word) == words.end()) {
    words.push_back(std::move(word));
  }
}

}  // namespace

class TextCatalogue::Reader {
 public:
  Reader(std::string_view language, const TextCatalogue* fallback) : fallback_(fallback) {
    out_.language_ = language;
    out_.texts_.resize(kTexts.size());
  }

  Result<TextCatalogue> read(const YamlNode& root) {
    if (root.kind != YamlNode::Kind::Mapping && root.kind != YamlNode::Kind::Null) {
      mistake(root, "expected a mapping of keys to texts");
    }
    if (fallback_ != nullptr) {
      out_.names_ = fallback_->names_;
      out_.question_words_ = fallback_->question_words_;
    }
    for (const auto& [key, value] : root.entries) {
      if (key.scalar == kConcepts) {
        read_names(key, value);
      } else if (key.scalar == kQuestionWords) {
        read_question_words(key, value);
      } else {
        read_text(key, value);
      }
    }
    if (mistakes_ > kMaxMistakes) {
      told_ += fmt::format("\nand {} mistakes more", mistakes_ - kMaxMistakes);
    }
    if (mistakes_ > 0) return fail(ErrorCode::BadData, "{}", told_);
    for (size_t i = 0; i < kTexts.size(); ++i) {
      if (out_.texts_[i].is_own) continue;
      if (fallback_ == nullptr) {
        return fail(ErrorCode::BadData, "{}: the text is missing", kTexts[i].key);
      }
      out_.texts_[i] = fallback_->texts_[i];
      out_.texts_[i].is_own = false;
    }
    out_.number_words_ = out_.words_beside_numbers();
    return std::move(out_);
  }

 private:
  void mistake(const YamlNode& node, std::string_view what) {
    if (++mistakes_ > kMaxMistakes) return;
    told_ += fmt::format("{}{}:{}: {}", told_.empty() ? "" : "\n", node.line, node.column, what);
  }

  void read_text(const YamlNode& key, const YamlNode& value) {
    const auto* const row = std::ranges::find(kTexts, key.scalar, &TextRow::key);
    if (row == kTexts.end()) return mistake(key, unknown_key(key.scalar));
    Text& text = out_.texts_[static_cast<size_t>(row - kTexts.begin())];
    text.rule = &plural_rule(out_.language_);
    text.is_own = true;
    auto& other = text.forms[static_cast<size_t>(Plural::Other)];
    if (value.kind == YamlNode::Kind::Scalar) {
      other = read_template(value, *row, Plural::Other);
      return;
    }
    if (value.kind != YamlNode::Kind::Mapping) {
      return mistake(key, fmt::format("{}: expected a text", row->key));
    }
    if (row->plural.empty()) {
      return mistake(
          value,
          fmt::format("{}: it counts nothing and has no plural forms; give it one text", row->key));
    }
    for (const auto& [form, words] : value.entries) {
      const std::optional<Plural> plural = read_form(form, *row, *text.rule);
      if (words.kind != YamlNode::Kind::Scalar) {
        mistake(form, fmt::format("{}: {}: expected a text", row->key, form.scalar));
      } else if (plural) {
        text.forms[static_cast<size_t>(*plural)] = read_template(words, *row, *plural);
      }
    }
    if (value.find(kPlurals[static_cast<size_t>(Plural::Other)]) == nullptr) {
      mistake(value, fmt::format("{}: the form \"other\" is missing; add it", row->key));
    }
  }

  void read_names(const YamlNode& key, const YamlNode& value) {
    if (value.kind != YamlNode::Kind::Mapping) {
      return mistake(key, "concepts: expected a mapping of names to names");
    }
    for (const auto& [name, words] : value.entries) {
      const bool good = words.kind == YamlNode::Kind::Scalar && !words.scalar.empty() &&
                        words.scalar.size() <= kMaxNameBytes && is_plain(words.scalar);
      if (good) {
        out_.names_[name.scalar] = words.scalar;
      } else {
        mistake(name, fmt::format("concepts: {}: expected a name of at most {} bytes on one line",
                                  name.scalar, kMaxNameBytes));
      }
    }
  }

  void read_question_words(const YamlNode& key, const YamlNode& value) {
    for (const YamlNode& word : value.items) {
      if (word.kind == YamlNode::Kind::Scalar && is_plain(word.scalar)) {
        out_.question_words_.insert(word.scalar);
      }
    }
    const bool good =
        value.kind == YamlNode::Kind::Sequence && out_.question_words_.size() >= value.items.size();
    if (!good) mistake(key, "question_words: expected a list of words, each once");
  }

  static bool is_plain(std::string_view text) {
    return codec::utf8_valid(text) &&
           std::ranges::none_of(text, [](char c) { return c >= 0 && c < ' '; });
  }

  static std::string unknown_key(const std::string& key) {
    std::vector<std::string_view> keys;
    for (const TextRow& row : kTexts) keys.push_back(row.key);
    const std::string_view near = nearest(key, keys);
    return near.empty() ? fmt::format("there is no text \"{}\"; leave it out", key)
                        : fmt::format("there is no text \"{}\"; did you mean \"{}\"?", key, near);
  }

  std::optional<Plural> read_form(const YamlNode& form, const TextRow& row,
                                  const PluralRule& rule) {
    const auto* const found = std::ranges::find(kPlurals, form.scalar);
    const auto index = static_cast<size_t>(found - kPlurals.begin());
    if (found != kPlurals.end() && rule.has[index]) return static_cast<Plural>(index);
    std::string has;
    for (size_t i = 0; i < kPlurals.size(); ++i) {
      if (rule.has[i]) has += (has.empty() ? "" : ", ") + std::string(kPlurals[i]);
    }
    mistake(form, fmt::format("{}: \"{}\" is no plural form of {}; it has {}", row.key, form.scalar,
                              out_.language_, has));
    return std::nullopt;
  }

  /// What stands there, also where it has mistakes. A form that is said of one number alone need
  /// not name it.
  Template read_template(const YamlNode& node, const TextRow& row, Plural plural) {
    const auto wrong = [&](std::string_view what) {
      mistake(node, fmt::format("{}: {}", row.key, what));
      return Template();
    };
    if (node.scalar.empty()) return wrong("the text is empty");
    if (node.scalar.size() > kMaxTextBytes) {
      return wrong(fmt::format("the text is longer than {} bytes", kMaxTextBytes));
    }
    if (!codec::utf8_valid(node.scalar)) return wrong("the text is no UTF-8");
    if (std::ranges::any_of(node.scalar, [](char c) { return c >= 0 && c < ' '; })) {
      return wrong("the text has a control character; write it on one line");
    }
    auto split = pieces_of(node.scalar);
    if (!split) return wrong(split.error().message);
    const std::vector<std::string_view> places = words_of(row.places);
    for (const Piece& piece : *split) {
      if (!piece.is_place || std::ranges::find(places, piece.text) != places.end()) continue;
      wrong(fmt::format("there is no place {{{}}}; there are: {}", piece.text, listed(places)));
    }
    for (const std::string_view place : places) {
      const bool there = std::ranges::any_of(
          *split, [&](const Piece& piece) { return piece.is_place && piece.text == place; });
      if (there || (place == row.plural && plural != Plural::Other)) continue;
      wrong(fmt::format("{{{}}} is left out; say it, or the reply loses it", place));
    }
    return *std::move(split);
  }

  static Result<Template> pieces_of(std::string_view text) {
    Template out;
    const auto literal = [&](std::string_view part) {
      if (out.empty() || out.back().is_place) out.push_back({});
      out.back().text += part;
    };
    while (!text.empty()) {
      const size_t brace = std::min(text.find_first_of("{}"), text.size());
      if (brace > 0) literal(text.substr(0, brace));
      text.remove_prefix(brace);
      if (text.empty()) break;
      if (text.size() > 1 && text[1] == text[0]) {
        literal(text.substr(0, 1));
        text.remove_prefix(2);
        continue;
      }
      const size_t end = text.find_first_of("{}", 1);
      if (text[0] == '}' || end == std::string_view::npos || text[end] == '{') {
        return fail(ErrorCode::BadData,
                    "a brace without its other one; write \"{{{{\" for a brace that is said");
      }
      out.push_back({std::string(text.substr(1, end - 1)), true});
      text.remove_prefix(end + 1);
    }
    return out;
  }

  const TextCatalogue* fallback_;
  TextCatalogue out_;
  size_t mistakes_ = 0;
  std::string told_;  ///< a line for each
};

Result<TextCatalogue> TextCatalogue::parse(std::string_view language, std::string_view yaml,
                                           const TextCatalogue* fallback) {
  return read(language, TRY(codec::parse_yaml(yaml)), fallback);
}

Result<TextCatalogue> TextCatalogue::read(std::string_view language, const YamlNode& root,
                                          const TextCatalogue* fallback) {
  return Reader(language, fallback).read(root);
}

std::string TextCatalogue::say(TextKey key, std::initializer_list<Filling> places) const {
  const Text& text = texts_[key.index()];
  const auto filling = [&](std::string_view place) {
    return std::ranges::find(places, place, &Filling::place);
  };
  const Template* form = &text.forms[static_cast<size_t>(Plural::Other)];
  const auto* const counted = filling(kTexts[key.index()].plural);
  if (counted != places.end() && counted->number()) {
    const Template& own = text.forms[static_cast<size_t>(text.rule->of(*counted->number()))];
    if (!own.empty()) form = &own;
  }
  std::string out;
  for (const Piece& piece : *form) {
    const auto* const found = piece.is_place ? filling(piece.text) : places.end();
    out += found == places.end() ? piece.text : found->text();
  }
  return out;
}

std::string TextCatalogue::name(std::string_view concept_name) const {
  const auto found = names_.find(concept_name);
  return found == names_.end() ? std::string(concept_name) : found->second;
}

std::vector<std::string_view> TextCatalogue::missing() const {
  std::vector<std::string_view> out;
  for (size_t i = 0; i < kTexts.size(); ++i) {
    if (!texts_[i].is_own) out.push_back(kTexts[i].key);
  }
  return out;
}

NumberWords TextCatalogue::words_beside_numbers() const {
  NumberWords out;
  for (size_t i = 0; i < kTexts.size(); ++i) {
    for (const Template& form : texts_[i].forms) {
      for (size_t p = 0; p < form.size(); ++p) {
        const std::string& place = form[p].text;
        if (!form[p].is_place) continue;
        const bool before = p > 0 && !form[p - 1].is_place;
        const bool behind = p + 1 < form.size() && !form[p + 1].is_place;
        std::string next = behind ? word_behind(form[p + 1].text) : "";
        if (place == "more") {
          std::pair words(before ? word_before(form[p - 1].text) : "", std::move(next));
          const bool new_pair = std::ranges::find(out.rest, words) == out.rest.end();
          const bool empty = words.first.empty() && words.second.empty();
          if (new_pair && !empty) out.rest.push_back(std::move(words));
        } else if (place == "hours") {
          add_once(out.hours, std::move(next));
        } else if (place == "years") {
          add_once(out.years, std::move(next));
        } else if (place == kTexts[i].plural && before &&
                   trimmed(form[p - 1].text).ends_with(':')) {
          add_once(out.counted, std::move(next));
        }
      }
    }
  }
  return out;
}

}  // namespace prom5::texts
