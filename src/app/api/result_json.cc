#include "app/api/result_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "io/codec/number.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;

/// Seconds with three decimals where there are milliseconds, as Prometheus writes them.
void append_time(std::string& out, TimeMs time) {
  const bool negative = time.ms < 0;
  const uint64_t ms =
      negative ? 0 - static_cast<uint64_t>(time.ms) : static_cast<uint64_t>(time.ms);
  std::array<char, 24> text;
  char* end = text.data();
  if (negative) *end++ = '-';
  end = std::to_chars(end, text.data() + text.size(), ms / 1000).ptr;
  if (const uint64_t rest = ms % 1000; rest != 0) {
    *end++ = '.';
    *end++ = static_cast<char>('0' + rest / 100);
    *end++ = static_cast<char>('0' + rest / 10 % 10);
    *end++ = static_cast<char>('0' + rest % 10);
  }
  out.append(text.data(), end);
}

void write_float(JsonWriter& json, TimeMs time, double value) {
  std::string& out = json.raw();
  out += '[';
  append_time(out, time);
  out += ",\"";
  codec::append_sample_value(out, value);
  out += "\"]";
}

/// Which borders belong to a bucket: 0 the upper, 1 the lower, 2 none, 3 both.
int boundary_rule(const HistogramBucket& b) {
  if (b.lower_inclusive) return b.upper_inclusive ? 3 : 1;
  return b.upper_inclusive ? 0 : 2;
}

void write_histogram(JsonWriter& json, TimeMs time, const Histogram& h) {
  json.begin_array();
  write_time(json, time);
  json.begin_object().key("count");
  write_number(json, h.count);
  json.key("sum");
  write_number(json, h.sum);
  const auto buckets = h.buckets();
  if (!buckets.empty()) {
    json.key("buckets").begin_array();
    for (const HistogramBucket& bucket : buckets) {
      json.begin_array().integer(boundary_rule(bucket));
      write_number(json, bucket.lower);
      write_number(json, bucket.upper);
      write_number(json, bucket.count);
      json.end_array();
    }
    json.end_array();
  }
  json.end_object().end_array();
}

/// About as many as the series will take: growing would copy them several times over.
size_t expected_bytes(std::span<const query::Series> series) {
  constexpr size_t kOfPoint = 32;
  constexpr size_t kAroundLabels = 64;
  size_t bytes = 0;
  for (const query::Series& s : series) {
    bytes += s.labels.bytes().size() * 2 + kAroundLabels + s.points.size() * kOfPoint;
  }
  return bytes;
}

template <typename Write>
bool write_list(JsonWriter& json, std::string_view type, const std::vector<query::Series>& series,
                size_t limit, Write write) {
  json.field("resultType", type).key("result").begin_array();
  const size_t wanted = limit > 0 ? std::min(limit, series.size()) : series.size();
  json.reserve(expected_bytes(std::span(series).first(wanted)));
  size_t written = 0;
  for (const query::Series& s : series) {
    if (limit > 0 && written == limit) break;
    write(json, s);
    ++written;
  }
  json.end_array();
  return written < series.size();
}

}  // namespace

void write_time(JsonWriter& json, TimeMs time) { append_time(json.raw(), time); }

void write_number(JsonWriter& json, double value) {
  std::string& out = json.raw();
  out += '"';
  codec::append_sample_value(out, value);
  out += '"';
}

void write_metadata(JsonWriter& json, const Metadata& metadata) {
  json.field("type", to_string(metadata.type))
      .field("help", metadata.help)
      .field("unit", metadata.unit);
}

void write_labels(JsonWriter& json, const Labels& labels) {
  json.begin_object();
  for (const LabelView label : labels) json.field(label.name, label.value);
  json.end_object();
}

void write_instant(JsonWriter& json, const query::Series& series) {
  const query::Point& point = series.points[0];
  json.begin_object().key("metric");
  write_labels(json, series.labels);
  if (const Histogram* histogram = series.histogram(0)) {
    json.key("histogram");
    write_histogram(json, point.time, *histogram);
  } else {
    json.key("value");
    write_float(json, point.time, point.value);
  }
  json.end_object();
}

bool RangeSeriesWriter::write(JsonWriter& json, const query::Series& series,
                              const std::string& text, size_t most_bytes) {
  if (at_ == At::Labels) {
    json.begin_object().key("metric");
    write_labels(json, series.labels);
    at_ = At::Floats;
  }
  while (at_ != At::End) {
    const bool floats = at_ == At::Floats;
    for (; point_ < series.points.size(); ++point_) {
      const Histogram* const histogram = series.histogram(point_);
      if (floats != (histogram == nullptr)) continue;
      if (text.size() >= most_bytes) return false;
      if (!std::exchange(list_open_, true))
        json.key(floats ? "values" : "histograms").begin_array();
      const query::Point& point = series.points[point_];
      floats ? write_float(json, point.time, point.value)
             : write_histogram(json, point.time, *histogram);
    }
    if (std::exchange(list_open_, false)) json.end_array();
    point_ = 0;
    at_ = floats && !series.histograms.empty() ? At::Histograms : At::End;
  }
  json.end_object();
  *this = {};
  return true;
}

bool write_value(JsonWriter& json, const query::Value& value, size_t limit) {
  if (const auto* scalar = std::get_if<query::ScalarValue>(&value)) {
    json.field("resultType", "scalar").key("result");
    // Prometheus writes these without exponents (promql/value.go, Scalar.MarshalJSON).
    json.begin_array().raw(codec::format_fixed(scalar->time.as_seconds()));
    json.string(codec::format_fixed(scalar->value)).end_array();
    return false;
  }
  if (const auto* string = std::get_if<query::StringValue>(&value)) {
    json.field("resultType", "string").key("result").begin_array();
    json.raw(codec::format_fixed(string->time.as_seconds()));
    json.string(string->value).end_array();
    return false;
  }
  if (const auto* vector = std::get_if<query::VectorValue>(&value)) {
    return write_list(json, "vector", vector->series, limit, write_instant);
  }
  return write_list(json, "matrix", std::get<query::MatrixValue>(value).series, limit,
                    [](JsonWriter& to, const query::Series& series) {
                      const std::string none;  // of any length
                      RangeSeriesWriter().write(to, series, none, SIZE_MAX);
                    });
}

}  // namespace prom5::api
