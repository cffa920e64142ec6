#include "ask/catalogue/operator_pack.h"

#include <algorithm>

#include "ask/catalogue/recipe_query.h"
#include "base/ascii.h"
#include "io/codec/yaml.h"
#include "query/engine.h"

namespace prom5::catalogue {

namespace {

using codec::YamlNode;
using Kind = YamlNode::Kind;

constexpr size_t kMaxWordBytes = 200;
constexpr size_t kMaxLessonWords = 12;

/// A recipe is asked of other times, by other labels and of some series only.
Result<void> can_be_composed(const std::string& promql) {
  QueryParts parts;
  parts.matchers = [](const std::string&) { return R"(job="x")"; };
  parts.by = {"job"};
  parts.window = "1h";
  parts.offset = DurationMs::hours(1);
  TRY(query::parse_query(promql));
  if (const auto parsed = query::parse_query(compose(promql, parts)); !parsed) {
    return fail(ErrorCode::BadData,
                "{} cannot be asked of another time or by another label: it has an offset of its "
                "own, or \"by\" behind its brackets (write \"sum by (job) (...)\")",
                promql);
  }
  return {};
}

/// Of a recipe in a pack, with its place.
Result<void> check_recipe(const YamlNode& recipe) {
  const YamlNode* promql = recipe.find("promql");
  if (promql == nullptr) return {};
  const auto good = can_be_composed(promql->scalar);
  if (good) return {};
  return fail(ErrorCode::BadData, "line {}, column {}: {}", promql->line, promql->column,
              good.error().message);
}

YamlNode scalar(std::string text) {
  YamlNode out;
  out.kind = Kind::Scalar;
  out.scalar = std::move(text);
  return out;
}

/// The value under `key`, made where there is none.
YamlNode& child(YamlNode& mapping, std::string_view key, Kind kind) {
  mapping.kind = Kind::Mapping;
  for (YamlNode::Entry& entry : mapping.entries) {
    if (entry.key.scalar != key) continue;
    if (entry.value.kind == Kind::Null) entry.value.kind = kind;
    return entry.value;
  }
  YamlNode value;
  value.kind = kind;
  mapping.entries.push_back({scalar(std::string(key)), std::move(value)});
  return mapping.entries.back().value;
}

void put(YamlNode& mapping, std::string_view key, std::string text) {
  child(mapping, key, Kind::Scalar) = scalar(std::move(text));
}

void add_once(YamlNode& list, const std::string& text) {
  const auto found = std::ranges::find(list.items, text, &YamlNode::scalar);
  if (found == list.items.end()) list.items.push_back(scalar(text));
}

/// Always in quotes, in which only the quote is special; a line break cannot be in one.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "'";
}

void write(const YamlNode& node, size_t depth, std::string& out) {
  const std::string indent(2 * depth, ' ');
  switch (node.kind) {
    case Kind::Null: out += " null\n"; return;
    case Kind::Scalar: out += " " + quoted(node.scalar) + "\n"; return;
    case Kind::Sequence: {
      if (node.items.empty()) out += " []";
      out += "\n";
      for (const YamlNode& item : node.items) {
        out += indent + "-";
        write(item, depth + 1, out);
      }
      return;
    }
    case Kind::Mapping: {
      if (node.entries.empty()) out += " {}";
      out += "\n";
      for (const auto& [key, value] : node.entries) {
        out += indent + quoted(key.scalar) + ":";
        write(value, depth + 1, out);
      }
      return;
    }
  }
}

Result<std::string> written(const YamlNode& root, const ConceptPack& shipped) {
  std::string out =
      "# What this installation calls things; `prom5 ask learn` writes it anew, without "
      "comments.\n";
  for (const auto& [key, value] : root.entries) {
    out += key.scalar + ":";
    write(value, 1, out);
  }
  ConceptPack pack = shipped;
  TRY(merge_checked(pack, out));
  return out;
}

/// The pack as a tree, when it is a good one.
Result<YamlNode> read(std::string_view yaml, const ConceptPack& shipped) {
  ConceptPack pack = shipped;
  TRY(merge_checked(pack, yaml));
  return codec::parse_yaml(yaml);
}

/// A concept's entry in the list, made where there is none.
YamlNode& concept_entry(YamlNode& root, const std::string& name) {
  YamlNode& list = child(root, "concepts", Kind::Sequence);
  for (YamlNode& item : list.items) {
    const YamlNode* named = item.find("name");
    if (named != nullptr && named->scalar == name) return item;
  }
  YamlNode item;
  put(item, "name", name);
  list.items.push_back(std::move(item));
  return list.items.back();
}

bool is_one_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '\'' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

}  // namespace

Result<void> merge_checked(ConceptPack& pack, std::string_view yaml) {
  const YamlNode root = TRY(codec::parse_yaml(yaml));
  if (const YamlNode* concepts = root.find("concepts")) {
    for (const YamlNode& one : concepts->items) {
      const YamlNode* recipes = one.find("recipes");
      if (recipes == nullptr) continue;
      for (const YamlNode& recipe : recipes->items) TRY(check_recipe(recipe));
    }
  }
  return merge(pack, yaml);
}

Result<std::string> with_synonym(std::string_view yaml, const ConceptPack& shipped,
                                 const std::string& word, const std::string& meaning) {
  const std::string from = to_lower(word);
  const std::string to = to_lower(meaning);
  if (from.empty() || to.empty() || from.size() > kMaxWordBytes || to.size() > kMaxWordBytes) {
    return fail(ErrorCode::BadData, "a synonym needs a word and its meaning");
  }
  YamlNode root = TRY(read(yaml, shipped));
  ConceptPack pack = shipped;
  TRY(merge_checked(pack, yaml));
  const auto known = std::ranges::find_if(
      pack.concepts, [&](const Concept& one) { return to_lower(one.name) == to; });
  if (known != pack.concepts.end()) {
    YamlNode& entry = concept_entry(root, known->name);
    add_once(child(entry, "phrases", Kind::Sequence), from);
    return written(root, shipped);
  }
  if (!is_one_word(from) || !is_one_word(to)) {
    return fail(ErrorCode::BadData,
                "\"{}\" is no concept, and only single words are synonyms of each other", meaning);
  }
  const std::string meant = pack.lexicon.canonical(to);
  if (meant == pack.lexicon.canonical(from)) {
    return fail(ErrorCode::BadData, "\"{}\" means \"{}\" already", word, meaning);
  }
  add_once(child(child(root, "means", Kind::Mapping), meant, Kind::Sequence), from);
  return written(root, shipped);
}

Result<std::string> with_lesson(std::string_view yaml, const ConceptPack& shipped,
                                const Lesson& lesson) {
  YamlNode root = TRY(read(yaml, shipped));
  ConceptPack pack = shipped;
  TRY(merge_checked(pack, yaml));
  if (metrics_in(lesson.promql).empty()) {
    return fail(ErrorCode::BadData, "there is no query with a metric to learn");
  }
  TRY(can_be_composed(lesson.promql));
  std::string phrase;
  size_t count = 0;
  for (const std::string& word : pack.lexicon.words_of_text(lesson.question)) {
    if (count++ == kMaxLessonWords) break;
    phrase += (phrase.empty() ? "" : " ") + word;
  }
  if (phrase.empty()) {
    return fail(ErrorCode::BadData, "the question has no word to know it by");
  }
  YamlNode& entry = concept_entry(root, phrase);
  add_once(child(entry, "phrases", Kind::Sequence), phrase);
  YamlNode& recipes = child(entry, "recipes", Kind::Sequence);
  std::erase_if(recipes.items, [&](const YamlNode& recipe) {
    const YamlNode* promql = recipe.find("promql");
    return promql != nullptr && promql->scalar == lesson.promql;
  });
  YamlNode recipe;
  put(recipe, "promql", lesson.promql);
  if (!lesson.explain.empty()) put(recipe, "explain", lesson.explain);
  // The last lesson is the best one.
  recipes.items.insert(recipes.items.begin(), std::move(recipe));
  return written(root, shipped);
}

}  // namespace prom5::catalogue
