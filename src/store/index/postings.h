#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"

namespace prom5::index {

using SeriesId = uint32_t;
/// Ascending, each id once.
using PostingList = std::vector<SeriesId>;

PostingList intersect(const PostingList& a, const PostingList& b);
PostingList subtract(const PostingList& a, const PostingList& b);
PostingList unite(std::vector<const PostingList*> lists);
bool intersects(const PostingList& a, const PostingList& b);

/// For each label name and value the series that have it, in memory. Not locked: the owner is.
class MemPostings {
 public:
  void add(SeriesId id, const Labels& labels);
  /// Takes out the ids for which `gone` is true.
  void remove_if(const std::function<bool(SeriesId)>& gone);

  /// The series for which every matcher holds; all series when there is none.
  [[nodiscard]] PostingList select(std::span<const Matcher> matchers) const;

  [[nodiscard]] const PostingList& all() const { return all_; }
  /// Sorted; of the series that match when matchers are given.
  [[nodiscard]] std::vector<std::string> label_names(std::span<const Matcher> matchers) const;
  [[nodiscard]] std::vector<std::string> label_values(std::string_view name,
                                                      std::span<const Matcher> matchers) const;

  /// Calls `visit(value, number of series)` for every value of a name.
  template <typename Visit>
  void each_value(std::string_view name, Visit visit) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return;
    for (const auto& [value, list] : found->second) visit(value, list.size());
  }

  /// Calls `visit(name, value, number of series)` for every pair.
  template <typename Visit>
  void each_pair(Visit visit) const {
    for (const auto& [name, values] : by_name_) {
      for (const auto& [value, list] : values) visit(name, value, list.size());
    }
  }

 private:
  using Values = std::map<std::string, PostingList, std::less<>>;

  [[nodiscard]] PostingList matching(const Matcher& matcher, const Values& values) const;
  const PostingList& selection(std::span<const Matcher> matchers, PostingList& room) const;

  PostingList all_;
  std::map<std::string, Values, std::less<>> by_name_;
};

}  // namespace prom5::index
