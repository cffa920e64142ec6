#include "store/tsdb/db_querier.h"

#include <algorithm>
#include <optional>
#include <set>

namespace prom5::tsdb {

namespace {

void push(SampleColumns& out, const SampleColumns& from, size_t i) {
  const bool histogram = !from.histograms.empty() && from.histograms[i] != nullptr;
  if (histogram && out.histograms.empty()) out.histograms.resize(out.times.size());
  out.times.push_back(from.times[i]);
  out.values.push_back(from.values[i]);
  if (!out.histograms.empty()) out.histograms.push_back(histogram ? from.histograms[i] : nullptr);
}

/// Adds what is in range; both sides ascend. Of a time that both have, `out`'s sample stays.
void merge(SampleColumns& out, const SampleColumns& more, TimeRange range) {
  const auto first = static_cast<size_t>(
      std::lower_bound(more.times.begin(), more.times.end(), range.start) - more.times.begin());
  const auto last = static_cast<size_t>(
      std::upper_bound(more.times.begin(), more.times.end(), range.end) - more.times.begin());
  if (first >= last) return;
  if (out.times.empty() || out.times.back() < more.times[first]) {
    for (size_t i = first; i < last; ++i) push(out, more, i);
    return;
  }
  SampleColumns merged;
  size_t a = 0;
  for (size_t b = first; b < last; ++b) {
    while (a < out.size() && out.times[a] < more.times[b]) push(merged, out, a++);
    if (a < out.size() && out.times[a] == more.times[b]) continue;
    push(merged, more, b);
  }
  while (a < out.size()) push(merged, out, a++);
  out = std::move(merged);
}

/// The selected series of one block, one after the other.
class BlockCursor {
 public:
  BlockCursor(const Block& block, std::vector<uint32_t> numbers)
      : block_(block), numbers_(std::move(numbers)) {}

  /// The series it stands at; null behind the last one.
  [[nodiscard]] const Block::Series* current() const { return series_ ? &*series_ : nullptr; }
  [[nodiscard]] const Block& block() const { return block_; }

  Result<void> advance() {
    series_.reset();
    if (at_ < numbers_.size()) series_ = TRY(block_.series(numbers_[at_++]));
    return {};
  }

 private:
  const Block& block_;
  std::vector<uint32_t> numbers_;
  size_t at_ = 0;
  std::optional<Block::Series> series_;
};

class MergedSeriesSet final : public SeriesSet {
 public:
  MergedSeriesSet(std::shared_ptr<const DbView> view, TimeRange range)
      : view_(std::move(view)), range_(range) {}

  Result<void> open(std::span<const Matcher> matchers) {
    for (const auto& block : view_->blocks) {
      blocks_.emplace_back(*block, TRY(block->select(matchers)));
      TRY(blocks_.back().advance());
    }
    head_ = view_->head->select(matchers);
    const TimeRange own{std::max(range_.start, view_->head_from), range_.end};
    std::erase_if(head_, [&](const Series* s) {
      const bool empty = s->last_time() == TimeMs::min();  // nothing of it is committed yet
      return empty || s->last_time() < own.start || s->first_time() > own.end;
    });
    return {};
  }

  bool next() override {
    // Whoever stood at the series before moves on.
    for (size_t i : here_) {
      if (auto moved = blocks_[i].advance(); !moved) error_ = std::move(moved);
    }
    if (in_head_) ++head_at_;
    here_.clear();
    in_head_ = false;
    const Labels* least = head_at_ < head_.size() ? &head_[head_at_]->labels() : nullptr;
    for (const BlockCursor& cursor : blocks_) {
      if (cursor.current() != nullptr && (least == nullptr || cursor.current()->labels < *least)) {
        least = &cursor.current()->labels;
      }
    }
    if (least == nullptr) return false;
    labels_ = *least;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (blocks_[i].current() != nullptr && blocks_[i].current()->labels == labels_) {
        here_.push_back(i);
      }
    }
    in_head_ = head_at_ < head_.size() && head_[head_at_]->labels() == labels_;
    return true;
  }

  [[nodiscard]] const Labels& labels() const override { return labels_; }

  Result<void> read(SampleColumns& out) override {
    TRY(error_);
    out.clear();
    for (const size_t i : here_) {
      chunk_samples_.clear();
      for (const ChunkRef& chunk : blocks_[i].current()->chunks) {
        if (!chunk.range.overlaps(range_)) continue;
        if (auto read = blocks_[i].block().read(chunk, chunk_samples_); !read) {
          view_->damaged(read.error());
        }
      }
      merge(out, chunk_samples_, range_);
    }
    if (!in_head_) return {};
    const TimeRange own{std::max(range_.start, view_->head_from), range_.end};
    if (own.start > own.end) return {};
    if (out.times.empty()) return head_[head_at_]->read(own, times_, out);
    TRY(head_[head_at_]->read(own, times_, chunk_samples_));
    merge(out, chunk_samples_, own);
    return {};
  }

 private:
  const std::shared_ptr<const DbView> view_;  // shared with the querier, which may go first
  const TimeRange range_;
  std::vector<BlockCursor> blocks_;
  std::vector<Series*> head_;
  TimesCache times_;
  size_t head_at_ = 0;
  Labels labels_;
  std::vector<size_t> here_;  // the blocks that have the series
  bool in_head_ = false;
  SampleColumns chunk_samples_;
  Result<void> error_;
};

class DbQuerier final : public Querier {
 public:
  DbQuerier(DbView view, TimeRange range)
      : view_(std::make_shared<const DbView>(std::move(view))), range_(range) {}

  Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers) override {
    auto set = std::make_unique<MergedSeriesSet>(view_, range_);
    TRY(set->open(matchers));
    return set;
  }

  Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) override {
    return collect(
        view_->head->label_names(matchers), matchers,
        [](const Block& block) { return block.label_names(); },
        [](const Labels& labels, std::set<std::string>& out) {
          for (const LabelView label : labels) out.emplace(label.name);
        });
  }

  Result<std::vector<std::string>> label_values(std::string_view name,
                                                std::span<const Matcher> matchers) override {
    return collect(
        view_->head->label_values(name, matchers), matchers,
        [&](const Block& block) { return block.label_values(name); },
        [&](const Labels& labels, std::set<std::string>& out) {
          const std::string_view value = labels.get(name);
          if (!value.empty()) out.emplace(value);
        });
  }

 private:
  /// Joins what the head has with what each block has: `of_block` without matchers, else
  /// `of_series` for each series that matches.
  template <typename OfBlock, typename OfSeries>
  Result<std::vector<std::string>> collect(std::vector<std::string> head,
                                           std::span<const Matcher> matchers, OfBlock of_block,
                                           OfSeries of_series) const {
    if (view_->blocks.empty()) return head;
    std::set<std::string> out(head.begin(), head.end());
    for (const auto& block : view_->blocks) {
      if (matchers.empty()) {
        for (std::string& text : of_block(*block)) out.insert(std::move(text));
        continue;
      }
      const std::vector<uint32_t> numbers = TRY(block->select(matchers));
      for (const uint32_t number : numbers) of_series(TRY(block->series(number)).labels, out);
    }
    return std::vector<std::string>(out.begin(), out.end());
  }

  const std::shared_ptr<const DbView> view_;
  const TimeRange range_;
};

}  // namespace

std::unique_ptr<Querier> make_querier(DbView view, TimeRange range) {
  std::erase_if(view.blocks,
                [&](const auto& block) { return !block->info().range.overlaps(range); });
  return std::make_unique<DbQuerier>(std::move(view), range);
}

}  // namespace prom5::tsdb
