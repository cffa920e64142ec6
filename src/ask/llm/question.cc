#include "ask/llm/question.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// "last 1e300 days" and "top 1e300" mean all there is.
constexpr double kLongestWindowMs = 100.0 * 365 * 86'400'000;
constexpr double kMostNamed = 1000;

using Words = std::vector<std::string>;

const std::set<std::string_view>& stop_words() {
  static const std::set<std::string_view> words = {
      "a",       "about",  "all",     "am",         "an",       "and",        "any",     "anything",
      "are",     "as",     "at",      "be",         "been",     "being",      "by",      "can",
      "check",   "could",  "current", "currently",  "did",      "display",    "do",      "does",
      "doing",   "each",   "find",    "for",        "from",     "get",        "give",    "got",
      "had",     "has",    "have",    "hey",        "hi",       "hello",      "how",     "i",
      "if",      "in",     "into",    "is",         "it",       "its",        "just",    "let",
      "like",    "look",   "many",    "me",         "much",     "my",         "now",     "number",
      "of",      "off",    "on",      "one",        "or",       "our",        "out",     "please",
      "right",   "run",    "running", "see",        "show",     "so",         "over",    "during",
      "graph",   "plot",   "chart",   "draw",       "across",   "some",       "tell",    "than",
      "that",    "the",    "their",   "them",       "there",    "these",      "they",    "this",
      "those",   "to",     "us",      "want",       "was",      "we",         "were",    "what",
      "whats",   "when",   "where",   "which",      "who",      "why",        "will",    "with",
      "would",   "you",    "your",    "prometheus", "moment",   "value",      "values",  "amount",
      "level",   "host",   "hosts",   "machine",    "machines", "server",     "servers", "box",
      "system",  "node",   "nodes",   "computer",   "percent",  "percentage", "share",   "s",
      "rate",    "second", "seconds", "here",       "today",    "metric",     "metrics", "every",
      "overall", "still",  "data"};
  return words;
}

/// Words that name no thing alone: a question of nothing else is asked back.
const std::set<std::string_view>& vague_words() {
  static const std::set<std::string_view> words = {
      "usage", "used",  "high", "low",  "graph", "status",      "utilisation",
      "help",  "total", "full", "free", "left",  "performance", "health"};
  return words;
}

std::optional<double> number_word(std::string_view word) {
  constexpr std::array<std::string_view, 11> kWords = {
      "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
  for (size_t i = 0; i < kWords.size(); ++i) {
    if (word == kWords[i]) return static_cast<double>(i);
  }
  const auto value = codec::parse_double(word);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<DurationMs> unit_word(std::string_view word) {
  if (word.ends_with('s') && word.size() > 1) word.remove_suffix(1);
  if (word == "s" || word == "sec" || word == "second") return DurationMs::seconds(1);
  if (word == "m" || word == "min" || word == "minute") return DurationMs::minutes(1);
  if (word == "h" || word == "hr" || word == "hour") return DurationMs::hours(1);
  if (word == "d" || word == "day") return DurationMs::days(1);
  if (word == "w" || word == "week") return DurationMs::days(7);
  if (word == "month") return DurationMs::days(30);
  return std::nullopt;
}

/// Takes `count` words out at `at`.
void take_out(Words& words, size_t at, size_t count) {
  const auto first = words.begin() + static_cast<ptrdiff_t>(at);
  words.erase(first, first + static_cast<ptrdiff_t>(std::min(count, words.size() - at)));
}

bool contains(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool take_word(Words& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return false;
  words.erase(found);
  return true;
}

bool take_any(Words& words, std::initializer_list<std::string_view> candidates) {
  bool any = false;
  for (const std::string_view candidate : candidates) {
    while (take_word(words, candidate)) any = true;
  }
  return any;
}

/// "last 30 minutes", "past hour", "in the last 2 days", "since yesterday", "5m".
void take_window(Words& words, ParsedQuestion& out) {
  for (size_t i = 0; i < words.size(); ++i) {
    const bool marker = words[i] == "last" || words[i] == "past" || words[i] == "previous";
    if (!marker || i + 1 >= words.size()) continue;
    if (const auto unit = unit_word(words[i + 1])) {
      out.window = *unit;
      take_out(words, i, 2);
      return;
    }
    if (const auto literal = parse_duration(words[i + 1])) {
      out.window = std::max(*literal, DurationMs::seconds(1));
      take_out(words, i, 2);
      return;
    }
    const auto number = number_word(words[i + 1]);
    const auto unit = i + 2 < words.size() ? unit_word(words[i + 2]) : std::nullopt;
    if (number && unit && *number > 0) {
      const double wanted = *number * static_cast<double>(unit->ms);
      out.window = DurationMs{static_cast<int64_t>(std::clamp(wanted, 1000.0, kLongestWindowMs))};
      take_out(words, i, 3);
      return;
    }
  }
  if (take_word(words, "yesterday")) out.window = DurationMs::days(1);
}

/// "top 5", "which 3", "fullest", "highest".
void take_top(Words& words, ParsedQuestion& out) {
  for (size_t i = 0; i < words.size(); ++i) {
    const bool marker = words[i] == "top" || words[i] == "bottom" || words[i] == "worst" ||
                        words[i] == "largest" || words[i] == "biggest" || words[i] == "highest" ||
                        words[i] == "lowest" || words[i] == "smallest";
    if (!marker) continue;
    out.least = words[i] == "bottom" || words[i] == "lowest" || words[i] == "smallest";
    const auto after = i + 1 < words.size() ? number_word(words[i + 1]) : std::nullopt;
    const auto before = i > 0 ? number_word(words[i - 1]) : std::nullopt;
    const auto number = after ? after : before;
    out.bad_top = number && *number < 1;
    out.top = number && *number >= 1 ? static_cast<size_t>(std::min(*number, kMostNamed))
                                     : (words[i] == "top" ? 5 : 1);
    if (before && !after) {
      take_out(words, i - 1, 2);
    } else {
      take_out(words, i, after ? 2 : 1);
    }
    return;
  }
  if (contains(words, "fullest") || contains(words, "busiest")) out.top = 1;
  std::replace(words.begin(), words.end(), std::string("busiest"), std::string("busy"));
  if (take_word(words, "most")) out.top = 1;
  if (take_word(words, "least")) {
    out.top = 1;
    out.least = true;
  }
}

/// "above 80 %", "less than 10", "over 90 percent".
void take_threshold(Words& words, ParsedQuestion& out) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const bool above = words[i] == "above" || words[i] == "over" || words[i] == "exceeds" ||
                       words[i] == "exceeding";
    const bool below = words[i] == "below" || words[i] == "under";
    const bool compared = i + 2 < words.size() && words[i + 1] == "than";
    const bool more =
        compared && (words[i] == "more" || words[i] == "greater" || words[i] == "higher");
    const bool less =
        compared && (words[i] == "less" || words[i] == "lower" || words[i] == "fewer");
    if (!above && !below && !more && !less) continue;
    const size_t at = more || less ? i + 2 : i + 1;
    std::string number = words[at];
    Threshold threshold{above || more ? ">" : "<", 0, false};
    if (number.ends_with('%')) {
      threshold.percent = true;
      number.pop_back();
    }
    const auto value = number_word(number);
    if (!value) continue;
    threshold.value = *value;
    size_t count = at - i + 1;
    if (at + 1 < words.size() && (words[at + 1] == "percent" || words[at + 1] == "%")) {
      threshold.percent = true;
      ++count;
    }
    out.threshold = threshold;
    take_out(words, i, count);
    return;
  }
}

void take_quantile(Words& words, ParsedQuestion& out) {
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    if (word == "median") {
      out.quantile = 0.5;
      take_out(words, i, 1);
      return;
    }
    const bool p = word.size() > 1 && word[0] == 'p' && word[1] >= '0' && word[1] <= '9';
    const bool th = word.size() > 2 && word.ends_with("th") && word[0] >= '0' && word[0] <= '9';
    const auto value = codec::parse_double(p    ? word.substr(1)
                                           : th ? word.substr(0, word.size() - 2)
                                                : "");
    if (!value || *value <= 0 || *value >= 100) continue;
    out.quantile = *value / 100;
    take_out(words, i, 1);
    take_any(words, {"percentile", "quantile"});
    return;
  }
}

/// "per device", "by mode"; not "top … by size", where "by" names the measure.
void take_grouping(Words& words, ParsedQuestion& out) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "per" && !(words[i] == "by" && !out.top)) continue;
    const std::string label = singular(words[i + 1]);
    if (label == "second") {
      take_out(words, i, 2);
      --i;
      continue;
    }
    out.by.push_back(label == "host" || label == "machine" || label == "server" ? "instance"
                                                                                : label);
    take_out(words, i, 2);
    if (i == 0) break;
    --i;
  }
}

void take_aggregation(Words& words, ParsedQuestion& out) {
  const bool load = contains(words, "load");
  if (!load && take_any(words, {"average", "avg", "mean"})) out.aggregation = "avg";
  if (take_any(words, {"maximum", "max"})) out.aggregation = "max";
  if (take_any(words, {"minimum"})) out.aggregation = "min";
  if (take_any(words, {"sum", "combined"})) out.aggregation = "sum";
}

void take_intents(Words& words, ParsedQuestion& out) {
  // An order begins with its verb; "how often did it restart" is a question.
  size_t first = 0;
  while (first < words.size() && (words[first] == "please" || words[first] == "can" ||
                                  words[first] == "could" || words[first] == "you")) {
    ++first;
  }
  for (const std::string_view verb :
       {"delete", "remove", "restart", "kill", "drop", "shutdown", "reboot", "stop"}) {
    if (first < words.size() && words[first] == verb) out.changes_something = true;
  }
  if (contains(words, "alert") &&
      (contains(words, "on") || contains(words, "when") || contains(words, "if"))) {
    out.proposes_alert = take_word(words, "alert");
  }
  const bool fill = contains(words, "fill") || contains(words, "full");
  if ((contains(words, "will") || contains(words, "when")) && fill) {
    out.forecast = true;
    take_any(words, {"fill", "full", "up", "soon", "week", "day"});
  }
  if (take_any(words, {"forecast", "predict", "prediction"})) out.forecast = true;
  if (take_any(words, {"trend", "graph", "chart", "plot", "history", "timeline", "draw"})) {
    out.trend = true;
  }
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "over" && words[i + 1] == "time") {
      out.trend = true;
      take_out(words, i, 2);
    }
  }
  const bool asks_list = contains(words, "metric") || contains(words, "metrics");
  if (asks_list &&
      (contains(words, "which") || contains(words, "list") || contains(words, "available"))) {
    out.list_metrics = true;
    take_any(words, {"metric", "metrics", "list", "available", "which"});
  }
}

void take_status(Words& words, ParsedQuestion& out) {
  const bool long_up = contains(words, "long") || contains(words, "since");
  if (long_up) return;
  const bool down = take_any(words, {"down", "unreachable", "offline", "broken", "dead"});
  const bool alive = take_any(words, {"alive", "healthy", "reachable", "online", "ok", "okay"});
  const bool up = take_any(words, {"up", "status"});
  out.status = down || alive || up;
  if (out.status) take_any(words, {"target", "targets", "everything", "service", "services"});
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  Words out;
  std::string word;
  const auto flush = [&] {
    while (!word.empty() &&
           (word.back() == '.' || word.back() == ':' || word.back() == '-' || word.back() == '/')) {
      if (word == "/") break;
      word.pop_back();
    }
    if (!word.empty()) out.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool part = (c >= 'a' && c <= 'z') || upper || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || c == ':' || c == '/' || c == '%' ||
                      static_cast<unsigned char>(c) >= 0x80;
    if (c == '\'') continue;  // "what's" is one word
    if (part) {
      word += upper ? static_cast<char>(c + 32) : c;
    } else {
      flush();
      if (c == '+') out.emplace_back("+");
    }
  }
  flush();
  return out;
}

std::string singular(const std::string& word) {
  if (word.size() > 4 && word.ends_with("ies")) return word.substr(0, word.size() - 3) + "y";
  if (word.size() > 4 && (word.ends_with("sses") || word.ends_with("xes"))) {
    return word.substr(0, word.size() - 2);
  }
  if (word.size() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us")) {
    return word.substr(0, word.size() - 1);
  }
  return word;
}

ParsedQuestion parse_question(std::string_view text,
                              const std::map<std::string, std::string, std::less<>>& synonyms) {
  ParsedQuestion out;
  Words words = words_of(text);
  out.follow_up = !words.empty() &&
                  (words[0] == "and" || words[0] == "what" || words[0] == "now") &&
                  words.size() <= 4;
  out.words = words;
  out.is_promql = text.find_first_of("{}[]()") != std::string_view::npos;
  for (const std::string& word : words) {
    out.past = out.past || word == "was" || word == "were" || word == "been" || word == "did" ||
               word == "today" || word == "yesterday";
  }
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    out.counts = out.counts || (words[i] == "how" && words[i + 1] == "many") ||
                 (words[i] == "number" && words[i + 1] == "of");
  }
  take_window(words, out);
  take_threshold(words, out);
  take_quantile(words, out);
  take_top(words, out);
  take_grouping(words, out);
  take_intents(words, out);
  take_aggregation(words, out);
  take_status(words, out);
  for (const std::string& word : words) {
    if (stop_words().contains(word)) continue;
    const auto synonym = synonyms.find(word);
    std::string one = synonym != synonyms.end() ? synonym->second : word;
    if (synonym == synonyms.end() && synonyms.contains(singular(word))) {
      one = synonyms.find(singular(word))->second;
    }
    out.content.push_back(one);
    out.raw.push_back(word);
  }
  // What fills up is the filesystem on the disk.
  if (out.forecast) {
    std::replace(out.content.begin(), out.content.end(), std::string("disk"),
                 std::string("filesystem"));
  }
  out.vague = std::all_of(out.content.begin(), out.content.end(),
                          [](const std::string& w) { return vague_words().contains(w); });
  return out;
}

}  // namespace prom5::llm
