#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ask/texts/plural.h"
#include "ask/texts/text_keys.h"
#include "base/error.h"
#include "io/codec/yaml.h"

namespace prom5::texts {

/// What fills a place of a text. A number may choose the text's plural form.
class Filling {
 public:
  Filling(std::string_view place, std::string text) : place_(place), text_(std::move(text)) {}
  template <std::unsigned_integral Number>
  Filling(std::string_view place, Number number)
      : place_(place), text_(std::to_string(number)), number_(number) {}

  [[nodiscard]] std::string_view place() const { return place_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::optional<uint64_t> number() const { return number_; }

 private:
  std::string_view place_;
  std::string text_;
  std::optional<uint64_t> number_;
};

/// The words beside numbers in the texts of a language, as they are written there, for whoever
/// reads numbers back from a reply. A word may be empty where nothing but punctuation stands.
struct NumberWords {
  /// Around how many of a list are not named: "and", "more". Places called "more".
  std::vector<std::pair<std::string, std::string>> rest;
  /// Behind what is counted right after a colon, where else a value would stand: "series". Places
  /// that choose a plural form.
  std::vector<std::string> counted;
  std::vector<std::string> hours;  ///< behind places called "hours"
  std::vector<std::string> years;  ///< and "years"
};

/// All that the assistant says, in one language. What a translation does not have is said in the
/// language that it falls back on, with the plural forms of that one. Does not change; any thread.
class TextCatalogue {
 public:
  /// Reads a file as packs/texts/en.yaml: a mapping of the keys of kTexts to texts, or to the
  /// plural forms of one; under "concepts" names in packs and what they are called; and the list
  /// "question_words". `language`: its tag, "de" or "pt-BR". `fallback`: says what is missing;
  /// null: nothing may be.
  /// Errors: BadData for what is no YAML, an unknown key, place or plural form, a brace that is not
  /// closed, a place that a text leaves out, no form "other". It tells all mistakes, each on a line
  /// that begins with "LINE:COLUMN: ".
  static Result<TextCatalogue> parse(std::string_view language, std::string_view yaml,
                                     const TextCatalogue* fallback);
  /// The same of a file that is parsed already.
  static Result<TextCatalogue> read(std::string_view language, const codec::YamlNode& root,
                                    const TextCatalogue* fallback);

  /// The text with its places filled in. Fillings have the places of the key's row.
  [[nodiscard]] std::string say(TextKey key, std::initializer_list<Filling> places = {}) const;

  /// What a concept of a pack is called; its own name where the language has none for it.
  [[nodiscard]] std::string name(std::string_view concept_name) const;

  /// Whether a word, in lower case, shows that a question is in this language, as none of English
  /// does: from the list "question_words".
  [[nodiscard]] bool is_question_word(std::string_view word) const {
    return question_words_.contains(word);
  }

  [[nodiscard]] const std::string& language() const { return language_; }
  /// Keys that are said in the language of the fallback.
  [[nodiscard]] std::vector<std::string_view> missing() const;
  [[nodiscard]] const NumberWords& number_words() const { return number_words_; }

 private:
  struct Piece {
    std::string text;
    bool is_place = false;
  };
  using Template = std::vector<Piece>;
  struct Text {
    std::array<Template, kPlurals.size()> forms;  // empty: as "other"
    const PluralRule* rule = nullptr;             // of the language it is in
    bool is_own = false;
  };
  class Reader;

  [[nodiscard]] NumberWords words_beside_numbers() const;

  std::string language_;
  std::vector<Text> texts_;                                // as kTexts
  std::map<std::string, std::string, std::less<>> names_;  // of concepts
  std::set<std::string, std::less<>> question_words_;
  NumberWords number_words_;
};

}  // namespace prom5::texts
