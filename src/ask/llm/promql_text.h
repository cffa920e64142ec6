#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/promql/ast.h"

namespace prom5::llm {

/// The PromQL of a question that is some, or has some in it: "explain rate(x[5m])". Empty where
/// there is none; it need not parse. Pure; any thread.
std::string promql_in(std::string_view text);

/// A whole text, looked at as PromQL.
struct QueryText {
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
  std::string promql;       ///< without blanks and question marks around it
  promql::ExprPtr expr;     ///< of a Query
  std::vector<Name> names;  ///< of a Query, in the order of the text
  bool surely = false;  ///< a Query that nobody would write as words: "cpu / memory" may be some
  std::string error;    ///< of a Broken one, with its place
};

/// One plain word is none, nor are numbers. Pure; any thread.
QueryText query_text(std::string_view text);

}  // namespace prom5::llm
