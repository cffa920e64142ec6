#include "collect/ingest/otlp_receiver.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/ascii.h"
#include "collect/ingest/otlp_names.h"
#include "io/codec/compress.h"
#include "io/codec/json_writer.h"
#include "io/codec/number.h"
#include "io/codec/protobuf.h"
#include "io/codec/utf8.h"

namespace prom5::ingest {

namespace {

constexpr int32_t kFinestSchema = 8;
constexpr int32_t kCoarsestSchema = -4;
constexpr double kZeroThreshold = 1e-128;
/// Of one series.
constexpr size_t kMaxLabelBytes = size_t{64} << 10;
constexpr DurationMs kMaxAhead = DurationMs::minutes(10);
/// Of the labels of an exemplar, in characters (OpenMetrics).
constexpr size_t kMaxExemplarCharacters = 128;

TimeMs time_of(uint64_t nanos) { return {static_cast<int64_t>(nanos / 1'000'000)}; }

const std::string* find(const OtlpAttributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

/// Whether bucket indices can be added to each other and shifted: real ones are far from the ends.
Result<void> check_buckets(const OtlpPoint& point) {
  constexpr int32_t kMostOffset = 1 << 30;
  constexpr size_t kMostBuckets = size_t{1} << 20;
  constexpr int32_t kMostScale = 64;
  for (const OtlpBuckets* b : {&point.positive, &point.negative}) {
    if (b->offset > kMostOffset || b->offset < -kMostOffset || b->counts.size() > kMostBuckets) {
      return fail(ErrorCode::BadData, "buckets out of range: {} from offset {}", b->counts.size(),
                  b->offset);
    }
  }
  if (point.scale > kMostScale || point.scale < -kMostScale) {
    return fail(ErrorCode::BadData, "scale {} out of range", point.scale);
  }
  return {};
}

MetricType type_of(const OtlpMetric& metric) {
  switch (metric.kind) {
    case OtlpKind::Gauge: return MetricType::Gauge;
    case OtlpKind::Sum: return metric.monotonic ? MetricType::Counter : MetricType::Gauge;
    case OtlpKind::Histogram:
    case OtlpKind::ExponentialHistogram: return MetricType::Histogram;
    case OtlpKind::Summary: return MetricType::Summary;
    case OtlpKind::None: break;
  }
  return MetricType::Unknown;
}

bool has_temporality(OtlpKind kind) {
  return kind == OtlpKind::Sum || kind == OtlpKind::Histogram ||
         kind == OtlpKind::ExponentialHistogram;
}

/// Buckets as a native histogram has them: the one that begins at offset i there is i + 1 here.
void put_buckets(const OtlpBuckets& buckets, int32_t down, std::vector<HistogramSpan>& spans,
                 std::vector<double>& counts) {
  if (buckets.counts.empty()) return;
  const int32_t first = buckets.offset >> down;
  for (size_t i = 0; i < buckets.counts.size(); ++i) {
    const auto at =
        static_cast<size_t>(((buckets.offset + static_cast<int32_t>(i)) >> down) - first);
    if (counts.size() <= at) counts.resize(at + 1);
    counts[at] += static_cast<double>(buckets.counts[i]);
  }
  spans = {{first + 1, static_cast<uint32_t>(counts.size())}};
}

Result<Histogram> exponential(const OtlpPoint& point) {
  if (point.scale < kCoarsestSchema) {
    return fail(ErrorCode::BadData, "scale must be at least {}, it is {}", kCoarsestSchema,
                point.scale);
  }
  Histogram out;
  const int32_t down = std::clamp(point.scale - kFinestSchema, 0, 31);
  out.schema = std::min(point.scale, kFinestSchema);
  out.zero_threshold = kZeroThreshold;
  out.zero_count = static_cast<double>(point.zero_count);
  out.count = static_cast<double>(point.count);
  out.sum = point.no_recorded_value ? kStale : point.sum.value_or(0);
  put_buckets(point.positive, down, out.positive_spans, out.positive_counts);
  put_buckets(point.negative, down, out.negative_spans, out.negative_counts);
  TRY(out.validate());
  return out;
}

Result<Histogram> custom(const OtlpPoint& point) {
  Histogram out;
  out.schema = Histogram::kCustomSchema;
  out.count = static_cast<double>(point.count);
  out.sum = point.no_recorded_value ? kStale : point.sum.value_or(0);
  out.custom_bounds = point.explicit_bounds;
  for (const uint64_t n : point.bucket_counts)
    out.positive_counts.push_back(static_cast<double>(n));
  if (!out.positive_counts.empty()) {
    out.positive_spans = {{0, static_cast<uint32_t>(out.positive_counts.size())}};
  }
  TRY(out.validate());
  return out;
}

Exemplar exemplar_of(const OtlpExemplar& from) {
  LabelsBuilder labels;
  size_t characters = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    labels.set(name, value);
    characters += name.size() + value.size();
  };
  add("trace_id", from.trace_id);
  add("span_id", from.span_id);
  for (const auto& [name, value] : from.attributes) {
    characters += codec::utf8_length(name) + codec::utf8_length(value);
  }
  if (characters <= kMaxExemplarCharacters) {
    for (const auto& [name, value] : from.attributes) labels.set(name, value);
  }
  return {labels.build(), from.value, time_of(from.time)};
}

/// The message that answers a request: nothing, or what was refused of it.
io::HttpResponse success(bool json, size_t refused, const std::string& why) {
  io::HttpResponse response;
  response.headers.add("Content-Type", json ? "application/json" : "application/x-protobuf");
  if (json) {
    codec::JsonWriter writer(response.body);
    writer.begin_object();
    if (refused > 0) {
      writer.key("partialSuccess").begin_object();
      writer.field("rejectedDataPoints", std::to_string(refused)).field("errorMessage", why);
      writer.end_object();
    }
    writer.end_object();
  } else if (refused > 0) {
    std::string partial;
    codec::ProtoWriter inner(partial);
    inner.number(1, refused);
    inner.bytes(2, why);
    codec::ProtoWriter(response.body).bytes(1, partial);
  }
  return response;
}

}  // namespace

/// Turns the data points of one request into samples of one batch.
class OtlpReceiver::Converter {
 public:
  Converter(OtlpReceiver& receiver, const OtlpOptions& options, Appender& appender, Outcome& out)
      : receiver_(receiver),
        options_(options),
        appender_(appender),
        outcome_(out),
        latest_(receiver.clock_.now() + kMaxAhead) {}

  void take(OtlpResource& resource) {
    if (auto begun = begin_resource(resource); !begun) {
      size_t points = 0;
      for (const OtlpScope& scope : resource.scopes) {
        for (const OtlpMetric& metric : scope.metrics) points += metric.points.size();
      }
      outcome_.refuse(std::max<size_t>(1, points), begun.error().message);
      return;
    }
    earliest_ = std::numeric_limits<uint64_t>::max();
    latest_point_ = 0;
    for (OtlpScope& scope : resource.scopes) {
      begin_scope(scope);
      for (OtlpMetric& metric : scope.metrics) take(metric);
    }
    scope_labels_.clear();
    if (latest_point_ > 0) add_target_info(resource);
  }

 private:
  Result<void> begin_resource(const OtlpResource& resource) {
    job_.clear();
    instance_.clear();
    promoted_.clear();
    if (const std::string* name = find(resource.attributes, "service.name")) {
      const std::string* space = find(resource.attributes, "service.namespace");
      job_ = (space == nullptr ? "" : *space + "/") + *name;
    }
    if (const std::string* id = find(resource.attributes, "service.instance.id")) instance_ = *id;
    const bool all = options_.promote_all_resource_attributes;
    const auto& list =
        all ? options_.ignore_resource_attributes : options_.promote_resource_attributes;
    for (const auto& [name, value] : resource.attributes) {
      const bool listed = std::find(list.begin(), list.end(), name) != list.end();
      if (listed == all) continue;
      promoted_.emplace_back(TRY(otlp_label_name(name, options_)), value);
    }
    return {};
  }

  void begin_scope(const OtlpScope& scope) {
    scope_labels_.clear();
    if (!options_.promote_scope_metadata || scope.name.empty()) return;
    for (const auto& [name, value] : scope.attributes) {
      const auto label = otlp_label_name("otel_scope_" + name, options_);
      if (label) scope_labels_.emplace_back(*label, value);
    }
    scope_labels_.emplace_back("otel_scope_name", scope.name);
    scope_labels_.emplace_back("otel_scope_version", scope.version);
    scope_labels_.emplace_back("otel_scope_schema_url", scope.schema_url);
  }

  /// Attributes whose names become one label are joined, in the order of their names.
  Result<LabelsBuilder> labels_of(OtlpAttributes attributes, bool promote) const {
    std::sort(attributes.begin(), attributes.end());
    LabelsBuilder labels;
    for (const auto& [name, value] : attributes) {
      if (name == kMetricName) continue;
      if (!codec::utf8_valid(name) || !codec::utf8_valid(value)) {
        return fail(ErrorCode::BadData, "an attribute is not valid UTF-8");
      }
      const std::string label = TRY(otlp_label_name(name, options_));
      const std::string before(labels.get(label));
      const bool joined = !before.empty() && !keeps_utf8(options_.translation);
      labels.set(label, joined ? before + ";" + value : value);
    }
    if (promote) {
      for (const auto& [name, value] : promoted_) {
        if (labels.get(name).empty()) labels.set(name, value);
      }
    }
    if (!job_.empty()) labels.set("job", job_);
    if (!instance_.empty()) labels.set("instance", instance_);
    for (const auto& [name, value] : scope_labels_) labels.set(name, value);
    size_t bytes = 0;
    for (const auto& [name, value] : labels.labels()) bytes += name.size() + value.size();
    label_bytes_ += bytes;
    if (bytes > kMaxLabelBytes || label_bytes_ > 4 * receiver_.max_body_bytes_) {
      return fail(ErrorCode::BadData,
                  "the attributes of a series, or of the request, are too long");
    }
    if (labels.labels().size() > Labels::kMaxLabels) {
      return fail(ErrorCode::BadData, "more than {} attributes", Labels::kMaxLabels);
    }
    return labels;
  }

  void take(OtlpMetric& metric) {
    // A point must have its time (metrics.proto): one of 1970 would be thrown away as too old.
    if (const size_t n = std::erase_if(metric.points, [](const auto& p) { return p.time == 0; })) {
      outcome_.refuse(n, fmt::format("metric \"{}\": a data point without a time", metric.name));
      if (metric.points.empty()) return;
    }
    for (const OtlpPoint& p : metric.points) {
      earliest_ = std::min(earliest_, p.time);
      latest_point_ = std::max(latest_point_, p.time);
    }
    const auto refuse_all = [&](std::string_view why) {
      outcome_.refuse(std::max<size_t>(1, metric.points.size()),
                      fmt::format("metric \"{}\": {}", metric.name, why));
    };
    const bool delta = metric.temporality == OtlpTemporality::Delta;
    if (has_temporality(metric.kind) && metric.temporality == OtlpTemporality::Unspecified) {
      return refuse_all("its aggregation temporality is neither cumulative nor delta");
    }
    if (has_temporality(metric.kind) && delta && !options_.delta_to_cumulative) {
      return refuse_all(
          "delta temporality is taken only with --enable-feature=otlp-deltatocumulative");
    }
    if (metric.kind == OtlpKind::None) return refuse_all("it has no data of a kind that is known");
    const auto name = otlp_metric_name(metric, options_.translation);
    if (!name) return refuse_all(name.error().message);
    if (metric.points.empty()) return;
    appender_.set_metadata(
        *name, {type_of(metric), std::string(codec::utf8_front(metric.description, 4096)),
                otlp_unit(metric.unit)});
    for (OtlpPoint& point : metric.points) {
      if (auto taken = take_point(metric, *name, point, delta); !taken) {
        outcome_.refuse(1, fmt::format("metric \"{}\": {}", metric.name, taken.error().message));
      }
    }
  }

  Result<void> take_point(const OtlpMetric& metric, const std::string& name, OtlpPoint& point,
                          bool delta) {
    TRY(check_buckets(point));
    LabelsBuilder base = TRY(labels_of(std::move(point.attributes), true));
    if (options_.type_and_unit_labels) {
      set_type_and_unit(type_of(metric), otlp_unit(metric.unit), base);
    }
    if (delta && has_temporality(metric.kind)) {
      LabelsBuilder key = base;
      const Labels labels = key.set(kMetricName, name).build();
      const bool fresh = TRY(receiver_.deltas_.add(std::string(labels.bytes()), metric.kind, point,
                                                   receiver_.clock_.now()));
      if (!fresh) return {};
    }
    base_ = std::move(base);
    point_ = &point;
    counts_ = metric.kind != OtlpKind::Gauge && (metric.kind != OtlpKind::Sum || metric.monotonic);
    switch (metric.kind) {
      case OtlpKind::Gauge: return sample(name, point.value);
      case OtlpKind::Sum: return with_exemplars(name, [&] { return sample(name, point.value); });
      case OtlpKind::Histogram:
        if (!options_.convert_histograms_to_nhcb) return classic(name);
        return with_exemplars(
            name, [&]() -> Result<void> { return histogram(name, TRY(custom(point))); });
      case OtlpKind::ExponentialHistogram:
        return with_exemplars(
            name, [&]() -> Result<void> { return histogram(name, TRY(exponential(point))); });
      case OtlpKind::Summary: return summary(name);
      case OtlpKind::None: break;
    }
    return {};
  }

  Labels named(std::string_view name, std::string_view extra = "", std::string_view value = "") {
    LabelsBuilder labels = base_;
    if (!extra.empty()) labels.set(extra, value);
    return labels.set(kMetricName, name).build();
  }

  Result<void> settle(const Labels& labels, const Result<SeriesRef>& appended) {
    if (appended) {
      ++outcome_.stored;
      return {};
    }
    return fail(appended.error().code, "{}: {}", labels.to_string(), appended.error().message);
  }

  Result<void> check_time() const {
    const TimeMs time = time_of(point_->time);
    if (time <= latest_) return {};
    return fail(ErrorCode::BadData, "out of bounds: its time {} is in the future",
                format_rfc3339(time));
  }

  /// Gauges do not count.
  [[nodiscard]] TimeMs start() const {
    return counts_ && point_->start <= point_->time ? time_of(point_->start) : kNoStart;
  }

  Result<void> sample(std::string_view name, double value, std::string_view extra = "",
                      std::string_view text = "") {
    TRY(check_time());
    const Labels labels = named(name, extra, text);
    const double stored = point_->no_recorded_value ? kStale : value;
    return settle(labels, appender_.append(0, labels, {time_of(point_->time), stored}, start()));
  }

  Result<void> histogram(std::string_view name, const Histogram& h) {
    TRY(check_time());
    const Labels labels = named(name);
    return settle(labels, appender_.append_histogram(0, labels, time_of(point_->time), h, start()));
  }

  template <typename Store>
  Result<void> with_exemplars(std::string_view name, Store store) {
    TRY(store());
    const Labels labels = named(name);
    for (const OtlpExemplar& e : point_->exemplars) add_exemplar(labels, e);
    return {};
  }

  /// The request does not fail for them.
  void add_exemplar(const Labels& labels, const OtlpExemplar& exemplar) {
    (void)appender_.append_exemplar(labels, exemplar_of(exemplar));
  }

  Result<void> classic(const std::string& name) {
    const OtlpPoint& p = *point_;
    if (p.sum) TRY(sample(name + "_sum", *p.sum));
    TRY(sample(name + "_count", static_cast<double>(p.count)));
    std::vector<OtlpExemplar> exemplars = p.exemplars;
    std::stable_sort(exemplars.begin(), exemplars.end(),
                     [](const auto& a, const auto& b) { return a.value < b.value; });
    auto next = exemplars.begin();
    uint64_t cumulative = 0;
    const size_t bounds = std::min(p.explicit_bounds.size(), p.bucket_counts.size());
    const auto bucket = [&](double bound, uint64_t count) -> Result<void> {
      const std::string le = codec::format_fixed(bound);
      TRY(sample(name + "_bucket", static_cast<double>(count), "le", le));
      const Labels labels = named(name + "_bucket", "le", le);
      for (; next != exemplars.end() && next->value <= bound; ++next) add_exemplar(labels, *next);
      return {};
    };
    for (size_t i = 0; i < bounds; ++i) {
      cumulative += p.bucket_counts[i];
      TRY(bucket(p.explicit_bounds[i], cumulative));
    }
    return bucket(std::numeric_limits<double>::infinity(), p.count);
  }

  Result<void> summary(const std::string& name) {
    const OtlpPoint& p = *point_;
    TRY(sample(name + "_sum", p.sum.value_or(0)));
    TRY(sample(name + "_count", static_cast<double>(p.count)));
    for (const auto& [quantile, value] : p.quantiles) {
      TRY(sample(name, value, "quantile", codec::format_fixed(quantile)));
    }
    return {};
  }

  /// What is known of the resource, as a series that queries can join: often enough that each of
  /// them finds a sample of it.
  void add_target_info(OtlpResource& resource) {
    constexpr std::array kIdentifying = std::to_array<std::string_view>(
        {"service.namespace", "service.name", "service.instance.id"});
    const auto identifies = [&](const auto& attribute) {
      return std::find(kIdentifying.begin(), kIdentifying.end(), attribute.first) !=
             kIdentifying.end();
    };
    const bool others =
        !std::all_of(resource.attributes.begin(), resource.attributes.end(), identifies);
    if (!others || (job_.empty() && instance_.empty())) return;
    OtlpAttributes attributes = resource.attributes;
    if (!options_.keep_identifying_resource_attributes) std::erase_if(attributes, identifies);
    auto builder = labels_of(std::move(attributes), false);
    if (!builder) return outcome_.refuse(1, "target_info: " + builder.error().message);
    const Labels labels = builder->set(kMetricName, "target_info").build();
    appender_.set_metadata("target_info", {MetricType::Gauge, "Target metadata", ""});
    const DurationMs step{std::max<int64_t>(1, receiver_.lookback_.ms / 2)};
    const TimeMs last = std::min(time_of(latest_point_), latest_);
    // A request that reaches over years is not to be filled with them.
    constexpr int64_t kMostSamples = 1000;
    const TimeMs first = std::max(time_of(earliest_), last - step * kMostSamples);
    for (TimeMs time = first; time < last; time = time + step) add_info(labels, time);
    add_info(labels, last);
  }

  void add_info(const Labels& labels, TimeMs time) {
    if (!told_.emplace(labels.hash(), time.ms).second) return;
    // Other requests tell of the same resource at the same times.
    if (appender_.append(0, labels, {time, 1})) ++outcome_.stored;
  }

  OtlpReceiver& receiver_;
  const OtlpOptions& options_;
  Appender& appender_;
  Outcome& outcome_;
  const TimeMs latest_;
  bool counts_ = false;  ///< the point's metric
  std::string job_;
  std::string instance_;
  std::vector<std::pair<std::string, std::string>> promoted_;
  std::vector<std::pair<std::string, std::string>> scope_labels_;
  uint64_t earliest_ = 0;
  uint64_t latest_point_ = 0;
  std::set<std::pair<uint64_t, int64_t>> told_;
  mutable size_t label_bytes_ = 0;  ///< of all series: texts of a resource stand in each
  LabelsBuilder base_;
  const OtlpPoint* point_ = nullptr;
};

OtlpReceiver::OtlpReceiver(Storage& storage, DurationMs lookback, size_t max_body_bytes,
                           const Clock& clock, MetricRegistry& metrics)
    : storage_(storage),
      lookback_(lookback),
      max_body_bytes_(max_body_bytes),
      clock_(clock),
      options_(std::make_shared<const OtlpOptions>()),
      requests_(metrics.counter("prom5_otlp_requests_total", "OTLP requests received.")),
      samples_(metrics.counter("prom5_otlp_samples_total", "Samples stored from OTLP requests.")),
      refused_(metrics.counter("prom5_otlp_refused_points_total",
                               "Data points of OTLP requests that could not be stored.")) {}

void OtlpReceiver::set_options(OtlpOptions options) {
  const MutexLock lock(mutex_);
  options_ = std::make_shared<const OtlpOptions>(std::move(options));
}

io::HttpResponse OtlpReceiver::handle(const io::HttpRequest& request) {
  requests_.add();
  const std::string_view type = request.headers.get("Content-Type");
  const std::string_view media = type.substr(0, type.find(';'));
  const bool json = media == "application/json";
  if (!json && media != "application/x-protobuf") {
    return io::HttpResponse::text(
        415, fmt::format("unsupported Content-Type \"{}\"; send application/x-protobuf or "
                         "application/json\n",
                         type.substr(0, 200)));
  }
  const std::string_view coding = request.headers.get("Content-Encoding");
  std::string body = request.body;
  if (equal_ignoring_case(coding, "gzip")) {
    auto plain = codec::gzip_decompress(body, max_body_bytes_);
    if (!plain) {
      const bool large = plain.error().code == ErrorCode::LimitExceeded;
      return io::HttpResponse::text(large ? 413 : 400, plain.error().message + "\n");
    }
    body = *std::move(plain);
  } else if (!coding.empty() && !equal_ignoring_case(coding, "identity")) {
    return io::HttpResponse::text(
        415, fmt::format("unsupported Content-Encoding \"{}\"; send gzip, or none\n",
                         coding.substr(0, 200)));
  }
  auto parsed = json ? parse_otlp_json(body) : parse_otlp_protobuf(body);
  if (!parsed) return io::HttpResponse::text(400, parsed.error().message + "\n");
  const auto outcome = store(*std::move(parsed));
  if (!outcome) {
    auto answer = io::HttpResponse::text(503, outcome.error().message + "\n");
    answer.headers.set("Retry-After", "5");
    return answer;
  }
  return success(json, outcome->refused, outcome->first_error);
}

Result<OtlpReceiver::Outcome> OtlpReceiver::store(OtlpRequest request) {
  std::shared_ptr<const OtlpOptions> options;
  {
    const MutexLock lock(mutex_);
    options = options_;
  }
  const std::unique_ptr<Appender> appender = storage_.appender();
  Outcome outcome;
  Converter converter(*this, *options, *appender, outcome);
  for (OtlpResource& resource : request) converter.take(resource);
  TRY(appender->commit());
  samples_.add(outcome.stored);
  refused_.add(outcome.refused);
  return outcome;
}

}  // namespace prom5::ingest
