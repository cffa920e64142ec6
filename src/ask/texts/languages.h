#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ask/texts/text_catalogue.h"
#include "base/error.h"

namespace prom5::texts {

/// The languages that the assistant can answer in: those that are shipped, and an operator's own.
/// English is always among them. Does not change while questions are answered; any thread then.
class Languages {
 public:
  /// English and the translations in packs/texts.
  static const Languages& shipped();

  /// Adds a translation, or takes its texts in place of those there are. What it lacks is said in
  /// the texts of its tag before it, else in those of the tag without its last part ("de" of
  /// "de-AT"), else in English.
  /// Errors: as of TextCatalogue::parse(), and BadData for what is no language tag.
  Result<void> add(std::string_view tag, std::string_view yaml);

  /// The texts of a language by its tag; English where there are none.
  [[nodiscard]] const TextCatalogue& of(std::string_view tag) const;
  /// Those that a value of the header Accept-Language asks for, by the lookup of RFC 4647: of its
  /// ranges, by weight and then in order, each as it is and then shorter and shorter; what has the
  /// weight 0 is none. Else English. Anything at all may be in the value.
  [[nodiscard]] const TextCatalogue& choose(std::string_view accept_language) const;

  /// In the order in which they were added, English first.
  [[nodiscard]] std::vector<std::string> tags() const;

 private:
  Result<void> add_tree(std::string_view tag, const codec::YamlNode& root);
  [[nodiscard]] const TextCatalogue* find(std::string_view tag) const;

  std::vector<TextCatalogue> catalogues_;
};

/// The English texts that are shipped.
const TextCatalogue& english();

/// Whether a text is a language tag such as "de" or "zh-Hant-TW".
bool is_language_tag(std::string_view text);

/// The tag of a locale as LC_ALL and LANG name it: "de_AT.UTF-8@euro" is "de-AT"; "C", "POSIX" and
/// what names no language are "en".
std::string tag_of_locale(std::string_view locale);

}  // namespace prom5::texts
