#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "io/codec/yaml.h"

namespace prom5::catalogue {

/// What is known of words, from packs/words.yaml: which mean the same, which say little, and which
/// name a kind of thing that labels tell apart. Immutable after loading; any thread.
class Lexicon {
 public:
  /// BadData with line and column.
  static Result<Lexicon> parse(std::string_view yaml);
  static Result<Lexicon> read(const codec::YamlNode& root);

  /// Adds the sections that a document has, of those of packs/words.yaml; what a word means
  /// or stands for replaces what was known, labels of kinds, roles and aliases come behind those
  /// known. BadData with line and column; then part of it may have been added.
  Result<void> merge(const codec::YamlNode& root);

  /// A word in the form in which phrases, names and questions are compared: lower case, singular,
  /// of several words for one thing always the same.
  [[nodiscard]] std::string canonical(std::string_view word) const;

  /// The canonical words of a metric's name, and of a sentence without what says nothing.
  [[nodiscard]] std::vector<std::string> words_of_name(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> words_of_text(std::string_view text) const;

  /// Function words, politeness, and nouns that add nothing ("site", "thing").
  [[nodiscard]] bool says_nothing(std::string_view word) const { return ignored_.contains(word); }
  /// Words that need another to mean something: "usage", "rate", "count".
  [[nodiscard]] bool is_weak(std::string_view word) const { return weak_.contains(word); }
  /// The labels that tell things of this kind apart, the likeliest first; null for other words.
  /// `word` is canonical: "host", "service", "pod".
  [[nodiscard]] const std::vector<std::string>* kind(std::string_view word) const;
  /// What hosts in this role are called: "database" gives "db". Null for other words.
  [[nodiscard]] const std::vector<std::string>* role(std::string_view word) const;
  /// The labels of things that are called by a number: "core" gives "cpu" for "core 7". Null for
  /// other words.
  [[nodiscard]] const std::vector<std::string>* numbered(std::string_view word) const;
  /// The kind of which this is a value by convention: "method" of "put". Null for other words.
  [[nodiscard]] const std::string* kind_of_value(std::string_view word) const;
  /// Other spellings of a name that label values use: "postgres" gives "postgresql" and "pg".
  [[nodiscard]] const std::vector<std::string>* alias(std::string_view word) const;
  /// Speech that is heard as other words: "post gress", "read us", "cube a net ease".
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& heard() const {
    return heard_;
  }
  /// What a word of a conversation does that asks nothing: "hello", "thanks", "no", "yes", "good",
  /// "bye", or "with" for what only stands beside such words. Empty for other words.
  [[nodiscard]] std::string_view remark(std::string_view word) const;
  /// What a turn does that is of the turns before: "undo" goes back one, "what" has the answer said
  /// once more, "again" asks the question anew. Of all its words, in lower case and without
  /// accents, with blanks between; empty for other turns.
  [[nodiscard]] std::string_view turn(std::string_view words) const;
  /// Which of several a word chooses: "2" for "second", "last"; empty for other words.
  [[nodiscard]] std::string_view ordinal(std::string_view word) const;
  /// Words beside such a choice: "number", "option".
  [[nodiscard]] bool chooses(std::string_view word) const;
  /// English for a German word or for several with blanks between, in lower case and without
  /// accents; null where nothing is known.
  [[nodiscard]] const std::string* from_german(std::string_view words) const;
  /// Whether a short word is German for sure: "und", "von".
  [[nodiscard]] bool is_german(std::string_view word) const {
    return surely_german_.contains(word);
  }
  /// Every word known here, for the correction of spelling.
  [[nodiscard]] const std::set<std::string, std::less<>>& known() const { return known_; }

 private:
  /// Found by views: every word of a question is looked up in most of these.
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <typename Value>
  using Words = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  using Set = std::unordered_set<std::string, Hash, std::equal_to<>>;
  using Lists = Words<std::vector<std::string>>;
  Result<void> add(const codec::YamlNode& root, bool all_sections);
  Result<void> add_speech(const codec::YamlNode& root);
  template <typename Value>
  static const Value* in(const Words<Value>& words, std::string_view word) {
    const auto found = words.find(word);
    return found == words.end() ? nullptr : &found->second;
  }

  Words<std::string> synonyms_;
  std::map<std::string, std::string, std::less<>> heard_;
  Words<std::string> values_;
  Set ignored_;
  Set weak_;
  std::set<std::string, std::less<>> known_;
  Lists kinds_;
  Lists roles_;
  Lists aliases_;
  Lists numbered_;
  Words<std::string> remarks_;
  Words<std::string> turns_;
  Words<std::string> ordinals_;
  Words<std::string> german_;
  Set choosing_;
  Set surely_german_;
};

/// A word in its singular, as far as its ending tells.
std::string singular(std::string_view word);

}  // namespace prom5::catalogue
