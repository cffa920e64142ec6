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

}  // namespace

/// Says how well subjects fit one question on one server. What depends on the question alone is
/// looked up once, what depends on the recipe once for all phrases of a concept.
class Judge {
 public:
  Judge(const catalogue::Lexicon& lexicon, const PhraseWords& words, const Reading& reading,
        const Snapshot& snapshot)
      : lexicon_(lexicon), words_(words), reading_(reading), snapshot_(snapshot) {
    heard_.reserve(reading.content.size());
    said_.assign(words.size() + reading.content.size(), Said::No);
    for (const ContentWord& word : reading.content) {
      Heard heard{&word, weight(word.canonical, lexicon)};
      heard.id = id_of(word.canonical);
      // What no phrase has is numbered behind those that one has.
      if (heard.id == PhraseWords::kUnknown) {
        heard.id = static_cast<uint32_t>(words.size() + heard_.size());
      }
      heard.share = word.joins ? kJoiningWord : word.minor ? kMinorWord : heard.weight;
      heard.is_kind = lexicon.kind(word.canonical) != nullptr;
      for (size_t m = 0; m < reading.mentions.size(); ++m) {
        // A word that excludes something is not what is asked about: "orders that did not
        // complete".
        if (reading.mention_at[m] == word.at) heard.excluded = reading.mentions[m].negated;
        if (reading.mention_at[m] == word.at) break;
      }
      Said& said = said_[heard.id];
      said = std::max(said, heard.excluded ? Said::Excluded : Said::Yes);
      total_ += heard.share;
      heard_.push_back(heard);
    }
  }

  /// The phrase as this judges it; the words must outlive it.
  [[nodiscard]] Phrase phrase_of(const std::vector<std::string>& words) const {
    Phrase out;
    for (const std::string& word : words) {
      out.words.push_back({id_of(word), weight(word, lexicon_), &word});
      out.weight += out.words.back().weight;
      out.negates |= word == "not";
    }
    return out;
  }

  /// How the question's mentions narrow a metric, one for each.
  const std::vector<std::optional<Binding>>& bindings_of(const Metric& metric) {
    const auto [found, fresh] = bindings_.try_emplace(&metric);
    if (fresh) {
      for (const Mention& mention : reading_.mentions) {
        found->second.push_back(catalogue::bind(mention, metric, lexicon_));
      }
    }
    return found->second;
  }

  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }

  /// What the next judgements are of. `about`: numbers of words that may go with it, ascending.
  void turn_to(const Concept* entry, std::span<const uint32_t> about,
               std::shared_ptr<const Recipe> recipe) {
    entry_ = entry;
    recipe_ = std::move(recipe);
    available_ = is_available(*recipe_, snapshot_);
    metric_ = snapshot_.find(recipe_->needs.front());
    of_metric_ = metric_ != nullptr ? std::span(bindings_of(*metric_))
                                    : std::span<const std::optional<Binding>>();
    for (Heard& heard : heard_) {
      heard.about = std::ranges::binary_search(about, heard.id);
      heard.labelled.reset();
    }
  }

  /// The score of what this was turned to, called by the phrase.
  double score(const Phrase& phrase) { return judge(phrase, nullptr); }

  /// The same with all that is known of it.
  Subject subject(const Phrase& phrase) {
    Subject out;
    out.entry = entry_;
    out.recipe = recipe_;
    out.name = entry_ != nullptr ? entry_->name : recipe_->needs.front();
    out.available = available_;
    out.score = judge(phrase, &out);
    return out;
  }

 private:
  enum class Said : uint8_t { No, Excluded, Yes };

  struct Heard {
    const ContentWord* word = nullptr;
    double weight = 0;
    double share = 0;  ///< of the question
    uint32_t id = 0;
    bool excluded = false;
    bool is_kind = false;
    bool about = false;            ///< goes with what this is turned to
    std::optional<bool> labelled;  ///< is a label of its metric, where that was looked up
  };

  [[nodiscard]] uint32_t id_of(std::string_view word) const {
    const uint32_t known = words_.find(word);
    if (known != PhraseWords::kUnknown) return known;
    const auto same = std::ranges::find(
        heard_, word, [](const Heard& heard) { return std::string_view(heard.word->canonical); });
    return same == heard_.end() ? PhraseWords::kUnknown : same->id;
  }

  [[nodiscard]] bool is_said(const Phrase::Word& word, bool negates) const {
    if (word.id >= said_.size()) return false;
    return said_[word.id] == Said::Yes || (negates && said_[word.id] == Said::Excluded);
  }

  /// Fills in `out` where there is one.
  double judge(const Phrase& phrase, Subject* out) {
    double said = 0;
    size_t words = 0;
    for (const Phrase::Word& word : phrase.words) {
      if (!is_said(word, phrase.negates)) continue;
      said += word.weight;
      ++words;
      if (out != nullptr) out->phrase_words.push_back(*word.text);
    }
    const double part = phrase.weight == 0 ? 0 : said / phrase.weight;
    double explained = 0;
    filters_.clear();
    for (Heard& heard : heard_) {
      if (explains(heard, phrase, out)) {
        explained += heard.share;
      } else if (out != nullptr && heard.weight == 1 && !heard.word->minor) {
        out->unexplained.push_back(reading_.tokens[heard.word->at].written);
      }
    }
    double score = 0;
    // Of two that can be narrowed the one that bears the thing's own label is meant.
    for (const size_t m : filters_) {
      if (of_metric_[m]->label == "service") score += 0.03;
    }
    const double coverage = total_ == 0 ? 0 : explained / total_;
    score += coverage * (0.35 + 0.65 * part);
    // Of two that explain the same, the one that says more exactly what is asked. Ranks may lie a
    // little above 1.
    score += 0.004 * static_cast<double>(words);
    if (out != nullptr) {
      out->phrase = part;
      out->coverage = coverage;
      out->filters = filters_;
    }
    return score;
  }

  /// Whether the subject accounts for the word, by its phrase, its labels or what it is about.
  bool explains(Heard& heard, const Phrase& phrase, Subject* out) {
    const bool in_phrase = std::ranges::any_of(phrase.words, [&](const Phrase::Word& word) {
      return word.id == heard.id && is_said(word, phrase.negates);
    });
    bool good = in_phrase;
    for (size_t m = 0; m < of_metric_.size(); ++m) {
      if (reading_.mention_at[m] != heard.word->at || !of_metric_[m]) continue;
      if (!narrows(reading_.mentions[m], *of_metric_[m], in_phrase, heard.about)) continue;
      filters_.push_back(m);
      good = true;
    }
    good = good || is_label(heard);
    // "share of POST among all requests": of all methods.
    if (!good && heard.word->canonical == "share") {
      good = std::ranges::any_of(of_metric_, [](const std::optional<Binding>& binding) {
        return binding && !is_naming_label(binding->label);
      });
    }
    if (good || !heard.about) return good;
    if (out != nullptr && !heard.is_kind && heard.share == 1) {
      out->assumed.push_back(reading_.tokens[heard.word->at].written);
    }
    return true;
  }

  /// Whether the metric's series are told apart by the word.
  bool is_label(Heard& heard) const {
    if (metric_ == nullptr) return false;
    if (!heard.labelled) {
      const std::string& word = heard.word->canonical;
      heard.labelled =
          metric_->label(word) != nullptr ||
          metric_->label(reading_.tokens[heard.word->at].text) != nullptr ||
          (heard.is_kind && !catalogue::label_of_kind(word, *metric_, lexicon_).empty());
    }
    return *heard.labelled;
  }

  [[nodiscard]] bool narrows(const Mention& mention, const Binding& binding, bool in_phrase,
                             bool about) const {
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
  const PhraseWords& words_;
  const Reading& reading_;
  const Snapshot& snapshot_;
  std::vector<Heard> heard_;
  std::vector<Said> said_;  // by number of word
  double total_ = 0;
  std::unordered_map<const Metric*, std::vector<std::optional<Binding>>> bindings_;
  std::vector<size_t> filters_;  // of the last judgement
  const Concept* entry_ = nullptr;
  std::shared_ptr<const Recipe> recipe_;
  const Metric* metric_ = nullptr;
  std::span<const std::optional<Binding>> of_metric_;
  bool available_ = false;
};

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
  for (const Concept& entry : pack.concepts) {
    const auto at = static_cast<uint32_t>(concepts_.size());
    Sought& sought = concepts_.emplace_back();
    sought.entry = &entry;
    for (const Recipe& recipe : entry.recipes) {
      known_metrics_.insert(recipe.needs.begin(), recipe.needs.end());
    }
    for (const std::vector<std::string>& words : entry.phrases) {
      if (words.size() == 1) names_.insert(words.front());
      Phrase& phrase = sought.phrases.emplace_back();
      for (const std::string& word : words) {
        const uint32_t id = words_.add(word);
        phrase.words.push_back({id, weight(word, pack.lexicon), &word});
        phrase.weight += phrase.words.back().weight;
        phrase.negates |= word == "not";
        by_word_.resize(words_.size());
        by_word_[id].push_back({at, static_cast<uint32_t>(sought.phrases.size() - 1)});
      }
    }
    for (const std::string& word : entry.about) sought.about.push_back(words_.add(word));
    by_word_.resize(words_.size());
    std::ranges::sort(sought.about);
  }
}

const Recipe* SubjectFinder::best_recipe(const Concept& entry, const Reading& reading, Judge& judge,
                                         std::string_view preferred) const {
  const Recipe* best = nullptr;
  size_t most = 0;
  const bool of_processes = std::ranges::any_of(
      reading.content, [](const ContentWord& word) { return word.canonical == "process"; });
  for (const Recipe& recipe : entry.recipes) {
    if (!is_available(recipe, judge.snapshot())) continue;
    // The one that can tell most of the named things apart; else the preferred one.
    size_t bound = recipe.needs.front() == preferred ? 2 : 1;
    const Metric* metric = judge.snapshot().find(recipe.needs.front());
    // Who asks of processes means all of them, where they are known.
    if (of_processes && !recipe.only_scraped) bound += 1;
    for (const auto& binding : judge.bindings_of(*metric)) bound += binding ? 2 : 0;
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

void SubjectFinder::rank_concepts(const Reading& reading, Judge& judge,
                                  std::vector<Subject>& out) const {
  std::vector<Place> found;  // phrases with a word of the question
  for (const ContentWord& word : reading.content) {
    const uint32_t id = words_.find(word.canonical);
    if (id != PhraseWords::kUnknown) {
      found.insert(found.end(), by_word_[id].begin(), by_word_[id].end());
    }
  }
  std::ranges::sort(found);
  const auto again = std::ranges::unique(found);
  found.erase(again.begin(), again.end());
  for (size_t i = 0; i < found.size();) {
    const Sought& sought = concepts_[found[i].concept_at];
    const Concept& entry = *sought.entry;
    const Recipe* recipe = best_recipe(entry, reading, judge);
    judge.turn_to(&entry, sought.about,
                  of_pack(recipe != nullptr ? *recipe : entry.recipes.front()));
    const Phrase* best = nullptr;
    double highest = 0;
    for (const uint32_t at = found[i].concept_at; i < found.size() && found[i].concept_at == at;
         ++i) {
      const Phrase& phrase = sought.phrases[found[i].phrase];
      const double score = judge.score(phrase);
      if (best != nullptr && score <= highest) continue;
      best = &phrase;
      highest = score;
    }
    out.push_back(judge.subject(*best));
  }
}

void SubjectFinder::rank_metrics(const Reading& reading, const Snapshot& snapshot, Judge& judge,
                                 std::vector<Subject>& out) const {
  std::map<uint32_t, size_t> found;
  for (const ContentWord& word : reading.content) {
    if (pack_.lexicon.is_weak(word.canonical)) continue;
    for (const uint32_t metric : snapshot.with_word(word.canonical)) ++found[metric];
  }
  if (found.size() > kMaxMetrics) return;  // words that nearly every name has
  std::set<std::string_view> said;
  for (const ContentWord& word : reading.content) said.insert(word.canonical);
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
    judge.turn_to(nullptr, {},
                  std::make_shared<Recipe>(limit != nullptr ? recipe_of_share(metric, *limit)
                                                            : recipe_of_metric(metric)));
    Subject& subject = out.emplace_back(judge.subject(judge.phrase_of(phrase)));
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
  Judge judge(pack_.lexicon, words_, reading, snapshot);
  // A metric by its very name leaves nothing to guess.
  for (const Token& token : reading.tokens) {
    const Metric* metric = snapshot.find(token.written);
    if (metric == nullptr) metric = snapshot.find(token.text);
    if (metric == nullptr || metric->name.find('_') == std::string::npos) continue;
    judge.turn_to(nullptr, {}, std::make_shared<Recipe>(recipe_of_metric(*metric)));
    Subject& subject = out.emplace_back(judge.subject({}));
    subject.score = subject.phrase = subject.coverage = 1;
    subject.unexplained.clear();
    return out;
  }
  rank_concepts(reading, judge, out);
  rank_metrics(reading, snapshot, judge, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Subject& a, const Subject& b) { return a.score > b.score; });
  if (out.size() > kMaxSubjects) out.resize(kMaxSubjects);
  return out;
}

Subject SubjectFinder::of_concept(const Concept& entry, const Reading& reading,
                                  const Snapshot& snapshot, std::string_view metric) const {
  Judge judge(pack_.lexicon, words_, reading, snapshot);
  const Recipe* recipe = best_recipe(entry, reading, judge, metric);
  std::vector<uint32_t> about;
  for (const std::string& word : entry.about) about.push_back(words_.find(word));
  std::ranges::sort(about);
  judge.turn_to(&entry, about, of_pack(recipe != nullptr ? *recipe : entry.recipes.front()));
  Subject out = judge.subject(judge.phrase_of(entry.phrases.front()));
  out.score = out.phrase = 1;
  return out;
}

}  // namespace prom5::llm
