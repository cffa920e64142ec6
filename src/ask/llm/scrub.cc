#include "ask/llm/scrub.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ask/catalogue/recipe_query.h"
#include "ask/llm/private_shapes.h"

namespace prom5::llm {

namespace {

/// An original is looked for elsewhere by its first bytes; shorter ones are ordinary words.
constexpr size_t kFirstBytes = 6;

uint64_t first_bytes(std::string_view text) {
  uint64_t out = 0;
  std::memcpy(&out, text.data(), kFirstBytes);
  return out;
}

bool is_word_char(char c) { return is_alnum(c) || c == '_'; }

bool is_number(std::string_view text) {
  if (text == "NaN" || text == "+Inf" || text == "-Inf" || text == "Inf") return true;
  return !text.empty() && text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

}  // namespace

Scrubber::Scrubber(PrivateOptions options, const std::vector<std::string>& known)
    : options_(options) {
  for (const std::string& secret : known) {
    if (secret.size() >= kFirstBytes) placeholder(PrivateKind::Secret, secret);
  }
  size_t& secrets = counts_[static_cast<size_t>(PrivateKind::Secret)];
  known_from_start_ = std::exchange(secrets, 0);
  // The server's own: a model must not be able to have them said.
  originals_.clear();
}

const std::string& Scrubber::placeholder(PrivateKind kind, std::string_view original) {
  const auto found = placeholders_.find(original);
  if (found != placeholders_.end()) return found->second;
  size_t& count = counts_[static_cast<size_t>(kind)];
  const size_t taken = kind == PrivateKind::Secret ? known_from_start_ : 0;
  std::string name = fmt::format("[{} {}]", to_string(kind), taken + ++count);
  originals_.emplace(name, original);
  if (original.size() >= kFirstBytes) {
    std::vector<std::string>& same = known_[first_bytes(original)];
    same.emplace_back(original);
    // The longest first, so that none is cut short by another's beginning.
    std::ranges::sort(same, [](const auto& a, const auto& b) { return a.size() > b.size(); });
  }
  return placeholders_.emplace(original, std::move(name)).first->second;
}

void Scrubber::learn(std::string_view text) {
  for (const PrivateSpan& span : find_private(text, options_)) {
    placeholder(span.kind, text.substr(span.begin, span.size));
  }
}

void Scrubber::learn_json(const Json& json) { scrub_json(json, Place::Text); }

void Scrubber::replace_known(std::string_view text, std::string& out) const {
  size_t copied = 0;
  for (size_t at = 0; at + kFirstBytes <= text.size(); ++at) {
    if (at > 0 && is_word_char(text[at - 1]) && is_word_char(text[at])) continue;
    const auto same = known_.find(first_bytes(text.substr(at)));
    if (same == known_.end()) continue;
    const auto hit = std::ranges::find_if(same->second, [&](const std::string& original) {
      if (!text.substr(at).starts_with(original)) return false;
      const size_t end = at + original.size();
      return end == text.size() || !is_word_char(text[end]) || !is_word_char(text[end - 1]);
    });
    if (hit == same->second.end()) continue;
    out += text.substr(copied, at - copied);
    out += placeholders_.find(*hit)->second;
    copied = at + hit->size();
    at = copied - 1;
  }
  out += text.substr(copied);
}

std::string Scrubber::scrub(std::string_view text) {
  learn(text);
  std::string out;
  size_t at = 0;
  for (const PrivateSpan& span : find_private(text, options_)) {
    replace_known(text.substr(at, span.begin - at), out);
    out += placeholder(span.kind, text.substr(span.begin, span.size));
    at = span.begin + span.size;
  }
  replace_known(text.substr(at), out);
  return out;
}

std::string Scrubber::scrub_string(const std::string& text, Place place) {
  if (place == Place::Samples && is_number(text)) return text;
  if (place == Place::Secret && !is_no_secret(text)) return placeholder(PrivateKind::Secret, text);
  return scrub(text);
}

Json Scrubber::scrub_json(const Json& json) { return scrub_json(json, Place::Text); }

Json Scrubber::scrub_json(const Json& json, Place place) {
  if (json.is_string()) return scrub_string(json.get_ref<const std::string&>(), place);
  if (json.is_array()) {
    Json out = Json::array();
    for (const Json& item : json) out.push_back(scrub_json(item, place));
    return out;
  }
  if (!json.is_object()) return json;
  Json out = Json::object();
  for (const auto& [key, value] : json.items()) {
    Place below = place == Place::Secret ? Place::Secret : Place::Text;
    if (names_a_secret(key)) below = Place::Secret;
    if ((key == "value" || key == "values") && value.is_array()) below = Place::Samples;
    out[scrub(key)] = scrub_json(value, below);
  }
  return out;
}

std::string Scrubber::restore(std::string_view text) const { return restore(text, false); }

std::string Scrubber::restore(std::string_view text, bool quoted) const {
  constexpr size_t kLongestPlaceholder = 32;
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = std::min(text.find('[', at), text.size());
    out += text.substr(at, open - at);
    at = open;
    if (at == text.size()) break;
    const size_t close = text.substr(at, kLongestPlaceholder).find(']');
    const auto found = close == std::string_view::npos
                           ? originals_.end()
                           : originals_.find(text.substr(at, close + 1));
    if (found == originals_.end()) {
      out += text[at++];
      continue;
    }
    out += quoted ? catalogue::escaped(found->second) : found->second;
    at += close + 1;
  }
  return out;
}

Json Scrubber::restore_json(const Json& json) const { return restore_json(json, false); }

Json Scrubber::restore_json(const Json& json, bool quoted) const {
  if (json.is_string()) return restore(json.get_ref<const std::string&>(), quoted);
  if (json.is_array()) {
    Json out = Json::array();
    for (const Json& item : json) out.push_back(restore_json(item, quoted));
    return out;
  }
  if (!json.is_object()) return json;
  Json out = Json::object();
  for (const auto& [key, value] : json.items()) {
    out[restore(key, false)] = restore_json(value, key == "promql" || key == "queries");
  }
  return out;
}

}  // namespace prom5::llm
