#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ask/texts/languages.h"
#include "io/codec/utf8.h"

/// Any file is a translation or an error, and what it says is text; any header chooses a language.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  texts::Languages languages = texts::Languages::shipped();
  CHECK(!languages.choose(text).language().empty());
  CHECK(texts::is_language_tag(texts::tag_of_locale(text)));
  if (!languages.add("pl", text)) return 0;
  const texts::TextCatalogue& own = languages.of("pl");
  for (const uint64_t number : {0U, 1U, 3U, 7U}) {
    const std::string said =
        own.say("status.down", {{"down", number}, {"total", number}, {"names", "a"}});
    CHECK(!said.empty() && codec::utf8_valid(said));
  }
  for (const std::string& word : own.number_words().counted) CHECK(!word.empty());
  return 0;
}
