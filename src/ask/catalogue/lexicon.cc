#include "ask/catalogue/lexicon.h"

#include "base/ascii.h"
#include "io/codec/yaml.h"

namespace prom5::catalogue {

namespace {

using codec::YamlNode;

/// Letters and digits that hang together; "MemAvailable" is two words.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) out.push_back(to_lower(word));
    word.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!is_alnum(c)) {
      flush();
      continue;
    }
    const bool hump = is_upper(c) && !word.empty() && is_lower(word.back());
    if (hump) flush();
    word += c;
  }
  flush();
  return out;
}

Result<std::vector<std::string>> strings(const YamlNode& node) {
  std::vector<std::string> out;
  for (const YamlNode& item : node.items) {
    if (item.kind != YamlNode::Kind::Scalar) {
      return fail(ErrorCode::BadData, "line {}, column {}: expected a word", item.line,
                  item.column);
    }
    out.push_back(item.scalar);
  }
  return out;
}

}  // namespace

std::string singular(std::string_view word) {
  const auto ends = [&](std::string_view tail) {
    return word.size() > tail.size() + 1 && word.ends_with(tail);
  };
  std::string out(word);
  if (ends("ies") && word.size() > 4) return out.substr(0, out.size() - 3) + "y";
  if (ends("sses") || ends("xes") || ends("ches") || ends("shes")) {
    return out.substr(0, out.size() - 2);
  }
  const bool keeps = ends("ss") || ends("us") || ends("is") || ends("ps") || ends("as");
  if (ends("s") && !keeps && word.size() > 3) out.pop_back();
  return out;
}

Result<Lexicon> Lexicon::parse(std::string_view yaml) { return read(TRY(codec::parse_yaml(yaml))); }

Result<Lexicon> Lexicon::read(const YamlNode& root) {
  Lexicon out;
  TRY(out.add(root, true));
  return out;
}

Result<void> Lexicon::merge(const YamlNode& root) { return add(root, false); }

Result<void> Lexicon::add(const YamlNode& root, bool all_sections) {
  const auto section_of = [&](std::string_view key) -> Result<const YamlNode*> {
    const YamlNode* section = root.find(key);
    if (section == nullptr && all_sections) {
      return fail(ErrorCode::BadData, "words: \"{}\" is missing", key);
    }
    return section;
  };
  const auto each = [&](std::string_view key, const auto& take) -> Result<void> {
    const YamlNode* section = TRY(section_of(key));
    if (section == nullptr) return {};
    for (const auto& [name, value] : section->entries) {
      for (const std::string& word : TRY(strings(value))) take(name.scalar, word);
    }
    return {};
  };
  const auto list = [&](std::string_view key, auto& into) -> Result<void> {
    const YamlNode* section = TRY(section_of(key));
    if (section == nullptr) return {};
    for (const std::string& word : TRY(strings(*section))) into.insert(word);
    return {};
  };
  // "means: {memory: [ram, mem]}": what stands right is read as what stands left.
  TRY(each("means", [&](const std::string& to, const std::string& from) {
    synonyms_[from] = to;
    known_.insert(from);
    known_.insert(to);
  }));
  // What is meant stands for itself: the endings of "kubernetes" and "series" are no plurals.
  for (const auto& [from, to] : Words<std::string>(synonyms_)) synonyms_.try_emplace(to, to);
  // "reach" means "reachable", which means "up".
  const std::map<std::string, std::string> in_order(synonyms_.begin(), synonyms_.end());
  for (const auto& [from, to] : in_order) synonyms_[from] = std::string(synonyms_[to]);
  TRY(each("heard", [&](const std::string& to, const std::string& from) { heard_[from] = to; }));
  TRY(each("kinds", [&](const std::string& kind, const std::string& label) {
    kinds_[kind].push_back(label);
  }));
  TRY(each("roles", [&](const std::string& role, const std::string& name) {
    roles_[role].push_back(name);
  }));
  TRY(each("aliases", [&](const std::string& name, const std::string& other) {
    aliases_[name].push_back(other);
  }));
  TRY(each("numbered", [&](const std::string& word, const std::string& label) {
    numbered_[word].push_back(label);
  }));
  TRY(each("values", [&](const std::string& kind, const std::string& value) {
    values_[to_lower(value)] = kind;
  }));
  TRY(list("ignored", ignored_));
  TRY(list("weak", weak_));
  for (const auto* words : {&ignored_, &weak_}) known_.insert(words->begin(), words->end());
  for (const auto* lists : {&kinds_, &roles_, &aliases_, &numbered_}) {
    for (const auto& [word, others] : *lists) known_.insert(word);
  }
  return add_speech(root);
}

/// What is said in conversations. A file of words need not have it, and for the correction of
/// spelling it is not known: a slip of the pen is no remark.
Result<void> Lexicon::add_speech(const YamlNode& root) {
  const std::pair<const char*, Words<std::string>*> sections[] = {
      {"remarks", &remarks_}, {"turns", &turns_}, {"ordinals", &ordinals_}, {"german", &german_}};
  for (const auto& [key, words] : sections) {
    const YamlNode* section = root.find(key);
    if (section == nullptr) continue;
    for (const auto& [name, value] : section->entries) {
      for (const std::string& word : TRY(strings(value))) (*words)[word] = name.scalar;
    }
  }
  const std::pair<const char*, Set*> lists[] = {{"choosing", &choosing_},
                                                {"surely_german", &surely_german_}};
  for (const auto& [key, words] : lists) {
    const YamlNode* section = root.find(key);
    if (section == nullptr) continue;
    for (const std::string& word : TRY(strings(*section))) words->insert(word);
  }
  return {};
}

std::string_view Lexicon::remark(std::string_view word) const {
  const std::string* kind = in(remarks_, word);
  return kind == nullptr ? std::string_view() : *kind;
}

std::string_view Lexicon::turn(std::string_view words) const {
  const std::string* kind = in(turns_, words);
  return kind == nullptr ? std::string_view() : *kind;
}

std::string_view Lexicon::ordinal(std::string_view word) const {
  const std::string* place = in(ordinals_, word);
  return place == nullptr ? std::string_view() : *place;
}

bool Lexicon::chooses(std::string_view word) const { return choosing_.contains(word); }

const std::string* Lexicon::from_german(std::string_view words) const { return in(german_, words); }

std::string Lexicon::canonical(std::string_view word) const {
  const std::string small = to_lower(word);
  if (const std::string* meant = in(synonyms_, small)) return *meant;
  std::string one = singular(small);
  if (const std::string* meant = in(synonyms_, one)) return *meant;
  return one;
}

std::vector<std::string> Lexicon::words_of_name(std::string_view name) const {
  std::vector<std::string> out;
  for (const std::string& word : split(name)) out.push_back(canonical(word));
  return out;
}

std::vector<std::string> Lexicon::words_of_text(std::string_view text) const {
  std::vector<std::string> out;
  for (const std::string& word : split(text)) {
    if (!says_nothing(word)) out.push_back(canonical(word));
  }
  return out;
}

const std::vector<std::string>* Lexicon::kind(std::string_view word) const {
  return in(kinds_, word);
}
const std::vector<std::string>* Lexicon::role(std::string_view word) const {
  return in(roles_, word);
}
const std::vector<std::string>* Lexicon::numbered(std::string_view word) const {
  return in(numbered_, word);
}
const std::string* Lexicon::kind_of_value(std::string_view word) const { return in(values_, word); }
const std::vector<std::string>* Lexicon::alias(std::string_view word) const {
  return in(aliases_, word);
}

}  // namespace prom5::catalogue
