#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collect/ingest/otlp_message.h"
#include "collect/ingest/otlp_names.h"
#include "io/codec/json.h"

// Any body is read or refused by both parsers. What the one for protobuf reads, written as JSON,
// the one for JSON reads as the same.

namespace prom5::ingest {

namespace {

Json real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json attributes(const OtlpAttributes& all) {
  Json out = Json::array();
  for (const auto& [key, value] : all) {
    out.push_back({{"key", key}, {"value", {{"stringValue", value}}}});
  }
  return out;
}

Json whole(const std::vector<uint64_t>& numbers) {
  Json out = Json::array();
  for (const uint64_t n : numbers) out.push_back(std::to_string(n));
  return out;
}

Json buckets(const OtlpBuckets& b) {
  return {{"offset", b.offset}, {"bucketCounts", whole(b.counts)}};
}

Json exemplar(const OtlpExemplar& e) {
  return {{"filteredAttributes", attributes(e.attributes)},
          {"timeUnixNano", std::to_string(e.time)},
          {"asDouble", real(e.value)},
          {"spanId", e.span_id},
          {"traceId", e.trace_id}};
}

Json point(const OtlpPoint& p) {
  Json out = {{"attributes", attributes(p.attributes)},
              {"startTimeUnixNano", std::to_string(p.start)},
              {"timeUnixNano", std::to_string(p.time)},
              {"flags", p.no_recorded_value ? 1 : 0},
              {"asDouble", real(p.value)},
              {"count", std::to_string(p.count)},
              {"bucketCounts", whole(p.bucket_counts)},
              {"scale", p.scale},
              {"zeroCount", std::to_string(p.zero_count)},
              {"positive", buckets(p.positive)},
              {"negative", buckets(p.negative)}};
  if (p.sum) out["sum"] = real(*p.sum);
  for (const double bound : p.explicit_bounds) out["explicitBounds"].push_back(real(bound));
  for (const auto& [quantile, value] : p.quantiles) {
    out["quantileValues"].push_back({{"quantile", real(quantile)}, {"value", real(value)}});
  }
  for (const OtlpExemplar& e : p.exemplars) out["exemplars"].push_back(exemplar(e));
  return out;
}

Json metric(const OtlpMetric& m) {
  constexpr const char* kKinds[] = {"none",   "gauge", "sum", "histogram", "exponentialHistogram",
                                    "summary"};
  Json out = {{"name", m.name}, {"description", m.description}, {"unit", m.unit}};
  Json data = {{"aggregationTemporality", static_cast<int>(m.temporality)},
               {"isMonotonic", m.monotonic},
               {"dataPoints", Json::array()}};
  for (const OtlpPoint& p : m.points) data["dataPoints"].push_back(point(p));
  out[kKinds[static_cast<size_t>(m.kind)]] = std::move(data);
  return out;
}

Json request(const OtlpRequest& resources) {
  Json out = {{"resourceMetrics", Json::array()}};
  for (const OtlpResource& resource : resources) {
    Json scopes = Json::array();
    for (const OtlpScope& scope : resource.scopes) {
      Json metrics = Json::array();
      for (const OtlpMetric& m : scope.metrics) metrics.push_back(metric(m));
      scopes.push_back({{"scope",
                         {{"name", scope.name},
                          {"version", scope.version},
                          {"attributes", attributes(scope.attributes)}}},
                        {"schemaUrl", scope.schema_url},
                        {"metrics", std::move(metrics)}});
    }
    out["resourceMetrics"].push_back(
        {{"resource", {{"attributes", attributes(resource.attributes)}}},
         {"scopeMetrics", std::move(scopes)}});
  }
  return out;
}

void name_all(const OtlpRequest& resources) {
  for (const OtlpResource& resource : resources) {
    for (const OtlpScope& scope : resource.scopes) {
      for (const OtlpMetric& m : scope.metrics) {
        (void)otlp_metric_name(m, OtlpTranslation::UnderscoreEscapingWithSuffixes);
      }
    }
  }
}

}  // namespace

}  // namespace prom5::ingest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto json = ingest::parse_otlp_json(body)) ingest::name_all(*json);
  const auto protobuf = ingest::parse_otlp_protobuf(body);
  if (!protobuf) return 0;
  ingest::name_all(*protobuf);
  const std::string text = codec::dump_json(ingest::request(*protobuf));
  // JSON has no texts that are not UTF-8.
  if (text.find("\xEF\xBF\xBD") != std::string::npos) return 0;
  const auto again = ingest::parse_otlp_json(text);
  CHECK(again.has_value());
  CHECK(codec::dump_json(ingest::request(*again)) == text);
  return 0;
}
