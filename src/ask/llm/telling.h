#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ask/llm/planner.h"
#include "ask/llm/value_words.h"
#include "ask/llm/words.h"

namespace prom5::llm {

/// How many of a list are named.
inline constexpr size_t kMaxNamed = 5;

/// A series of a result: what it is called, and what it says.
struct Row {
  std::string name;
  double value = 0;
  double first = 0;  ///< of a range
  double lowest = 0;
  double highest = 0;
};

/// What is told, and in which language.
struct Telling {
  const Plan& plan;
  const Results& results;
  TimeMs now;
  const texts::TextCatalogue& texts;

  /// With its unit; a count that the query estimates as a whole number.
  [[nodiscard]] std::string value(double value) const;
  [[nodiscard]] std::string time_of(const Json& json, const char* seconds) const {
    return say_time({static_cast<int64_t>(json.value(seconds, 0.0) * 1000)}, now);
  }
};

/// The values of these labels, else of all.
std::string name_of(const Json& labels, const std::vector<std::string>& wanted);

/// Those labels, and behind them others that tell series of a result apart which they alone do not.
std::vector<std::string> labels_apart(std::vector<std::string> labels, const Json& data);

/// The rows of a query's result; none for histograms. Of a range the first `filling` of each
/// series is left out, where it is longer.
std::vector<Row> rows_of(const std::vector<std::string>& labels, const Json& data,
                         DurationMs filling = {});

/// What a call gave; an empty object where it was not made.
const Json& result_of(const Results& results, std::string_view id);

/// "a; b; c; and 4 more"
std::string with_rest(const texts::TextCatalogue& texts, std::string list, size_t total,
                      size_t told);

template <typename Say>
std::string some_of(const texts::TextCatalogue& texts, const std::vector<Row>& rows, Say say,
                    size_t most = kMaxNamed, size_t total = 0) {
  std::string out;
  for (size_t i = 0; i < rows.size() && i < most; ++i) out += (i > 0 ? "; " : "") + say(rows[i]);
  return with_rest(texts, std::move(out), std::max(total, rows.size()), most);
}

}  // namespace prom5::llm
