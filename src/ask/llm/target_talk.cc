#include "ask/llm/target_talk.h"

#include <algorithm>
#include <array>

namespace prom5::llm {

namespace {

using catalogue::Mention;
using catalogue::Place;

/// By which labels targets are called.
constexpr std::array<std::string_view, 8> kNames = {"job",  "service", "instance",  "app",
                                                    "host", "node",    "component", "pod"};

bool says_down(std::string_view word) {
  return is_any_of(word, {"down", "offline", "dead", "unreachable", "unavailable", "away", "gone",
                          "crashed", "crash", "died", "die"});
}

bool says_up(std::string_view word) {
  return is_any_of(word, {"up", "running", "alive", "online", "reachable", "back", "available",
                          "responding", "working", "run", "runs"});
}

bool says_state(std::string_view word) {
  return is_any_of(word, {"status", "state", "health", "healthy", "ok", "okay", "fine", "doing"});
}

bool says_outage(std::string_view word) {
  return is_any_of(word, {"outage", "outages", "downtime", "downtimes"});
}

bool says_restart(std::string_view word) {
  return is_any_of(word, {"restart", "restarts", "restarted", "restarting"});
}

bool says_any_thing(std::string_view word) {
  return is_any_of(word, {"anything", "something", "everything", "any", "all", "some", "which",
                          "what", "target", "targets", "jobs", "services", "processes"});
}

bool says_kind(std::string_view word) {
  return is_any_of(word, {"job", "service", "target", "exporter", "instance", "server", "app",
                          "application", "process", "site", "component", "host"});
}

/// Words that say nothing by themselves.
bool says_nothing(std::string_view word) {
  return is_any_of(
      word, {"is",     "are",   "was",      "were",      "has",      "have",   "had",    "been",
             "be",     "did",   "does",     "do",        "the",      "our",    "my",     "a",
             "an",     "still", "now",      "currently", "right",    "ever",   "at",     "please",
             "and",    "or",    "of",       "for",       "me",       "tell",   "check",  "whether",
             "if",     "can",   "you",      "could",     "so",       "then",   "yet",    "already",
             "just",   "there", "again",    "to",        "in",       "on",     "also",   "but",
             "hey",    "hi",    "go",       "went",      "gone",     "got",    "get",    "come",
             "came",   "show",  "say",      "know",      "want",     "i",      "with",   "how",
             "long",   "often", "many",     "times",     "time",     "much",   "when",   "since",
             "why",    "last",  "recently", "lately",    "ago",      "total",  "number", "overall",
             "about",  "s",     "that",     "this",      "happened", "reason", "from",   "actually",
             "really", "not",   "most",     "recent",    "latest",   "ok",     "during", "within",
             "past"});
}

bool refers(std::string_view word) {
  return is_any_of(word, {"it", "that", "they", "them", "this", "its", "these", "those"});
}

class TalkReader {
 public:
  TalkReader(const Reading& reading, const catalogue::Snapshot& snapshot,
             const catalogue::Lexicon& lexicon, const Json& before)
      : r_(reading), snapshot_(snapshot), lexicon_(lexicon), before_(before) {
    up_ = snapshot.find("up");
  }

  std::optional<TargetTalk> read() {
    if (up_ == nullptr || r_.tokens.empty() || !may_be_talk()) return std::nullopt;
    mark_times();
    const bool kinds = std::ranges::any_of(
        r_.mentions, [&](const Mention& m) { return m.names_thing && !m.negated; });
    for (size_t i = address(); i < r_.tokens.size(); ++i) {
      if (timed_[i]) continue;
      if (!take(i, kinds)) return std::nullopt;
    }
    const auto ask = what_is_asked();
    if (!ask) return std::nullopt;
    out_.ask = *ask;
    out_.down = says(says_down);
    if (out_.named.empty() && !inherit()) return std::nullopt;
    return out_;
  }

 private:
  [[nodiscard]] std::string_view text(size_t i) const {
    return i < r_.tokens.size() ? std::string_view(r_.tokens[i].text) : std::string_view();
  }
  [[nodiscard]] bool says(bool (*which)(std::string_view)) const {
    for (size_t i = 0; i < r_.tokens.size(); ++i) {
      if (!timed_[i] && which(text(i))) return true;
    }
    return false;
  }

  /// What alerts, compares, orders or excludes says more than states.
  [[nodiscard]] bool may_be_talk() const {
    const bool negated = std::ranges::any_of(r_.mentions, &Mention::negated);
    const bool other = r_.intent == Intent::Alert || r_.intent == Intent::Silence ||
                       r_.intent == Intent::Forecast || r_.intent == Intent::Compare ||
                       r_.intent == Intent::Correlate || r_.intent == Intent::Top;
    return !negated && !other && !r_.unsafe && r_.thresholds.empty() && r_.expression.empty() &&
           r_.by.empty() && !r_.shift && !r_.ahead && !r_.superlative && r_.numbers.empty() &&
           !r_.unit && r_.strangers.empty();
  }

  void mark_times() {
    timed_.assign(r_.tokens.size(), false);
    for (const auto* phrase : {&r_.window, &r_.range, &r_.point, &r_.hold}) {
      if (!*phrase) continue;
      for (size_t i = (*phrase)->first; i < (*phrase)->first + (*phrase)->count; ++i) {
        if (i < timed_.size()) timed_[i] = true;
      }
    }
  }

  /// "hey prometheus, is …": how many words only say who is asked.
  [[nodiscard]] size_t address() const {
    const size_t first = is_any_of(text(0), {"hey", "hi", "hello", "ok", "okay", "so"}) ? 1 : 0;
    const bool product = is_any_of(text(first), {"prometheus", "prom5"});
    const bool asks =
        is_any_of(text(first + 1), {"what", "how", "why", "when", "which", "did", "was", "were",
                                    "show", "tell", "since", "please", "can", "could"});
    const bool greeted = first == 1 && is_any_of(text(first + 1), {"is", "are", "has"});
    return product && (asks || greeted) ? first + 1 : first;
  }

  /// Whether a word is understood.
  bool take(size_t i, bool kinds) {
    const std::string_view word = text(i);
    if (const auto named = name_at(i, kinds)) {
      out_.named.push_back(*named);
      return true;
    }
    if (says_any_thing(word)) {
      out_.any = true;
      return true;
    }
    if (refers(word)) {
      refers_ = true;
      return true;
    }
    return says_down(word) || says_up(word) || says_state(word) || says_outage(word) ||
           says_restart(word) || word == "availability" || word == "uptime" || says_nothing(word) ||
           says_kind(word);
  }

  /// A target that a word names.
  std::optional<Mention> name_at(size_t i, bool other_names) {
    for (size_t m = 0; m < r_.mentions.size(); ++m) {
      if (r_.mention_at[m] != i) continue;
      const auto binding = catalogue::bind(r_.mentions[m], *up_, lexicon_);
      return binding ? std::optional(r_.mentions[m]) : std::nullopt;
    }
    // What asks or tells a state names nothing, whatever is called so; a kind beside a name is one.
    const std::string_view word = text(i);
    const bool of_talk = says_nothing(word) || refers(word) || says_down(word) || says_up(word) ||
                         says_outage(word) || says_restart(word) || says_state(word);
    const bool chosen =
        i > 0 && is_any_of(text(i - 1), {"which", "any", "every", "each", "all", "what", "no",
                                         "many", "other", "a", "an", "this", "that", "these"});
    const bool kind = lexicon_.kind(lexicon_.canonical(word)) != nullptr;
    if (of_talk || chosen || (kind && other_names)) return std::nullopt;
    Mention mention;
    mention.text = r_.tokens[i].written;
    mention.folded = catalogue::fold(word);
    for (const Place& place : snapshot_.places(mention.folded)) {
      const bool names = std::ranges::find(kNames, place.label) != kNames.end();
      if (!names || !up_->has(place.label, place.value)) continue;
      mention.places.push_back(place);
    }
    if (mention.places.empty()) return std::nullopt;
    // "shop job" is read as a name where "shop" alone is not.
    mention.names_thing = true;
    mention.kind = "job";
    const auto binding = catalogue::bind(mention, *up_, lexicon_);
    if (!binding) return std::nullopt;
    if (binding->label != "job") mention.kind.clear();
    out_.unread = true;
    return mention;
  }

  [[nodiscard]] std::optional<TargetAsk> what_is_asked() const {
    const bool down = says(says_down);
    const bool outage = says(says_outage);
    const bool up = says(says_up) || says(says_state);
    const bool stretch = r_.window || r_.range;
    if (says(says_restart)) return TargetAsk::Restarts;
    // Of hosts it is known when they started.
    if (r_.says("uptime")) return out_.unread ? std::optional(TargetAsk::Since) : std::nullopt;
    const bool why = r_.says("why") || r_.says_phrase({"what", "happened"}) || r_.says("reason");
    const std::string inherited = talk_before();
    if (why && (down || outage || (refers_ && !up) || (!inherited.empty() && !up))) {
      return TargetAsk::Why;
    }
    const bool was = r_.says_any({"was", "were", "been", "did", "went", "had"});
    // "how many targets are down" counts targets.
    if (r_.says("many") && !r_.says("times") && !outage) return std::nullopt;
    const bool counts = r_.says_any({"often", "times", "many"});
    const bool begins = r_.says_phrase({"since", "when"}) || r_.says_phrase({"how", "long"});
    const bool now = r_.says_any({"is", "are", "has", "have"}) || !was;
    if (r_.says("availability") || (r_.says("available") && r_.says("how"))) {
      return TargetAsk::Availability;
    }
    if (begins && now && !outage && (down || up || !inherited.empty()) && !counts) {
      return TargetAsk::Since;
    }
    const bool when = r_.says("when");
    if (when && up && !down && !outage) return TargetAsk::Since;
    const bool once = when && !counts && !r_.says("last") && r_.says_any({"did", "do", "does"});
    if (down && once) return TargetAsk::Since;  // "when did it go down"
    if (outage || (down && (was || counts || stretch || when))) {
      return r_.point && !outage && !when ? TargetAsk::State : TargetAsk::Outages;
    }
    if (begins && !inherited.empty()) return TargetAsk::Outages;
    if (up && stretch) return TargetAsk::Outages;  // "was it up all day"
    const bool how = r_.says("how") && r_.says_any({"is", "are"}) && !counts && !begins;
    if (down || up || (how && out_.unread)) return TargetAsk::State;
    return of_before(inherited);
  }

  /// What was asked of targets before; empty where it was of something else.
  [[nodiscard]] std::string talk_before() const {
    if (!before_.is_object()) return "";
    const bool state =
        before_.value("metric", "") == "up" && before_.value("intent", "") == "status";
    return before_.value("talk", std::string(state ? "state" : ""));
  }

  /// The targets that it was asked of.
  [[nodiscard]] std::vector<std::string> names_before() const {
    if (!before_.is_object()) return {};
    auto names = before_.value("targets", std::vector<std::string>{});
    if (!names.empty() || before_.value("metric", "") != "up") return names;
    for (const Json& mention : before_.value("mentions", Json::array())) {
      if (mention.value("negated", false)) return {};
      names.push_back(mention.value("text", ""));
    }
    return names;
  }

  /// "and node?": the same of another.
  [[nodiscard]] std::optional<TargetAsk> of_before(std::string_view inherited) const {
    const bool goes_on = r_.follow_up && (!out_.named.empty() || r_.window || r_.range);
    if (inherited.empty() || !goes_on || out_.any) return std::nullopt;
    for (const TargetAsk ask : {TargetAsk::State, TargetAsk::Availability, TargetAsk::Outages,
                                TargetAsk::Since, TargetAsk::Why, TargetAsk::Restarts}) {
      if (to_string(ask) == inherited) return ask;
    }
    return std::nullopt;
  }

  /// Without a name it is of the targets before, or of all.
  bool inherit() {
    const std::vector<std::string> names = names_before();
    const bool bare = !out_.any && (refers_ || r_.tokens.size() <= 4);
    if (bare && !names.empty()) {
      for (const std::string& name : names) {
        Mention mention;
        mention.text = name;
        mention.folded = catalogue::fold(name);
        for (const Place& place : snapshot_.places(mention.folded)) {
          if (up_->has(place.label, place.value)) mention.places.push_back(place);
        }
        mention.names_thing = true;
        if (catalogue::bind(mention, *up_, lexicon_)) out_.named.push_back(std::move(mention));
      }
      out_.inherited = !out_.named.empty();
      return out_.inherited;
    }
    if (refers_) return false;
    return out_.ask == TargetAsk::Restarts || (out_.ask == TargetAsk::Outages && out_.any);
  }

  const Reading& r_;
  const catalogue::Snapshot& snapshot_;
  const catalogue::Lexicon& lexicon_;
  const Json& before_;
  const catalogue::Metric* up_ = nullptr;
  std::vector<bool> timed_;
  TargetTalk out_;
  bool refers_ = false;
};

}  // namespace

std::string_view to_string(TargetAsk ask) {
  switch (ask) {
    case TargetAsk::State: return "state";
    case TargetAsk::Availability: return "availability";
    case TargetAsk::Outages: return "outages";
    case TargetAsk::Since: return "since";
    case TargetAsk::Why: return "why";
    case TargetAsk::Restarts: return "restarts";
  }
  return "";
}

std::optional<TargetTalk> read_target_talk(const Reading& reading,
                                           const catalogue::Snapshot& snapshot,
                                           const catalogue::Lexicon& lexicon, const Json& before) {
  return TalkReader(reading, snapshot, lexicon, before).read();
}

}  // namespace prom5::llm
