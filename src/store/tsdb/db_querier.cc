#include "store/tsdb/db_querier.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <ranges>

#include "base/loop_turn.h"
#include "store/tsdb/columns.h"
#include "store/tsdb/rollup.h"

namespace prom5::tsdb {

namespace {

/// The selected series of one block, one after the other.
class BlockCursor {
 public:
  BlockCursor(const Block& block, std::vector<uint32_t> numbers)
      : block_(block),
        reader_(block),
        tombstones_(block.tombstones()),
        numbers_(std::move(numbers)) {}

  [[nodiscard]] size_t series() const { return numbers_.size(); }

  /// The labels of one of them, by its place. Corruption.
  Result<Labels> labels_at(size_t place) const {
    SeriesReader reader(block_);
    Block::Series series;
    TRY(reader.read(numbers_[place], series));
    return std::move(series.labels);
  }

  /// A cursor over those in these places.
  [[nodiscard]] BlockCursor part(size_t from, size_t to) const {
    return {block_,
            {numbers_.begin() + static_cast<ptrdiff_t>(from),
             numbers_.begin() + static_cast<ptrdiff_t>(to)}};
  }

  /// The series it stands at; null behind the last one.
  [[nodiscard]] const Block::Series* current() const { return any_ ? &series_ : nullptr; }

  /// To the next series that has a chunk in the range which is not deleted as a whole.
  void advance(TimeRange range, const DamageTold& damaged) {
    any_ = false;
    while (!any_ && at_ < numbers_.size()) {
      const uint32_t number = numbers_[at_++];
      if (auto read = reader_.read(number, series_); !read) {
        damaged(read.error());
        continue;
      }
      const auto deleted = tombstones_->of(number);
      any_ = std::ranges::any_of(series_.chunks, [&](const ChunkRef& chunk) {
        return chunk.column != Column::Starts && chunk.range.overlaps(range) &&
               !covers(deleted, chunk.range);
      });
    }
  }

  /// A column of the current series.
  void read(Column column, TimeRange range, TimesCache& times, const DamageTold& damaged,
            SampleColumns& out) const {
    block_.read(deleted(), series_, column, range, times, damaged, out);
  }

  bool append(Column column, TimeRange range, TimesCache& times, const DamageTold& damaged,
              SampleColumns& out) const {
    return block_.append(deleted(), series_, column, range, times, damaged, out);
  }

  /// Of samples in the range.
  void overlay_starts(TimeRange range, const DamageTold& damaged, StartTimes& out) const {
    const TimeRange own = series_.range();
    if (own.overlaps(range)) out.overlay(block_.starts(series_, damaged), own);
  }

  void read_rollups(DurationMs width, TimeRange range, TimesCache& times, const DamageTold& damaged,
                    Rollups& out) const {
    tsdb::read_rollups(block_, deleted(), series_, width, range, times, damaged, out);
  }

 private:
  /// Of the current series.
  [[nodiscard]] std::span<const TimeRange> deleted() const {
    return tombstones_->of(numbers_[at_ - 1]);
  }

  const Block& block_;
  SeriesReader reader_;
  std::shared_ptr<const Tombstones> tombstones_;
  std::vector<uint32_t> numbers_;
  size_t at_ = 0;
  Block::Series series_;
  bool any_ = false;
};

/// Blocks, rollups and head as one.
class MergedSeriesSet final : public SeriesSet {
 public:
  MergedSeriesSet(std::shared_ptr<const DbView> view, TimeRange range, const Tier& tier)
      : view_(std::move(view)), tier_(tier), range_(range), samples_range_(range) {
    if (!tier_.used()) return;
    samples_range_.start = std::max(range.start, tier_.until + DurationMs{1});
    // One window more, for a range that lies within one.
    tier_range_ = {window_end(range.start, tier_.width) - tier_.width * 2 + DurationMs{1},
                   tier_.until};
  }

  Result<void> open(std::span<const Matcher> matchers) {
    // When the tier cannot do for some series their samples are read after all.
    const TimeRange own = tier_.exact ? range_ : samples_range_;
    const auto add = [&](const auto& blocks, TimeRange range, bool rollups) -> Result<void> {
      for (const auto& block : blocks) {
        if (!block->info().range.overlaps(range)) continue;
        leave_event_loop_when_long();
        sources_.push_back({BlockCursor(*block, TRY(block->select(matchers))), range, rollups});
        sources_.back().cursor.advance(range, view_->damaged);
      }
      return {};
    };
    for (const DbView::TierView& tier : view_->tiers) {
      if (tier.width == tier_.width) TRY(add(tier.blocks, tier_range_, true));
    }
    TRY(add(view_->blocks, own, false));
    if (view_->head == nullptr) return {};
    head_ = view_->head->select(matchers);
    const TimeRange in_head = of_head(own);
    std::erase_if(head_, [&](const Series* s) { return !s->may_have_samples(in_head); });
    return {};
  }

  [[nodiscard]] size_t series_count() const override {
    size_t most = head_.size();
    for (const Source& source : sources_) most = std::max(most, source.cursor.series());
    return most;
  }

  std::vector<std::unique_ptr<SeriesSet>> split(size_t parts) override {
    // Where most of them are is divided evenly, the others by its labels.
    const size_t most = series_count();
    const auto largest = std::ranges::find_if(
        sources_, [&](const Source& source) { return source.cursor.series() == most; });
    const bool by_head = head_.size() == most;
    std::vector<std::unique_ptr<SeriesSet>> out;
    Places from(sources_.size(), 0);
    for (size_t i = 1; i <= parts; ++i) {
      Places to = end_places();
      if (i < parts) {
        const size_t at = most * i / parts;
        Result<Labels> labels =
            by_head ? Result<Labels>(head_[at]->labels()) : largest->cursor.labels_at(at);
        Result<Places> places = labels ? places_of(*labels) : std::unexpected(labels.error());
        if (!places) return {};  // reading it as it is says what is damaged
        to = *std::move(places);
      }
      out.push_back(part(from, to));
      from = std::move(to);
    }
    return out;
  }

  bool next() override {
    leave_event_loop_when_long();
    // Whoever stood at the series before moves on.
    for (const size_t i : here_) {
      Source& source = sources_[i];
      source.cursor.advance(source.range, view_->damaged);
    }
    if (in_head_) ++head_at_;
    here_.clear();
    in_head_ = false;
    all_samples_ = false;
    const Labels* least = nullptr;
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Block::Series* at = sources_[i].cursor.current();
      if (at == nullptr) continue;
      const auto order = least == nullptr ? std::strong_ordering::less : at->labels <=> *least;
      if (order > 0) continue;
      if (order < 0) here_.clear();
      least = &at->labels;
      here_.push_back(i);
    }
    if (head_at_ < head_.size()) {
      const Labels& at = head_[head_at_]->labels();
      const auto order = least == nullptr ? std::strong_ordering::less : at <=> *least;
      if (order < 0) here_.clear();
      in_head_ = order <= 0;
      if (in_head_) least = &at;
    }
    if (least == nullptr) return false;
    labels_ = *least;
    return true;
  }

  [[nodiscard]] const Labels& labels() const override { return labels_; }

  Result<void> read_rollups(Rollups& out) override {
    out.clear();
    if (!tier_.rollups) return {};
    for (const size_t i : here_) {
      const Source& source = sources_[i];
      if (!source.rollups) continue;
      source.cursor.read_rollups(tier_.width, tier_range_, times_, view_->damaged, out);
      if (tier_.exact && keeps_histograms(source.cursor)) all_samples_ = true;
    }
    if (all_samples_) {
      out.clear();
    } else {
      finish_rollups(out);
    }
    return {};
  }

  Result<void> read_starts(std::span<const TimeMs> times, std::vector<TimeMs>& out) override {
    out.clear();
    if (times.empty()) return {};
    const TimeRange range{times.front(), times.back()};
    StartTimes starts;
    for (const size_t i : here_) {
      if (!sources_[i].rollups) sources_[i].cursor.overlay_starts(range, view_->damaged, starts);
    }
    if (in_head_) starts.overlay(head_[head_at_]->starts(), of_head({}));
    starts.of(times, out);
    return {};
  }

  Result<void> read(SampleColumns& out) override {
    out.clear();
    const TimeRange own = all_samples_ ? range_ : samples_range_;
    for (const size_t i : here_) {
      const Source& source = sources_[i];
      if (!source.rollups) {
        add(source.cursor, Column::Samples, own, out);
      } else if (!all_samples_) {
        if (!tier_.rollups) add(source.cursor, Column::Last, tier_range_, out);
        // Without an exact answer from rollups, histograms are those that were kept.
        if (!tier_.rollups || !tier_.exact) add(source.cursor, Column::Samples, tier_range_, out);
      }
    }
    if (!in_head_) return {};
    const TimeRange in_head = of_head(own);
    if (in_head.start > in_head.end) return {};
    if (out.times.empty() || out.times.back() < in_head.start) {
      return head_[head_at_]->append_to(out, in_head, times_);
    }
    more_.clear();
    TRY(head_[head_at_]->append_to(more_, in_head, times_));
    merge(out, more_, in_head);
    return {};
  }

 private:
  struct Source {
    BlockCursor cursor;
    TimeRange range;
    bool rollups = false;
  };

  /// Of a label set in each source and in the head: how many series there are before it.
  struct Places {
    explicit Places(size_t sources, size_t place) : in_source(sources, place), in_head(place) {}
    std::vector<size_t> in_source;
    size_t in_head;
  };

  [[nodiscard]] Places end_places() const {
    Places out(sources_.size(), 0);
    for (size_t i = 0; i < sources_.size(); ++i) out.in_source[i] = sources_[i].cursor.series();
    out.in_head = head_.size();
    return out;
  }

  [[nodiscard]] Result<Places> places_of(const Labels& labels) const {
    Places out(sources_.size(), 0);
    for (size_t i = 0; i < sources_.size(); ++i) {
      const BlockCursor& cursor = sources_[i].cursor;
      size_t first = 0;
      size_t count = cursor.series();
      while (count > 0) {
        const size_t half = count / 2;
        if (TRY(cursor.labels_at(first + half)) < labels) {
          first += half + 1;
          count -= half + 1;
        } else {
          count = half;
        }
      }
      out.in_source[i] = first;
    }
    const auto in_head = std::ranges::lower_bound(
        head_, labels, {}, [](const Series* s) -> const Labels& { return s->labels(); });
    out.in_head = static_cast<size_t>(in_head - head_.begin());
    return out;
  }

  [[nodiscard]] std::unique_ptr<SeriesSet> part(const Places& from, const Places& to) const {
    auto out = std::make_unique<MergedSeriesSet>(view_, range_, tier_);
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Source& source = sources_[i];
      out->sources_.push_back(
          {source.cursor.part(from.in_source[i], to.in_source[i]), source.range, source.rollups});
      out->sources_.back().cursor.advance(source.range, view_->damaged);
    }
    out->head_.assign(head_.begin() + static_cast<ptrdiff_t>(from.in_head),
                      head_.begin() + static_cast<ptrdiff_t>(to.in_head));
    return out;
  }

  [[nodiscard]] TimeRange of_head(TimeRange range) const {
    return {std::max(range.start, view_->head_from), range.end};
  }

  void add(const BlockCursor& cursor, Column column, TimeRange range, SampleColumns& out) {
    if (cursor.append(column, range, times_, view_->damaged, out)) return;
    cursor.read(column, range, times_, view_->damaged, more_);
    merge(out, more_, range);
  }

  static bool keeps_histograms(const BlockCursor& cursor) {
    return std::ranges::any_of(cursor.current()->chunks, [](const ChunkRef& chunk) {
      return chunk.kind == ChunkKind::Histograms;
    });
  }

  const std::shared_ptr<const DbView> view_;  // shared with the querier, which may go first
  const Tier tier_;
  const TimeRange range_;
  TimeRange samples_range_;
  TimeRange tier_range_;
  std::vector<Source> sources_;
  std::vector<Series*> head_;
  TimesCache times_;
  size_t head_at_ = 0;
  Labels labels_;
  std::vector<size_t> here_;  // the sources that have the series
  bool in_head_ = false;
  bool all_samples_ = false;  // of this series
  SampleColumns more_;
};

class DbQuerier final : public Querier {
 public:
  DbQuerier(DbView view, TimeRange range)
      : view_(std::make_shared<const DbView>(std::move(view))), range_(range) {}

  [[nodiscard]] Tier tier(const TierRequest& request) const override {
    if (view_->tiers.empty()) return {};
    TimeMs from = view_->samples_from;
    for (const auto& t : view_->tiers) from = std::min(from, t.from);
    from = std::max(from, range_.start);
    if (request.borders_divide_by > 0) {
      for (const auto& t : std::views::reverse(view_->tiers)) {
        if (request.borders_divide_by % t.width.ms != 0 || t.from > from) continue;
        const TimeMs until = last_border(std::min(view_->rolled_until, range_.end), t.width);
        if (until <= from) continue;
        return {t.width, until, request.rollups, from >= view_->samples_from};
      }
    }
    if (from >= view_->samples_from) return {};
    const DbView::TierView* best = nullptr;
    for (const auto& t : view_->tiers) {
      if (t.from == TimeMs::max()) continue;
      if (best == nullptr || (best->from > from && t.from < best->from)) best = &t;
    }
    if (best == nullptr) return {};
    // Without any samples there is no end.
    constexpr TimeMs kFar{std::numeric_limits<int64_t>::max() / 2};
    const TimeMs samples_from = std::min(view_->samples_from, kFar);
    const TimeMs until = window_end(samples_from - DurationMs{1}, best->width);
    return {best->width, until, request.rollups, false};
  }

  Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers,
                                            const Tier& tier) override {
    auto set = std::make_unique<MergedSeriesSet>(view_, range_, tier);
    TRY(set->open(matchers));
    return set;
  }

  [[nodiscard]] std::vector<std::string> warnings() const override {
    return view_->warnings->texts();
  }

  Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) override {
    const Head* head = overlapping_head();
    return join(head == nullptr ? std::vector<std::string>() : head->label_names(matchers),
                [&](const Block& block) { return block.label_names(matchers); });
  }

  Result<std::vector<std::string>> label_values(std::string_view name,
                                                std::span<const Matcher> matchers) override {
    const Head* head = overlapping_head();
    return join(head == nullptr ? std::vector<std::string>() : head->label_values(name, matchers),
                [&](const Block& block) { return block.label_values(name, matchers); });
  }

 private:
  /// Null when it has nothing of the range.
  [[nodiscard]] const Head* overlapping_head() const {
    const bool overlaps = view_->head != nullptr && view_->head->range().overlaps(range_);
    return overlaps ? view_->head : nullptr;
  }

  /// What the head has and what each block has, sorted, each once.
  template <typename OfBlock>
  Result<std::vector<std::string>> join(std::vector<std::string> out, OfBlock of_block) const {
    const auto add = [&](const auto& blocks) -> Result<void> {
      for (const auto& block : blocks) {
        if (!block->info().range.overlaps(range_)) continue;
        const std::vector<std::string> more = TRY(of_block(*block));
        std::vector<std::string> both;
        std::ranges::set_union(out, more, std::back_inserter(both));
        out = std::move(both);
      }
      return {};
    };
    TRY(add(view_->blocks));
    if (range_.start >= view_->samples_from) return out;
    for (const auto& tier : view_->tiers) TRY(add(tier.blocks));
    return out;
  }

  /// The last border of windows at or before a time.
  static TimeMs last_border(TimeMs time, DurationMs width) {
    if (time == TimeMs::min()) return time;
    const TimeMs end = window_end(time, width);
    return end == time ? end : end - width;
  }

  const std::shared_ptr<const DbView> view_;
  const TimeRange range_;
};

}  // namespace

std::unique_ptr<Querier> make_querier(DbView view, TimeRange range) {
  return std::make_unique<DbQuerier>(std::move(view), range);
}

}  // namespace prom5::tsdb
