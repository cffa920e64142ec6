#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/catalogue/mention.h"
#include "ask/intent.h"
#include "ask/llm/numbered.h"
#include "ask/llm/quantity.h"
#include "ask/llm/spelling.h"
#include "ask/llm/spoken_values.h"
#include "ask/llm/time_phrase.h"
#include "ask/llm/token.h"

namespace prom5::llm {

/// A word that says what is asked about.
struct ContentWord {
  size_t at = 0;          ///< its place among the tokens
  std::string canonical;  ///< as Lexicon::canonical gives it
  bool known = false;     ///< a word of the lexicon, a concept, a metric or a label value
  bool minor = false;     ///< says how it is told apart ("by mode"), or was only implied
  bool joins = false;     ///< says how values become one ("average"), unless it is a name
};

/// A question taken apart: what its words ask for, and the words that name the thing. Nothing is
/// decided here about which metric is meant.
struct Reading {
  std::vector<Token> tokens;
  std::vector<bool> used;  ///< tokens that a slot below has taken

  Intent intent = Intent::Query;
  bool intent_said = false;  ///< by a word for it; else it is the default
  bool forced = false;       ///< the caller knows the intent: a part of a question is read

  std::optional<TimePhrase> window;        ///< up to now
  std::optional<TimePhrase> other_window;  ///< a second one, to compare with
  std::optional<TimePhrase> range;         ///< ended before now
  std::optional<TimePhrase> point;
  std::optional<TimePhrase> shift;  ///< what to compare with
  std::optional<TimePhrase> ahead;
  std::optional<TimePhrase> hold;

  std::vector<Threshold> thresholds;
  std::vector<Quantity> numbers;  ///< that belong to nothing else: "make it five"
  std::optional<Unit> unit;       ///< that the answer shall have
  std::optional<double> quantile;
  std::vector<double> quantiles;  ///< all that are asked for, when several
  std::optional<size_t> top;      ///< how many; 1 for "which … most"
  bool least = false;
  bool superlative = false;     ///< "most", "busiest": the top is wanted
  bool how_many = false;        ///< "how many", "number of"
  bool which = false;           ///< "which hosts", "any service whose"
  std::vector<std::string> by;  ///< canonical kinds or names of labels
  std::string things;           ///< canonical kind of what is listed: "host" in "which hosts"
  std::string aggregation;      ///< avg, max, min, sum or empty
  size_t aggregation_at = 0;
  std::string severity;  ///< of an alert: critical, warning, info

  std::vector<catalogue::Mention> mentions;
  std::vector<size_t> mention_at;      ///< the token of each
  std::string everything;              ///< "production", where nothing bears that name
  std::vector<Numbered> numbered;      ///< "core 7", also where there is none such
  std::vector<SpokenValue> values;     ///< "topic foo", where there is none such; "PUT"
  std::vector<std::string> strangers;  ///< names of nothing that is here: "web-09"
  std::vector<ContentWord> content;

  bool all_told = false;   ///< of all so far, as the turn before was
  bool follow_up = false;  ///< says that it goes on from before: "and memory?"
  bool refers = false;     ///< "it", "that one", "them"
  bool unsafe = false;     ///< asks to change or break something
  bool small_talk = false;
  std::string expression;  ///< PromQL in the question
  std::string family;      ///< a histogram or summary by its base name, which has no series

  [[nodiscard]] bool says(std::string_view word) const;
  [[nodiscard]] bool says_any(std::initializer_list<std::string_view> words) const;
  /// Words next to each other.
  [[nodiscard]] bool says_phrase(std::initializer_list<std::string_view> words) const;
};

/// Takes a question apart. `now`: what "now" means in it. `intent`: of what it is a part of, where
/// that is known already. Pure; any thread.
Reading read_question(std::string_view text, const catalogue::ConceptPack& pack,
                      const Vocabulary& vocabulary, const catalogue::Snapshot& snapshot, TimeMs now,
                      std::optional<Intent> intent = {});

}  // namespace prom5::llm
