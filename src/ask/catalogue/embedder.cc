#include "ask/catalogue/embedder.h"

#include <algorithm>
#include <cmath>

#include "ask/catalogue/word_features.h"
#include "base/rng.h"

namespace prom5::catalogue {

// Made of the packs and embedded by the build (tools/make_embedding.cc).
std::string_view shipped_vectors();

namespace {

constexpr size_t kMeaning = WordVectors::kMeaning;
constexpr size_t kSpelling = kDimensions - kMeaning;

/// How much spelling counts beside meaning, and what is guessed of a word beside what is known.
/// Chosen on half of a labelled set of questions for metrics; the other half agrees.
constexpr float kSpellingShare = 0.5F;
constexpr float kGuessShare = 0.8F;

using Spelling = std::array<float, kSpelling>;

/// Adds the signs that belong to a hash: those of two hashes are as good as orthogonal.
void add_signs(uint64_t hash, float size, Spelling& to) {
  Rng rng(hash);
  for (size_t at = 0; at < kSpelling; at += 64) {
    const uint64_t bits = rng.next();
    for (size_t i = 0; i < 64; ++i) to[at + i] += ((bits >> i) & 1) != 0 ? size : -size;
  }
}

/// Half of it for the whole word, half for its pieces; of length about 1.
Spelling spelling_of(std::string_view word) {
  const float unit = 1 / std::sqrt(static_cast<float>(kSpelling));
  const float half = unit * std::sqrt(0.5F);
  Spelling out{};
  constexpr size_t kTooShortForPieces = 3;
  if (word.size() <= kTooShortForPieces) {
    add_signs(feature_hash(word), unit, out);
    return out;
  }
  add_signs(feature_hash(word), half, out);
  const std::vector<uint64_t> pieces = pieces_of(word);
  const float share = half / std::sqrt(static_cast<float>(pieces.size()));
  for (const uint64_t piece : pieces) add_signs(piece, share, out);
  return out;
}

bool is_number(std::string_view word) {
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Embedding BuiltInEmbedder::vector_of(const std::string& word) const {
  const WordVectors::Word* known = words_.find(word);
  const float weight = known != nullptr ? known->weight : 1;
  const float share = weight * (known != nullptr ? 1 : kGuessShare);
  const WordVectors::Meaning meaning = known != nullptr ? known->meaning : words_.guess(word);
  Embedding out{};
  for (size_t k = 0; k < kMeaning; ++k) out[k] = share * meaning[k];
  const Spelling spelling = spelling_of(word);
  for (size_t k = 0; k < kSpelling; ++k) out[kMeaning + k] = weight * kSpellingShare * spelling[k];
  return out;
}

Embedding BuiltInEmbedder::embed_text(std::string_view text, Known& known) const {
  std::vector<std::string> words = lexicon_.words_of_text(text);
  std::erase_if(words, is_number);
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  Embedding out{};
  for (const std::string& word : words) {
    auto found = known.find(word);
    if (found == known.end()) found = known.emplace(word, vector_of(word)).first;
    for (size_t k = 0; k < kDimensions; ++k) out[k] += found->second[k];
  }
  float squares = 0;
  for (const float number : out) squares += number * number;
  if (squares == 0) return out;
  const float length = std::sqrt(squares);
  for (float& number : out) number /= length;
  return out;
}

Embedding BuiltInEmbedder::embed_one(std::string_view text) const {
  Known known;
  return embed_text(text, known);
}

Result<std::vector<Embedding>> BuiltInEmbedder::embed(std::span<const std::string> texts,
                                                      const std::stop_token& /*stop*/) {
  // Help texts have few words among them; what is guessed of one costs more than all the rest.
  Known known;
  std::vector<Embedding> out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.push_back(embed_text(text, known));
  return out;
}

const WordVectors& shipped_word_vectors() {
  static const WordVectors vectors = [] {
    // The build made the table, so that a broken one is a bug.
    auto loaded = WordVectors::load(shipped_vectors());
    CHECK(loaded.has_value());
    return *std::move(loaded);
  }();
  return vectors;
}

}  // namespace prom5::catalogue
