#include "ask/llm/subject.h"

#include <algorithm>
#include <set>

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
constexpr size_t kMaxSubjects = 40;
constexpr size_t kMaxMetrics = 400;

/// What names begin and end with, whatever they measure.
bool common_name_word(std::string_view word) {
  static const std::set<std::string_view> words = {"node", "total", "second", "byte",   "ratio",
                                                   "info", "count", "sum",    "bucket", "global",
                                                   "stat", "kube",  "status"};
  return words.contains(word);
}

/// Labels whose values are names of things: a word of a phrase that is such a name narrows too.
bool names_a_thing(std::string_view label) {
  return label == "service" || label == "job" || label == "env" || label == "namespace" ||
         label == "container" || label == "deployment" || label == "instance" ||
         label == "region" || label == "cluster" || label == "database" || label == "datname";
}

/// A word that excludes something is not what is asked about: "orders that did not complete".
bool left_out(const Reading& reading, size_t at, const std::vector<std::string>& phrase) {
  if (std::find(phrase.begin(), phrase.end(), "not") != phrase.end()) return false;
  for (size_t m = 0; m < reading.mentions.size(); ++m) {
    if (reading.mention_at[m] == at) return reading.mentions[m].negated;
  }
  return false;
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

}  // namespace

bool is_available(const Recipe& recipe, const Snapshot& snapshot) {
  return std::all_of(recipe.needs.begin(), recipe.needs.end(),
                     [&](const std::string& name) { return snapshot.find(name) != nullptr; }) &&
         std::all_of(recipe.requires_label.begin(), recipe.requires_label.end(),
                     [&](const auto& entry) {
                       const Metric* metric = snapshot.find(entry.first);
                       return metric != nullptr && metric->label(entry.second) != nullptr;
                     });
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

double SubjectFinder::weight(std::string_view word) const {
  if (word == "not") return kNegation;
  return pack_.lexicon.is_weak(word) ? kWeakWord : 1;
}

const Recipe* SubjectFinder::best_recipe(const Concept& entry, const Reading& reading,
                                         const Snapshot& snapshot) const {
  const Recipe* best = nullptr;
  size_t most = 0;
  for (const Recipe& recipe : entry.recipes) {
    if (!is_available(recipe, snapshot)) continue;
    // The one that can tell most of the named things apart; else the preferred one.
    size_t bound = 1;
    const Metric* metric = snapshot.find(recipe.needs.front());
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

Subject SubjectFinder::judge(const Concept* entry, const Recipe& recipe,
                             const std::vector<std::string>& phrase, const Reading& reading,
                             const Snapshot& snapshot) const {
  Subject out;
  out.entry = entry;
  out.recipe = recipe;
  out.name = entry != nullptr ? entry->name : recipe.needs.front();
  out.available = is_available(recipe, snapshot);
  const Metric* metric = snapshot.find(recipe.needs.front());
  double said = 0;
  double whole = 0;
  for (const std::string& word : phrase) {
    whole += weight(word);
    const bool in =
        std::any_of(reading.content.begin(), reading.content.end(), [&](const ContentWord& c) {
          return c.canonical == word && !left_out(reading, c.at, phrase);
        });
    if (!in) continue;
    said += weight(word);
    out.phrase_words.push_back(word);
  }
  out.phrase = whole == 0 ? 0 : said / whole;
  double explained = 0;
  double total = 0;
  for (const ContentWord& word : reading.content) {
    const double w = word.joins ? kJoiningWord : word.minor ? kMinorWord : weight(word.canonical);
    total += w;
    bool good = std::find(out.phrase_words.begin(), out.phrase_words.end(), word.canonical) !=
                out.phrase_words.end();
    const bool in_phrase = good;
    for (size_t m = 0; m < reading.mentions.size(); ++m) {
      if (reading.mention_at[m] != word.at || metric == nullptr) continue;
      const auto binding = catalogue::bind(reading.mentions[m], *metric, pack_.lexicon);
      if (!binding) continue;
      const bool negated = reading.mentions[m].negated;
      // A word of the phrase narrows as well where it is a name, or a value that the recipe does
      // not look at yet: "timeouts" of errors by type.
      const bool fixed = binding->values.empty() ||
                         recipe.promql.find(binding->values.front()) != std::string::npos;
      if (in_phrase && !negated && fixed &&
          !(names_a_thing(binding->label) && !binding->values.empty())) {
        continue;
      }
      // "cache" of cache hit rate is no host; "web" of the web hosts is.
      const bool about = entry != nullptr && entry->about.contains(word.canonical);
      if (binding->values.empty() && about && reading.mentions[m].kind.empty()) continue;
      out.filters.push_back(m);
      good = true;
    }
    if (!good && metric != nullptr) {
      good = metric->label(word.canonical) != nullptr ||
             (pack_.lexicon.kind(word.canonical) != nullptr &&
              !catalogue::label_of_kind(word.canonical, *metric, pack_.lexicon).empty());
    }
    if (!good && entry != nullptr && entry->about.contains(word.canonical)) {
      good = true;
      if (pack_.lexicon.kind(word.canonical) == nullptr && w == 1) {
        out.assumed.push_back(reading.tokens[word.at].written);
      }
    }
    if (good) {
      explained += w;
    } else if (weight(word.canonical) == 1 && !word.minor) {
      out.unexplained.push_back(reading.tokens[word.at].written);
    }
  }
  // Of two that can be narrowed the one that bears the thing's own label is meant.
  for (const size_t m : out.filters) {
    const auto binding = catalogue::bind(reading.mentions[m], *metric, pack_.lexicon);
    if (binding && binding->label == "service") out.score += 0.03;
  }
  out.coverage = total == 0 ? 0 : explained / total;
  out.score += out.coverage * (0.35 + 0.65 * out.phrase);
  // Of two that explain the same, the one that says more exactly what is asked. Ranks may lie a
  // little above 1.
  out.score += 0.004 * static_cast<double>(out.phrase_words.size());
  return out;
}

void SubjectFinder::rank_concepts(const Reading& reading, const Snapshot& snapshot,
                                  std::vector<Subject>& out) const {
  std::map<uint32_t, std::vector<uint32_t>> found;  // concept: phrases with a word of the question
  for (const ContentWord& word : reading.content) {
    const auto at = by_word_.find(word.canonical);
    if (at == by_word_.end()) continue;
    for (const Phrase& phrase : at->second) found[phrase.entry].push_back(phrase.phrase);
  }
  for (auto& [index, phrases] : found) {
    const Concept& entry = pack_.concepts[index];
    std::sort(phrases.begin(), phrases.end());
    phrases.erase(std::unique(phrases.begin(), phrases.end()), phrases.end());
    const Recipe* recipe = best_recipe(entry, reading, snapshot);
    const Recipe& used = recipe != nullptr ? *recipe : entry.recipes.front();
    std::optional<Subject> best;
    for (const uint32_t phrase : phrases) {
      Subject subject = judge(&entry, used, entry.phrases[phrase], reading, snapshot);
      if (!best || subject.score > best->score) best = std::move(subject);
    }
    if (best) out.push_back(*std::move(best));
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
  for (const auto& [index, words] : found) {
    const Metric& metric = snapshot.metrics()[index];
    // A recipe is written in plain names; others are asked for in PromQL itself.
    if (!is_legacy_metric_name(metric.name)) continue;
    std::vector<std::string> phrase;
    for (const std::string& word : metric.words) {
      if (!common_name_word(word)) phrase.push_back(word);
    }
    Subject subject = judge(nullptr, recipe_of_metric(metric), phrase, reading, snapshot);
    // All words of its name, and no other: that is the one.
    const bool exact = subject.phrase == 1 && subject.coverage > 0.99 && phrase.size() > 1 &&
                       !known_metrics_.contains(metric.name);
    if (!exact) subject.score *= kMetricDiscount;
    out.push_back(std::move(subject));
  }
}

std::vector<Subject> SubjectFinder::rank(const Reading& reading, const Snapshot& snapshot) const {
  std::vector<Subject> out;
  // A metric by its very name leaves nothing to guess.
  for (const Token& token : reading.tokens) {
    const Metric* metric = snapshot.find(token.written);
    if (metric == nullptr) metric = snapshot.find(token.text);
    if (metric == nullptr || metric->name.find('_') == std::string::npos) continue;
    Subject subject = judge(nullptr, recipe_of_metric(*metric), {}, reading, snapshot);
    subject.score = subject.phrase = subject.coverage = 1;
    subject.unexplained.clear();
    out.push_back(std::move(subject));
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
                                  const Snapshot& snapshot) const {
  const Recipe* recipe = best_recipe(entry, reading, snapshot);
  Subject out = judge(&entry, recipe != nullptr ? *recipe : entry.recipes.front(),
                      entry.phrases.front(), reading, snapshot);
  out.score = out.phrase = 1;
  return out;
}

}  // namespace prom5::llm
