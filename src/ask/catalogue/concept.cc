#include "ask/catalogue/concept.h"

#include <algorithm>
#include <array>

#include "ask/catalogue/recipe_query.h"
#include "io/codec/number.h"
#include "io/codec/yaml.h"
#include "io/codec/yaml_tree.h"

namespace prom5::catalogue {

// packs/*.yaml as codec::flatten() gives them, embedded by the build.
std::string_view shipped_words();
std::string_view shipped_infrastructure();
std::string_view shipped_services();

namespace {

using codec::YamlNode;

std::vector<std::string> strings(const YamlNode* node) {
  std::vector<std::string> out;
  if (node == nullptr) return out;
  for (const YamlNode& item : node->items) out.push_back(item.scalar);
  return out;
}

std::vector<std::string> canonical_words(std::string_view phrase, const Lexicon& lexicon) {
  std::vector<std::string> out;
  while (!phrase.empty()) {
    const size_t space = std::min(phrase.find(' '), phrase.size());
    if (space > 0) {
      std::string word = lexicon.canonical(phrase.substr(0, space));
      if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(std::move(word));
    }
    phrase.remove_prefix(std::min(space + 1, phrase.size()));
  }
  return out;
}

std::string text(const YamlNode& node, std::string_view key) {
  const YamlNode* found = node.find(key);
  return found == nullptr ? "" : found->scalar;
}

/// A key that is not known would be a typing error that nobody notices.
template <size_t N>
Result<void> only(const YamlNode& node, const std::array<std::string_view, N>& keys) {
  for (const auto& [key, value] : node.entries) {
    if (std::find(keys.begin(), keys.end(), key.scalar) == keys.end()) {
      return fail(ErrorCode::BadData, "line {}, column {}: unknown key \"{}\"", key.line,
                  key.column, key.scalar);
    }
  }
  return {};
}

constexpr std::array<std::string_view, 10> kRecipeKeys = {
    "promql", "mean", "requires_label", "by", "each", "finding", "join", "unit", "explain", "only"};
constexpr std::array<std::string_view, 11> kConceptKeys = {"name",  "phrases", "about",   "worst",
                                                           "alert", "toward",  "related", "recipes",
                                                           "role",  "missing", "counted"};

constexpr std::array<std::pair<std::string_view, Role>, 6> kRoles = {{{"first", Role::First},
                                                                      {"targets", Role::Targets},
                                                                      {"probes", Role::Probes},
                                                                      {"started", Role::Started},
                                                                      {"process", Role::Process},
                                                                      {"left", Role::Left}}};

/// The scalar under `key`, which must be one of these or not there.
Result<std::string> one_of(const YamlNode& node, std::string_view key,
                           std::initializer_list<std::string_view> values) {
  const YamlNode* found = node.find(key);
  if (found == nullptr) return "";
  if (std::ranges::find(values, found->scalar) != values.end()) return found->scalar;
  std::string all;
  for (const std::string_view value : values) all += (all.empty() ? "" : ", ") + std::string(value);
  return fail(ErrorCode::BadData, "line {}, column {}: \"{}\" must be one of {}", found->line,
              found->column, key, all);
}

/// The list under `key`, empty when it is not there.
Result<std::vector<std::string>> list_of(const YamlNode& node, std::string_view key) {
  const YamlNode* found = node.find(key);
  if (found != nullptr && found->kind != YamlNode::Kind::Sequence) {
    return fail(ErrorCode::BadData, "line {}, column {}: \"{}\" must be a list", found->line,
                found->column, key);
  }
  return strings(found);
}

Result<Recipe> parse_recipe(const YamlNode& node) {
  TRY(only(node, kRecipeKeys));
  Recipe out;
  out.promql = text(node, "promql");
  out.mean = text(node, "mean");
  out.by = TRY(list_of(node, "by"));
  out.each = TRY(one_of(node, "each", {"true", "false"})) == "true";
  out.finding = TRY(one_of(node, "finding", {"true", "false"})) == "true";
  out.only_scraped = TRY(one_of(node, "only", {"scraped"})) == "scraped";
  out.join = TRY(one_of(node, "join", {"sum", "avg", "max", "min"}));
  out.explain = text(node, "explain");
  const std::string unit =
      TRY(one_of(node, "unit",
                 {"percent", "ratio", "bytes", "bytes_per_second", "bits_per_second", "seconds",
                  "per_second", "count", "celsius", "timestamp", "up", "flag", "none"}));
  if (!unit.empty()) out.unit = unit;
  if (const YamlNode* labels = node.find("requires_label")) {
    for (const auto& [metric, label] : labels->entries) {
      out.requires_label[metric.scalar] = label.scalar;
    }
  }
  out.needs = metrics_in(out.promql);
  if (out.needs.empty()) {
    return fail(ErrorCode::BadData, "line {}, column {}: a recipe needs \"promql\" with a metric",
                node.line, node.column);
  }
  return out;
}

Result<std::optional<AlertDefault>> parse_alert(const YamlNode* node) {
  if (node == nullptr) return std::nullopt;
  AlertDefault out;
  const std::string above = text(*node, "above");
  out.op = above.empty() ? "<" : ">";
  const auto value = codec::parse_double(above.empty() ? text(*node, "below") : above);
  if (!value) {
    return fail(ErrorCode::BadData, "line {}, column {}: an alert needs \"above\" or \"below\"",
                node->line, node->column);
  }
  out.value = *value;
  if (const std::string hold = text(*node, "for"); !hold.empty()) {
    out.hold = TRY(parse_duration(hold));
  }
  return out;
}

/// `complete`: it must say all that a concept needs, not only its name.
Result<Concept> parse_concept(const YamlNode& node, const Lexicon& lexicon, bool complete = true) {
  TRY(only(node, kConceptKeys));
  Concept out;
  out.name = text(node, "name");
  out.least_is_worst = TRY(one_of(node, "worst", {"most", "least"})) == "least";
  out.toward = text(node, "toward");
  out.missing = text(node, "missing");
  out.counted = text(node, "counted");
  const std::string role =
      TRY(one_of(node, "role", {"first", "targets", "probes", "started", "process", "left"}));
  for (const auto& [name, value] : kRoles) {
    if (name == role) out.role = value;
  }
  out.related = TRY(list_of(node, "related"));
  out.alert = TRY(parse_alert(node.find("alert")));
  for (const std::string& phrase : TRY(list_of(node, "phrases"))) {
    std::vector<std::string> words = canonical_words(phrase, lexicon);
    std::sort(words.begin(), words.end());
    if (std::find(out.phrases.begin(), out.phrases.end(), words) == out.phrases.end()) {
      out.phrases.push_back(std::move(words));
    }
  }
  for (const std::string& word : TRY(list_of(node, "about"))) {
    out.about.insert(lexicon.canonical(word));
  }
  if (const YamlNode* recipes = node.find("recipes")) {
    for (const YamlNode& recipe : recipes->items) {
      out.recipes.push_back(TRY(parse_recipe(recipe)));
    }
  }
  const bool lacks = complete && (out.phrases.empty() || out.recipes.empty());
  if (out.name.empty() || lacks) {
    return fail(ErrorCode::BadData,
                "line {}, column {}: a concept needs a name, phrases and recipes", node.line,
                node.column);
  }
  return out;
}

constexpr std::array<std::string_view, 9> kPackKeys = {
    "means", "heard", "kinds", "roles", "aliases", "numbered", "ignored", "weak", "concepts"};

/// A section of another shape would say nothing, and nobody would notice.
Result<void> check_shapes(const YamlNode& root) {
  for (const auto& [key, value] : root.entries) {
    const bool is_list =
        key.scalar == "ignored" || key.scalar == "weak" || key.scalar == "concepts";
    const auto wanted = is_list ? YamlNode::Kind::Sequence : YamlNode::Kind::Mapping;
    if (value.kind == wanted || value.kind == YamlNode::Kind::Null) continue;
    return fail(ErrorCode::BadData, "line {}, column {}: \"{}\" must be a {}", value.line,
                value.column, key.scalar, is_list ? "list" : "mapping of words to lists");
  }
  for (const std::string_view section :
       {"means", "heard", "kinds", "roles", "aliases", "numbered"}) {
    const YamlNode* words = root.find(section);
    if (words == nullptr) continue;
    for (const auto& [word, others] : words->entries) {
      if (others.kind == YamlNode::Kind::Sequence) continue;
      return fail(ErrorCode::BadData, "line {}, column {}: \"{}\" must be a list of words",
                  others.line, others.column, word.scalar);
    }
  }
  return {};
}

void use_synonyms(const YamlNode* means, const Lexicon& lexicon, Concept& known) {
  if (means == nullptr) return;
  std::set<std::string, std::less<>> replaced;
  for (const auto& [to, from] : means->entries) {
    for (const YamlNode& word : from.items) replaced.insert(word.scalar);
  }
  for (std::vector<std::string>& phrase : known.phrases) {
    for (std::string& word : phrase) {
      if (replaced.contains(word)) word = lexicon.canonical(word);
    }
    std::ranges::sort(phrase);
    phrase.erase(std::unique(phrase.begin(), phrase.end()), phrase.end());
  }
  for (const std::string& word : replaced) {
    if (known.about.erase(word) > 0) known.about.insert(lexicon.canonical(word));
  }
}

/// `node`: where `more` was read, which tells what it says.
void add_to(Concept& known, Concept more, const YamlNode& node) {
  for (std::vector<std::string>& phrase : more.phrases) {
    if (std::ranges::find(known.phrases, phrase) == known.phrases.end()) {
      known.phrases.push_back(std::move(phrase));
    }
  }
  known.about.merge(more.about);
  known.recipes.insert(known.recipes.begin(), std::make_move_iterator(more.recipes.begin()),
                       std::make_move_iterator(more.recipes.end()));
  if (more.alert) known.alert = more.alert;
  if (!more.toward.empty()) known.toward = std::move(more.toward);
  if (!more.related.empty()) known.related = std::move(more.related);
  if (!more.missing.empty()) known.missing = std::move(more.missing);
  if (!more.counted.empty()) known.counted = std::move(more.counted);
  if (more.role != Role::None) known.role = more.role;
  if (node.find("worst") != nullptr) known.least_is_worst = more.least_is_worst;
}

}  // namespace

const Concept* ConceptPack::find(std::string_view name) const {
  const auto found = std::find_if(concepts.begin(), concepts.end(),
                                  [&](const Concept& c) { return c.name == name; });
  return found == concepts.end() ? nullptr : &*found;
}

const Concept* ConceptPack::of_role(Role role) const {
  const auto found = std::ranges::find(concepts, role, &Concept::role);
  return found == concepts.end() ? nullptr : &*found;
}

Result<std::vector<Concept>> parse_concepts(std::string_view yaml, const Lexicon& lexicon) {
  return read_concepts(TRY(codec::parse_yaml(yaml)), lexicon);
}

Result<std::vector<Concept>> read_concepts(const YamlNode& root, const Lexicon& lexicon) {
  std::vector<Concept> out;
  if (const YamlNode* list = root.find("concepts")) {
    for (const YamlNode& node : list->items) out.push_back(TRY(parse_concept(node, lexicon)));
  }
  return out;
}

Result<void> merge(ConceptPack& pack, std::string_view yaml) {
  const YamlNode root = TRY(codec::parse_yaml(yaml));
  if (root.kind == YamlNode::Kind::Null) return {};
  if (root.kind != YamlNode::Kind::Mapping) {
    return fail(ErrorCode::BadData, "line 1, column 1: a pack is a mapping with \"concepts\"");
  }
  TRY(only(root, kPackKeys));
  TRY(check_shapes(root));
  ConceptPack merged = pack;
  TRY(merged.lexicon.merge(root));
  // What stands for another word now stands for it everywhere.
  for (Concept& known : merged.concepts) use_synonyms(root.find("means"), merged.lexicon, known);
  if (const YamlNode* list = root.find("concepts")) {
    for (const YamlNode& node : list->items) {
      const std::string name = text(node, "name");
      const auto known = std::ranges::find(merged.concepts, name, &Concept::name);
      const bool is_new = known == merged.concepts.end();
      Concept one = TRY(parse_concept(node, merged.lexicon, is_new));
      if (is_new) {
        merged.concepts.push_back(std::move(one));
      } else {
        add_to(*known, std::move(one), node);
      }
    }
  }
  pack = std::move(merged);
  return {};
}

const ConceptPack& shipped_pack() {
  static const ConceptPack pack = [] {
    // A test reads them, so the build cannot ship broken ones.
    const auto tree = [](std::string_view bytes) {
      auto root = codec::unflatten(bytes);
      CHECK(root.has_value());
      return *std::move(root);
    };
    auto lexicon = Lexicon::read(tree(shipped_words()));
    CHECK(lexicon.has_value());
    ConceptPack out{*std::move(lexicon), {}};
    for (const std::string_view bytes : {shipped_infrastructure(), shipped_services()}) {
      auto concepts = read_concepts(tree(bytes), out.lexicon);
      CHECK(concepts.has_value());
      std::move(concepts->begin(), concepts->end(), std::back_inserter(out.concepts));
    }
    return out;
  }();
  return pack;
}

}  // namespace prom5::catalogue
