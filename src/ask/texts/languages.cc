#include "ask/texts/languages.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/ascii.h"
#include "io/codec/number.h"
#include "io/codec/yaml_tree.h"

namespace prom5::texts {

// packs/texts/*.yaml as codec::flatten() gives them, embedded by the build.
std::string_view shipped_texts_en();
std::string_view shipped_texts_de();

namespace {

constexpr std::string_view kEnglish = "en";
/// Of a header longer than this the rest is not looked at; browsers send some hundred bytes.
constexpr size_t kMaxHeaderBytes = 2000;

struct Shipped {
  std::string_view tag;
  std::string_view (*tree)();
};

constexpr Shipped kShipped[] = {{kEnglish, shipped_texts_en}, {"de", shipped_texts_de}};

/// A language range of Accept-Language.
struct Range {
  std::string tag;
  double weight = 1;
};

/// "q=0.5" behind a range; nothing for what is no weight.
std::optional<double> weight_of(std::string_view parameter) {
  parameter = trimmed(parameter);
  if (parameter.empty()) return 1;
  if (parameter.size() < 2 || to_lower(parameter[0]) != 'q') return std::nullopt;
  parameter = trimmed(parameter.substr(1));
  if (!parameter.starts_with('=')) return std::nullopt;
  const auto weight = codec::parse_double(trimmed(parameter.substr(1)));
  if (!weight || !(*weight >= 0 && *weight <= 1)) return std::nullopt;
  return *weight;
}

/// The ranges by weight, those of one weight in order. What is malformed is left out.
std::vector<Range> ranges_in(std::string_view header) {
  header = header.substr(0, kMaxHeaderBytes);
  std::vector<Range> out;
  while (!header.empty()) {
    const size_t end = std::min(header.find(','), header.size());
    const std::string_view part = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    const size_t semicolon = std::min(part.find(';'), part.size());
    const std::string_view tag = trimmed(part.substr(0, semicolon));
    const auto weight = weight_of(part.substr(std::min(semicolon + 1, part.size())));
    if (!weight || (tag != "*" && !is_language_tag(tag))) continue;
    out.push_back({to_lower(tag), *weight});
  }
  std::ranges::stable_sort(out, std::greater(), &Range::weight);
  return out;
}

/// "zh-hant-tw" to "zh-hant"; a part of one letter goes with what stood behind it.
std::string shorter(std::string_view tag) {
  const size_t dash = tag.rfind('-');
  if (dash == std::string_view::npos) return "";
  tag = tag.substr(0, dash);
  const bool single = tag.size() > 1 && tag[tag.size() - 2] == '-';
  return std::string(single ? tag.substr(0, tag.size() - 2) : tag);
}

}  // namespace

bool is_language_tag(std::string_view text) {
  size_t part = 0;
  bool first = true;
  for (const char c : text) {
    if (c == '-') {
      if (part == 0 || (first && part < 2)) return false;
      part = 0;
      first = false;
      continue;
    }
    if (!(first ? is_alpha(c) : is_alnum(c)) || ++part > 8) return false;
  }
  return part > (first ? 1U : 0U);
}

std::string tag_of_locale(std::string_view locale) {
  std::string tag(locale.substr(0, locale.find_first_of(".@")));
  std::ranges::replace(tag, '_', '-');
  return tag == "POSIX" || !is_language_tag(tag) ? std::string(kEnglish) : tag;
}

const Languages& Languages::shipped() {
  static const Languages all = [] {
    // A test reads them, so the build cannot ship broken ones.
    Languages out;
    for (const auto& [tag, tree] : kShipped) {
      const auto root = codec::unflatten(tree());
      CHECK(root.has_value() && out.add_tree(tag, *root).has_value());
    }
    return out;
  }();
  return all;
}

const TextCatalogue& english() { return Languages::shipped().of(kEnglish); }

const TextCatalogue* Languages::find(std::string_view tag) const {
  const auto found = std::ranges::find_if(catalogues_, [&](const TextCatalogue& one) {
    return equal_ignoring_case(one.language(), tag);
  });
  return found == catalogues_.end() ? nullptr : &*found;
}

Result<void> Languages::add(std::string_view tag, std::string_view yaml) {
  if (!is_language_tag(tag)) {
    return fail(ErrorCode::BadData, "\"{}\" is no language tag, as \"de\" or \"pt-BR\" are", tag);
  }
  return add_tree(tag, TRY(codec::parse_yaml(yaml)));
}

Result<void> Languages::add_tree(std::string_view tag, const codec::YamlNode& root) {
  const TextCatalogue* before = find(tag);
  const TextCatalogue* fallback = before;
  for (std::string less = shorter(tag); fallback == nullptr && !less.empty();
       less = shorter(less)) {
    fallback = find(less);
  }
  if (fallback == nullptr) fallback = find(kEnglish);
  TextCatalogue own = TRY(TextCatalogue::read(tag, root, fallback));
  if (before != nullptr) {
    catalogues_[static_cast<size_t>(before - catalogues_.data())] = std::move(own);
  } else {
    catalogues_.push_back(std::move(own));
  }
  return {};
}

const TextCatalogue& Languages::of(std::string_view tag) const {
  const TextCatalogue* found = find(tag);
  return found != nullptr ? *found : catalogues_.front();
}

const TextCatalogue& Languages::choose(std::string_view accept_language) const {
  const std::vector<Range> ranges = ranges_in(accept_language);
  const auto is_refused = [&](std::string_view tag) {
    return std::ranges::any_of(ranges, [&](const Range& range) {
      return range.weight == 0 && equal_ignoring_case(range.tag, tag);
    });
  };
  for (const Range& range : ranges) {
    if (range.weight == 0) break;
    for (std::string tag = range.tag; !tag.empty(); tag = shorter(tag)) {
      const TextCatalogue* found = find(tag);
      if (found != nullptr && !is_refused(tag)) return *found;
    }
  }
  // "*" is anything that is not refused: English where it may be.
  const auto any = std::ranges::find(ranges, "*", &Range::tag);
  if (any == ranges.end() || any->weight == 0) return catalogues_.front();
  const auto taken = std::ranges::find_if(
      catalogues_, [&](const TextCatalogue& one) { return !is_refused(one.language()); });
  return taken == catalogues_.end() ? catalogues_.front() : *taken;
}

std::vector<std::string> Languages::tags() const {
  std::vector<std::string> out;
  for (const TextCatalogue& one : catalogues_) out.push_back(one.language());
  return out;
}

}  // namespace prom5::texts
