#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "model/exposition/text_parser.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace prom5::exposition {

/// What the lines of a page say together, in the text format or as protobuf: HELP and TYPE once for
/// a family and TYPE before its samples, each series once, borders that are numbers, histograms
/// that are whole. A family's lines need not stand together. One page, one thread.
/// Lines are numbered from 1; 0 where a format has none. All errors are BadData.
/// Source: prometheus.io/docs/instrumenting/exposition_formats, prometheus/common expfmt.
class PageCheck {
 public:
  /// `text`: the family's comment lines, the first of which is line `line`; empty where the format
  /// has none.
  Result<void> take_family(const PageFamily& family, std::string_view text, size_t line);
  Result<void> take_sample(const Labels& series, double value, std::optional<TimeMs> time,
                           size_t line);
  /// At the page's end.
  [[nodiscard]] Result<void> end() const;

 private:
  struct Family {
    std::optional<MetricType> type;
    size_t help_line = 0;  ///< 0: none came yet, or none has a number
    size_t type_line = 0;
    size_t sample_line = 0;
    bool has_samples = false;
  };
  struct Bucket {
    double border = 0;
    double value = 0;
    size_t line = 0;
  };
  /// The series of a classic histogram that differ in `le` alone, at one time.
  struct Group {
    std::string name;  ///< as errors show it
    std::vector<Bucket> buckets;
    std::optional<double> count;
    size_t line = 0;  ///< of its count, else of what came last
  };

  static Result<void> take_comment(Family& family, std::string_view name, std::string_view text,
                                   size_t line);
  [[nodiscard]] std::string_view family_of(std::string_view name) const;
  Result<void> take_histogram_sample(const Labels& series, std::string_view part, double value,
                                     std::optional<TimeMs> time, size_t line);
  static Result<void> check_group(const Group& group);

  std::unordered_map<std::string, size_t> seen_;  ///< series with their times, and their lines
  std::map<std::string, Family, std::less<>> families_;
  std::vector<Group> groups_;  ///< as they came
  std::unordered_map<std::string, size_t> group_places_;
};

/// Reads a page in the text format and checks it, to the newline at its end. Result: how many
/// samples it has.
/// BadData with "line N: …".
Result<size_t> check_text_page(std::string_view page);
/// The same for a page of delimited protobuf messages. BadData without a place for what messages
/// say together.
Result<size_t> check_protobuf_page(std::string_view page);

}  // namespace prom5::exposition
