#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/labels.h"

namespace prom5 {

/// Numbers label sets from 0 in the order in which they come, equal ones once. It keeps hashes
/// only: the sets themselves are where the caller has them. Open addressing, linear probing. One
/// thread.
class LabelIndex {
 public:
  struct Found {
    size_t number = 0;
    bool added = false;
  };

  /// `labels_of(n)`: the set that was given number n.
  template <typename LabelsOf>
  Found find_or_add(const Labels& labels, LabelsOf labels_of) {
    if (places_.size() < (hashes_.size() + 1) * 2) grow();
    const uint64_t hash = labels.hash();
    size_t at = hash & (places_.size() - 1);
    for (; places_[at] != kFree; at = (at + 1) & (places_.size() - 1)) {
      const uint32_t number = places_[at];
      if (hashes_[number] == hash && labels_of(number) == labels) return {number, false};
    }
    places_[at] = static_cast<uint32_t>(hashes_.size());
    hashes_.push_back(hash);
    return {hashes_.size() - 1, true};
  }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;
  void grow();

  std::vector<uint32_t> places_;
  std::vector<uint64_t> hashes_;  ///< by number
};

/// Keeps some labels of a set: those that are listed, or all others.
class LabelProjection {
 public:
  enum class Keep : uint8_t { Listed, Others };

  LabelProjection(std::vector<std::string> names, Keep keep);

  /// Replaces `out`, whose memory is used again.
  void apply(const Labels& labels, Labels& out) const;

 private:
  std::vector<std::string> names_;  // ascending
  Keep keep_;
};

}  // namespace prom5
