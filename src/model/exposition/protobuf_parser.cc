#include "model/exposition/protobuf_parser.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "io/codec/bytes.h"
#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "model/exposition/histogram_wire.h"

namespace prom5::exposition {

namespace {

using codec::each_field;
using codec::ProtoField;

/// Of MetricType in metrics.proto, by its numbers.
constexpr std::array<MetricType, 6> kTypes = {MetricType::Counter,   MetricType::Gauge,
                                              MetricType::Summary,   MetricType::Unknown,
                                              MetricType::Histogram, MetricType::GaugeHistogram};

/// Of field 1 of a Metric: a label.
constexpr char kLabelTag = 1 << 3 | 2;
/// What the text of a family begins with; those of series begin with the kind of their part. No
/// byte of a text page comes first, so that no text is one of a text page.
constexpr char kFamilyText = 7;

Result<TimeMs> read_timestamp(std::string_view message) {
  int64_t seconds = 0;
  int64_t nanos = 0;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) seconds = f.as_int64();
    if (f.number == 2) nanos = f.as_int64();
    return {};
  }));
  constexpr int64_t kMostSeconds = std::numeric_limits<int64_t>::max() / 1000 - 1;
  if (seconds > kMostSeconds || seconds < -kMostSeconds || nanos < 0 || nanos >= 1'000'000'000) {
    return fail(ErrorCode::BadData, "timestamp out of range");
  }
  return TimeMs{seconds * 1000 + nanos / 1'000'000};
}

/// The value of a metric that has nothing but it, after its labels: what most are, so that it is
/// worth being known at a glance.
std::optional<double> plain_number(std::string_view rest) {
  constexpr size_t kHeader = 3;  // tag and size of the message, tag of the value
  constexpr std::string_view kGauge = "\x12\x09\x09";
  constexpr std::string_view kCounter = "\x1A\x09\x09";
  if (rest.size() != kHeader + sizeof(double)) return std::nullopt;
  if (!rest.starts_with(kGauge) && !rest.starts_with(kCounter)) return std::nullopt;
  double value = 0;
  std::memcpy(&value, rest.data() + kHeader, sizeof value);
  return value;
}

struct LabelPair {
  std::string_view name;
  std::string_view value;
};

Result<LabelPair> read_label(std::string_view message) {
  LabelPair out;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.name = f.bytes;
    if (f.number == 2) out.value = f.bytes;
    return {};
  }));
  if (!codec::utf8_valid(out.name) || !codec::utf8_valid(out.value)) {
    return fail(ErrorCode::BadData, "a label is not valid UTF-8");
  }
  return out;
}

/// As a text page would write a border: always with a point.
std::string border(double value) {
  std::string text = codec::format_general(value);
  if (text.find_first_of(".eIN") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::unexpected<Error> ProtobufParser::error(std::string_view what) const {
  return fail(ErrorCode::BadData, "family {}{}: {}", family_number_,
              name_.empty() ? "" : fmt::format(" \"{}\"", name_), what);
}

Result<ProtobufParser::Entry> ProtobufParser::next() {
  for (;;) {
    if (part_ < parts_.size()) return take_part(parts_[part_++]);
    if (metric_ < metrics_.size()) {
      if (auto begun = begin_metric(metrics_[metric_++]); !begun) {
        return error(begun.error().message);
      }
      continue;
    }
    return TRY(begin_family()) ? Entry::Family : Entry::End;
  }
}

Result<bool> ProtobufParser::begin_family() {
  if (rest_.empty()) return false;
  ++family_number_;
  codec::ByteReader in(rest_);
  const auto message = in.sized_bytes();
  name_ = help_ = unit_ = header_ = {};
  family_is_made_ = false;
  if (!message) return error("the page is cut, or is no length-delimited protobuf");
  rest_ = in.rest();
  metrics_.clear();
  metric_ = 0;
  parts_.clear();
  part_ = 0;
  if (const auto read = read_family(*message); !read) return error(read.error().message);
  as_expected_ = is_expected_family();
  if (as_expected_) {
    text_ = expected_;
    return true;
  }
  if (name_.empty() || !codec::utf8_valid(name_)) return error("invalid metric name");
  if (!codec::utf8_valid(help_)) return error("help text is not valid UTF-8");
  key_.assign(1, kFamilyText);
  codec::ByteWriter(key_).sized_bytes(unit_);
  key_ += header_;
  text_ = key_;
  return true;
}

bool ProtobufParser::is_expected_family() const {
  if (expected_.empty() || expected_[0] != kFamilyText) return false;
  codec::ByteReader in(expected_.substr(1));
  std::string_view unit;
  return in.try_sized_bytes(unit) && unit == unit_ && in.rest() == header_;
}

Result<void> ProtobufParser::read_family(std::string_view message) {
  type_ = MetricType::Counter;  // what a missing enumeration is
  codec::ProtoReader reader(message);
  ProtoField f;
  while (!reader.done()) {
    const std::string_view field = reader.rest();
    if (!reader.next(f)) return fail(ErrorCode::BadData, "protobuf: malformed message");
    if (f.number == 4) {
      if (metrics_.empty()) header_ = message.substr(0, message.size() - field.size());
      metrics_.push_back(f.bytes);
    } else if (f.number == 5) {
      unit_ = f.bytes;
    } else if (f.number == 1) {
      name_ = f.bytes;
    } else if (f.number == 2) {
      help_ = f.bytes;
    } else if (f.number == 3) {
      if (f.bits >= kTypes.size()) return fail(ErrorCode::BadData, "unknown metric type");
      type_ = kTypes[f.bits];
    }
    // Nobody writes a family with its head behind; were it so, all of it would be its text.
    if (f.number < 4 && !metrics_.empty()) header_ = message;
  }
  if (metrics_.empty()) header_ = message;
  sized_name_.clear();
  codec::ByteWriter(sized_name_).sized_bytes(name_);
  return {};
}

const PageFamily& ProtobufParser::family() {
  if (std::exchange(family_is_made_, true)) return family_;
  family_ = {.name = std::string(name_),
             .metadata = {.type = type_, .help = std::string(help_), .unit = std::string(unit_)},
             .types = 1};
  return family_;
}

Result<void> ProtobufParser::begin_metric(std::string_view message) {
  parts_.clear();
  part_ = 0;
  time_.reset();
  start_.reset();
  const std::string_view rest = TRY(read_labels(message));
  if (const auto value = plain_number(rest)) {
    parts_.push_back({.value = *value});
    return {};
  }
  return each_field(rest, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1:
        if (scattered_labels_.empty()) scattered_labels_ = labels_;
        codec::ProtoWriter(scattered_labels_).bytes(1, f.bytes);
        labels_ = scattered_labels_;
        break;
      case 2:
      case 3:
      case 5: return read_simple(f.bytes);
      case 4: return read_summary(f.bytes);
      case 6:
        if (f.bits != 0) time_ = TimeMs{f.as_int64()};
        break;
      case 7: return read_histogram(f.bytes);
      default: break;
    }
    return {};
  });
}

/// Passes over the labels that come first in the metric, which are mostly all it has. Returns the
/// rest of the metric.
Result<std::string_view> ProtobufParser::read_labels(std::string_view message) {
  scattered_labels_.clear();
  std::string_view rest = message;
  while (rest.starts_with(kLabelTag)) {
    codec::ByteReader in(rest.substr(1));
    std::string_view label;
    if (!in.try_sized_bytes(label)) return fail(ErrorCode::BadData, "protobuf: malformed message");
    rest = in.rest();
  }
  labels_ = message.substr(0, message.size() - rest.size());
  return rest;
}

Result<void> ProtobufParser::read_simple(std::string_view message) {
  Part part;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) part.value = f.as_double();
    if (f.number == 2) part.exemplar = f.bytes;
    if (f.number == 3) start_ = TRY(read_timestamp(f.bytes));
    return {};
  }));
  parts_.push_back(part);
  return {};
}

Result<void> ProtobufParser::read_summary(std::string_view message) {
  Part count{.kind = Part::Kind::Count};
  Part sum{.kind = Part::Kind::Sum};
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) count.value = static_cast<double>(f.bits);
    if (f.number == 2) sum.value = f.as_double();
    if (f.number == 4) start_ = TRY(read_timestamp(f.bytes));
    if (f.number != 3) return {};
    Part quantile{.kind = Part::Kind::Quantile};
    TRY(each_field(f.bytes, [&](const ProtoField& q) -> Result<void> {
      if (q.number == 1) quantile.bound = q.as_double();
      if (q.number == 2) quantile.value = q.as_double();
      return {};
    }));
    parts_.push_back(quantile);
    return {};
  }));
  parts_.push_back(sum);
  parts_.push_back(count);
  return {};
}

Result<void> ProtobufParser::read_bucket(std::string_view message) {
  Part bucket{.kind = Part::Kind::Bucket};
  double float_count = 0;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) bucket.value = static_cast<double>(f.bits);
    if (f.number == 2) bucket.bound = f.as_double();
    if (f.number == 3) bucket.exemplar = f.bytes;
    if (f.number == 4) float_count = f.as_double();
    return {};
  }));
  if (float_count > 0) bucket.value = float_count;
  parts_.push_back(bucket);
  return {};
}

Result<void> ProtobufParser::read_histogram(std::string_view message) {
  Histogram& h = histogram_;
  h = {};
  histogram_exemplars_.clear();
  uint64_t positive = 0;
  uint64_t negative = 0;
  double float_count = 0;
  double float_zero = 0;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: h.count = static_cast<double>(f.bits); break;
      case 2: h.sum = f.as_double(); break;
      case 3: return read_bucket(f.bytes);
      case 4: float_count = f.as_double(); break;
      case 5: h.schema = static_cast<int32_t>(f.as_sint()); break;
      case 6: h.zero_threshold = f.as_double(); break;
      case 7: h.zero_count = static_cast<double>(f.bits); break;
      case 8: float_zero = f.as_double(); break;
      case 9: h.negative_spans.push_back(TRY(read_span(f.bytes))); break;
      case 10: return read_deltas(f, h.negative_counts, negative);
      case 11: return read_doubles(f, h.negative_counts);
      case 12: h.positive_spans.push_back(TRY(read_span(f.bytes))); break;
      case 13: return read_deltas(f, h.positive_counts, positive);
      case 14: return read_doubles(f, h.positive_counts);
      case 15: start_ = TRY(read_timestamp(f.bytes)); break;
      case 16: histogram_exemplars_.push_back(f.bytes); break;
      default: break;
    }
    return {};
  }));
  if (float_count > 0) h.count = float_count;
  if (float_zero > 0) h.zero_count = float_zero;
  const bool native = !h.positive_spans.empty() || !h.negative_spans.empty() ||
                      h.zero_threshold > 0 || h.zero_count > 0;
  const size_t buckets = parts_.size();
  if (native && options_.native_histograms) {
    if (type_ == MetricType::GaugeHistogram) h.reset_hint = CounterResetHint::Gauge;
    if (auto valid = h.validate(); !valid) return valid;
    if (options_.always_classic && buckets > 0) {
      parts_.insert(parts_.begin(), {.kind = Part::Kind::Native});
    } else {
      parts_ = {{.kind = Part::Kind::Native}};
      return {};
    }
  }
  const bool has_infinity = buckets > 0 && std::isinf(parts_.back().bound);
  if (!has_infinity) {
    parts_.push_back({.kind = Part::Kind::Bucket,
                      .bound = std::numeric_limits<double>::infinity(),
                      .value = h.count});
  }
  parts_.push_back({.kind = Part::Kind::Sum, .value = h.sum});
  parts_.push_back({.kind = Part::Kind::Count, .value = h.count});
  return {};
}

/// Whether the text that is expected is the part's: the family's name, the labels' bytes, and what
/// tells the part from others of its metric.
bool ProtobufParser::is_expected(const Part& part) const {
  const bool bounded = part.kind == Part::Kind::Quantile || part.kind == Part::Kind::Bucket;
  const size_t bound_bytes = bounded ? sizeof part.bound : 0;
  std::string_view rest = expected_;
  if (rest.size() != 1 + sized_name_.size() + labels_.size() + bound_bytes) return false;
  if (rest[0] != static_cast<char>(part.kind)) return false;
  rest.remove_prefix(1);
  if (!rest.starts_with(sized_name_)) return false;
  rest.remove_prefix(sized_name_.size());
  if (!rest.starts_with(labels_)) return false;
  rest.remove_prefix(labels_.size());
  return std::memcmp(rest.data(), &part.bound, bound_bytes) == 0;
}

ProtobufParser::Entry ProtobufParser::take_part(const Part& part) {
  value_ = part.value;
  exemplar_ = part.exemplar;
  as_expected_ = is_expected(part);
  if (as_expected_) {
    text_ = expected_;
  } else {
    key_.assign(1, static_cast<char>(part.kind));
    key_ += sized_name_;
    key_ += labels_;
    if (part.kind == Part::Kind::Quantile || part.kind == Part::Kind::Bucket) {
      key_.append(reinterpret_cast<const char*>(&part.bound), sizeof part.bound);
    }
    text_ = key_;
  }
  return part.kind == Part::Kind::Native ? Entry::Histogram : Entry::Sample;
}

bool ProtobufParser::is_text(std::string_view text) {
  return !text.empty() && text[0] > 0 && text[0] <= static_cast<char>(Part::Kind::Native);
}

Result<void> ProtobufParser::series_labels(std::string_view series, LabelsBuilder& labels,
                                           std::vector<std::string>* empty) const {
  labels.reset();
  const auto kind = static_cast<Part::Kind>(series[0]);
  codec::ByteReader in(series.substr(1));
  std::string name(TRY(in.sized_bytes()));
  std::string_view rest = in.rest();
  double bound = 0;
  if (kind == Part::Kind::Quantile || kind == Part::Kind::Bucket) {
    std::memcpy(&bound, rest.data() + rest.size() - sizeof bound, sizeof bound);
    rest.remove_suffix(sizeof bound);
  }
  switch (kind) {
    case Part::Kind::Bucket: name += "_bucket"; break;
    case Part::Kind::Sum: name += "_sum"; break;
    case Part::Kind::Count: name += "_count"; break;
    default: break;
  }
  labels.set(kMetricName, name);
  const auto read = each_field(rest, [&](const ProtoField& f) -> Result<void> {
    const LabelPair label = TRY(read_label(f.bytes));
    if (label.name.empty() || label.name == kMetricName) {
      return fail(ErrorCode::BadData, "invalid label name");
    }
    if (labels.labels().size() > Labels::kMaxLabels) {
      return fail(ErrorCode::BadData, "too many labels");
    }
    if (std::max(label.name.size(), label.value.size()) > Labels::kMaxStringBytes) {
      return fail(ErrorCode::BadData, "label is longer than 16 MiB");
    }
    if (!labels.get(label.name).empty()) {
      return fail(ErrorCode::BadData, "label name \"{}\" is not unique", label.name);
    }
    labels.set(label.name, label.value);
    if (label.value.empty() && empty != nullptr) empty->emplace_back(label.name);
    return {};
  });
  if (!read) return error(read.error().message);
  if (kind == Part::Kind::Bucket) labels.set("le", border(bound));
  if (kind == Part::Kind::Quantile) labels.set("quantile", border(bound));
  return {};
}

Result<PageExemplar> ProtobufParser::read_exemplar(std::string_view message) const {
  PageExemplar out;
  LabelsBuilder builder;
  const auto read = each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) {
      const LabelPair label = TRY(read_label(f.bytes));
      builder.set(label.name, label.value);
    }
    if (f.number == 2) out.value = f.as_double();
    if (f.number == 3) out.time = TRY(read_timestamp(f.bytes));
    return {};
  });
  if (!read) return error(read.error().message);
  out.labels = builder.build();
  return out;
}

Result<PageExemplar> ProtobufParser::exemplar() const { return read_exemplar(exemplar_); }

/// Those of native histograms are of use only with their time; a histogram that has none of its own
/// takes its classic buckets'.
Result<std::vector<PageExemplar>> ProtobufParser::exemplars() const {
  std::vector<PageExemplar> out;
  for (const std::string_view message : histogram_exemplars_) {
    PageExemplar one = TRY(read_exemplar(message));
    if (one.time) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace prom5::exposition
