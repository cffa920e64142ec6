#include "model/exposition/sample_wire.h"

#include <algorithm>
#include <cmath>

#include "io/codec/protobuf.h"
#include "io/codec/utf8.h"
#include "model/exposition/histogram_wire.h"

namespace prom5::exposition {

using codec::ProtoField;

namespace {

/// Integer counts add up exactly; NaN observations are in no bucket, and make the sum NaN.
Result<void> check_count(const Histogram& h) {
  double in_buckets = h.zero_count;
  for (const double n : h.negative_counts) in_buckets += n;
  for (const double n : h.positive_counts) in_buckets += n;
  if (std::isnan(h.sum) ? in_buckets <= h.count : in_buckets == h.count) return {};
  return fail(ErrorCode::Execution,
              "{:.0f} observations found in buckets, but the Count field is {:.0f}", in_buckets,
              h.count);
}

/// Nothing counted before 1970.
TimeMs read_start(const ProtoField& field) { return std::max(TimeMs{field.as_int64()}, kNoStart); }

}  // namespace

Result<TimedHistogram> read_histogram(std::string_view message) {
  TimedHistogram out;
  Histogram& h = out.histogram;
  uint64_t positive = 0;
  uint64_t negative = 0;
  bool floats = false;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: h.count = static_cast<double>(f.bits); break;
      case 2:
        h.count = f.as_double();
        floats = true;
        break;
      case 3: h.sum = f.as_double(); break;
      case 4: h.schema = static_cast<int32_t>(f.as_sint()); break;
      case 5: h.zero_threshold = f.as_double(); break;
      case 6: h.zero_count = static_cast<double>(f.bits); break;
      case 7: h.zero_count = f.as_double(); break;
      case 8: h.negative_spans.push_back(TRY(read_span(f.bytes))); break;
      case 9: TRY(read_deltas(f, h.negative_counts, negative)); break;
      case 10: TRY(read_doubles(f, h.negative_counts)); break;
      case 11: h.positive_spans.push_back(TRY(read_span(f.bytes))); break;
      case 12: TRY(read_deltas(f, h.positive_counts, positive)); break;
      case 13: TRY(read_doubles(f, h.positive_counts)); break;
      case 14:
        if (f.bits <= 3) h.reset_hint = static_cast<CounterResetHint>(f.bits);
        break;
      case 15: out.time = {f.as_int64()}; break;
      case 16: TRY(read_doubles(f, h.custom_bounds)); break;
      case 17: out.start = read_start(f); break;
      default: break;
    }
    return {};
  }));
  if (auto valid = h.validate(); !valid) {
    return fail(ErrorCode::Execution, "{}", valid.error().message);
  }
  if (!floats && !is_stale(h.sum)) TRY(check_count(h));
  return out;
}

Result<StartedSample> read_sample(std::string_view message) {
  StartedSample out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.sample.value = f.as_double();
    if (f.number == 2) out.sample.time = {f.as_int64()};
    if (f.number == 3) out.start = read_start(f);
    return {};
  }));
  return out;
}

Result<void> read_label(std::string_view message, LabelsBuilder& labels) {
  std::string_view name;
  std::string_view value;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) name = f.bytes;
    if (f.number == 2) value = f.bytes;
    return {};
  }));
  if (name.empty()) return fail(ErrorCode::Execution, "a label has no name");
  if (name.size() > Labels::kMaxStringBytes || value.size() > Labels::kMaxStringBytes) {
    return fail(ErrorCode::Execution, "label {}: value of {} bytes", name.substr(0, 100),
                value.size());
  }
  if (!codec::utf8_valid(name) || !codec::utf8_valid(value)) {
    return fail(ErrorCode::Execution, "label name or value is not valid UTF-8");
  }
  if (!labels.get(name).empty()) {
    return fail(ErrorCode::Execution, "label name \"{}\" is not unique", name);
  }
  labels.set(name, value);
  return {};
}

}  // namespace prom5::exposition
