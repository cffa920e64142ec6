#include "model/histogram.h"

#include <cmath>
#include <limits>

#include "io/codec/number.h"

namespace prom5 {

namespace {

Result<void> check_side(const char* side, const std::vector<HistogramSpan>& spans,
                        const std::vector<double>& counts) {
  size_t buckets = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) {
      return fail(ErrorCode::BadData,
                  "{} side: span number {} with offset {}: histogram has a "
                  "span whose offset is negative",
                  side, i + 1, spans[i].offset);
    }
    buckets += spans[i].length;
    if (buckets > counts.size()) break;
  }
  if (buckets != counts.size()) {
    return fail(ErrorCode::BadData,
                "{} side: spans need {} buckets, have {} buckets: histogram "
                "spans specify different number of buckets than provided",
                side, buckets, counts.size());
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) {
      return fail(ErrorCode::BadData,
                  "{} side: bucket number {} has observation count of {}: "
                  "histogram has a bucket whose observation count is negative",
                  side, i + 1, codec::format_general(counts[i]));
    }
  }
  return {};
}

template <typename Visit>
void each_bucket(const std::vector<HistogramSpan>& spans, const std::vector<double>& counts,
                 Visit visit) {
  int32_t index = 0;
  size_t at = 0;
  for (const HistogramSpan& span : spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && at < counts.size(); ++k, ++index, ++at) {
      if (counts[at] != 0) visit(index, counts[at]);
    }
  }
}

double custom_bound(const std::vector<double>& bounds, int32_t index) {
  if (index < 0) return -std::numeric_limits<double>::infinity();
  if (static_cast<size_t>(index) >= bounds.size()) return std::numeric_limits<double>::infinity();
  return bounds[static_cast<size_t>(index)];
}

}  // namespace

double exponential_bound(int32_t index, int32_t schema) {
  if (schema <= 0) {
    const int64_t exponent = static_cast<int64_t>(index) << -schema;
    if (exponent == 1024) return std::numeric_limits<double>::max();
    if (exponent > 1024) return std::numeric_limits<double>::infinity();
    return std::ldexp(1.0, static_cast<int>(exponent));
  }
  const int32_t per_octave = 1 << schema;
  const int32_t fraction = index & (per_octave - 1);
  const int32_t exponent = index >> schema;
  if (exponent == 1024 && fraction == 0) return std::numeric_limits<double>::max();
  if (exponent >= 1024) return std::numeric_limits<double>::infinity();
  return std::ldexp(std::exp2(static_cast<double>(fraction) / per_octave), exponent);
}

std::vector<HistogramBucket> Histogram::buckets() const {
  std::vector<HistogramBucket> out;
  // Borders that reach into the zero bucket are cut at its edge.
  const auto clamp = [&](HistogramBucket bucket) {
    if (bucket.upper < 0 && bucket.upper > -zero_threshold) bucket.upper = -zero_threshold;
    if (bucket.lower > 0 && bucket.lower < zero_threshold) bucket.lower = zero_threshold;
    return bucket;
  };
  each_bucket(negative_spans, negative_counts, [&](int32_t index, double n) {
    out.push_back(clamp({-exponential_bound(index, schema), -exponential_bound(index - 1, schema),
                         true, false, n}));
  });
  std::vector<HistogramBucket>(out.rbegin(), out.rend()).swap(out);
  if (zero_count > 0 && !custom()) {
    out.push_back({-zero_threshold, zero_threshold, true, true, zero_count});
  }
  each_bucket(positive_spans, positive_counts, [&](int32_t index, double n) {
    if (custom()) {
      out.push_back({custom_bound(custom_bounds, index - 1), custom_bound(custom_bounds, index),
                     index == 0, true, n});
    } else {
      out.push_back(clamp({exponential_bound(index - 1, schema), exponential_bound(index, schema),
                           false, true, n}));
    }
  });
  return out;
}

Result<void> Histogram::validate() const {
  if (custom()) {
    for (size_t i = 1; i < custom_bounds.size(); ++i) {
      if (!(custom_bounds[i - 1] < custom_bounds[i])) {
        return fail(ErrorCode::BadData,
                    "custom buckets: histogram custom bounds must be in "
                    "strictly increasing order");
      }
    }
    for (const double bound : custom_bounds) {
      if (!std::isfinite(bound)) {
        return fail(ErrorCode::BadData, "custom buckets: histogram custom bounds must be finite");
      }
    }
    if (zero_count != 0 || zero_threshold != 0 || !negative_spans.empty() ||
        !negative_counts.empty()) {
      return fail(ErrorCode::BadData,
                  "custom buckets: must not have a zero bucket or negative "
                  "buckets");
    }
    TRY(check_side("positive", positive_spans, positive_counts));
    int64_t last = 0;
    for (const HistogramSpan& span : positive_spans) last += int64_t{span.offset} + span.length;
    if (last > static_cast<int64_t>(custom_bounds.size()) + 1) {
      return fail(ErrorCode::BadData,
                  "custom buckets: only {} custom bounds defined which is "
                  "insufficient to cover total span length of {}",
                  custom_bounds.size(), last);
    }
    return {};
  }
  if (schema < -4 || schema > 8) {
    return fail(ErrorCode::BadData, "histogram has an invalid schema: {}", schema);
  }
  if (!custom_bounds.empty()) {
    return fail(ErrorCode::BadData,
                "histogram with exponential schema must not have custom bounds");
  }
  if (!(zero_threshold >= 0) || std::isinf(zero_threshold)) {
    return fail(ErrorCode::BadData, "zero bucket: threshold {} is no finite number from 0 on",
                codec::format_general(zero_threshold));
  }
  TRY(check_side("negative", negative_spans, negative_counts));
  TRY(check_side("positive", positive_spans, positive_counts));
  return {};
}

std::string Histogram::to_string() const {
  std::string out =
      "{count:" + codec::format_general(count) + ", sum:" + codec::format_general(sum);
  for (const HistogramBucket& bucket : buckets()) {
    out += ", ";
    out += bucket.lower_inclusive ? '[' : '(';
    codec::append_general(out, bucket.lower);
    out += ',';
    codec::append_general(out, bucket.upper);
    out += bucket.upper_inclusive ? ']' : ')';
    out += ':';
    codec::append_general(out, bucket.count);
  }
  return out + "}";
}

}  // namespace prom5
