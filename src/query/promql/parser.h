#pragma once

#include <string_view>

#include "base/error.h"
#include "query/promql/ast.h"

namespace prom5::promql {

/// What adds syntax; what changes answers is an option of the engine.
struct ParseOptions {
  bool experimental_functions = true;
  bool extended_range_selectors = true;
  bool fill_modifiers = true;
  /// Deeper nesting is refused: the parser and the evaluator recurse.
  int max_depth = 200;
  int max_links = 1000;                  ///< operators and subqueries that follow one another
  size_t max_bytes = size_t{256} << 10;  ///< of text: some hundred bytes of memory go to each
};

/// Parses and checks types. BadData with "LINE:COLUMN: parse error: …" in Prometheus' words
/// (promql/parser of 3.14); of several errors the first.
Result<ExprPtr> parse(std::string_view query, const ParseOptions& options = {});

/// A series selector alone, as match[] takes it: `up{job="api"}`.
Result<std::vector<Matcher>> parse_selector(std::string_view selector);

/// "LINE:COLUMN", both from 1, as error messages and annotations give it.
std::string line_and_column(std::string_view query, int position);

/// A number of seconds as a duration: by way of nanoseconds, of which those below a millisecond are
/// dropped, as the reference does.
DurationMs to_duration(double seconds);
/// As a time; one so far away that it has no milliseconds becomes the last one that has.
TimeMs to_time(double seconds);

/// A number literal's value. BadData, in the words of Go's strconv, for what is none.
Result<double> parse_number(std::string_view literal);

/// The text of a string literal, quotes included, without its quotes and escapes. The token must
/// come from the lexer, which has checked it.
std::string unquote(std::string_view literal);

}  // namespace prom5::promql
