#include "ask/llm/spelling.h"

#include <algorithm>
#include <utility>

#include "ask/llm/intent.h"
#include "ask/llm/number_words.h"
#include "ask/llm/quantity.h"
#include "base/spelling.h"

namespace prom5::llm {

namespace {

using catalogue::fold;
using catalogue::Place;
using catalogue::Snapshot;

/// Looking for the nearest word goes through all names: a question has few words to mend.
constexpr size_t kMaxCorrections = 12;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool has_letter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool plain_letters(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// Brings the words into the spelling of what is known: joins what speech took apart ("web" "01",
/// "check" "out"), and corrects what is near to one known word.
class Mender {
 public:
  Mender(const catalogue::Lexicon& lexicon, const Vocabulary& vocabulary, const Snapshot& snapshot)
      : lexicon_(lexicon), vocabulary_(vocabulary), snapshot_(snapshot) {}

  void mend(std::vector<Token>& tokens) const {
    split_rates(tokens);
    split_numbers(tokens);
    count_out(tokens);
    complete_ranges(tokens);
    const bool about_alerts = std::any_of(tokens.begin(), tokens.end(), [](const Token& t) {
      return t.text.starts_with("alert") || t.text.starts_with("silence") || t.text == "mute" ||
             t.text == "snooze";
    });
    for (size_t i = 0; i < tokens.size(); ++i) {
      for (size_t n = std::min<size_t>(4, tokens.size() - i); n > 1; --n) {
        if (!joins(tokens, i, n, about_alerts)) continue;
        std::string text;
        std::string written;
        for (size_t k = i; k < i + n; ++k) {
          text += fold(tokens[k].text);
          written += (k > i ? " " : "") + tokens[k].written;
        }
        if (const auto heard = lexicon_.heard().find(text); heard != lexicon_.heard().end()) {
          text = heard->second;
        }
        tokens[i] = {std::move(text), std::move(written)};
        tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(i) + 1,
                     tokens.begin() + static_cast<ptrdiff_t>(i + n));
        break;
      }
      drop_plural(tokens[i]);
      correct(tokens, i);
    }
    name_shares(tokens);
  }

 private:
  [[nodiscard]] bool joins(const std::vector<Token>& tokens, size_t i, size_t n,
                           bool about_alerts) const {
    std::string joined;
    bool all_ignored = true;
    for (size_t k = i; k < i + n; ++k) {
      if (!has_letter(tokens[k].text) && !is_number(tokens[k].text)) return false;
      joined += fold(tokens[k].text);
      all_ignored = all_ignored && lexicon_.says_nothing(tokens[k].text);
    }
    if (joined.size() < 4) return false;
    // "check out the traffic" asks to look; "traffic of check out" names a service.
    static const std::set<std::string_view> kBefore = {"for", "of", "on",  "at", "in",
                                                       "the", "to", "and", "is", "about"};
    if (all_ignored && (i == 0 || !kBefore.contains(tokens[i - 1].text))) return false;
    if (lexicon_.heard().contains(joined)) return true;
    if (!all_ignored && joined.size() >= 6 && vocabulary_.knows(joined) &&
        !vocabulary_.knows(tokens[i].text)) {
      return true;
    }
    for (const Place& place : snapshot_.places(joined)) {
      if (!is_naming_label(place.label)) continue;
      if (place.label != "alertname" || about_alerts) return true;
    }
    return false;
  }

  /// "between 4h and 2h ago" is between 4h ago and 2h ago.
  static void complete_ranges(std::vector<Token>& tokens) {
    for (size_t i = 0; i + 3 < tokens.size(); ++i) {
      if (tokens[i].text != "between") continue;
      size_t both = i + 1;
      while (both < tokens.size() && both < i + 4 && tokens[both].text != "and") ++both;
      if (both >= tokens.size() || tokens[both].text != "and") continue;
      if (tokens[both - 1].text == "ago") continue;
      // "between 3 and 2 hours ago"
      const bool bare = both == i + 2 && is_number(tokens[i + 1].text) &&
                        both + 3 < tokens.size() && is_number(tokens[both + 1].text) &&
                        tokens[both + 3].text == "ago";
      if (bare) {
        tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(both),
                      Token{tokens[both + 2].text, ""});
        ++both;
      }
      for (size_t k = both + 1; k < tokens.size() && k < both + 4; ++k) {
        if (tokens[k].text != "ago") continue;
        tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(both), Token{"ago", ""});
        return;
      }
    }
  }

  /// "cmds/s" is commands per second.
  static void split_rates(std::vector<Token>& tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const size_t slash = tokens[i].text.find('/');
      if (slash == std::string::npos || slash == 0) continue;
      const std::string unit = tokens[i].text.substr(slash + 1);
      if (unit != "s" && unit != "sec" && unit != "second" && unit != "min" && unit != "m" &&
          unit != "h" && unit != "minute" && unit != "hour") {
        continue;
      }
      const std::string spoken = unit[0] == 's' ? "second" : unit[0] == 'm' ? "minute" : "hour";
      tokens[i].text.resize(slash);
      tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(i) + 1,
                    {Token{"per", "/"}, Token{spoken, unit}});
      i += 2;
    }
  }

  /// "cpu1" is cpu 1, where nothing is called so.
  void split_numbers(std::vector<Token>& tokens) const {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::string text = tokens[i].text;
      const size_t digits = text.find_first_of("0123456789");
      if (digits == std::string::npos || digits < 3 || !plain_letters(text.substr(0, digits)) ||
          !is_number(std::string_view(text).substr(digits)) ||
          !is_numbered(text.substr(0, digits))) {
        continue;
      }
      if (!snapshot_.places(text).empty() || !snapshot_.with_word(text).empty()) continue;
      tokens[i] = {text.substr(0, digits), text.substr(0, digits)};
      tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(i) + 1,
                    Token{text.substr(digits), text.substr(digits)});
    }
  }

  /// "the second core" is core 1 where they are counted from 0.
  void count_out(std::vector<Token>& tokens) const {
    for (size_t i = 1; i < tokens.size(); ++i) {
      const auto place = ordinal(tokens[i - 1].text);
      const auto* labels = lexicon_.numbered(tokens[i].text);
      if (!place || labels == nullptr) continue;
      // "per second core", "10 second cpu usage"
      const std::string_view before = word_before(tokens, i - 1);
      if (is_any_of(before, {"per", "a", "an", "each", "every"}) || is_number(before)) continue;
      const auto counted_from = [&](std::string_view number) {
        return std::ranges::any_of(snapshot_.places(number), [&](const Place& p) {
          return p.value == number && std::ranges::find(*labels, p.label) != labels->end();
        });
      };
      if (!counted_from("0") && !counted_from("1")) continue;
      const std::string number = std::to_string(*place - (counted_from("0") ? 1 : 0));
      tokens[i - 1] = tokens[i];
      tokens[i] = {number, number};
    }
  }

  [[nodiscard]] bool is_numbered(std::string_view word) const {
    const auto* labels = lexicon_.numbered(word);
    return labels != nullptr && std::ranges::any_of(*labels, [&](const std::string& label) {
             return snapshot_.has_label(label);
           });
  }

  /// "a quarter of the time" is 25 % of it.
  static void name_shares(std::vector<Token>& tokens) {
    constexpr std::pair<std::string_view, std::string_view> kShares[] = {
        {"quarter", "25"}, {"third", "33.3"}, {"half", "50"}, {"tenth", "10"}, {"fifth", "20"}};
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (tokens[i].text == "half" && i + 2 < tokens.size() && tokens[i + 1].text == "a") {
        tokens[i].text = "0.5";  // "half a second"
        tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(i) + 1);
        continue;
      }
      if (tokens[i].text == "3" && tokens[i + 1].text == "quarters") {
        tokens[i].text = "75";
        tokens[i + 1].text = "%";
        continue;
      }
      const bool compared = i > 1 && tokens[i - 1].text == "a" &&
                            (tokens[i - 2].text == "than" || tokens[i - 2].text == "under" ||
                             tokens[i - 2].text == "over" || tokens[i - 2].text == "below" ||
                             tokens[i - 2].text == "above");
      if (tokens[i + 1].text != "of" && !compared) continue;
      if (i + 2 < tokens.size() && (tokens[i + 2].text == "an" || tokens[i + 1].text == "an"))
        continue;
      for (const auto& [word, percent] : kShares) {
        if (tokens[i].text != word || tokens[i + 1].text == "hour") continue;
        tokens[i].text = percent;
        tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(i) + 1, Token{"%", ""});
        if (i > 0 && (tokens[i - 1].text == "a" || tokens[i - 1].text == "one")) {
          tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(i) - 1);
        }
        break;
      }
    }
  }

  /// "404s" are answers with 404.
  static void drop_plural(Token& token) {
    std::string& text = token.text;
    const bool digits = text.find_first_not_of("0123456789") == 3;  // "0.5s" is a time
    if (text.size() == 4 && text[3] == 's' && digits) {
      text.pop_back();
    }
  }

  /// Whether what stands here is a name: "of foo", "the foo service".
  [[nodiscard]] bool stands_as_name(const std::vector<Token>& tokens, size_t i) const {
    static const std::set<std::string_view> kBefore = {"of", "on", "for", "from", "at", "in"};
    const bool the = i > 0 && (tokens[i - 1].text == "the" || tokens[i - 1].text == "our");
    const size_t before = the ? 2 : 1;
    if (i > 0 && lexicon_.kind(tokens[i - 1].text) != nullptr) return true;  // "queue foo"
    return is_before_kind(tokens, i) || (i >= before && kBefore.contains(tokens[i - before].text));
  }

  [[nodiscard]] bool is_before_kind(const std::vector<Token>& tokens, size_t i) const {
    return i + 1 < tokens.size() &&
           lexicon_.kind(lexicon_.canonical(tokens[i + 1].text)) != nullptr;
  }

  /// A name that nothing bears is no slip of the pen: "foo" is not "for", nor "the bob service" a
  /// job.
  [[nodiscard]] bool may_become(const std::vector<Token>& tokens, size_t i,
                                const std::string& better) const {
    const std::string& text = tokens[i].text;
    if (std::is_permutation(text.begin(), text.end(), better.begin(), better.end())) return true;
    // "the fish" is not "fishy": a slip in a short word does not change what is asked.
    if (text.size() <= 4 && better.size() != text.size() && asks_by_itself(better)) return false;
    const bool nothing = lexicon_.says_nothing(better);
    const bool named = stands_as_name(tokens, i) && snapshot_.places(better).empty();
    if (named && text.size() < 4 && better.size() == text.size()) return false;
    const bool short_word = text.size() <= 4 && better.size() == text.size();
    if (nothing && (short_word || stands_as_name(tokens, i))) return false;
    return !is_before_kind(tokens, i) || !snapshot_.places(better).empty();
  }

  void correct(std::vector<Token>& tokens, size_t i) const {
    Token& token = tokens[i];
    const std::string& text = token.text;
    if (const auto heard = lexicon_.heard().find(text); heard != lexicon_.heard().end()) {
      token.text = heard->second;
      return;
    }
    if (text.size() < 3 || !plain_letters(text)) return;
    if (lexicon_.kind_of_value(text) != nullptr) return;
    if (vocabulary_.knows(text) || vocabulary_.knows(lexicon_.canonical(text)) ||
        !snapshot_.places(text).empty() || !snapshot_.with_word(lexicon_.canonical(text)).empty()) {
      return;
    }
    if (corrections_ == kMaxCorrections) return;
    ++corrections_;
    std::string better = vocabulary_.correct(text, snapshot_);
    if (better.empty() || !may_become(tokens, i, better)) return;
    token.text = std::move(better);
    token.mended = true;
  }

  const catalogue::Lexicon& lexicon_;
  const Vocabulary& vocabulary_;
  const Snapshot& snapshot_;
  mutable size_t corrections_ = 0;
};

}  // namespace

bool is_naming_label(std::string_view label) {
  static const std::set<std::string_view> labels = {
      "service",   "job",      "instance", "container",     "deployment",
      "database",  "datname",  "topic",    "node",          "host",
      "namespace", "env",      "region",   "consumergroup", "alertname",
      "group",     "job_name", "cluster",  "name",          "persistentvolumeclaim"};
  return labels.contains(label);
}

Vocabulary::Vocabulary(const catalogue::ConceptPack& pack) {
  words_ = pack.lexicon.known();
  for (const catalogue::Concept& entry : pack.concepts) {
    for (const auto& phrase : entry.phrases) words_.insert(phrase.begin(), phrase.end());
    words_.insert(entry.about.begin(), entry.about.end());
  }
  for (const std::string_view word : cues()) words_.emplace(word);
  for (const UnitInfo& unit : units()) {
    std::string_view names = unit.names;
    while (!names.empty()) {
      const size_t end = std::min(names.find_first_of("| "), names.size());
      if (end > 0) words_.emplace(names.substr(0, end));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }
}

bool Vocabulary::knows(std::string_view word) const { return words_.contains(word); }

std::string Vocabulary::correct(std::string_view word, const Snapshot& snapshot) const {
  const size_t allowed = word.size() >= 8 ? 2 : 1;
  std::string best;
  size_t distance = allowed + 1;
  const auto consider = [&](std::string_view candidate) {
    if (candidate.size() < 3 || candidate.size() + allowed < word.size() ||
        candidate.size() > word.size() + allowed) {
      return;
    }
    // Whoever mistypes gets one of the first two letters right.
    if (candidate[0] != word[0] && candidate[0] != word[1] && candidate[1] != word[0]) return;
    const size_t d = edit_distance(word, candidate);
    if (d < distance ||
        (d == distance && !best.empty() && candidate[0] == word[0] && best[0] != word[0])) {
      distance = d;
      best = candidate;
    }
  };
  for (const std::string& known : words_) consider(known);
  for (const auto& [name, places] : snapshot.names()) {
    if (name.size() >= 4 && plain_letters(name)) consider(name);
  }
  return distance <= allowed ? best : "";
}

void mend_words(std::vector<Token>& tokens, const catalogue::Lexicon& lexicon,
                const Vocabulary& vocabulary, const catalogue::Snapshot& snapshot) {
  Mender(lexicon, vocabulary, snapshot).mend(tokens);
}

std::string take_family(std::vector<Token>& tokens, const catalogue::Snapshot& snapshot) {
  std::string family;
  for (Token& token : tokens) {
    const std::string name = token.written;
    if (name.find('_') == std::string::npos || snapshot.find(name) != nullptr) continue;
    const bool parts =
        snapshot.find(name + "_count") != nullptr && snapshot.find(name + "_sum") != nullptr;
    if (!parts) continue;
    family = name;
    if (snapshot.find(name + "_bucket") == nullptr) continue;
    token.written += "_bucket";
    token.text += "_bucket";
  }
  return family;
}

}  // namespace prom5::llm
