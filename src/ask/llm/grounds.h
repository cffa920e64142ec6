#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ask/language_model.h"

namespace prom5::llm {

/// What the answer to the last question of a conversation may rest on.
struct Grounds {
  std::vector<std::string> queries;  ///< that ran and gave a result, blanks at the ends removed
  std::string text;                  ///< questions, queries and the texts in results, apart by "\n"
  bool any_result = false;           ///< whether a tool has answered without an error

  /// Whether a word stands in the text as a word. `word` is not empty.
  [[nodiscard]] bool mentions(std::string_view word) const;
  /// Whether this query ran.
  [[nodiscard]] bool has_run(std::string_view promql) const;
};

Grounds gather_grounds(std::span<const Message> conversation);

/// The text as something to be read and nothing else: links, pictures, HTML, control characters and
/// invisible characters are taken out, digits of other scripts become ASCII. A URL that the grounds
/// have is shown so that nothing makes a link of it: "https[:]//host/". Pure.
std::string plain_text(std::string_view text, const Grounds& grounds);

}  // namespace prom5::llm
