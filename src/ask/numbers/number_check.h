#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ask/agent.h"
#include "ask/language_model.h"
#include "ask/texts/languages.h"

namespace prom5::numbers {

/// What an answer may say in numbers. Made by gather_numbers().
struct NumberEvidence {
  /// A number that was said before, in a question, a query or a description.
  struct Said {
    double value = 0;
    std::string unit;  ///< lower case; may be empty
  };

  std::vector<double> values;      ///< sizes without their signs, ascending
  std::vector<double> counts;      ///< how many of something there are, ascending
  std::vector<int64_t> times;      ///< points in time, seconds of the Unix epoch, ascending
  std::vector<Said> said;          ///< by value, ascending
  std::vector<std::string> units;  ///< lower case; those that values have already, as "gb"
  bool converted = false;          ///< a query computes what it likes, so that any unit may be so
  std::string text;                ///< names, queries and sentences, apart by "\n"
};

/// Takes what one question's turns know: the question, the arguments and results of its tool calls,
/// and what the built-in model's plan says. From results also what follows from them: of a series
/// the first, last, lowest, highest and mean value, of two series alike their difference and change
/// in percent, of lists how long they are. `turns` begins with the question; what came before a
/// turn that says "restart" does not count. What another model says about its own answer is none.
NumberEvidence gather_numbers(std::span<const Message> turns);

/// The numbers of a text that cannot be recomputed from the evidence, rounded as they are written:
/// with their units (87.3 %, 1.2 GiB, 12 ms), as durations (3 h 20 min), as times of day and dates.
/// Digits within names ("p95", "web-01") are no numbers. Pure.
/// words: of the language of the text, where it is not English; English is always understood.
std::vector<std::string> unfounded_numbers(std::string_view text, const NumberEvidence& evidence,
                                           const texts::NumberWords& words = {});

/// The text without the sentences that have such numbers. Pure.
std::string founded_sentences(std::string_view text, const NumberEvidence& evidence,
                              const texts::NumberWords& words = {});

/// The evidence as lines of names and values, to be said in place of words. Pure.
std::string evidence_table(std::span<const Evidence> evidence,
                           const texts::TextCatalogue& texts = texts::english());

}  // namespace prom5::numbers
