#pragma once

#include <string>
#include <vector>

#include "ask/catalogue/catalogue.h"

namespace prom5::llm {

/// A bound of a histogram's buckets, with the values of `le` that spell it ("1", "1.0").
struct Bound {
  double value = 0;
  std::vector<std::string> spelled;
};

/// The finite bounds of classic buckets, ascending. Pure.
std::vector<Bound> bounds_of(const catalogue::Metric& buckets);

/// What the query for a part of a histogram is put together of.
struct HistogramParts {
  std::string metric;    ///< of buckets, or native
  std::string matchers;  ///< or empty
  std::string by;        ///< as catalogue::by_clause() gives it, or empty
  std::string function;  ///< rate, increase, or empty: all that was counted
  std::string behind;    ///< "[5m] offset 1h"; empty without a function
};

/// Which part of what is counted is wanted.
struct HistogramPart {
  bool below = false;  ///< up to the limit, not above it
  bool share = false;  ///< of all, not how many
};

/// Of classic buckets, cut at one of their bounds. `count`: the histogram's "_count", or null.
std::string of_buckets(const HistogramParts& parts, const catalogue::Metric& buckets,
                       const catalogue::Metric* count, const Bound& bound, HistogramPart part);
/// Of native histograms, cut anywhere.
std::string of_native(const HistogramParts& parts, double limit, HistogramPart part);

}  // namespace prom5::llm
