#include "ask/llm/spoken_values.h"

#include <algorithm>

#include "base/ascii.h"

namespace prom5::llm {

namespace {

using catalogue::Lexicon;
using catalogue::Place;
using catalogue::Snapshot;

bool has_lower(std::string_view text) { return std::ranges::any_of(text, is_lower); }
bool has_letter(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return is_lower(c) || is_upper(c); });
}

/// Words beside which a thing has further words of its own: "disk wear", "cpu pressure".
bool is_subject(std::string_view kind) {
  return is_any_of(kind, {"disk", "filesystem", "cpu", "alert", "status", "state", "unit", "type",
                          "mode", "reason", "interface", "version", "le", "quantile"});
}

class Finder {
 public:
  Finder(std::span<const Token> tokens, const std::vector<bool>& used, const Lexicon& lexicon,
         const Vocabulary& vocabulary, const Snapshot& snapshot)
      : tokens_(tokens),
        used_(used),
        lexicon_(lexicon),
        vocabulary_(vocabulary),
        snapshot_(snapshot) {}

  std::vector<SpokenValue> find() {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (used_[i] || take_conventional(i)) continue;
      take_behind_kind(i);
      take_before_label(i);
    }
    return std::move(out_);
  }

 private:
  /// "PUT", "method put", "put requests"
  bool take_conventional(size_t i) {
    const std::string* kind = lexicon_.kind_of_value(tokens_[i].text);
    if (kind == nullptr) return false;
    const std::string& written = tokens_[i].written;
    const bool shouts = std::ranges::none_of(tokens_, has_lower, &Token::written);
    const bool capitals = written.size() > 2 && !has_lower(written) && !shouts;
    const size_t before = behind_equals(i);
    const bool behind = before < i && lexicon_.canonical(tokens_[before].text) == *kind;
    const bool order = i == 0 && tokens_[i].text == "delete";
    const bool counted = !order && tokens_[i].text != "get" &&
                         is_any_of(word_at(tokens_, i + 1), {"request", "requests"});
    if (!capitals && !behind && !counted) return false;
    const auto* labels = lexicon_.kind(*kind);
    const bool here = std::ranges::any_of(
        snapshot_.places(catalogue::fold(tokens_[i].text)), [&](const Place& p) {
          return labels != nullptr && std::ranges::find(*labels, p.label) != labels->end();
        });
    out_.push_back({behind ? before : i, i, *kind, here});
    return true;
  }

  /// The token before, past an "=".
  [[nodiscard]] size_t behind_equals(size_t i) const {
    if (i == 0) return i;
    const bool equals = i > 1 && is_any_of(tokens_[i - 1].text, {"=", "==", "called", "named"});
    return equals ? i - 2 : i - 1;
  }

  /// "topic foo", where nothing knows of a foo.
  void take_behind_kind(size_t i) {
    const size_t before = behind_equals(i);
    if (before == i) return;
    const std::string& said = tokens_[before].text;
    if (catalogue::singular(said) != said) return;
    // "consumer group billing"
    const std::string joined = before > 0 ? tokens_[before - 1].text + said : "";
    std::string kind = joined.empty() ? "" : kind_of_value(joined, lexicon_, snapshot_);
    const bool whole = !kind.empty();
    if (!whole) kind = kind_of_value(said, lexicon_, snapshot_);
    if (kind.empty() || is_subject(kind) || !is_unknown(i, whole)) return;
    // "host web-99" looks like a name by itself.
    const bool host = is_any_of(kind, {"host", "instance", "node"});
    if (host && std::ranges::any_of(tokens_[i].text, is_digit)) return;
    out_.push_back({before, i, std::move(kind), false});
  }

  /// "the images cache", of a label that only this server's data have.
  void take_before_label(size_t i) {
    if (i + 1 >= tokens_.size() || used_[i + 1] || !is_any_of(word_before(tokens_, i), {"the"})) {
      return;
    }
    const std::string& said = tokens_[i + 1].text;
    const bool own = snapshot_.has_label(said) && said.size() > 2 &&
                     lexicon_.kind(lexicon_.canonical(said)) == nullptr;
    if (own && is_unknown(i)) out_.push_back({i + 1, i, said, false});
  }

  /// `named`: behind the whole name of a label a word describes nothing.
  [[nodiscard]] bool is_unknown(size_t i, bool named = false) const {
    const std::string& text = tokens_[i].text;
    const std::string canonical = lexicon_.canonical(text);
    const std::string folded = catalogue::fold(text);
    const bool describes =
        !named && (text.ends_with("ing") || text.ends_with("ed") || text.ends_with("ly"));
    return has_letter(text) && text.size() > 1 && !describes && !lexicon_.says_nothing(text) &&
           !lexicon_.is_weak(canonical) && lexicon_.kind(canonical) == nullptr &&
           !vocabulary_.knows(text) && !vocabulary_.knows(canonical) &&
           !snapshot_.has_label(text) && snapshot_.with_word(canonical).empty() &&
           snapshot_.places(folded).empty() && !snapshot_.leads(folded) &&
           snapshot_.find(tokens_[i].written) == nullptr;
  }

  std::span<const Token> tokens_;
  const std::vector<bool>& used_;
  const Lexicon& lexicon_;
  const Vocabulary& vocabulary_;
  const Snapshot& snapshot_;
  std::vector<SpokenValue> out_;
};

}  // namespace

std::string kind_of_value(std::string_view word, const Lexicon& lexicon, const Snapshot& snapshot) {
  const std::string single = catalogue::singular(word);
  if (snapshot.has_label(single)) return single;
  std::string canonical = lexicon.canonical(word);
  const auto* labels = lexicon.kind(canonical);
  const bool any = labels != nullptr && std::ranges::any_of(*labels, [&](const std::string& label) {
                     return snapshot.has_label(label);
                   });
  return any ? canonical : "";
}

std::vector<SpokenValue> find_spoken_values(std::span<const Token> tokens,
                                            const std::vector<bool>& used, const Lexicon& lexicon,
                                            const Vocabulary& vocabulary,
                                            const Snapshot& snapshot) {
  return Finder(tokens, used, lexicon, vocabulary, snapshot).find();
}

}  // namespace prom5::llm
