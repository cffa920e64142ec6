#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace prom5::llm {

/// A comparison that a question asks for: "above 80 %".
struct Threshold {
  std::string op;  ///< ">" or "<"
  double value = 0;
  bool percent = false;
};

/// A question taken apart: what its words ask for, and the words that name the thing.
struct ParsedQuestion {
  std::vector<std::string> content;  ///< words that name things, in their one spelling
  std::vector<std::string> raw;      ///< the same words as they were written
  std::vector<std::string> words;    ///< all words, in lower case
  std::optional<DurationMs> window;  ///< "over the last hour"
  std::optional<size_t> top;         ///< "top 3"; 1 for "which … most"
  bool least = false;                ///< "lowest", "least"
  std::optional<double> quantile;    ///< "p95"
  std::optional<Threshold> threshold;
  std::vector<std::string> by;     ///< "per instance"
  std::string aggregation;         ///< "avg", "max", "min", "sum", "count", or empty
  bool trend = false;              ///< "graph", "trend", "over time"
  bool status = false;             ///< "down", "healthy", "alive"
  bool list_metrics = false;       ///< "which metrics are there"
  bool forecast = false;           ///< "will … fill"
  bool proposes_alert = false;     ///< "alert me when"
  bool changes_something = false;  ///< "delete", "restart": not ours to do
  bool follow_up = false;          ///< "and memory?"
  bool vague = false;              ///< only words like "usage" and "it"
  bool past = false;               ///< "was", "yesterday": now is no answer
  bool counts = false;             ///< "how many"
  bool is_promql = false;          ///< has brackets or braces: written for `query`
  bool bad_top = false;            ///< "top 0"
};

ParsedQuestion parse_question(std::string_view text,
                              const std::map<std::string, std::string, std::less<>>& synonyms);

/// Lower-case words; keeps what identifiers are made of together.
std::vector<std::string> words_of(std::string_view text);

/// A word in its singular, as far as its ending tells.
std::string singular(const std::string& word);

}  // namespace prom5::llm
