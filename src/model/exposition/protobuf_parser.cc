#include "model/exposition/protobuf_parser.h"

#include <array>
#include <cmath>
#include <limits>

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
              family_.empty() ? "" : fmt::format(" \"{}\"", family_), what);
}

Result<ProtobufParser::Entry> ProtobufParser::next() {
  for (;;) {
    if (!descriptors_.empty()) {
      const Entry entry = descriptors_.back();
      descriptors_.pop_back();
      return entry;
    }
    if (part_ < parts_.size()) return take_part(parts_[part_++]);
    if (metric_ < metrics_.size()) {
      if (auto begun = begin_metric(metrics_[metric_++]); !begun) {
        return error(begun.error().message);
      }
      continue;
    }
    if (!TRY(begin_family())) return Entry::End;
  }
}

Result<bool> ProtobufParser::begin_family() {
  if (rest_.empty()) return false;
  ++family_number_;
  codec::ByteReader in(rest_);
  const auto message = in.sized_bytes();
  family_.clear();
  if (!message) return error("the page is cut, or is no length-delimited protobuf");
  rest_.remove_prefix(static_cast<size_t>(message->data() + message->size() - rest_.data()));
  help_.clear();
  unit_ = {};
  type_ = MetricType::Counter;  // what a missing enumeration is
  metrics_.clear();
  metric_ = 0;
  parts_.clear();
  part_ = 0;
  const auto read = each_field(*message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: family_ = f.bytes; break;
      case 2: help_ = f.bytes; break;
      case 3:
        if (f.bits >= kTypes.size()) return fail(ErrorCode::BadData, "unknown metric type");
        type_ = kTypes[f.bits];
        break;
      case 4: metrics_.push_back(f.bytes); break;
      case 5: unit_ = f.bytes; break;
      default: break;
    }
    return {};
  });
  if (!read) return error(read.error().message);
  if (family_.empty() || !codec::utf8_valid(family_)) return error("invalid metric name");
  if (!codec::utf8_valid(help_)) return error("help text is not valid UTF-8");
  if (!unit_.empty()) descriptors_.push_back(Entry::Unit);
  descriptors_.push_back(Entry::Type);
  descriptors_.push_back(Entry::Help);
  return true;
}

Result<void> ProtobufParser::begin_metric(std::string_view message) {
  label_messages_.clear();
  parts_.clear();
  part_ = 0;
  time_.reset();
  return each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: label_messages_.push_back(f.bytes); break;
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

Result<void> ProtobufParser::read_simple(std::string_view message) {
  Part part;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) part.value = f.as_double();
    if (f.number == 2) part.exemplar = f.bytes;
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

/// The family's name and the labels' bytes, and what tells the part from others of its metric. No
/// byte of a text page comes first, so that no key is one of a text page.
ProtobufParser::Entry ProtobufParser::take_part(const Part& part) {
  current_ = part;
  value_ = part.value;
  exemplar_ = part.exemplar;
  key_.assign(1, static_cast<char>(1 + static_cast<int>(part.kind)));
  key_ += family_;
  key_ += '\0';
  for (const std::string_view bytes : label_messages_) {
    codec::ByteWriter(key_).varint(bytes.size());
    key_ += bytes;
  }
  if (part.kind == Part::Kind::Quantile || part.kind == Part::Kind::Bucket) {
    key_.append(reinterpret_cast<const char*>(&part.bound), sizeof part.bound);
  }
  return part.kind == Part::Kind::Native ? Entry::Histogram : Entry::Sample;
}

Result<void> ProtobufParser::labels(LabelsBuilder& labels, std::vector<std::string>* empty) const {
  labels.reset();
  std::string name = family_;
  switch (current_.kind) {
    case Part::Kind::Bucket: name += "_bucket"; break;
    case Part::Kind::Sum: name += "_sum"; break;
    case Part::Kind::Count: name += "_count"; break;
    default: break;
  }
  labels.set(kMetricName, name);
  if (label_messages_.size() > Labels::kMaxLabels) return error("too many labels");
  for (const std::string_view message : label_messages_) {
    const auto label = read_label(message);
    if (!label) return error(label.error().message);
    if (label->name.empty() || label->name == kMetricName) return error("invalid label name");
    if (std::max(label->name.size(), label->value.size()) > Labels::kMaxStringBytes) {
      return error("label is longer than 16 MiB");
    }
    if (!labels.get(label->name).empty()) {
      return error(fmt::format("label name \"{}\" is not unique", label->name));
    }
    labels.set(label->name, label->value);
    if (label->value.empty() && empty != nullptr) empty->emplace_back(label->name);
  }
  if (current_.kind == Part::Kind::Bucket) labels.set("le", border(current_.bound));
  if (current_.kind == Part::Kind::Quantile) labels.set("quantile", border(current_.bound));
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
