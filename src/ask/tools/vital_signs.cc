#include "ask/tools/vital_signs.h"

#include <algorithm>
#include <set>

#include "ask/catalogue/mention.h"
#include "ask/catalogue/recipe_query.h"
#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {

using catalogue::Binding;
using catalogue::Mention;
using catalogue::Metric;
using catalogue::Recipe;
using catalogue::Snapshot;

/// A sign with more things than this is looked at as one.
constexpr size_t kMaxThings = 500;

/// What has no course worth watching: constants, clocks, and what is said by another sign.
bool worth_watching(const Recipe& recipe) {
  return recipe.unit != "timestamp" && recipe.promql.find("time()") == std::string::npos &&
         recipe.promql.find("_info") == std::string::npos && !recipe.finding;
}

std::vector<Mention> mentions_of(const Json& filters, const catalogue::Lexicon& lexicon,
                                 const Snapshot& snapshot) {
  std::vector<Mention> out;
  if (!filters.is_array()) return out;
  for (const Json& filter : filters) {
    if (!filter.is_object()) continue;
    Mention mention;
    mention.text = text_or(filter, "text", "");
    mention.kind = text_or(filter, "kind", "");
    mention.folded = catalogue::fold(mention.text);
    std::vector<std::string> names{mention.folded};
    const std::string word = lexicon.canonical(mention.text);
    names.push_back(catalogue::fold(word));
    if (const auto* aliases = lexicon.alias(word)) {
      for (const std::string& alias : *aliases) names.push_back(catalogue::fold(alias));
    }
    for (const std::string& name : names) {
      for (const catalogue::Place& place : snapshot.places(name)) {
        if (std::find(mention.places.begin(), mention.places.end(), place) ==
            mention.places.end()) {
          mention.places.push_back(place);
        }
      }
      if (snapshot.leads(name)) mention.prefixes.push_back(name);
    }
    out.push_back(std::move(mention));
  }
  return out;
}

/// The first recipe of what is here, where that is worth watching.
const Recipe* watched(const catalogue::Concept& entry, const Snapshot& snapshot) {
  const auto here = std::ranges::find_if(
      entry.recipes, [&](const Recipe& recipe) { return is_available(recipe, snapshot); });
  return here == entry.recipes.end() || !worth_watching(*here) ? nullptr : &*here;
}

}  // namespace

std::vector<VitalSign> vital_signs(const catalogue::ConceptPack& pack, const Snapshot& snapshot,
                                   const Json& filters) {
  const std::vector<Mention> mentions = mentions_of(filters, pack.lexicon, snapshot);
  std::vector<VitalSign> out;
  std::set<std::string> seen;
  for (const catalogue::Concept& entry : pack.concepts) {
    const Recipe* recipe = watched(entry, snapshot);
    if (recipe == nullptr) continue;
    bool narrowed = false;
    catalogue::QueryParts parts;
    parts.matchers = [&](const std::string& name) {
      std::vector<Binding> bindings;
      for (const Mention& mention : mentions) {
        if (auto b = catalogue::bind(mention, *snapshot.find(name), pack.lexicon)) {
          bindings.push_back(std::move(*b));
        }
      }
      narrowed = narrowed || !bindings.empty();
      return catalogue::to_matchers(std::move(bindings));
    };
    const Metric* metric = snapshot.find(recipe->needs.front());
    size_t things = 1;
    for (const std::string& label : recipe->by) {
      const catalogue::LabelInfo* info = metric->label(label);
      if (info == nullptr) continue;
      things = std::max(things, info->values.size());
      if (info->values.size() <= kMaxThings) parts.by.push_back(label);
    }
    VitalSign sign{entry.name,           catalogue::compose(recipe->promql, parts),
                   recipe->unit,         parts.by,
                   entry.least_is_worst, recipe->needs};
    if (!catalogue::has_aggregation(recipe->promql) && things > kMaxThings) {
      sign.promql = (recipe->join.empty() ? "avg" : recipe->join) + "(" + sign.promql + ")";
    }
    if ((mentions.empty() || narrowed) && seen.insert(sign.promql).second) {
      out.push_back(std::move(sign));
    }
  }
  return out;
}

bool reads_of(const VitalSign& sign, std::string_view promql) {
  const std::vector<std::string> read = catalogue::metrics_in(promql);
  return std::any_of(read.begin(), read.end(), [&](const std::string& a) {
    return std::any_of(sign.needs.begin(), sign.needs.end(), [&](const std::string& b) {
      return catalogue::family_of(a) == catalogue::family_of(b);
    });
  });
}

}  // namespace prom5::tools
