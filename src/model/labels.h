#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prom5 {

inline constexpr std::string_view kMetricName = "__name__";

/// One name and value, looking into the label set it came from.
struct LabelView {
  std::string_view name;
  std::string_view value;

  friend bool operator==(const LabelView&, const LabelView&) = default;
  friend auto operator<=>(const LabelView&, const LabelView&) = default;
};

/// An immutable label set: names ascending by bytes, each once, no empty value.
///
/// Kept as one string of length-prefixed names and values, so that a set costs one allocation,
/// equality is one memcmp and a hash is one pass. A length below 255 is one byte, else 0xFF and
/// three bytes, little-endian; longer strings are refused at the doors (kMaxStringBytes).
class Labels {
 public:
  static constexpr size_t kMaxStringBytes = (1 << 24) - 1;
  /// Doors refuse series with more: no metric has a use for it, and finding duplicates takes time.
  static constexpr size_t kMaxLabels = 1024;

  class Iterator {
   public:
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const char* at) : at_(at) {}
    LabelView operator*() const;
    Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(Iterator a, Iterator b) { return a.at_ == b.at_; }

   private:
    friend class Labels;
    const char* at_;
  };

  Labels() = default;
  /// Sorts; of two labels with one name the later stays; empty values are left out.
  Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> labels);

  /// Of names that ascend, each once, with values that are not empty; nothing when they do not.
  static std::optional<Labels> from_ascending(std::span<const LabelView> labels);
  /// The same in this one's memory; false, and anything in it, where that gives nothing.
  bool assign_ascending(std::span<const LabelView> labels);

  [[nodiscard]] Iterator begin() const { return Iterator(data_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(data_.data() + data_.size()); }
  [[nodiscard]] bool empty() const { return data_.empty(); }
  [[nodiscard]] size_t size() const;

  /// The value, or an empty view: PromQL does not tell a missing label from an empty one.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return !get(name).empty(); }

  /// The set without the label of this name, if it has it.
  [[nodiscard]] Labels without(std::string_view name) const;

  /// Makes this the labels of `from` for whose name `keep(name)` says yes, asked in order.
  template <typename KeepName>
  void assign_where(const Labels& from, KeepName keep) {
    data_.clear();
    for (Iterator at = from.begin(); at != from.end();) {
      Iterator next = at;
      ++next;
      if (keep((*at).name)) data_.append(at.at_, next.at_);
      at = next;
    }
  }

  /// XXH3 of the bytes: stable within one build of the program, not for storing.
  [[nodiscard]] uint64_t hash() const;

  /// The encoded form described above.
  [[nodiscard]] std::string_view bytes() const { return data_; }

  /// `{__name__="a", c="d"}` as Prometheus prints it; `{}` when empty.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Labels&, const Labels&) = default;
  /// By name and value, label by label; a set that is a prefix of another comes first.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

 private:
  friend class LabelsBuilder;

  std::string data_;
};

/// Collects changes to a label set and builds the result. One thread.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& base) { reset(base); }

  void reset() { labels_.clear(); }
  void reset(const Labels& base);

  /// Sets or replaces; an empty value removes. What is longer than Labels::kMaxStringBytes is cut.
  LabelsBuilder& set(std::string_view name, std::string_view value);
  LabelsBuilder& remove(std::string_view name);
  [[nodiscard]] std::string_view get(std::string_view name) const;

  /// In no particular order until build().
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& labels() const {
    return labels_;
  }

  [[nodiscard]] Labels build();

 private:
  std::vector<std::pair<std::string, std::string>> labels_;
};

/// [a-zA-Z_][a-zA-Z0-9_]*
bool is_legacy_label_name(std::string_view name);
/// [a-zA-Z_:][a-zA-Z0-9_:]*
bool is_legacy_metric_name(std::string_view name);

}  // namespace prom5

/// Both so that label sets can be keys of unordered containers.
template <>
struct std::hash<prom5::Labels> {
  size_t operator()(const prom5::Labels& labels) const { return labels.hash(); }
};
