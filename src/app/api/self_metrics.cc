#include "app/api/self_metrics.h"

#include <cmath>
#include <map>
#include <optional>

#include "app/api/answer.h"
#include "io/codec/number.h"
#include "model/regex.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;
using Family = MetricRegistry::Family;
using Point = MetricRegistry::Point;

/// What has no number in JSON is a text in protobuf's.
void write_real(JsonWriter& json, double value) {
  if (std::isnan(value)) {
    json.string("NaN");
  } else if (std::isinf(value)) {
    json.string(value > 0 ? "Infinity" : "-Infinity");
  } else {
    json.number(value);
  }
}

void write_labels(JsonWriter& json, const MetricLabels& labels) {
  if (labels.empty()) return;
  json.key("label").begin_array();
  for (const auto& [name, value] : labels) {
    json.begin_object().field("name", name).field("value", value).end_object();
  }
  json.end_array();
}

void write_simple(JsonWriter& json, const Family& family, std::string_view kind) {
  for (const Point& point : family.points) {
    json.begin_object();
    write_labels(json, point.labels);
    json.key(kind).begin_object().key("value");
    write_real(json, point.value);
    json.end_object().end_object();
  }
}

/// Protobuf's JSON has whole numbers of 64 bits as texts.
std::string whole(double value) { return codec::format_fixed(value); }

struct HistogramParts {
  double sum = 0;
  double count = 0;
  std::vector<std::pair<double, double>> buckets;  ///< bounds, and counts up to them
};

/// The points of a family, one or more buckets, a sum and a count for each set of labels.
std::map<MetricLabels, HistogramParts> histograms_of(const Family& family) {
  std::map<MetricLabels, HistogramParts> out;
  for (const Point& point : family.points) {
    MetricLabels labels = point.labels;
    std::optional<double> bound;
    std::erase_if(labels, [&](const auto& label) {
      if (point.suffix != "_bucket" || label.first != "le") return false;
      bound = codec::parse_double(label.second);
      return true;
    });
    HistogramParts& parts = out[std::move(labels)];
    if (point.suffix == "_sum") parts.sum = point.value;
    if (point.suffix == "_count") parts.count = point.value;
    // The one without a bound has the count.
    if (bound && !std::isinf(*bound)) parts.buckets.emplace_back(*bound, point.value);
  }
  return out;
}

void write_histograms(JsonWriter& json, const Family& family) {
  for (const auto& [labels, parts] : histograms_of(family)) {
    json.begin_object();
    write_labels(json, labels);
    json.key("histogram").begin_object().field("sampleCount", whole(parts.count));
    json.key("sampleSum");
    write_real(json, parts.sum);
    json.key("bucket").begin_array();
    for (const auto& [bound, count] : parts.buckets) {
      json.begin_object().field("cumulativeCount", whole(count)).key("upperBound");
      write_real(json, bound);
      json.end_object();
    }
    json.end_array().end_object().end_object();
  }
}

void write_family(JsonWriter& json, const Family& family) {
  json.begin_object().field("name", family.name).field("help", family.help);
  switch (family.type) {
    case MetricRegistry::Type::Counter:
      json.field("type", "COUNTER").key("metric").begin_array();
      write_simple(json, family, "counter");
      break;
    case MetricRegistry::Type::Gauge:
      json.field("type", "GAUGE").key("metric").begin_array();
      write_simple(json, family, "gauge");
      break;
    case MetricRegistry::Type::Histogram:
      json.field("type", "HISTOGRAM").key("metric").begin_array();
      write_histograms(json, family);
      break;
  }
  json.end_array().end_object();
}

Result<io::HttpResponse> self_metrics(const io::HttpRequest& request,
                                      const MetricRegistry& metrics) {
  std::optional<Regex> wanted;
  if (const std::string_view pattern = request.parameter("metric_name_pattern"); !pattern.empty()) {
    auto compiled = Regex::compile(pattern);
    if (!compiled) {
      return fail(ErrorCode::BadData, "invalid metric_name_pattern: {}", compiled.error().message);
    }
    wanted = *std::move(compiled);
  }
  return success_answer([&](JsonWriter& json) {
    json.begin_array();
    for (const Family& family : metrics.collect()) {
      if (!wanted || wanted->matches(family.name)) write_family(json, family);
    }
    json.end_array();
  });
}

}  // namespace

void add_self_metrics_route(io::Router& router, const MetricRegistry& metrics) {
  router.add("GET", "/api/v1/status/self_metrics", "The server's own metrics, as JSON.",
             answering([&metrics](const io::HttpRequest& request, const io::PathArguments&) {
               return self_metrics(request, metrics);
             }));
}

}  // namespace prom5::api
