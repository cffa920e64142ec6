#include "ask/llm/numbered.h"

#include <algorithm>

namespace prom5::llm {

namespace {

using catalogue::LabelInfo;
using catalogue::Metric;
using catalogue::Place;
using catalogue::Snapshot;

bool is_instance(std::string_view label) { return label == "instance"; }

/// What may stand between the word and its number: "core number 7", "code = 500".
bool leads_to_number(std::string_view word) {
  return is_any_of(word, {"number", "no", "nr", "num", "id", "#", "is", "of", "=", "==", "code"});
}

/// An order to be told of something has limits, which stand where names stand elsewhere.
bool orders_warning(std::span<const Token> tokens) {
  return std::ranges::any_of(tokens, [](const Token& token) {
    return is_any_of(token.text,
                     {"alert", "alarm", "warn", "notify", "page", "tell", "ping", "wake", "when",
                      "if", "once", "whenever", "above", "over", "below", "under", "top"});
  });
}

/// "7" of "7" and "#7"; empty for what is no number.
std::string_view digits_of(std::string_view text) {
  if (text.starts_with('#')) text.remove_prefix(1);
  return is_number(text) ? text : std::string_view();
}

class Finder {
 public:
  Finder(std::span<const Token> tokens, const std::vector<bool>& used,
         const catalogue::Lexicon& lexicon, const Snapshot& snapshot)
      : tokens_(tokens), used_(used), lexicon_(lexicon), snapshot_(snapshot) {}

  std::vector<Numbered> find() {
    const bool limits = orders_warning(tokens_);
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (used_[i]) continue;
      take_code(i);
      if (i + 1 == tokens_.size()) break;
      Numbered one;
      one.word = i;
      if (!begin(i, one)) continue;
      size_t at = i + 1;
      while (at < tokens_.size() && !used_[at] && leads_to_number(tokens_[at].text)) ++at;
      take_list(at, limits, one);
    }
    return std::move(out_);
  }

 private:
  /// What kind of thing a word speaks of, and the labels of such things.
  bool begin(size_t i, Numbered& one) const {
    const std::string& word = tokens_[i].text;
    const std::string single = catalogue::singular(word);
    const auto* labels = lexicon_.numbered(word);
    if (labels == nullptr) labels = lexicon_.numbered(single);
    one.kind = single;
    if (labels != nullptr) {
      for (const std::string& label : *labels) {
        if (snapshot_.has_label(label)) one.labels.push_back(label);
      }
      return true;
    }
    if (!snapshot_.has_label(single) || !has_numbers(single)) return false;
    one.labels.push_back(single);
    return true;
  }

  /// "http 404", "500 errors": a status that no series has any more or yet. One that some have is
  /// found as other values are.
  void take_code(size_t i) {
    const std::string_view code = tokens_[i].text;
    const bool status = code.size() == 3 && is_number(code) && (code[0] == '4' || code[0] == '5');
    const std::string_view next = word_at(tokens_, i + 1);
    const bool counted =
        word_before(tokens_, i) == "many" &&
        (next.empty() || is_any_of(next, {"in", "on", "of", "for", "per", "by", "today", "from",
                                          "since", "did", "do", "are", "were", "have"}));
    const bool said = counted || word_before(tokens_, i) == "http" ||
                      is_any_of(next, {"error", "errors", "response", "responses", "status", "code",
                                       "codes", "answers", "rate", "ratio", "share"});
    const auto* labels = lexicon_.numbered("code");
    if (!status || !said || labels == nullptr) return;
    Numbered one{i, i, "code", {}, {}};
    for (const std::string& label : *labels) {
      if (snapshot_.has_label(label)) one.labels.push_back(label);
    }
    one.places = places_of(code, one.labels);
    if (one.places.empty() && !orders_warning(tokens_)) out_.push_back(std::move(one));
  }

  /// "7", "2 and 3", "2, 3 or 4"
  void take_list(size_t at, bool limits, Numbered one) {
    for (bool more = true; more && at < tokens_.size() && !used_[at];) {
      const std::string_view number = digits_of(tokens_[at].text);
      if (number.empty()) return;
      one.at = at;
      one.places = places_of(number, one.labels);
      const bool named = !one.places.empty() || !limits;
      if (named) out_.push_back(one);
      const bool joined = at + 2 < tokens_.size() && is_any_of(tokens_[at + 1].text, {"and", "or"});
      more = named && joined;
      at += 2;
    }
  }

  [[nodiscard]] std::vector<Place> places_of(std::string_view number,
                                             const std::vector<std::string>& labels) const {
    std::vector<Place> out;
    for (const std::string& label : labels) {
      if (is_instance(label)) {
        add_ports(number, out);
        continue;
      }
      for (const Place& place : snapshot_.places(catalogue::fold(number))) {
        if (place.label == label && place.value == number) out.push_back(place);
      }
    }
    return out;
  }

  /// The instances that listen on a port.
  void add_ports(std::string_view port, std::vector<Place>& out) const {
    const std::string ending = ":" + std::string(port);
    for (const Metric& metric : snapshot_.metrics()) {
      const LabelInfo* label = metric.label("instance");
      if (label == nullptr) continue;
      for (const std::string& value : label->values) {
        const Place place{"instance", value};
        const bool known = std::ranges::find(out, place) != out.end();
        if (value.ends_with(ending) && !known) out.push_back(place);
      }
    }
  }

  /// Whether all values of a label are numbers.
  [[nodiscard]] bool has_numbers(std::string_view name) const {
    bool any = false;
    for (const Metric& metric : snapshot_.metrics()) {
      const LabelInfo* label = metric.label(name);
      if (label == nullptr) continue;
      any = true;
      if (!std::ranges::all_of(label->values, is_number)) return false;
    }
    return any;
  }

  std::span<const Token> tokens_;
  const std::vector<bool>& used_;
  const catalogue::Lexicon& lexicon_;
  const Snapshot& snapshot_;
  std::vector<Numbered> out_;
};

}  // namespace

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
         std::ranges::count(text, '.') < 2;
}

void name_codes(std::vector<Token>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string& text = tokens[i].text;
    const bool code = text.size() == 4 && (text[0] == '4' || text[0] == '5') && text[3] == 's' &&
                      text.find_first_not_of("0123456789") == 3;
    const std::string_view before = word_before(tokens, i);
    const bool time =
        is_any_of(before, {"above",  "over",  "than", "below", "under", "exceeds", "exceed",
                           "beyond", "at",    "for",  "last",  "past",  "within",  "to",
                           "every",  "after", "next", "in",    "least", "most",    "a",
                           ">",      ">=",    "<",    "<=",    "=",     "=="}) ||
        is_any_of(word_at(tokens, i + 1), {"window", "timeout", "interval", "ago"});
    const bool counted = i > 1 && is_any_of(tokens[i - 2].text, {"rate", "number", "count", "share",
                                                                 "ratio", "amount", "lot", "lots"});
    if (!code || time || (before == "of" && !counted)) continue;
    tokens[i].text.pop_back();
    tokens[i].written = tokens[i].text;
    tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(i++), Token{"code", "code"});
  }
}

std::vector<Numbered> find_numbered(std::span<const Token> tokens, const std::vector<bool>& used,
                                    const catalogue::Lexicon& lexicon, const Snapshot& snapshot) {
  return Finder(tokens, used, lexicon, snapshot).find();
}

}  // namespace prom5::llm
