#include "ask/llm/subject.h"

#include <algorithm>
#include <ranges>
#include <set>

#include "ask/catalogue/recipe_query.h"
#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::Binding;
using catalogue::Concept;
using catalogue::Mention;
using catalogue::Metric;
using catalogue::Recipe;
using catalogue::Snapshot;

constexpr double kWeakWord = 0.4;
constexpr double kNegation = 0.3;
constexpr double kMinorWord = 0.3;
constexpr double kJoiningWord = 0.05;

/// A name of a metric says what it is about less surely than a concept's phrase does.
constexpr double kMetricDiscount = 0.85;
/// A metric by its very name is meant, though a concept has a phrase of the same words.
constexpr double kNamedBonus = 0.05;
/// A concept of the same words is meant before a metric whose name says more than they do.
constexpr double kUnsaidDiscount = 0.03;
constexpr size_t kMaxSubjects = 40;
constexpr size_t kMaxMetrics = 400;

/// What names begin and end with, whatever they measure.
bool common_name_word(std::string_view word) {
  static const std::set<std::string_view> words = {"node", "total", "second", "byte",   "ratio",
                                                   "info", "count", "sum",    "bucket", "global",
                                                   "stat", "kube",  "status"};
  return words.contains(word);
}

/// What a name adds to what it is of where that is counted as it is now: "queue_length",
/// "db_connections_active". Who asks of the queue, or of the connections, means it.
bool counts_what_is(std::string_view word) {
  static const std::set<std::string_view> words = {"active", "current", "open", "used",
                                                   "length", "size",    "depth"};
  return words.contains(word);
}

/// A word of a name as a question says it: "how long is the queue" of queue_length, "connections
/// in use" of db_connections_active, their limit of db_connections_max.
std::string as_asked(const std::string& word, const std::set<std::string_view>& said) {
  static const std::vector<std::set<std::string_view>> alike = {
      {"length", "long"},
      {"active", "used", "use", "usage", "open", "current", "busy"},
      {"maximum", "limit", "allowed"}};
  if (said.contains(word)) return word;
  for (const std::set<std::string_view>& words : alike) {
    if (!words.contains(word)) continue;
    const auto other = std::ranges::find_if(words, [&](auto w) { return said.contains(w); });
    if (other != words.end()) return std::string(*other);
  }
  return word;
}

/// What a gauge is a part of where its name tells: db_connections_max of db_connections_active.
const Metric* limit_of(const Metric& metric, const Snapshot& snapshot) {
  if (metric.type == MetricType::Counter) return nullptr;
  std::string_view base = metric.name;
  const size_t last = base.rfind('_');
  if (last != std::string_view::npos && counts_what_is(base.substr(last + 1))) {
    base = base.substr(0, last);
  }
  for (const std::string_view limit : {"_max", "_limit", "_capacity"}) {
    if (const Metric* found = snapshot.find(std::string(base) + std::string(limit))) return found;
  }
  return nullptr;
}

bool asks_in_percent(const Reading& reading) {
  return reading.unit == Unit::Percent ||
         std::ranges::any_of(reading.thresholds, [](const Threshold& threshold) {
           return threshold.quantity.unit == Unit::Percent;
         });
}

/// Whether a question has the words of a metric's name, all of them in their order and nothing
/// between; what only says how it is counted ("_total", "_bytes") may be left out.
bool says_name(const Reading& reading, std::string_view name) {
  const std::vector<Token>& tokens = reading.tokens;
  std::vector<std::string> parts;
  for (const auto part : std::views::split(name, '_')) {
    parts.push_back(to_lower({part.begin(), part.end()}));
  }
  if (parts.size() > 2 && is_any_of(parts.back(), {"total", "bytes", "seconds"})) parts.pop_back();
  if (parts.size() < 2) return false;
  for (size_t i = 0; i + parts.size() <= tokens.size(); ++i) {
    if (std::ranges::equal(parts, std::span(tokens).subspan(i, parts.size()), {}, {},
                           &Token::text)) {
      return true;
    }
  }
  return false;
}

/// Labels whose values are names of things: a word of a phrase that is such a name narrows too.
bool names_a_thing(std::string_view label) {
  return label == "service" || label == "job" || label == "env" || label == "namespace" ||
         label == "container" || label == "deployment" || label == "instance" ||
         label == "region" || label == "cluster" || label == "database" || label == "datname";
}

std::string unit_of(const Metric& metric, bool rate) {
  const auto has = [&](std::string_view word) {
    return metric.name.find(word) != std::string::npos;
  };
  if (has("_bytes")) return rate ? "bytes_per_second" : "bytes";
  if (has("timestamp_seconds")) return "timestamp";
  if (has("_seconds") && !rate) return "seconds";
  if (has("_ratio")) return "ratio";
  if (has("celsius")) return "celsius";
  return rate ? "per_second" : "none";
}

double weight(std::string_view word, const catalogue::Lexicon& lexicon) {
  if (word == "not") return kNegation;
  return lexicon.is_weak(word) ? kWeakWord : 1;
}

/// A pack outlives its subjects: its recipes need no counting.
std::shared_ptr<const Recipe> of_pack(const Recipe& recipe) {
  return {std::shared_ptr<const Recipe>(), &recipe};
}

/// Says how well subjects fit one question on one server. What depends on the question alone is
/// looked up once, what depends on the recipe once for all phrases of a concept.
class Judge {
 public:
  Judge(const catalogue::Lexicon& lexicon, const Reading& reading, const Snapshot& snapshot)
      : lexicon_(lexicon), reading_(reading), snapshot_(snapshot) {
    heard_.reserve(reading.content.size());
    for (const ContentWord& word : reading.content) {
      Heard heard{&word, weight(word.canonical, lexicon)};
      heard.share = word.joins ? kJoiningWord : word.minor ? kMinorWord : heard.weight;
      heard.is_kind = lexicon.kind(word.canonical) != nullptr;
      for (size_t m = 0; m < reading.mentions.size(); ++m) {
        // A word that excludes something is not what is asked about: "orders that did not
        // complete".
        if (reading.mention_at[m] == word.at) heard.excluded = reading.mentions[m].negated;
        if (reading.mention_at[m] == word.at) break;
      }
      total_ += heard.share;
      heard_.push_back(heard);
    }
  }

  /// What the next judgements are of.
  void turn_to(const Concept* entry, std::shared_ptr<const Recipe> recipe) {
    entry_ = entry;
    recipe_ = std::move(recipe);
    available_ = is_available(*recipe_, snapshot_);
    metric_ = snapshot_.find(recipe_->needs.front());
    bindings_.assign(reading_.mentions.size(), std::nullopt);
    if (metric_ == nullptr) return;
    for (size_t m = 0; m < bindings_.size(); ++m) {
      bindings_[m] = catalogue::bind(reading_.mentions[m], *metric_, lexicon_);
    }
  }

  /// Fills `out` anew; what it was before lends its memory.
  void judge(const std::vector<std::string>& phrase, Subject& out) const {
    out.entry = entry_;
    out.recipe = recipe_;
    out.name = entry_ != nullptr ? entry_->name : recipe_->needs.front();
    out.available = available_;
    out.score = 0;
    out.phrase_words.clear();
    out.unexplained.clear();
    out.assumed.clear();
    out.filters.clear();
    out.phrase = said_of(phrase, out.phrase_words);
    double explained = 0;
    for (const Heard& heard : heard_) {
      if (explains(heard, out)) {
        explained += heard.share;
      } else if (heard.weight == 1 && !heard.word->minor) {
        out.unexplained.push_back(reading_.tokens[heard.word->at].written);
      }
    }
    // Of two that can be narrowed the one that bears the thing's own label is meant.
    for (const size_t m : out.filters) {
      if (bindings_[m]->label == "service") out.score += 0.03;
    }
    out.coverage = total_ == 0 ? 0 : explained / total_;
    out.score += out.coverage * (0.35 + 0.65 * out.phrase);
    // Of two that explain the same, the one that says more exactly what is asked. Ranks may lie a
    // little above 1.
    out.score += 0.004 * static_cast<double>(out.phrase_words.size());
  }

 private:
  struct Heard {
    const ContentWord* word = nullptr;
    double weight = 0;
    double share = 0;  ///< of the question
    bool excluded = false;
    bool is_kind = false;
  };

  /// Which of the phrase's words the question has; returns their share of its weight.
  double said_of(const std::vector<std::string>& phrase, std::vector<std::string>& words) const {
    const bool negates = std::ranges::find(phrase, "not") != phrase.end();
    double said = 0;
    double whole = 0;
    for (const std::string& word : phrase) {
      const double w = weight(word, lexicon_);
      whole += w;
      const bool in = std::ranges::any_of(heard_, [&](const Heard& heard) {
        return heard.word->canonical == word && (negates || !heard.excluded);
      });
      if (!in) continue;
      said += w;
      words.push_back(word);
    }
    return whole == 0 ? 0 : said / whole;
  }

  /// Whether the subject accounts for the word, by its phrase, its labels or what it is about.
  bool explains(const Heard& heard, Subject& out) const {
    const std::string& word = heard.word->canonical;
    const bool in_phrase = std::ranges::find(out.phrase_words, word) != out.phrase_words.end();
    const bool about = entry_ != nullptr && entry_->about.contains(word);
    bool good = in_phrase;
    for (size_t m = 0; m < bindings_.size(); ++m) {
      if (reading_.mention_at[m] != heard.word->at || !bindings_[m]) continue;
      if (!narrows(reading_.mentions[m], *bindings_[m], in_phrase, about)) continue;
      out.filters.push_back(m);
      good = true;
    }
    if (!good && metric_ != nullptr) {
      const std::string& written = reading_.tokens[heard.word->at].text;
      good = metric_->label(word) != nullptr || metric_->label(written) != nullptr ||
             (heard.is_kind && !catalogue::label_of_kind(word, *metric_, lexicon_).empty());
    }
    // "share of POST among all requests": of all methods.
    if (!good && word == "share") {
      good = std::ranges::any_of(bindings_, [](const std::optional<Binding>& binding) {
        return binding && !is_naming_label(binding->label);
      });
    }
    if (good || !about) return good;
    if (!heard.is_kind && heard.share == 1) {
      out.assumed.push_back(reading_.tokens[heard.word->at].written);
    }
    return true;
  }

  bool narrows(const Mention& mention, const Binding& binding, bool in_phrase, bool about) const {
    // A word of the phrase narrows as well where it is a name, or a value that the recipe does
    // not look at yet: "timeouts" of errors by type.
    const bool fixed =
        binding.values.empty() || recipe_->promql.find(binding.values.front()) != std::string::npos;
    const bool thing = names_a_thing(binding.label) && !binding.values.empty();
    if (in_phrase && !mention.negated && fixed && !thing) return false;
    // "cache" of cache hit rate is no host; "web" of the web hosts is.
    return !(binding.values.empty() && about && mention.kind.empty());
  }

  const catalogue::Lexicon& lexicon_;
  const Reading& reading_;
  const Snapshot& snapshot_;
  std::vector<Heard> heard_;
  double total_ = 0;
  const Concept* entry_ = nullptr;
  std::shared_ptr<const Recipe> recipe_;
  const Metric* metric_ = nullptr;
  bool available_ = false;
  std::vector<std::optional<Binding>> bindings_;
};

}  // namespace

bool gives_quantile(const Recipe& recipe, double quantile, const Snapshot& snapshot) {
  if (recipe.promql.find("histogram_quantile(") != std::string::npos) return true;
  if (catalogue::summary_quantile(recipe.promql).empty()) return false;
  const Metric* metric = snapshot.find(recipe.needs.front());
  return metric != nullptr && metric->has("quantile", codec::format_general(quantile));
}

Recipe recipe_of_metric(const Metric& metric) {
  Recipe out;
  out.needs = {metric.name};
  out.explain = metric.help;
  const bool counter = metric.type == MetricType::Counter;
  out.unit = unit_of(metric, counter);
  if (metric.name.ends_with("_bucket")) {
    out.promql = fmt::format("histogram_quantile(0.95, sum(rate({}[5m])))", metric.name);
    out.unit = unit_of(metric, false);
  } else if (counter) {
    out.promql = fmt::format("sum(rate({}[5m]))", metric.name);
  } else {
    out.promql = metric.name;
    out.join =
        out.unit == "ratio" || out.unit == "seconds" || out.unit == "celsius" ? "avg" : "sum";
    out.each = true;
  }
  for (const std::string_view label : {"service", "instance", "pod", "job"}) {
    if (metric.label(label) == nullptr) continue;
    out.by = {std::string(label)};
    break;
  }
  return out;
}

/// "as a percentage of the limit"
Recipe recipe_of_share(const Metric& metric, const Metric& limit) {
  Recipe out = recipe_of_metric(metric);
  out.needs = {metric.name, limit.name};
  out.promql = fmt::format("100 * {} / {}", metric.name, limit.name);
  out.unit = "percent";
  out.join = "avg";
  return out;
}

SubjectFinder::SubjectFinder(const catalogue::ConceptPack& pack) : pack_(pack) {
  for (size_t c = 0; c < pack.concepts.size(); ++c) {
    for (const Recipe& recipe : pack.concepts[c].recipes) {
      known_metrics_.insert(recipe.needs.begin(), recipe.needs.end());
    }
    const auto& phrases = pack.concepts[c].phrases;
    for (const auto& phrase : phrases) {
      if (phrase.size() == 1) names_.insert(phrase.front());
    }
    for (size_t p = 0; p < phrases.size(); ++p) {
      for (const std::string& word : phrases[p]) {
        by_word_[word].push_back({static_cast<uint32_t>(c), static_cast<uint32_t>(p)});
      }
    }
  }
}

const Recipe* SubjectFinder::best_recipe(const Concept& entry, const Reading& reading,
                                         const Snapshot& snapshot,
                                         std::string_view preferred) const {
  const Recipe* best = nullptr;
  size_t most = 0;
  const bool of_processes = std::ranges::any_of(
      reading.content, [](const ContentWord& word) { return word.canonical == "process"; });
  for (const Recipe& recipe : entry.recipes) {
    if (!is_available(recipe, snapshot)) continue;
    // The one that can tell most of the named things apart; else the preferred one.
    size_t bound = recipe.needs.front() == preferred ? 2 : 1;
    const Metric* metric = snapshot.find(recipe.needs.front());
    // Who asks of processes means all of them, where they are known.
    if (of_processes && !recipe.only_scraped) bound += 1;
    for (const Mention& mention : reading.mentions) {
      if (catalogue::bind(mention, *metric, pack_.lexicon)) bound += 2;
    }
    for (const std::string& kind : reading.by) {
      if (!catalogue::label_of_kind(kind, *metric, pack_.lexicon).empty()) bound += 2;
    }
    if (!reading.things.empty() &&
        !catalogue::label_of_kind(reading.things, *metric, pack_.lexicon).empty()) {
      bound += 1;
    }
    if (bound > most) {
      most = bound;
      best = &recipe;
    }
  }
  return best;
}

void SubjectFinder::rank_concepts(const Reading& reading, const Snapshot& snapshot,
                                  std::vector<Subject>& out) const {
  std::map<uint32_t, std::vector<uint32_t>> found;  // concept: phrases with a word of the question
  for (const ContentWord& word : reading.content) {
    const auto at = by_word_.find(word.canonical);
    if (at == by_word_.end()) continue;
    for (const Phrase& phrase : at->second) found[phrase.entry].push_back(phrase.phrase);
  }
  Judge judge(pack_.lexicon, reading, snapshot);
  Subject next;
  for (auto& [index, phrases] : found) {
    const Concept& entry = pack_.concepts[index];
    std::sort(phrases.begin(), phrases.end());
    phrases.erase(std::unique(phrases.begin(), phrases.end()), phrases.end());
    const Recipe* recipe = best_recipe(entry, reading, snapshot);
    judge.turn_to(&entry, of_pack(recipe != nullptr ? *recipe : entry.recipes.front()));
    Subject& best = out.emplace_back();
    for (const uint32_t phrase : phrases) {
      judge.judge(entry.phrases[phrase], next);
      if (best.entry == nullptr || next.score > best.score) std::swap(best, next);
    }
  }
}

void SubjectFinder::rank_metrics(const Reading& reading, const Snapshot& snapshot,
                                 std::vector<Subject>& out) const {
  std::map<uint32_t, size_t> found;
  for (const ContentWord& word : reading.content) {
    if (pack_.lexicon.is_weak(word.canonical)) continue;
    for (const uint32_t metric : snapshot.with_word(word.canonical)) ++found[metric];
  }
  if (found.size() > kMaxMetrics) return;  // words that nearly every name has
  std::set<std::string_view> said;
  for (const ContentWord& word : reading.content) said.insert(word.canonical);
  Judge judge(pack_.lexicon, reading, snapshot);
  for (const auto& [index, words] : found) {
    const Metric& metric = snapshot.metrics()[index];
    // A recipe is written in plain names; others are asked for in PromQL itself.
    if (!is_legacy_metric_name(metric.name)) continue;
    bool unsaid = false;
    std::vector<std::string> phrase;
    for (const std::string& word : metric.words) {
      if (common_name_word(word)) continue;
      std::string asked = as_asked(word, said);
      if (counts_what_is(word) && !said.contains(asked)) {
        unsaid = true;
      } else {
        phrase.push_back(std::move(asked));
      }
    }
    const Metric* limit = asks_in_percent(reading) ? limit_of(metric, snapshot) : nullptr;
    for (const char* word : {"limit", "maximum", "capacity"}) {
      if (limit != nullptr && said.contains(word)) phrase.emplace_back(word);
    }
    judge.turn_to(nullptr,
                  std::make_shared<Recipe>(limit != nullptr ? recipe_of_share(metric, *limit)
                                                            : recipe_of_metric(metric)));
    Subject& subject = out.emplace_back();
    judge.judge(phrase, subject);
    // All words of its name, and no other: that is the one.
    const bool whole = subject.phrase == 1 && (phrase.size() > 1 || unsaid) &&
                       !known_metrics_.contains(metric.name);
    if (whole && says_name(reading, metric.name)) {
      subject.score += kNamedBonus;
    } else if (whole && unsaid && subject.coverage > 0.99) {
      subject.score -= kUnsaidDiscount;
    } else if (!whole || subject.coverage <= 0.99) {
      subject.score *= kMetricDiscount;
    }
  }
}

bool SubjectFinder::says_metric(const Reading& reading, const Snapshot& snapshot) const {
  return std::ranges::any_of(reading.content, [&](const ContentWord& word) {
    if (pack_.lexicon.is_weak(word.canonical)) return false;
    return std::ranges::any_of(snapshot.with_word(word.canonical), [&](uint32_t index) {
      const std::string& name = snapshot.metrics()[index].name;
      return !known_metrics_.contains(name) && says_name(reading, name);
    });
  });
}

std::vector<Subject> SubjectFinder::rank(const Reading& reading, const Snapshot& snapshot) const {
  std::vector<Subject> out;
  // A metric by its very name leaves nothing to guess.
  for (const Token& token : reading.tokens) {
    const Metric* metric = snapshot.find(token.written);
    if (metric == nullptr) metric = snapshot.find(token.text);
    if (metric == nullptr || metric->name.find('_') == std::string::npos) continue;
    Judge judge(pack_.lexicon, reading, snapshot);
    judge.turn_to(nullptr, std::make_shared<Recipe>(recipe_of_metric(*metric)));
    Subject& subject = out.emplace_back();
    judge.judge({}, subject);
    subject.score = subject.phrase = subject.coverage = 1;
    subject.unexplained.clear();
    return out;
  }
  rank_concepts(reading, snapshot, out);
  rank_metrics(reading, snapshot, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Subject& a, const Subject& b) { return a.score > b.score; });
  if (out.size() > kMaxSubjects) out.resize(kMaxSubjects);
  return out;
}

Subject SubjectFinder::of_concept(const Concept& entry, const Reading& reading,
                                  const Snapshot& snapshot, std::string_view metric) const {
  const Recipe* recipe = best_recipe(entry, reading, snapshot, metric);
  Judge judge(pack_.lexicon, reading, snapshot);
  judge.turn_to(&entry, of_pack(recipe != nullptr ? *recipe : entry.recipes.front()));
  Subject out;
  judge.judge(entry.phrases.front(), out);
  out.score = out.phrase = 1;
  return out;
}

}  // namespace prom5::llm
