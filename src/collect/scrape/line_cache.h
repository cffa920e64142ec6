#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "collect/scrape/custom_buckets.h"
#include "model/labels.h"
#include "store/storage.h"

namespace prom5::scrape {

/// What the entries of one target's pages stand for, by their text: a parser's text(), which is a
/// series or the description of a family.
///
/// Pages mostly have the same lines in the same order, so all is kept as arrays in the order of the
/// newest page: reading a page like the one before goes through them once, from front to back. For
/// a line that stands elsewhere there is a table of hashes, made when it is first needed. Label
/// sets are not kept: they can be made of the text again. One thread.
class LineCache {
 public:
  enum class Kind : uint8_t {
    Family,
    Series,
    Dropped,    ///< a series that relabelling dropped
    InBuckets,  ///< a series that is stored only as a part of a histogram with custom buckets
    Start,      ///< a series that is stored only as the start timestamp of others
  };
  /// Of the few lines that need it.
  struct Detail {
    std::optional<CustomBuckets::Place> bucket;  ///< what it is of a histogram with custom buckets
    Labels labels;                               ///< of a series that has exemplars
    std::string exemplar;                        ///< the newest one, as it was written
    std::string unit;                            ///< of a series that has it as a label
    /// With labels of type and unit: tells a family and these two apart from others.
    uint32_t schema = 0;
  };
  struct Line {
    SeriesRef ref = 0;
    uint32_t begin = 0;  ///< of the text
    uint32_t length = 0;
    uint32_t page = 0;  ///< the newest it was on
    Kind kind = Kind::Series;
    MetricType type = MetricType::Unknown;  ///< of a series' family
    bool timed = false;      ///< carries its own timestamps, so its end is not ours to tell
    bool histogram = false;  ///< a native one
    bool told = false;       ///< a family's description, to the storage
    bool created = false;    ///< its value is since when the metric counts
    bool typed = false;      ///< has labels of its type and unit
    /// Lines of one metric that counts have the same; 0 for all others.
    uint32_t metric = 0;
    std::unique_ptr<Detail> detail;
  };

  /// A page begins. It must come to keep() or forget().
  void begin_page();
  /// Tells the page's format: the same text is another thing in another one, so that the lines of a
  /// page of another format are neither expected nor found.
  void set_format(uint8_t format) { format_ = format; }
  /// The text that probably comes next; empty when there is none.
  [[nodiscard]] std::string_view expected() const;
  /// The place of the expected line, of any other, and of a new one, which must be in no line.
  [[nodiscard]] uint32_t place() const { return place_; }
  [[nodiscard]] std::optional<uint32_t> find(std::string_view text);
  /// LimitExceeded when all texts together would be 4 GiB long.
  Result<uint32_t> add(std::string_view text, Line line);
  /// The page has the line. Returns whether that is the first time.
  bool take(uint32_t place);

  [[nodiscard]] std::vector<Line>& lines() { return lines_; }
  Line& line(uint32_t place) { return lines_[place]; }
  [[nodiscard]] std::string_view text(const Line& line) const {
    return std::string_view(texts_).substr(line.begin, line.length);
  }
  /// Detail::schema; 0 without.
  [[nodiscard]] static uint32_t schema(const Line& line) {
    return line.detail ? line.detail->schema : 0;
  }
  [[nodiscard]] bool on_page(const Line& line) const { return line.page == page_; }
  /// Whether the page has all lines.
  [[nodiscard]] bool is_whole() const { return in_order_ && place_ == lines_.size(); }

  /// The page is refused: none of its lines counts as on it, and those it brought are forgotten.
  void refuse_page();
  /// The page is stored: what it did not have is forgotten. Returns whether anything was.
  bool keep();
  /// The page is not stored, and what is known stays as it was before it.
  void forget();

 private:
  [[nodiscard]] uint32_t first_readable() const { return format_ == kept_format_ ? 0 : known_; }
  void index();
  void index_line(uint32_t place);

  std::string texts_;
  std::vector<Line> lines_;
  uint8_t format_ = 0;
  uint8_t kept_format_ = 0;  ///< of the lines before known_
  uint32_t page_ = 0;
  uint32_t place_ = 0;           ///< where the page is
  uint32_t known_ = 0;           ///< lines from here on are new on the page
  bool in_order_ = true;         ///< so far the page has lines 0 to place_
  std::vector<uint32_t> order_;  ///< else the lines that it has
  /// Open addressing: places of lines, kNone where there is none. Empty until needed.
  std::vector<uint32_t> slots_;
};

}  // namespace prom5::scrape
