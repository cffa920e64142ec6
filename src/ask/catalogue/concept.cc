#include "ask/catalogue/concept.h"

#include <algorithm>

#include "io/codec/yaml.h"

namespace prom5::catalogue {

// The text of packs/concepts.yaml, embedded by the build.
std::string_view shipped_concepts();

namespace {

using codec::YamlNode;

std::vector<std::string> strings(const YamlNode* node) {
  std::vector<std::string> out;
  if (node == nullptr) return out;
  for (const YamlNode& item : node->items) out.push_back(item.scalar);
  return out;
}

std::vector<std::string> words(std::string_view phrase) {
  std::vector<std::string> out;
  while (!phrase.empty()) {
    const size_t space = std::min(phrase.find(' '), phrase.size());
    if (space > 0) out.emplace_back(phrase.substr(0, space));
    phrase.remove_prefix(std::min(space + 1, phrase.size()));
  }
  return out;
}

std::string text(const YamlNode& node, std::string_view key) {
  const YamlNode* found = node.find(key);
  return found == nullptr ? "" : found->scalar;
}

Result<Recipe> parse_recipe(const YamlNode& node) {
  Recipe out;
  out.needs = strings(node.find("needs"));
  out.promql = text(node, "promql");
  out.by = strings(node.find("by"));
  out.entity = strings(node.find("entity"));
  if (!text(node, "unit").empty()) out.unit = text(node, "unit");
  if (const YamlNode* labels = node.find("requires_label")) {
    for (const auto& [metric, label] : labels->entries) {
      out.requires_label[metric.scalar] = label.scalar;
    }
  }
  if (out.needs.empty() || out.promql.empty()) {
    return fail(ErrorCode::BadData, "line {}, column {}: a recipe needs \"needs\" and \"promql\"",
                node.line, node.column);
  }
  return out;
}

}  // namespace

Result<ConceptPack> parse_concepts(std::string_view yaml) {
  const YamlNode root = TRY(codec::parse_yaml(yaml));
  ConceptPack pack;
  if (const YamlNode* list = root.find("concepts")) {
    for (const YamlNode& node : list->items) {
      Concept entry;
      entry.name = text(node, "name");
      entry.least_is_worst = text(node, "worst") == "least";
      for (const std::string& phrase : strings(node.find("phrases"))) {
        entry.phrases.push_back(words(phrase));
      }
      if (const YamlNode* recipes = node.find("recipes")) {
        for (const YamlNode& recipe : recipes->items) {
          entry.recipes.push_back(TRY(parse_recipe(recipe)));
        }
      }
      if (entry.name.empty() || entry.phrases.empty() || entry.recipes.empty()) {
        return fail(ErrorCode::BadData,
                    "line {}, column {}: a concept needs a name, phrases and recipes", node.line,
                    node.column);
      }
      pack.concepts.push_back(std::move(entry));
    }
  }
  if (const YamlNode* synonyms = root.find("synonyms")) {
    for (const auto& [from, to] : synonyms->entries) pack.synonyms[from.scalar] = to.scalar;
  }
  return pack;
}

const ConceptPack& shipped_pack() {
  static const ConceptPack pack = [] {
    auto parsed = parse_concepts(shipped_concepts());
    CHECK(parsed.has_value());  // a test reads the file, so the build cannot ship a broken one
    return *std::move(parsed);
  }();
  return pack;
}

}  // namespace prom5::catalogue
