#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/functions.h"

namespace prom5::query {

/// A text that somebody typed, looked at as PromQL.
struct TypedQuery {
  enum class Kind {
    Words,   ///< a question, a name or a number
    Query,   ///< it parses
    Broken,  ///< meant as PromQL, as its brackets and operators tell, and does not parse
  };
  /// A metric's name, and where it stands in `promql`.
  struct Name {
    std::string name;
    size_t at = 0;
  };

  Kind kind = Kind::Words;
  std::string promql;  ///< without blanks and question marks around it
  std::string error;   ///< of a Broken one, with its place

  // Of a Query.
  std::vector<Name> names;  ///< in the order of the text
  bool surely = false;      ///< nobody would write it as words: "cpu / memory" may be some
  ValueType type = ValueType::None;
  std::string in_words;      ///< what it does, in a sentence
  bool filters = false;      ///< keeps what a comparison holds for
  bool least_first = false;  ///< the least of many
  bool plain_range = false;  ///< a range of samples and no function of it
};

/// One plain word is no query, nor are numbers. Pure; any thread.
TypedQuery typed_query(std::string_view text);

/// Whether a query is a metric with its matchers, as it is now, and nothing else. Pure; any thread.
bool is_plain_selector(std::string_view promql);

}  // namespace prom5::query
