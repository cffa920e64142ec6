#include "store/index/postings.h"

#include <algorithm>
#include <iterator>

#include "base/loop_turn.h"

namespace prom5::index {

namespace {

/// A new series has the greatest id so far, except during replay.
void insert(PostingList& list, SeriesId id) {
  if (list.empty() || list.back() < id) {
    list.push_back(id);
    return;
  }
  const auto at = std::lower_bound(list.begin(), list.end(), id);
  if (at == list.end() || *at != id) list.insert(at, id);
}

}  // namespace

PostingList intersect(const PostingList& a, const PostingList& b) {
  PostingList out;
  out.reserve(std::min(a.size(), b.size()));
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

PostingList subtract(const PostingList& a, const PostingList& b) {
  PostingList out;
  out.reserve(a.size());
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

PostingList unite(std::vector<const PostingList*> lists) {
  PostingList out;
  size_t total = 0;
  for (const PostingList* list : lists) total += list->size();
  constexpr size_t kLong = 16'384;
  if (total > kLong) leave_event_loop();
  out.reserve(total);
  for (const PostingList* list : lists) out.insert(out.end(), list->begin(), list->end());
  // One series has one value for a name, so the lists are disjoint and sorting is all there is.
  if (lists.size() > 1) std::sort(out.begin(), out.end());
  return out;
}

void MemPostings::add(SeriesId id, const Labels& labels) {
  insert(all_, id);
  for (const LabelView label : labels) {
    auto name = by_name_.find(label.name);
    if (name == by_name_.end()) name = by_name_.emplace(label.name, Values{}).first;
    auto value = name->second.find(label.value);
    if (value == name->second.end()) {
      value = name->second.emplace(label.value, PostingList{}).first;
    }
    insert(value->second, id);
  }
}

void MemPostings::remove_if(const std::function<bool(SeriesId)>& gone) {
  std::erase_if(all_, gone);
  for (auto name = by_name_.begin(); name != by_name_.end();) {
    Values& values = name->second;
    for (auto value = values.begin(); value != values.end();) {
      std::erase_if(value->second, gone);
      value = value->second.empty() ? values.erase(value) : std::next(value);
    }
    name = values.empty() ? by_name_.erase(name) : std::next(name);
  }
}

PostingList MemPostings::matching(const Matcher& matcher, const Values& values) const {
  std::vector<const PostingList*> lists;
  const std::span<const std::string> literals = matcher.literal_values();
  if (!literals.empty()) {
    for (const std::string& literal : literals) {
      const auto found = values.find(literal);
      if (found != values.end()) lists.push_back(&found->second);
    }
    std::sort(lists.begin(), lists.end());
    lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
  } else {
    for (const auto& [value, list] : values) {
      leave_event_loop_when_long();
      if (matcher.matches(value)) lists.push_back(&list);
    }
  }
  return unite(std::move(lists));
}

PostingList MemPostings::select(std::span<const Matcher> matchers) const {
  static const Values kNone;
  PostingList result;
  bool first = true;
  std::vector<PostingList> excluded;
  const auto keep = [&](PostingList list) {
    result = first ? std::move(list) : intersect(result, list);
    first = false;
  };
  for (const Matcher& matcher : matchers) {
    leave_event_loop_when_long();
    const auto found = by_name_.find(matcher.name());
    const Values& values = found == by_name_.end() ? kNone : found->second;
    if (!matcher.matches_empty()) {
      keep(matching(matcher, values));
      continue;
    }
    // A matcher that accepts the empty value keeps series without the label, so what it refuses is
    // taken out at the end.
    std::vector<const PostingList*> refused;
    for (const auto& [value, list] : values) {
      leave_event_loop_when_long();
      if (!matcher.matches(value)) refused.push_back(&list);
    }
    excluded.push_back(unite(std::move(refused)));
  }
  if (first) result = all_;
  for (const PostingList& list : excluded) result = subtract(result, list);
  return result;
}

/// What select() gives, in `room`; or where it is, when it is the list of one value.
const PostingList& MemPostings::selection(std::span<const Matcher> matchers,
                                          PostingList& room) const {
  if (matchers.size() == 1 && !matchers[0].matches_empty() &&
      matchers[0].literal_values().size() == 1) {
    const auto name = by_name_.find(matchers[0].name());
    if (name == by_name_.end()) return room;
    const auto value = name->second.find(matchers[0].literal_values()[0]);
    return value == name->second.end() ? room : value->second;
  }
  room = select(matchers);
  return room;
}

bool intersects(const PostingList& a, const PostingList& b) {
  const PostingList& few = a.size() < b.size() ? a : b;
  const PostingList& many = a.size() < b.size() ? b : a;
  auto from = many.begin();
  for (const SeriesId id : few) {
    from = std::lower_bound(from, many.end(), id);
    if (from == many.end()) return false;
    if (*from == id) return true;
  }
  return false;
}

std::vector<std::string> MemPostings::label_names(std::span<const Matcher> matchers) const {
  std::vector<std::string> out;
  PostingList selected;
  const PostingList& ids = matchers.empty() ? selected : selection(matchers, selected);
  for (const auto& [name, values] : by_name_) {
    const bool any = matchers.empty() || std::ranges::any_of(values, [&](const auto& entry) {
                       leave_event_loop_when_long();
                       return intersects(ids, entry.second);
                     });
    if (any) out.push_back(name);
  }
  return out;
}

std::vector<std::string> MemPostings::label_values(std::string_view name,
                                                   std::span<const Matcher> matchers) const {
  std::vector<std::string> out;
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return out;
  PostingList selected;
  const PostingList& ids = matchers.empty() ? selected : selection(matchers, selected);
  for (const auto& [value, list] : found->second) {
    leave_event_loop_when_long();
    if (matchers.empty() || intersects(ids, list)) out.push_back(value);
  }
  return out;
}

}  // namespace prom5::index
