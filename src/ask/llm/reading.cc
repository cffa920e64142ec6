#include "ask/llm/reading.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ask/llm/asker.h"
#include "ask/llm/exclusion.h"
#include "ask/llm/intent.h"
#include "ask/llm/promql_text.h"
#include "ask/llm/spelling.h"
#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::fold;
using catalogue::Mention;
using catalogue::Place;
using catalogue::Snapshot;

/// What things are told apart by, as a question says it.
struct SaidKind {
  std::string name;
  size_t tokens = 1;
};

bool has_digit(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos;
}

bool has_letter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// Fills the slots of a Reading one after another.
class Reader {
 public:
  Reader(Reading& reading, const catalogue::ConceptPack& pack, const Vocabulary& vocabulary,
         const Snapshot& snapshot)
      : r_(reading), lexicon_(pack.lexicon), vocabulary_(vocabulary), snapshot_(snapshot) {}

  void read(TimeMs now) {
    r_.used.assign(r_.tokens.size(), false);
    take_times(now);
    take_numbered();
    take_quantities();
    take_numbers();
    take_superlatives();
    take_grouping();
    take_aggregation();
    take_values();
    find_intent(r_);
    how_things_ = asks_how_things_are(r_);
    for (const Numbered& one : r_.numbered) r_.used[one.at] = one.places.empty();
    take_mentions();
    take_content();
  }

 private:
  [[nodiscard]] std::string_view text(size_t i) const {
    return i < r_.tokens.size() ? std::string_view(r_.tokens[i].text) : std::string_view();
  }
  [[nodiscard]] std::string canonical(size_t i) const { return lexicon_.canonical(text(i)); }

  [[nodiscard]] bool taken(size_t first, size_t count) const {
    for (size_t i = first; i < first + count && i < r_.used.size(); ++i) {
      if (r_.used[i]) return true;
    }
    return false;
  }
  void take(size_t first, size_t count) {
    for (size_t i = first; i < first + count && i < r_.used.size(); ++i) r_.used[i] = true;
  }

  /// "with the last 6 hours" after "the last hour": a second stretch, not the time before.
  [[nodiscard]] bool is_stretch(const TimePhrase& phrase) const {
    if (!r_.window) return false;
    for (size_t i = phrase.first; i + 2 < phrase.first + phrase.count; ++i) {
      const bool last = text(i) == "last" || text(i) == "past";
      if (last && has_digit(text(i + 1))) return true;
    }
    return false;
  }

  void take_times(TimeMs now) {
    for (const TimePhrase& phrase : find_time_phrases(r_.tokens, now, DurationMs{})) {
      const auto keep = [&](std::optional<TimePhrase>& slot) {
        if (!slot) slot = phrase;
      };
      switch (phrase.kind) {
        case TimePhrase::Kind::Window:
          if (r_.window && !r_.other_window) r_.other_window = phrase;
          keep(r_.window);
          break;
        case TimePhrase::Kind::Range: keep(r_.range); break;
        case TimePhrase::Kind::Point: keep(r_.point); break;
        case TimePhrase::Kind::Shift:
          if (is_stretch(phrase)) {
            r_.other_window = phrase;
            r_.other_window->end = now;
            r_.other_window->start = now - phrase.length;
          } else {
            keep(r_.shift);
          }
          break;
        case TimePhrase::Kind::Ahead: keep(r_.ahead); break;
        case TimePhrase::Kind::For: keep(r_.hold); break;
      }
      take(phrase.first, phrase.count);
    }
  }

  /// "core 7": its number is no quantity.
  void take_numbered() {
    r_.numbered = find_numbered(r_.tokens, r_.used, lexicon_, snapshot_);
    for (const Numbered& one : r_.numbered) take(one.at, 1);
  }

  /// "topic foo": its name is no subject.
  void take_values() {
    r_.values = find_spoken_values(r_.tokens, r_.used, lexicon_, vocabulary_, snapshot_);
    for (const SpokenValue& value : r_.values) r_.used[value.at] = !value.here;
  }

  void take_quantities() {
    for (const Quantile& q : find_quantiles(r_.tokens)) {
      if (taken(q.first, q.count)) continue;
      if (!r_.quantile) r_.quantile = q.value;
      r_.quantiles.push_back(q.value);
      take(q.first, q.count);
    }
    for (const TopCount& top : find_top_counts(r_.tokens)) {
      if (taken(top.first, top.count)) continue;
      bool counted = false;
      for (size_t i = top.first; i < top.first + top.count; ++i) {
        counted = counted || is_number(text(i)) || text(i) == "top" || text(i) == "bottom";
      }
      if (counted) r_.top = top.n;
      r_.least = top.least;
      r_.superlative = true;
      // "busiest", "largest" also say by what.
      for (size_t i = top.first; i < top.first + top.count; ++i) {
        if (is_number(text(i)) || text(i) == "top" || text(i) == "bottom" || text(i) == "the") {
          r_.used[i] = true;
        }
      }
    }
    for (const Threshold& t : find_thresholds(r_.tokens)) {
      // "between 30 and 50" is two limits of the same words.
      const bool pair = !r_.thresholds.empty() && r_.thresholds.back().first == t.first;
      if (!pair && taken(t.first, t.count)) continue;
      r_.thresholds.push_back(t);
      take(t.first, t.count);
      release_nouns(t.first, t.count);
      // "orders drop below 1 per second"
      static const std::set<std::string_view> kMoves = {
          "drop", "drops", "dropped", "fall",  "falls", "dip",    "dips", "go",    "goes",
          "get",  "gets",  "rise",    "rises", "climb", "climbs", "grow", "grows", "jump"};
      if (t.first > 0 && kMoves.contains(text(t.first - 1))) r_.used[t.first - 1] = true;
    }
    for (const UnitRequest& u : find_unit_requests(r_.tokens)) {
      if (taken(u.first, u.count)) continue;
      r_.unit = u.unit;
      take(u.first, u.count);
      release_nouns(u.first, u.count);
    }
    for (const Quantity& q : find_quantities(r_.tokens)) {
      if (taken(q.first, q.count) || is_status_code(q)) continue;
      r_.numbers.push_back(q);
      take(q.first, q.count);
    }
  }

  /// Bare numbers: "give me five", "make it 10", "5 minute load".
  void take_numbers() {
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      if (r_.used[i] || !is_number(text(i))) continue;
      const Quantity number{i, 1, codec::parse_double(text(i)).value_or(0), Unit::None};
      if (is_status_code(number)) continue;
      // "customer 4711" names somebody.
      const std::string before = i > 0 ? canonical(i - 1) : "";
      if (before == "customer" || before == "user" || before == "id" || before == "order" ||
          before == "account" || before == "tenant") {
        r_.strangers.push_back(r_.tokens[i - 1].written + " " + r_.tokens[i].written);
      }
      r_.numbers.push_back(number);
      r_.used[i] = true;
    }
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      if (text(i) == "how" && text(i + 1) == "many") take_counted_time(i + 2);
      const bool breaks = text(i) == "break" || text(i) == "drill";
      if (text(i) == "broken" && text(i + 1) == "down") r_.used[i] = r_.used[i + 1] = true;
      if (breaks && (text(i + 1) == "down" || text(i + 2) == "down")) {
        r_.used[text(i + 1) == "down" ? i + 1 : i + 2] = true;
      }
      // "go up", "went down": how it moves, not whether it is up.
      const bool moves = text(i) == "go" || text(i) == "went" || text(i) == "goes" ||
                         text(i) == "going" || text(i) == "gone" || text(i) == "set" ||
                         text(i) == "come" || text(i) == "catch" || text(i) == "caught" ||
                         text(i) == "fill" || text(i) == "fills" || text(i) == "filling" ||
                         text(i) == "eat" || text(i) == "eating" || text(i) == "climb" ||
                         text(i) == "coming" || text(i) == "came" || text(i) == "creeping" ||
                         text(i) == "heading" || text(i) == "trending";
      if (!moves || (text(i + 1) != "up" && text(i + 1) != "down")) continue;
      r_.used[i + 1] = true;
      const bool either = text(i + 2) == "or" && (text(i + 3) == "up" || text(i + 3) == "down");
      if (either) r_.used[i + 3] = true;
    }
    if (!r_.top && r_.numbers.size() == 1 && r_.numbers[0].unit == Unit::None) {
      number_for_top_ = static_cast<size_t>(std::clamp(r_.numbers[0].value, 0.0, 1000.0));
    }
  }

  /// "how many days has it been up": the answer is a time, in days.
  void take_counted_time(size_t i) {
    static constexpr std::pair<std::string_view, Unit> kTimes[] = {
        {"days", Unit::Days},       {"hours", Unit::Hours}, {"minutes", Unit::Minutes},
        {"seconds", Unit::Seconds}, {"weeks", Unit::Weeks}, {"milliseconds", Unit::Milliseconds}};
    for (const auto& [word, unit] : kTimes) {
      if (text(i) != word) continue;
      r_.unit = unit;
      counts_time_ = true;
      r_.used[i] = true;
    }
  }

  /// "rps" and "50 requests per second" are quantities and say of what.
  void release_nouns(size_t first, size_t count) {
    for (size_t i = first; i < first + count && i < r_.used.size(); ++i) {
      const std::string word = canonical(i);
      if (word == "request" || word == "query" || word == "transaction" || word == "message" ||
          word == "error" || word == "order" || word == "connection" || word == "command") {
        r_.used[i] = false;
      }
    }
  }

  /// 429 and "2" of "partition 2" are values of labels.
  [[nodiscard]] bool is_status_code(const Quantity& q) const {
    if (q.count != 1) return false;
    const std::string_view number = text(q.first);
    if (snapshot_.places(fold(number)).empty()) return false;
    if (number.size() == 3) return true;
    return q.first > 0 && snapshot_.has_label(text(q.first - 1));
  }

  /// "rank services by latency", "order the hosts by load"
  [[nodiscard]] bool ranks(size_t i) const {
    const bool order = is_any_of(text(i), {"order", "sort", "ordered", "sorted"});
    return is_any_of(text(i), {"rank", "ranks", "ranked", "ranking"}) ||
           (order && r_.says("by") && is_any_of(text(i + 1), {"the", "all", "our", "my", "by"}));
  }

  void take_superlatives() {
    static const std::set<std::string_view> kMost = {
        "most",      "highest", "busiest",  "worst",    "biggest",  "largest", "hottest",
        "slowest",   "longest", "greatest", "heaviest", "fullest",  "maximum", "noisiest",
        "hungriest", "fastest", "top",      "furthest", "farthest", "max"};
    static const std::set<std::string_view> kLeast = {"least",    "lowest",  "smallest", "fewest",
                                                      "quietest", "coolest", "emptiest", "bottom",
                                                      "shortest", "minimum", "best",     "soonest"};
    constexpr size_t kAll = 100;  // "rank the hosts"
    static const std::set<std::string_view> kOnlyOrder = {
        "most",   "highest",  "worst",    "greatest", "biggest",  "largest",  "top",
        "least",  "lowest",   "smallest", "fewest",   "best",     "heaviest", "longest",
        "bottom", "noisiest", "soonest",  "furthest", "farthest", "hungriest"};
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      if (r_.used[i]) continue;
      if (ranks(i)) {
        r_.superlative = r_.used[i] = true;
        if (!number_for_top_ && !r_.top) number_for_top_ = kAll;
      }
      if (!kMost.contains(text(i)) && !kLeast.contains(text(i))) continue;
      if (text(i) == "max" || text(i) == "maximum" || text(i) == "minimum") continue;
      if (text(i) == "most" && text(i + 1) == "of") continue;
      if (text(i) == "at" || (i > 0 && text(i - 1) == "at")) continue;  // "at most", "at least"
      r_.superlative = true;
      r_.least = r_.least || kLeast.contains(text(i));
      if (kOnlyOrder.contains(text(i))) r_.used[i] = true;
    }
    if (r_.superlative && !r_.top && number_for_top_) r_.top = number_for_top_;
  }

  /// The canonical kind at a token, or the label of that name; empty for other words.
  [[nodiscard]] SaidKind kind_at(size_t i) const {
    if (i >= r_.tokens.size() || r_.used[i]) return {};
    const std::string one = catalogue::singular(text(i));
    if (snapshot_.has_label(one) && one.size() > 2) return {one};
    const std::string word = canonical(i);
    if (lexicon_.kind(word) != nullptr) return {word};
    // "payment method" is the label payment_method.
    if (i + 1 < r_.tokens.size()) {
      const std::string joined = std::string(text(i)) + "_" + std::string(text(i + 1));
      if (snapshot_.has_label(joined)) return {joined, 2};
    }
    return {};
  }

  void take_grouping() {
    static const std::set<std::string_view> kSelects = {"which", "what", "any",   "list", "every",
                                                        "all",   "each", "whose", "find"};
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      const bool speech = text(i) == "buy";
      const bool by = text(i) == "by" || text(i) == "per" || text(i) == "each" ||
                      text(i) == "across" || text(i) == "every" || speech;
      if (!by || r_.used[i]) continue;
      if (take_by(i)) r_.used[i] = true;
    }
    for (size_t i = 0; i < r_.tokens.size() && r_.things.empty(); ++i) {
      const std::string kind = kind_at(i).name;
      if (kind.empty() ||
          (lexicon_.kind(kind) == nullptr && lexicon_.kind(canonical(i)) == nullptr)) {
        continue;
      }
      const bool core = text(i) == "core" || text(i) == "cores";
      if ((kind == "cpu" || canonical(i) == "cpu") && !core) continue;
      const bool selects =
          i > 0 && (kSelects.contains(text(i - 1)) || r_.used[i - 1] || is_number(text(i - 1)));
      const bool plural = catalogue::singular(text(i)) != text(i);
      if (selects) r_.which = true;
      if (selects || plural || r_.superlative) r_.things = kind;
      // Each host has a core 0.
      if (core && r_.superlative && r_.by.empty()) r_.by = {"host", "cpu"};
    }
  }

  [[nodiscard]] bool names_a_way(size_t i) const {
    return text(i) == "type" || text(i) == "method" || text(i) == "code" || text(i) == "mode" ||
           text(i) == "state" || text(i) == "status" || text(i) == "reason" || text(i) == "path" ||
           text(i) == "name";
  }

  /// "by service and method", "per host", "grouped by payment method".
  bool take_by(size_t at) {
    // "top 3 hosts by cpu": what it is ordered by.
    const bool orders = r_.superlative && (text(at) == "by" || text(at) == "buy");
    size_t i = at + 1;
    bool found = false;
    while (i < r_.tokens.size()) {
      if (text(i) == "the" || text(i) == "and" || text(i) == "each" || text(i) == "individual") {
        ++i;
        continue;
      }
      SaidKind kind = kind_at(i);
      if (kind.name.empty() && !orders && names_a_way(i + 1)) {
        r_.used[i++] = true;  // "by http method", "by statement type"
        kind = kind_at(i);
      }
      if (kind.name.empty() || (orders && lexicon_.kind(kind.name) == nullptr) ||
          (orders && !snapshot_.with_word(kind.name).empty())) {
        break;
      }
      if (text(at) == "by" && text(i) == "cpu") break;
      r_.by.push_back(std::move(kind.name));
      grouped_.push_back(i);
      for (const size_t end = i + kind.tokens; i < end; ++i) r_.used[i] = true;
      if (text(i) == "name" || text(i) == "code") r_.used[i++] = true;
      found = true;
    }
    return found;
  }

  /// "highest cpu of the hosts"; "highest queue length" is of a length.
  [[nodiscard]] bool asks_for_things() const {
    if (r_.things.empty()) return false;
    for (size_t i = 0; i + 1 < r_.tokens.size(); ++i) {
      const bool kind = text(i) == r_.things || canonical(i) == r_.things;
      if (!kind || r_.used[i + 1] || !has_letter(text(i + 1))) continue;
      if (!lexicon_.says_nothing(text(i + 1))) return false;
    }
    return true;
  }

  void take_aggregation() {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kWords = {{
        {"average", "avg"},    {"avg", "avg"},      {"mean", "avg"},      {"typical", "avg"},
        {"max", "max"},        {"maximum", "max"},  {"peak", "max"},      {"peaked", "max"},
        {"highest", "max"},    {"min", "min"},      {"minimum", "min"},   {"lowest", "min"},
        {"total", "sum"},      {"sum", "sum"},      {"overall", "sum"},   {"combined", "sum"},
        {"altogether", "sum"}, {"averaged", "avg"}, {"aggregate", "sum"},
    }};
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      for (const auto& [word, operation] : kWords) {
        if (text(i) != word) continue;
        if (r_.used[i] && word != "highest" && word != "lowest") continue;
        if (word == "mean" && i > 0 && (text(i - 1) == "i" || text(i - 1) == "that")) continue;
        const bool ordered = r_.superlative && (word == "highest" || word == "lowest");
        const bool over_time = r_.window || r_.range;
        const bool of_things = r_.things.empty() ? r_.which : asks_for_things();
        if (ordered && (!over_time || of_things)) continue;
        if (word == "mean" && (text(i - 1) == "does" || text(i + 1) == "by")) continue;
        if (ordered) {
          r_.superlative = r_.top.has_value();
          r_.which = r_.which && r_.superlative;
          if (!r_.superlative) r_.things.clear();
        }
        r_.aggregation = operation;
        r_.aggregation_at = i;
      }
      const bool how_many = (text(i) == "how" && text(i + 1) == "many") ||
                            (text(i) == "number" && text(i + 1) == "of") ||
                            (text(i) == "count" && (text(i + 1) == "of" || text(i + 1) == "the")) ||
                            (text(i) == "amount" && text(i + 1) == "of");
      if (how_many && !counts_time_) r_.how_many = true;
    }
    for (const std::string_view severity : {"critical", "warning", "info"}) {
      for (size_t i = 0; i < r_.tokens.size(); ++i) {
        if (text(i) != severity) continue;
        severity_at_ = i;
        r_.severity = severity;
      }
    }
  }

  void take_mentions() {
    size_t until = 0;  // what is said before this token is left out
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      if (const size_t cue = exclusion_at(r_.tokens, i); cue > 0) {
        // "idle excluded": what stands before it.
        const bool last = i + 1 == r_.tokens.size() || lexicon_.says_nothing(text(i + 1));
        if (last && text(i).starts_with("exclude") && !r_.mentions.empty() &&
            r_.mention_at.back() + 2 >= i) {
          r_.mentions.back().negated = true;
          take(i, 1);
          continue;
        }
        until = i + 8;
        take(i, cue);
        i += cue - 1;
        continue;
      }
      // "that are not selects", "did not complete": the next word alone.
      if (text(i) == "not" || text(i) == "non" || text(i) == "never") {
        until = std::max(until, i + 4);
      }
      // "excluding 404 for checkout": what comes after the next preposition is meant again.
      const bool turns = text(i) == "in" || text(i) == "for" || text(i) == "by" ||
                         text(i) == "on" || text(i) == "at";
      if (turns && excluded_one_) until = 0;
      const size_t before = r_.mentions.size();
      if (!r_.used[i]) mention(i, i < until);
      if (r_.mentions.size() > before) excluded_one_ = i < until;
    }
  }

  /// The kind beside a name: "payment pods", "service payment".
  [[nodiscard]] std::string kind_beside(size_t i) const {
    for (const size_t k : {i + 1, i - 1}) {
      if (k >= r_.tokens.size()) continue;
      if (lexicon_.kind(canonical(k)) != nullptr && !r_.used[k]) return canonical(k);
    }
    return "";
  }

  void mention(size_t i, bool negated) {
    std::string folded = fold(text(i));
    if (text(i) == "/") folded = "root";
    if (folded.empty() || !may_be_named(i, folded)) return;
    Mention m;
    m.text = r_.tokens[i].written;
    m.folded = folded;
    m.negated = negated;
    const auto numbered = std::ranges::find(r_.numbered, i, &Numbered::at);
    if (numbered != r_.numbered.end()) {
      if (numbered->word != i) m.text = r_.tokens[numbered->word].written + " " + m.text;
      m.places = numbered->places;
      m.kind = lexicon_.canonical(numbered->kind);
    } else if (is_status_class(text(i))) {
      m.regex = std::string(1, text(i)[0]) + "..";
    } else {
      collect_places(i, folded, m);
    }
    if (m.places.empty() && m.prefixes.empty() && m.regex.empty()) {
      note_stranger(i);
      return;
    }
    if (m.kind.empty()) {
      m.kind = text(i + 1) == "ones" && r_.things == "host" ? "host" : kind_beside(i);
    }
    const bool of_hosts = m.kind == "host" || m.kind == "node" || m.kind == "instance";
    m.names_thing = (of_hosts && !m.prefixes.empty()) ||
                    std::any_of(m.places.begin(), m.places.end(), [](const Place& p) {
                      return is_naming_label(p.label) || p.label == "mountpoint";
                    });
    if (i > 0 && snapshot_.has_label(text(i - 1))) m.label = text(i - 1);
    if (!m.label.empty() && std::none_of(m.places.begin(), m.places.end(),
                                         [&](const Place& p) { return p.label == m.label; })) {
      m.label.clear();
    }
    r_.mentions.push_back(std::move(m));
    r_.mention_at.push_back(i);
  }

  /// Words without a meaning of their own name something only where that is certain: "GET", the
  /// "data" disk, the "shop" database.
  [[nodiscard]] bool may_be_named(size_t i, const std::string& folded) const {
    if (how_things_ && says_how_things_are(text(i))) return false;
    // "forecast": our own counters of what was asked have such values.
    const std::span<const Place> places = snapshot_.places(folded);
    const auto own = [](const Place& p) { return p.label == "intent" || p.label == "tool"; };
    if (asks_by_itself(text(i)) && std::ranges::all_of(places, own)) return false;
    const std::string word = canonical(i);
    const bool kind = lexicon_.kind(word) != nullptr;
    const std::string next = canonical(i + 1);
    if (kind && lexicon_.role(word) != nullptr &&
        (next == "host" || next == "node" || text(i + 1) == "ones")) {
      return true;
    }
    if (kind) return text(i + 1) == "exporter" || text(i + 1) == "job";
    if (std::ranges::find(r_.values, i, &SpokenValue::at) != r_.values.end()) return true;
    if (!lexicon_.says_nothing(text(i))) return true;
    if (i > 0 && snapshot_.has_label(text(i - 1)) && !lexicon_.says_nothing(text(i - 1)) &&
        std::ranges::any_of(places,
                            [&](const Place& place) { return place.label == text(i - 1); })) {
      return true;  // "region us"
    }
    std::string written = r_.tokens[i].written;
    if (written.size() > 3 && written.back() == 's') written.pop_back();  // "GETs"
    const bool upper = written.size() > 2 && std::ranges::none_of(written, is_lower);
    const bool before_kind = lexicon_.kind(canonical(i + 1)) != nullptr;
    const auto written_so = [&](const Place& place) { return place.value == written; };
    if (upper && std::ranges::any_of(snapshot_.places(fold(written)), written_so)) return true;
    for (const Place& place : places) {
      if (before_kind && is_naming_label(place.label)) return true;
      if (before_kind && place.label == "mountpoint") return true;
      if (text(i).size() > 3 && (place.label == "service" || place.label == "datname" ||
                                 place.label == "database" || place.label == "topic")) {
        return true;
      }
    }
    return false;
  }

  static bool is_status_class(std::string_view word) {
    return word.size() == 3 && word[0] >= '1' && word[0] <= '5' && word.substr(1) == "xx";
  }

  void collect_places(size_t i, const std::string& folded, Mention& m) {
    const auto add = [&](const std::string& name) {
      for (const Place& place : snapshot_.places(name)) {
        // A number is the value of a label only where it is one beyond doubt.
        if (is_number(name) && name.size() < 3 && (i == 0 || place.label != text(i - 1))) continue;
        if (std::find(m.places.begin(), m.places.end(), place) == m.places.end()) {
          m.places.push_back(place);
        }
      }
    };
    add(folded);
    const std::string word = canonical(i);
    if (word != folded) add(fold(word));
    const std::string one = catalogue::singular(folded);
    if (one != folded) add(one);
    if (const auto* aliases = lexicon_.alias(word)) {
      for (const std::string& alias : *aliases) add(fold(alias));
    }
    if (is_number(folded)) return;
    m.prefixes.push_back(folded);
    // "the database hosts" are those called so; a database is not.
    const std::string next = canonical(i + 1);
    const bool ones = text(i + 1) == "ones" && r_.things == "host";
    if (next == "host" || next == "node" || next == "instance" || ones) {
      if (const auto* roles = lexicon_.role(word)) {
        m.prefixes.insert(m.prefixes.end(), roles->begin(), roles->end());
      }
    }
    // A prefix counts only where things are called so.
    const bool any = std::any_of(m.prefixes.begin(), m.prefixes.end(),
                                 [&](const std::string& p) { return snapshot_.leads(p); });
    if (!any) m.prefixes.clear();
  }

  /// "web-09", "node17": looks like a name, and there is none such.
  void note_stranger(size_t i) {
    const std::string_view word = text(i);
    if (!has_digit(word) || !has_letter(word) || snapshot_.find(r_.tokens[i].written) != nullptr) {
      return;
    }
    if (word.find('_') != std::string_view::npos) return;
    if (!(word[0] >= 'a' && word[0] <= 'z')) return;
    // Words of metrics have digits too: "load1", "ipv6".
    if (!snapshot_.with_word(lexicon_.canonical(word)).empty() || vocabulary_.knows(word)) return;
    r_.strangers.push_back(r_.tokens[i].written);
  }

  /// "network in", "traffic out": where the bytes go.
  [[nodiscard]] bool directs(size_t i) const {
    static const std::set<std::string_view> kFlows = {"network", "traffic",   "byte",
                                                      "packet",  "interface", "throughput"};
    if (text(i) != "in" && text(i) != "out") return false;
    if (i > 0 && (text(i - 1) == "coming" || text(i - 1) == "going")) return true;
    const bool ends = i + 1 == r_.tokens.size() || text(i + 1) == "on" || text(i + 1) == "of" ||
                      text(i + 1) == "for" || text(i + 1) == "rate" || text(i + 1) == "by" ||
                      text(i + 1) == "per" || r_.used[i + 1];
    return i > 0 && ends && kFlows.contains(canonical(i - 1));
  }

  void take_content() {
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      const std::string_view word = text(i);
      const bool grouped = std::find(grouped_.begin(), grouped_.end(), i) != grouped_.end();
      if (grouped) r_.content.push_back({i, canonical(i), true, true});
      if (r_.used[i] || word.empty() || (severity_at_ == i && r_.intent == Intent::Alert)) continue;
      const bool negates = word == "not" || word == "no" || word == "without";
      const bool named =
          std::find(r_.mention_at.begin(), r_.mention_at.end(), i) != r_.mention_at.end();
      // "response time", "cpu time", "io wait"
      const bool of_thing =
          (word == "time" && i > 0 && !r_.used[i - 1] && !lexicon_.says_nothing(text(i - 1))) ||
          (word == "wait" && i > 0 && (text(i - 1) == "io" || text(i - 1) == "i/o"));
      if (lexicon_.says_nothing(word) && !negates && !directs(i) && !named && !of_thing) continue;
      if (!has_letter(word) && !has_digit(word) && !named) continue;
      if ((is_cue(word, r_.intent) || serves_intent(r_, i)) && !named) continue;
      // "port 9090" is what listens there; ports of switches are something else.
      const bool listens = std::ranges::any_of(r_.numbered, [&](const Numbered& one) {
        return one.word == i && one.at != i && !one.places.empty() &&
               one.places.front().label == "instance";
      });
      if (listens) continue;
      // What fills or gets full is asked about, and how it goes is not.
      const bool of_what = canonical(i) == "full" || canonical(i) == "slow";
      if (r_.intent == Intent::Trend && says_movement(word) && !named && !of_what) continue;
      ContentWord content{i, negates ? "not" : canonical(i), false, false};
      // "and HEAD?": a value, and no word of a subject.
      const bool value = std::ranges::find(r_.values, i, &SpokenValue::at) != r_.values.end();
      if (value && r_.follow_up) content.canonical = "=" + content.canonical;
      content.joins = !r_.aggregation.empty() && i == r_.aggregation_at;
      if (content.joins && (r_.window || r_.range)) continue;  // "peak … in six hours"
      if (content.canonical == "production" && snapshot_.places("production").empty()) {
        r_.everything = word;  // where nothing is called so, everything is meant
        continue;
      }
      const bool of_number = std::ranges::any_of(r_.numbered, [&](const Numbered& one) {
        return one.at == i || (one.word == i && content.canonical != "cpu");
      });
      content.minor = of_number;
      content.known = named || of_number || snapshot_.find(r_.tokens[i].written) != nullptr ||
                      (vocabulary_.knows(word) && !is_telling(word)) ||
                      (vocabulary_.knows(content.canonical) && !is_telling(word)) ||
                      !snapshot_.with_word(content.canonical).empty() ||
                      !snapshot_.places(fold(word)).empty();
      r_.content.push_back(std::move(content));
    }
    count_things();
    take_relation();
    // What something runs into is where it ends, not what is asked about.
    if (r_.intent == Intent::Forecast && r_.content.size() > 1) {
      std::erase_if(r_.content, [](const ContentWord& w) { return w.canonical == "limit"; });
    }
    // "5 minute load"
    for (const Quantity& number : r_.numbers) {
      if (number.unit == Unit::Minutes && text(number.first + number.count) == "load") {
        r_.content.push_back({number.first, std::string(text(number.first)), true, true});
      }
    }
    imply();
  }

  /// "how many hosts do we have": nothing is asked of the hosts but their count.
  void count_things() {
    if (!r_.how_many || r_.content.empty()) return;
    const bool things_only = std::ranges::all_of(r_.content, [&](const ContentWord& word) {
      return lexicon_.kind(word.canonical) != nullptr ||
             std::ranges::find(r_.mention_at, word.at) != r_.mention_at.end();
    });
    if (things_only) r_.content.push_back({r_.content.front().at, "count", true, true});
  }

  /// "relative to its limit", "of their maximum": as a share of it.
  void take_relation() {
    for (size_t i = 0; i + 1 < r_.tokens.size(); ++i) {
      if (text(i) != "of" && text(i) != "to" && text(i) != "versus") continue;
      const bool owner = text(i + 1) == "its" || text(i + 1) == "their" || text(i + 1) == "the";
      const size_t at = owner ? i + 2 : i + 1;
      if (text(at) != "limit" && text(at) != "limits" && text(at) != "maximum" &&
          text(at) != "capacity") {
        continue;
      }
      if (r_.intent == Intent::Forecast || r_.content.size() < 2) return;
      if (!r_.unit && r_.thresholds.empty()) r_.unit = Unit::Percent;
      if (r_.aggregation_at == at) r_.aggregation.clear();
      std::erase_if(r_.content, [&](const ContentWord& w) { return w.at == at; });
    }
  }

  /// What is not said is implied: "p99 of checkout" is of its latency, "hotter than 70 degrees" of
  /// its temperature.
  void imply() {
    // "which response time do 99 percent of requests stay below?"
    for (const Quantity& number : r_.numbers) {
      const bool part = number.unit == Unit::Percent && number.value >= 50 && number.value < 100 &&
                        text(number.first + number.count) == "of";
      if (part && !r_.quantile &&
          r_.says_any({"response", "latency", "time", "long", "fast", "wait", "duration", "take",
                       "within", "quick"})) {
        r_.quantile = number.value / 100;
      }
    }
    for (size_t c = 0; c < r_.content.size(); ++c) {
      if (r_.content[c].canonical == "up" && counts_time_) r_.content[c].canonical = "uptime";
    }
    const bool said = std::any_of(r_.content.begin(), r_.content.end(), [&](const ContentWord& w) {
      if (w.minor || lexicon_.is_weak(w.canonical) || w.canonical == "not") return false;
      if (lexicon_.kind(w.canonical) != nullptr || w.canonical == "request") return false;
      return std::find(r_.mention_at.begin(), r_.mention_at.end(), w.at) == r_.mention_at.end();
    });
    if (said) return;
    const auto add = [&](std::string word) {
      r_.content.push_back({0, std::move(word), true, true});
    };
    if (r_.quantile) return add("latency");
    for (const Mention& mention : r_.mentions) {
      for (const Place& place : mention.places) {
        if (place.label == "mountpoint") return add("disk");
        if (place.label == "persistentvolumeclaim") return add("volume");
      }
    }
    for (const Threshold& threshold : r_.thresholds) {
      if (threshold.quantity.unit == Unit::Celsius) return add("temperature");
      for (size_t i = threshold.first; i < threshold.first + threshold.count; ++i) {
        if (text(i) == "slower") return add("latency");
        if (text(i) == "hotter" || text(i) == "warmer") return add("temperature");
        if (text(i) == "busier") {
          const bool disks = std::ranges::any_of(
              r_.content, [](const ContentWord& w) { return w.canonical == "disk"; });
          return add(disks ? "busy" : "cpu");
        }
      }
    }
    if (r_.intent == Intent::Status && !r_.things.empty()) return add("status");
    const bool only_kinds =
        std::all_of(r_.content.begin(), r_.content.end(),
                    [&](const ContentWord& w) { return lexicon_.kind(w.canonical) != nullptr; });
    if (r_.superlative && !r_.things.empty() && only_kinds &&
        r_.says_any({"biggest", "largest", "smallest", "bigger", "larger"})) {
      return add("size");
    }
    for (ContentWord& word : r_.content) {
      if (word.canonical == "slow") return add("latency");
      // "how hot is it": of nothing that is busy.
      if (word.canonical == "hot") word.canonical = "temperature";
    }
  }

  Reading& r_;
  const catalogue::Lexicon& lexicon_;
  const Vocabulary& vocabulary_;
  const Snapshot& snapshot_;
  std::optional<size_t> number_for_top_;
  bool counts_time_ = false;
  bool how_things_ = false;    // in the words of such a question nothing is named
  bool excluded_one_ = false;  // the last name is one that is left out
  size_t severity_at_ = SIZE_MAX;
  std::vector<size_t> grouped_;  // tokens that say how the answer is told apart
};

}  // namespace

bool Reading::says(std::string_view word) const {
  return std::any_of(tokens.begin(), tokens.end(), [&](const Token& t) { return t.text == word; });
}

bool Reading::says_any(std::initializer_list<std::string_view> words) const {
  return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return says(w); });
}

bool Reading::says_phrase(std::initializer_list<std::string_view> words) const {
  for (size_t i = 0; i + words.size() <= tokens.size(); ++i) {
    if (std::equal(words.begin(), words.end(), tokens.begin() + static_cast<ptrdiff_t>(i),
                   [](std::string_view w, const Token& t) { return t.text == w; })) {
      return true;
    }
  }
  return false;
}

Reading read_question(std::string_view text, const catalogue::ConceptPack& pack,
                      const Vocabulary& vocabulary, const Snapshot& snapshot, TimeMs now,
                      std::optional<Intent> intent) {
  Reading reading;
  if (intent) {
    reading.intent = *intent;
    reading.forced = true;
  }
  reading.expression = promql_in(text);
  reading.tokens = without_askers(tokenize(text));
  reading.family = take_family(reading.tokens, snapshot);
  name_codes(reading.tokens);
  mend_words(reading.tokens, pack.lexicon, vocabulary, snapshot);
  Reader(reading, pack, vocabulary, snapshot).read(now);
  return reading;
}

}  // namespace prom5::llm
