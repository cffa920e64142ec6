#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/catalogue/embedder.h"
#include "base/mutex.h"

namespace prom5::catalogue {

/// A concept or a metric that means the like of a text.
struct Hit {
  enum class Kind : uint8_t { Concept, Metric };
  Kind kind = Kind::Metric;
  size_t index = 0;  ///< of ConceptPack::concepts, or of the followed snapshot's metrics
  std::string name;
  double similarity = 0;  ///< -1 to 1
};

/// Finds concepts and metrics by what they mean: what a question is about when no word matches.
///
/// It follows the snapshots of a Catalogue: the vectors of the built-in embedder are there when
/// follow() returns; of metrics that the last snapshot had with the same help they are kept. Those
/// of a configured embedder, which asks another server, are made by a thread of its own; until
/// they are there, and when it fails, the built-in ones answer. Any thread.
class MeaningIndex {
 public:
  /// configured: null for none. All must outlive it.
  MeaningIndex(const ConceptPack& pack, Embedder& built_in, Embedder* configured);
  ~MeaningIndex();

  /// Looks at the metrics of this snapshot from now on; nothing to do when it does already.
  void follow(std::shared_ptr<const Snapshot> snapshot);

  /// The k concepts and metrics nearest to the text, the nearest first. None for a text that says
  /// nothing, and none that is not alike at all.
  [[nodiscard]] std::vector<Hit> nearest(std::string_view text, size_t k);
  /// The same of one kind.
  [[nodiscard]] std::vector<Hit> nearest(std::string_view text, size_t k, Hit::Kind kind);

  /// Whether the configured embedder's vectors of what is followed are there. For tests.
  [[nodiscard]] bool uses_configured() const;

 private:
  /// Vectors of one embedder. Immutable.
  struct Table {
    std::vector<Embedding> concepts;   // several rows a concept
    std::vector<uint32_t> concept_of;  // by row of `concepts`
    std::vector<Embedding> metrics;    // by place in the snapshot
  };
  struct State {
    std::shared_ptr<const Snapshot> snapshot;  // shared with questions under way
    std::shared_ptr<const Table> built_in;     // likewise
    std::shared_ptr<const Table> configured;   // null until it is made
  };

  Result<std::shared_ptr<const Table>> make_table(Embedder& embedder, const Snapshot& snapshot,
                                                  const State& before,
                                                  const std::stop_token& stop) const;
  void run(const std::stop_token& stop) NO_THREAD_SAFETY_ANALYSIS;
  std::vector<Hit> search(std::string_view text, size_t k, bool concepts, bool metrics);

  const ConceptPack& pack_;
  Embedder& built_in_;
  Embedder* configured_;
  Mutex following_;  // held while vectors are made, so that those who follow the same wait for one
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
  bool changed_ GUARDED_BY(mutex_) = false;
  std::condition_variable_any wake_;
  std::jthread worker_;  // with a configured embedder only
};

/// What embedders are shown of a metric.
std::string text_of(const Metric& metric);

}  // namespace prom5::catalogue
