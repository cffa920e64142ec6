#include "ask/llm/histogram_part.h"

#include <algorithm>
#include <cmath>

#include "ask/catalogue/mention.h"
#include "ask/catalogue/recipe_query.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::Metric;

std::string matcher_of(const Bound& bound) {
  if (bound.spelled.size() == 1) return fmt::format("le=\"{}\"", bound.spelled.front());
  std::string any;
  for (const std::string& text : bound.spelled) {
    any += (any.empty() ? "" : "|") + catalogue::escaped_regex(text);
  }
  return fmt::format("le=~\"{}\"", catalogue::escaped(any));
}

std::string counted(const HistogramParts& parts, const std::string& extra) {
  const bool two = !parts.matchers.empty() && !extra.empty();
  const std::string matchers = parts.matchers + (two ? "," : "") + extra;
  const std::string braces = matchers.empty() ? "" : "{" + matchers + "}";
  const std::string selector = parts.metric + braces + parts.behind;
  return parts.function.empty() ? selector : parts.function + "(" + selector + ")";
}

std::string sum(const HistogramParts& parts, const std::string& inner) {
  return "sum" + parts.by + "(" + inner + ")";
}

}  // namespace

std::vector<Bound> bounds_of(const Metric& buckets) {
  std::vector<Bound> out;
  const catalogue::LabelInfo* le = buckets.label("le");
  if (le == nullptr) return out;
  for (const std::string& text : le->values) {
    const auto value = codec::parse_double(text);
    if (!value || !std::isfinite(*value)) continue;
    const auto same = std::ranges::find(out, *value, &Bound::value);
    if (same != out.end()) {
      same->spelled.push_back(text);
    } else {
      out.push_back({*value, {text}});
    }
  }
  std::ranges::sort(out, {}, &Bound::value);
  return out;
}

std::string of_buckets(const HistogramParts& parts, const Metric& buckets, const Metric* count,
                       const Bound& bound, HistogramPart part) {
  const std::string within = counted(parts, matcher_of(bound));
  const catalogue::LabelInfo* le = buckets.label("le");
  const bool alike = count != nullptr && le != nullptr && !le->cut &&
                     buckets.series == count->series * le->values.size();
  // Where not all of them have the bound, only those that have it are all.
  std::string all = counted(parts, "le=\"+Inf\"") + " and ignoring (le) " + within;
  if (alike) {
    HistogramParts counts = parts;
    counts.metric = count->name;
    all = counted(counts, "");
  }
  const std::string below = sum(parts, within);
  if (part.share) return (part.below ? "" : "1 - ") + below + " / " + sum(parts, all);
  return part.below ? below : sum(parts, all) + " - " + below;
}

std::string of_native(const HistogramParts& parts, double limit, HistogramPart part) {
  const std::string all = sum(parts, counted(parts, ""));
  const std::string value = codec::format_general(limit);
  const std::string share = part.below
                                ? fmt::format("histogram_fraction(0, {}, {})", value, all)
                                : fmt::format("histogram_fraction({}, +Inf, {})", value, all);
  return part.share ? share : share + " * histogram_count(" + all + ")";
}

}  // namespace prom5::llm
