#include "ask/catalogue/meaning_index.h"

#include <algorithm>
#include <set>

#include "ask/catalogue/flat_search.h"

namespace prom5::catalogue {

namespace {

/// Below this two texts share next to nothing.
constexpr float kAlike = 0.1F;

/// A concept lies in several places: its name with its words, and each of its explanations.
std::vector<std::string> texts_of(const Concept& item) {
  std::string words = item.name;
  for (const auto& phrase : item.phrases) {
    for (const std::string& word : phrase) words += " " + word;
  }
  std::vector<std::string> out{item.name, std::move(words)};
  std::set<std::string> seen;
  for (const Recipe& recipe : item.recipes) {
    if (!recipe.explain.empty() && seen.insert(recipe.explain).second) {
      out.push_back(recipe.explain);
    }
  }
  return out;
}

}  // namespace

std::string text_of(const Metric& metric) {
  return metric.help.empty() ? metric.name : metric.name + " " + metric.help;
}

MeaningIndex::MeaningIndex(const ConceptPack& pack, Embedder& built_in, Embedder* configured)
    : pack_(pack), built_in_(built_in), configured_(configured) {
  follow(std::make_shared<const Snapshot>());
  if (configured_ == nullptr) return;
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

MeaningIndex::~MeaningIndex() {
  worker_.request_stop();
  wake_.notify_all();
}

Result<std::shared_ptr<const MeaningIndex::Table>> MeaningIndex::make_table(
    Embedder& embedder, const Snapshot& snapshot, const State& before,
    const std::stop_token& stop) const {
  auto out = std::make_shared<Table>();
  const bool own = &embedder == &built_in_;
  const Table* old = own ? before.built_in.get() : before.configured.get();
  if (old != nullptr) {
    out->concepts = old->concepts;
    out->concept_of = old->concept_of;
  } else {
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < pack_.concepts.size(); ++i) {
      for (std::string& text : texts_of(pack_.concepts[i])) {
        texts.push_back(std::move(text));
        out->concept_of.push_back(i);
      }
    }
    out->concepts = TRY(embedder.embed(texts, stop));
  }
  std::vector<std::string> texts;  // of metrics that are new
  std::vector<size_t> places;
  out->metrics.resize(snapshot.metrics().size());
  for (size_t i = 0; i < snapshot.metrics().size(); ++i) {
    const Metric& metric = snapshot.metrics()[i];
    const Metric* known = old == nullptr ? nullptr : before.snapshot->find(metric.name);
    if (known != nullptr && known->help == metric.help) {
      const auto row = static_cast<size_t>(known - before.snapshot->metrics().data());
      out->metrics[i] = old->metrics[row];
    } else {
      texts.push_back(text_of(metric));
      places.push_back(i);
    }
  }
  const std::vector<Embedding> fresh = TRY(embedder.embed(texts, stop));
  for (size_t i = 0; i < places.size(); ++i) out->metrics[places[i]] = fresh[i];
  return out;
}

void MeaningIndex::follow(std::shared_ptr<const Snapshot> snapshot) {
  const MutexLock following(following_);
  State before;
  {
    const MutexLock lock(mutex_);
    before = state_;
  }
  if (before.snapshot == snapshot) return;
  auto table = make_table(built_in_, *snapshot, before, {});
  CHECK(table.has_value());  // the built-in embedder has no errors
  const MutexLock lock(mutex_);
  state_ = {std::move(snapshot), *std::move(table), nullptr};
  changed_ = true;
  wake_.notify_all();
}

void MeaningIndex::run(const std::stop_token& stop) {
  State before;  // of which the configured embedder's vectors were made last
  while (!stop.stop_requested()) {
    State now;
    {
      mutex_.lock();
      wake_.wait(mutex_, stop, [&]() NO_THREAD_SAFETY_ANALYSIS { return changed_; });
      changed_ = false;
      now = state_;
      mutex_.unlock();
    }
    if (stop.stop_requested()) return;
    auto table = make_table(*configured_, *now.snapshot, before, stop);
    // The embedder counts its failures; it is asked again with the next snapshot.
    if (!table) continue;
    before = {now.snapshot, nullptr, *table};
    const MutexLock lock(mutex_);
    if (state_.snapshot == now.snapshot) state_.configured = *std::move(table);
  }
}

std::vector<Hit> MeaningIndex::nearest(std::string_view text, size_t k) {
  return search(text, k, true, true);
}

std::vector<Hit> MeaningIndex::nearest(std::string_view text, size_t k, Hit::Kind kind) {
  return search(text, k, kind == Hit::Kind::Concept, kind == Hit::Kind::Metric);
}

bool MeaningIndex::uses_configured() const {
  const MutexLock lock(mutex_);
  return state_.configured != nullptr;
}

std::vector<Hit> MeaningIndex::search(std::string_view text, size_t k, bool concepts,
                                      bool metrics) {
  State state;
  {
    const MutexLock lock(mutex_);
    state = state_;
  }
  const std::string texts[] = {std::string(text)};
  const Table* table = state.built_in.get();
  Result<std::vector<Embedding>> query = std::vector<Embedding>{};
  if (state.configured != nullptr) {
    query = configured_->embed(texts, {});
    if (query) table = state.configured.get();
  }
  if (table == state.built_in.get()) query = built_in_.embed(texts, {});
  if (!query || query->size() != 1) return {};
  const Embedding& at = query->front();
  std::vector<Hit> out;
  if (concepts) {
    std::set<uint32_t> seen;
    // A concept's rows come together; all are looked at, as one may take many of the first.
    for (const Neighbour& near : nearest_rows(table->concepts, at, table->concepts.size())) {
      if (near.similarity < kAlike || seen.size() == k) break;
      const uint32_t place = table->concept_of[near.row];
      if (!seen.insert(place).second) continue;
      out.push_back({Hit::Kind::Concept, place, pack_.concepts[place].name, near.similarity});
    }
  }
  if (metrics) {
    for (const Neighbour& near : nearest_rows(table->metrics, at, k)) {
      if (near.similarity < kAlike) break;
      const Metric& metric = state.snapshot->metrics()[near.row];
      out.push_back({Hit::Kind::Metric, near.row, metric.name, near.similarity});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Hit& a, const Hit& b) { return a.similarity > b.similarity; });
  if (out.size() > k) out.resize(k);
  return out;
}

}  // namespace prom5::catalogue
