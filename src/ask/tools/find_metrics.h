#pragma once

#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/lexicon.h"
#include "ask/catalogue/meaning_index.h"
#include "ask/tool.h"

namespace prom5::tools {

/// Finds metrics by the words of their names and help texts, whatever form the words are in, and
/// by what they mean.
class FindMetrics final : public Tool {
 public:
  /// All must outlive it.
  FindMetrics(catalogue::Catalogue& catalogue, const catalogue::Lexicon& lexicon,
              catalogue::MeaningIndex& meaning)
      : catalogue_(catalogue), lexicon_(lexicon), meaning_(meaning) {}

  [[nodiscard]] ToolSpec spec() const override;
  Result<Json> call(const Json& arguments, const ToolContext& context) override;

 private:
  catalogue::Catalogue& catalogue_;
  const catalogue::Lexicon& lexicon_;
  catalogue::MeaningIndex& meaning_;
};

/// A metric that has words of a text in name or help.
struct WordMatch {
  uint32_t place = 0;  ///< in the snapshot's metrics
  size_t words = 0;    ///< how many different ones of the text
  double score = 0;    ///< greater is better
};

/// The metrics that have any of the words, the best first. A word counts more the fewer metrics
/// have it, and more in a short text than in a long one (BM25: Robertson, Zaragoza 2009). Pure; any
/// thread.
std::vector<WordMatch> rank_by_words(const std::vector<std::string>& words,
                                     const catalogue::Snapshot& snapshot,
                                     const catalogue::Lexicon& lexicon);

/// Two rankings as one, the best first: the sum of 1 / (60 + place) in each (reciprocal rank
/// fusion: Cormack, Clarke, Büttcher 2009). Pure; any thread.
std::vector<uint32_t> fuse_ranks(const std::vector<uint32_t>& one,
                                 const std::vector<uint32_t>& other);

}  // namespace prom5::tools
