#include "model/exposition/openmetrics_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace prom5::exposition {

namespace {

using Entry = OpenMetricsParser::Entry;

/// What may stand behind a family's name in the names of its samples.
std::span<const std::string_view> suffixes(MetricType type) {
  static constexpr std::array<std::string_view, 2> kCounter = {"_total", "_created"};
  static constexpr std::array<std::string_view, 4> kSummary = {"", "_count", "_sum", "_created"};
  static constexpr std::array<std::string_view, 4> kHistogram = {"_bucket", "_count", "_sum",
                                                                 "_created"};
  static constexpr std::array<std::string_view, 3> kGaugeHistogram = {"_bucket", "_gcount",
                                                                      "_gsum"};
  static constexpr std::array<std::string_view, 1> kInfo = {"_info"};
  static constexpr std::array<std::string_view, 1> kPlain = {""};
  switch (type) {
    case MetricType::Counter: return kCounter;
    case MetricType::Summary: return kSummary;
    case MetricType::Histogram: return kHistogram;
    case MetricType::GaugeHistogram: return kGaugeHistogram;
    case MetricType::Info: return kInfo;
    case MetricType::Gauge:
    case MetricType::StateSet:
    case MetricType::Unknown: break;
  }
  return kPlain;
}

bool is_histogram(MetricType type) {
  return type == MetricType::Histogram || type == MetricType::GaugeHistogram;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

}  // namespace

std::unexpected<Error> OpenMetricsCheck::error(std::string_view what) const {
  return fail(ErrorCode::BadData, "line {}: {}: {}", line_, family_, what);
}

bool OpenMetricsCheck::is_sample_of_family(std::string_view name) const {
  if (family_.empty() || !name.starts_with(family_)) return false;
  const auto allowed = suffixes(type_.value_or(MetricType::Unknown));
  return std::ranges::find(allowed, suffix(name)) != allowed.end();
}

Result<void> OpenMetricsCheck::take(const OpenMetricsParser& parser, Entry entry) {
  last_line_ = line_;
  line_ = parser.line_number();
  if (entry == Entry::End) return end_family();
  if (entry == Entry::Sample) return sample(parser);
  if (parser.family() != family_) {
    TRY(begin_family(parser.family()));
  } else if (has_samples_) {
    return error("HELP, TYPE and UNIT stand before the samples");
  }
  if (entry == Entry::Help) {
    if (std::exchange(has_help_, true)) return error("more than one HELP");
  } else if (entry == Entry::Type) {
    if (type_) return error("more than one TYPE");
    type_ = parser.type();
  } else {
    if (unit_) return error("more than one UNIT");
    unit_ = parser.unit();
  }
  return {};
}

Result<void> OpenMetricsCheck::begin_family(std::string_view name) {
  TRY(end_family());
  if (taken_names_.contains(name)) {
    return fail(ErrorCode::BadData,
                "line {}: the name \"{}\" belongs to another family, or this one is in two pieces",
                line_, name);
  }
  family_ = name;
  type_.reset();
  has_help_ = false;
  unit_.reset();
  has_samples_ = false;
  group_.reset();
  group_seconds_.reset();
  groups_.clear();
  at_this_time_.clear();
  return {};
}

Result<void> OpenMetricsCheck::end_family() {
  if (family_.empty()) return {};
  TRY(end_histogram());
  const size_t here = std::exchange(line_, last_line_);
  const MetricType type = type_.value_or(MetricType::Unknown);
  if (unit_ && !unit_->empty()) {
    if (!family_.ends_with("_" + *unit_)) {
      return error(fmt::format("the name does not end in its unit, \"_{}\"", *unit_));
    }
    if (type == MetricType::Info || type == MetricType::StateSet) {
      return error(fmt::format("a family of type {} has no unit", to_string(type)));
    }
  }
  std::set<std::string> names = {family_};
  for (const std::string_view suffix : suffixes(type)) names.insert(family_ + std::string(suffix));
  for (const std::string& name : names) {
    if (taken_names_.contains(name)) {
      return error(
          fmt::format("the name \"{}\" belongs to another family, or this one is in two "
                      "pieces",
                      name));
    }
  }
  taken_names_.merge(names);
  line_ = here;
  return {};
}

Result<void> OpenMetricsCheck::sample(const OpenMetricsParser& parser) {
  const bool misnamed = parser.name() == family_ && !is_sample_of_family(family_);
  if (misnamed) {
    const auto allowed = suffixes(*type_);
    return error(fmt::format("samples of type {} are named {}{}", to_string(*type_), family_,
                             fmt::join(allowed, fmt::format(", {}", family_))));
  }
  // Without a descriptor it is a family of its own, of unknown type.
  if (!is_sample_of_family(parser.name())) TRY(begin_family(parser.name()));
  has_samples_ = true;
  TRY(check_labels(parser));
  TRY(check_group(parser));
  TRY(check_value(parser));
  const MetricType type = type_.value_or(MetricType::Unknown);
  const std::string_view behind = suffix(parser.name());
  const bool may_have_exemplar = (is_histogram(type) && behind == "_bucket") ||
                                 (type == MetricType::Counter && behind == "_total");
  if (parser.exemplar() && !may_have_exemplar) {
    return error("only buckets of histograms and totals of counters have exemplars");
  }
  if (is_histogram(type)) return take_histogram_sample(parser);
  return {};
}

Result<void> OpenMetricsCheck::check_labels(const OpenMetricsParser& parser) const {
  const MetricType type = type_.value_or(MetricType::Unknown);
  const std::string_view behind = suffix(parser.name());
  const Labels& labels = parser.labels();
  if (type == MetricType::StateSet && !labels.has(family_)) {
    return error(fmt::format("a state has its name in the label \"{}\"", family_));
  }
  if (is_histogram(type) && behind == "_bucket") {
    const auto border = parse_openmetrics_number(labels.get("le"));
    if (!border || std::isnan(*border)) return error("a bucket has its border in the label \"le\"");
    if (std::isinf(*border) && labels.get("le") != "+Inf") {
      return error("the last bucket is le=\"+Inf\"");
    }
  }
  if (type == MetricType::Summary && behind.empty()) {
    const auto quantile = parse_openmetrics_number(labels.get("quantile"));
    if (!quantile || !(*quantile >= 0 && *quantile <= 1)) {
      return error("a quantile, from 0 to 1, stands in the label \"quantile\"");
    }
  }
  return {};
}

/// A group is what one metric exposes: the samples that differ in the labels of their type alone.
Result<void> OpenMetricsCheck::check_group(const OpenMetricsParser& parser) {
  const MetricType type = type_.value_or(MetricType::Unknown);
  LabelsBuilder builder(parser.labels());
  builder.remove(kMetricName);
  const std::string_view behind = suffix(parser.name());
  if (is_histogram(type) && behind == "_bucket") builder.remove("le");
  if (type == MetricType::Summary && behind.empty()) builder.remove("quantile");
  if (type == MetricType::StateSet) builder.remove(family_);
  Labels group = builder.build();
  const auto seconds = parser.seconds();
  if (group_ != group) {
    if (!groups_.insert(group).second) return error("samples of one metric are not in one piece");
    TRY(end_histogram());
    group_ = std::move(group);
    at_this_time_.clear();
  } else {
    if (seconds.has_value() != group_seconds_.has_value()) {
      return error("some samples of a metric have timestamps and others have none");
    }
    if (seconds && *seconds < *group_seconds_ && type != MetricType::Info) {
      return error("timestamps of a metric go backwards");
    }
    if (seconds != group_seconds_) {
      TRY(end_histogram());
      at_this_time_.clear();
    }
  }
  group_seconds_ = seconds;
  if (!at_this_time_.insert(parser.labels()).second) return error("a sample is there twice");
  return {};
}

Result<void> OpenMetricsCheck::check_value(const OpenMetricsParser& parser) const {
  const MetricType type = type_.value_or(MetricType::Unknown);
  const std::string_view behind = suffix(parser.name());
  const double value = parser.value();
  if (type == MetricType::StateSet && value != 0 && value != 1) return error("a state is 0 or 1");
  if (type == MetricType::Info && value != 1) return error("an info is 1");
  if (type == MetricType::Summary && behind.empty() && value < 0) {
    return error("a quantile's value is not negative");
  }
  if (is_one_of(behind, {"_total", "_sum", "_count", "_bucket", "_gcount", "_gsum"}) &&
      std::isnan(value)) {
    return error("what counts is not NaN");
  }
  if (is_one_of(behind, {"_total", "_sum", "_count", "_bucket", "_gcount"}) && value < 0) {
    return error("what counts is not negative");
  }
  return {};
}

Result<void> OpenMetricsCheck::take_histogram_sample(const OpenMetricsParser& parser) {
  if (!histogram_) histogram_.emplace();
  HistogramGroup& group = *histogram_;
  const std::string_view behind = suffix(parser.name());
  const double value = parser.value();
  if (behind == "_bucket") {
    const double border = *parse_openmetrics_number(parser.labels().get("le"));
    if (group.bucket && border <= *group.bucket) return error("buckets are not in order");
    if (value < group.value) return error("a bucket is less than the one before it");
    group.bucket = border;
    group.value = value;
    group.has_negative_bucket = group.has_negative_bucket || border < 0;
  } else if (behind == "_count" || behind == "_gcount") {
    group.count = value;
  } else if (behind == "_sum" || behind == "_gsum") {
    group.has_sum = true;
    group.has_negative_sum = value < 0;
  }
  return {};
}

Result<void> OpenMetricsCheck::end_histogram() {
  const auto ended = std::exchange(histogram_, std::nullopt);
  if (!ended) return {};
  const size_t here = std::exchange(line_, last_line_);
  if (ended->bucket != std::numeric_limits<double>::infinity()) {
    return error("the bucket le=\"+Inf\" is missing");
  }
  if (ended->count && *ended->count != ended->value) {
    return error("the count is not the value of the bucket le=\"+Inf\"");
  }
  if (ended->has_sum != ended->count.has_value()) return error("sum and count come together");
  if (ended->has_negative_bucket && ended->has_sum && type_ == MetricType::Histogram) {
    return error("with buckets below zero there is no sum");
  }
  if (ended->has_negative_sum && !ended->has_negative_bucket) {
    return error("a sum is not negative without buckets below zero");
  }
  line_ = here;
  return {};
}

}  // namespace prom5::exposition
