#include "store/tsdb/db_querier.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "store/tsdb/columns.h"

namespace prom5::tsdb {

namespace {

/// The selected series of one block, one after the other.
class BlockCursor {
 public:
  BlockCursor(const Block& block, std::vector<uint32_t> numbers)
      : block_(block), tombstones_(block.tombstones()), numbers_(std::move(numbers)) {}

  /// The series it stands at; null behind the last one.
  [[nodiscard]] const Block::Series* current() const { return series_ ? &*series_ : nullptr; }

  /// To the next series that has a chunk in the range which is not deleted as a whole.
  Result<void> advance(TimeRange range) {
    series_.reset();
    while (at_ < numbers_.size()) {
      const uint32_t number = numbers_[at_++];
      auto series = TRY(block_.series(number));
      const auto deleted = tombstones_->of(number);
      const bool any = std::ranges::any_of(series.chunks, [&](const ChunkRef& chunk) {
        return chunk.range.overlaps(range) && !covers(deleted, chunk.range);
      });
      if (!any) continue;
      series_ = std::move(series);
      break;
    }
    return {};
  }

  /// The current series' samples.
  void read(TimeRange range, TimesCache& times, const std::function<void(const Error&)>& damaged,
            SampleColumns& out) const {
    block_.read(numbers_[at_ - 1], *series_, range, times, damaged, out);
  }

 private:
  const Block& block_;
  std::shared_ptr<const Tombstones> tombstones_;
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
      TRY(blocks_.back().advance(range_));
    }
    head_ = view_->head->select(matchers);
    const TimeRange own{std::max(range_.start, view_->head_from), range_.end};
    std::erase_if(head_, [&](const Series* s) { return !s->may_have_samples(own); });
    return {};
  }

  bool next() override {
    // Whoever stood at the series before moves on.
    for (size_t i : here_) {
      if (auto moved = blocks_[i].advance(range_); !moved) error_ = std::move(moved);
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
      SampleColumns& to = out.times.empty() ? out : chunk_samples_;
      blocks_[i].read(range_, times_, view_->damaged, to);
      if (&to != &out) merge(out, chunk_samples_, range_);
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
    return join(view_->head->label_names(matchers),
                [&](const Block& block) { return block.label_names(matchers); });
  }

  Result<std::vector<std::string>> label_values(std::string_view name,
                                                std::span<const Matcher> matchers) override {
    return join(view_->head->label_values(name, matchers),
                [&](const Block& block) { return block.label_values(name, matchers); });
  }

 private:
  /// What the head has and what each block has, sorted, each once.
  template <typename OfBlock>
  Result<std::vector<std::string>> join(std::vector<std::string> out, OfBlock of_block) const {
    for (const auto& block : view_->blocks) {
      const std::vector<std::string> more = TRY(of_block(*block));
      std::vector<std::string> both;
      std::ranges::set_union(out, more, std::back_inserter(both));
      out = std::move(both);
    }
    return out;
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
