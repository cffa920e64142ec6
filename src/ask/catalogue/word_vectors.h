#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ask/catalogue/concept.h"
#include "base/error.h"

namespace prom5::catalogue {

/// What words mean, as vectors: words that go with the same words point the same way.
///
/// The table, little-endian, as tools/make_embedding writes it at build time:
///   u32      magic "P5WV"
///   u32      kMeaning, numbers in a vector
///   u32      words; then for each, ascending by word:
///     varint   bytes of the word, and those bytes
///     u32      weight, the bits of a float: how much the word tells, 0 to 1
///     i8[]     kMeaning numbers, each 127 times that of the unit vector
///
/// Immutable after loading; any thread.
class WordVectors {
 public:
  static constexpr size_t kMeaning = 128;
  using Meaning = std::array<float, kMeaning>;

  struct Word {
    std::string text;
    float weight = 0;
    Meaning meaning{};             ///< of length 1
    std::vector<uint64_t> pieces;  ///< pieces_of(text)
  };

  /// Corruption when the bytes are no table.
  static Result<WordVectors> load(std::string_view table);

  /// Null for a word that the packs do not have.
  [[nodiscard]] const Word* find(std::string_view word) const;
  /// That of the known words that are spelt like this one, as sure as the likeness is: of length 1
  /// at most, all zero where there is none. For typing errors, compounds and other forms.
  [[nodiscard]] Meaning guess(std::string_view word) const;

 private:
  void add(Word word);

  std::vector<Word> words_;  // ascending
  std::unordered_map<uint64_t, std::vector<uint32_t>> with_piece_;
};

/// Makes the table from the concepts of a pack: the words of a concept's phrases, explanations and
/// metrics go together. Counts of words in common are turned into positive pointwise mutual
/// information (contexts' counts to the power of 3/4: Levy, Goldberg, Dagan 2015) and factorised
/// by a randomised singular value decomposition (Halko, Martinsson, Tropp 2011) from a fixed seed.
/// The same pack gives the same bytes; about a second. Pure; any thread.
std::string make_word_vectors(const ConceptPack& pack);

}  // namespace prom5::catalogue
