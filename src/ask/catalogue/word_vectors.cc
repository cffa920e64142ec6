#include "ask/catalogue/word_vectors.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "ask/catalogue/word_features.h"
#include "io/codec/bytes.h"

namespace prom5::catalogue {

namespace {
constexpr uint32_t kMagic = 0x56573550;
}

Result<WordVectors> WordVectors::load(std::string_view table) {
  codec::ByteReader in(table);
  if (TRY(in.u32()) != kMagic || TRY(in.u32()) != kMeaning) {
    return fail(ErrorCode::Corruption, "word vectors: not a table of {} numbers a word", kMeaning);
  }
  const uint32_t count = TRY(in.u32());
  WordVectors out;
  for (uint32_t i = 0; i < count; ++i) {
    Word word;
    word.text = TRY(in.sized_bytes());
    word.weight = std::bit_cast<float>(TRY(in.u32()));
    const std::string_view numbers = TRY(in.take(kMeaning));
    float squares = 0;
    for (size_t k = 0; k < kMeaning; ++k) {
      word.meaning[k] = static_cast<float>(static_cast<int8_t>(numbers[k]));
      squares += word.meaning[k] * word.meaning[k];
    }
    const float length = squares > 0 ? std::sqrt(squares) : 1;
    for (float& number : word.meaning) number /= length;
    if (!out.words_.empty() && out.words_.back().text >= word.text) {
      return fail(ErrorCode::Corruption, "word vectors: \"{}\" is out of order", word.text);
    }
    out.add(std::move(word));
  }
  if (!in.empty()) return fail(ErrorCode::Corruption, "word vectors: bytes behind the end");
  return out;
}

void WordVectors::add(Word word) {
  word.pieces = pieces_of(word.text);
  const auto place = static_cast<uint32_t>(words_.size());
  for (const uint64_t piece : word.pieces) with_piece_[piece].push_back(place);
  words_.push_back(std::move(word));
}

const WordVectors::Word* WordVectors::find(std::string_view word) const {
  const auto found =
      std::lower_bound(words_.begin(), words_.end(), word,
                       [](const Word& w, std::string_view text) { return w.text < text; });
  return found != words_.end() && found->text == word ? &*found : nullptr;
}

WordVectors::Meaning WordVectors::guess(std::string_view word) const {
  // Below this two words share an ending or a syllable, which says nothing.
  constexpr double kAlike = 0.3;
  const std::vector<uint64_t> pieces = pieces_of(word);
  std::map<uint32_t, size_t> common;
  for (const uint64_t piece : pieces) {
    const auto found = with_piece_.find(piece);
    if (found == with_piece_.end()) continue;
    for (const uint32_t place : found->second) ++common[place];
  }
  Meaning out{};
  double best = 0;
  for (const auto& [place, count] : common) {
    const Word& known = words_[place];
    const double likeness = overlap(pieces, known.pieces);
    if (likeness < kAlike) continue;
    best = std::max(best, likeness);
    // To the third power, so that the likeliest word is not outvoted by several poor ones.
    const auto share = static_cast<float>(likeness * likeness * likeness);
    for (size_t k = 0; k < kMeaning; ++k) out[k] += share * known.meaning[k];
  }
  float squares = 0;
  for (const float number : out) squares += number * number;
  if (squares == 0) return out;
  const float scale = static_cast<float>(best) / std::sqrt(squares);
  for (float& number : out) number *= scale;
  return out;
}

}  // namespace prom5::catalogue
