#pragma once

#include <array>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ask/catalogue/lexicon.h"
#include "ask/catalogue/word_vectors.h"
#include "base/error.h"

namespace prom5::catalogue {

/// Where a text lies among others: of length 1, or all zero for a text that says nothing. The inner
/// product of two is their likeness, from -1 to 1.
inline constexpr size_t kDimensions = 256;
using Embedding = std::array<float, kDimensions>;

/// Turns texts into vectors that are near to each other when the texts mean the like. Vectors of
/// different embedders cannot be compared. Any thread.
class Embedder {
 public:
  virtual ~Embedder() = default;

  /// One vector for each text, in their order. Errors: Unavailable, Timeout, LimitExceeded,
  /// BadData and Io of embedders that ask others, Canceled once `stop` is requested; the built-in
  /// one has none.
  virtual Result<std::vector<Embedding>> embed(std::span<const std::string> texts,
                                               const std::stop_token& stop) = 0;
};

/// Needs no network and no model: the sum of the vectors of a text's words, each of two halves.
/// The first is what the word means, learnt from the packs (WordVectors); the second how it is
/// spelt, from hashes of its pieces, so that words of which nothing is known are told apart and
/// typing errors stay near. The same text always has the same vector.
class BuiltInEmbedder final : public Embedder {
 public:
  /// Both must outlive it.
  BuiltInEmbedder(const Lexicon& lexicon, const WordVectors& words)
      : lexicon_(lexicon), words_(words) {}

  Result<std::vector<Embedding>> embed(std::span<const std::string> texts,
                                       const std::stop_token& stop) override;
  [[nodiscard]] Embedding embed_one(std::string_view text) const;

 private:
  using Known = std::unordered_map<std::string, Embedding>;

  [[nodiscard]] Embedding vector_of(const std::string& word) const;
  /// known: of the words seen before, to which it adds.
  Embedding embed_text(std::string_view text, Known& known) const;

  const Lexicon& lexicon_;
  const WordVectors& words_;
};

/// The word vectors that are part of the program.
const WordVectors& shipped_word_vectors();

}  // namespace prom5::catalogue
