#include "collect/scrape/line_cache.h"

#include <functional>
#include <limits>
#include <numeric>

namespace prom5::scrape {

namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

}  // namespace

void LineCache::begin_page() {
  ++page_;
  place_ = 0;
  known_ = static_cast<uint32_t>(lines_.size());
  in_order_ = true;
  order_.clear();
}

std::string_view LineCache::expected() const {
  const bool readable = place_ >= first_readable() && place_ < known_;
  return readable ? text(lines_[place_]) : std::string_view();
}

std::optional<uint32_t> LineCache::find(std::string_view text_wanted) {
  if (lines_.empty()) return std::nullopt;
  if (slots_.empty()) index();
  const size_t mask = slots_.size() - 1;
  for (size_t i = std::hash<std::string_view>()(text_wanted) & mask; slots_[i] != kNone;
       i = (i + 1) & mask) {
    if (slots_[i] >= first_readable() && text(lines_[slots_[i]]) == text_wanted) return slots_[i];
  }
  return std::nullopt;
}

Result<uint32_t> LineCache::add(std::string_view text_added, Line line) {
  if (texts_.size() + text_added.size() > kNone) {
    return fail(ErrorCode::LimitExceeded, "the page's series are more than 4 GiB of text");
  }
  const auto place = static_cast<uint32_t>(lines_.size());
  line.begin = static_cast<uint32_t>(texts_.size());
  line.length = static_cast<uint32_t>(text_added.size());
  texts_ += text_added;
  lines_.push_back(std::move(line));
  if (2 * lines_.size() > slots_.size()) {
    index();
  } else {
    index_line(place);
  }
  return place;
}

bool LineCache::take(uint32_t place) {
  if (lines_[place].page == page_) return false;
  lines_[place].page = page_;
  if (in_order_ && place == place_) {
    ++place_;
    return true;
  }
  if (in_order_) {
    in_order_ = false;
    order_.resize(place_);
    std::iota(order_.begin(), order_.end(), 0U);
  }
  order_.push_back(place);
  if (place < known_) place_ = place + 1;
  return true;
}

void LineCache::index() {
  constexpr size_t kFewest = 64;
  size_t wanted = kFewest;
  while (wanted < 4 * lines_.size()) wanted *= 2;
  slots_.assign(wanted, kNone);
  for (uint32_t i = 0; i < lines_.size(); ++i) index_line(i);
}

void LineCache::index_line(uint32_t place) {
  const size_t mask = slots_.size() - 1;
  size_t i = std::hash<std::string_view>()(text(lines_[place])) & mask;
  while (slots_[i] != kNone) i = (i + 1) & mask;
  slots_[i] = place;
}

void LineCache::refuse_page() {
  if (known_ < lines_.size()) {
    texts_.resize(lines_[known_].begin);
    lines_.resize(known_);
    slots_ = {};
  }
  begin_page();
}

bool LineCache::keep() {
  slots_ = {};
  kept_format_ = format_;
  if (is_whole()) {
    if (known_ < lines_.size()) {
      texts_.shrink_to_fit();
      lines_.shrink_to_fit();
    }
    return false;
  }
  if (in_order_) {
    order_.resize(place_);
    std::iota(order_.begin(), order_.end(), 0U);
  }
  std::string texts;
  texts.reserve(texts_.size());
  std::vector<Line> lines;
  lines.reserve(order_.size());
  for (const uint32_t place : order_) {
    Line& line = lines_[place];
    const auto begin = static_cast<uint32_t>(texts.size());
    texts += text(line);
    line.begin = begin;
    lines.push_back(std::move(line));
  }
  const bool lost = lines.size() < lines_.size();
  texts_ = std::move(texts);
  lines_ = std::move(lines);
  order_ = {};
  return lost;
}

void LineCache::forget() {
  refuse_page();
  slots_ = {};
  format_ = kept_format_;
  // What the storage was told with the page went with it.
  for (Line& line : lines_) {
    line.told = false;
    if (line.detail) line.detail->exemplar.clear();
  }
}

}  // namespace prom5::scrape
