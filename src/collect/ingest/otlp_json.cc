#include <charconv>
#include <map>

#include "collect/ingest/otlp_message.h"
#include "io/codec/json.h"
#include "io/codec/number.h"

namespace prom5::ingest {

namespace {

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorCode::BadData, "JSON: {}", what);
}

const Json& member(const Json& json, const char* name) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(name);
  return found == json.end() ? kNull : *found;
}

std::string text(const Json& json, const char* name) {
  const Json& value = member(json, name);
  return value.is_string() ? value.get<std::string>() : "";
}

Result<std::string> text_member(const Json& json, const char* name) {
  const Json& value = member(json, name);
  if (value.is_null() || value.is_string()) return text(json, name);
  return wrong(fmt::format("{} is no text", name));
}

/// Numbers of 64 bits come as texts, or bare.
template <typename Number>
Result<Number> whole(const Json& value, const char* name) {
  if (value.is_null()) return Number{};
  if (value.is_number_integer()) return value.get<Number>();
  if (value.is_number_float()) return static_cast<Number>(value.get<double>());
  if (value.is_string()) {
    const std::string& digits = value.get_ref<const std::string&>();
    Number out{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error == std::errc() && end == digits.data() + digits.size()) return out;
  }
  return wrong(fmt::format("{} is no whole number", name));
}

template <typename Number>
Result<Number> whole_member(const Json& json, const char* name) {
  return whole<Number>(member(json, name), name);
}

Result<double> real(const Json& value, const char* name) {
  if (value.is_null()) return 0.0;
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    if (value == "Infinity") return std::numeric_limits<double>::infinity();
    if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (const auto number = codec::parse_double(value.get<std::string>())) return *number;
  }
  return wrong(fmt::format("{} is no number", name));
}

/// A value without its type around it.
Json plain(const Json& value) {
  for (const char* name : {"stringValue", "boolValue", "doubleValue", "bytesValue"}) {
    if (const Json& found = member(value, name); !found.is_null()) return found;
  }
  if (const Json& found = member(value, "intValue"); !found.is_null()) {
    const auto number = whole<int64_t>(found, "intValue");
    return number ? Json(*number) : Json();
  }
  if (const Json& list = member(value, "arrayValue"); !list.is_null()) {
    Json out = Json::array();
    for (const Json& item : member(list, "values")) out.push_back(plain(item));
    return out;
  }
  if (const Json& map = member(value, "kvlistValue"); !map.is_null()) {
    std::map<std::string, Json> out;  // shown in the order of the keys
    for (const Json& item : member(map, "values")) {
      out[text(item, "key")] = plain(member(item, "value"));
    }
    return Json(out);
  }
  return {};
}

OtlpAttributes read_attributes(const Json& json, const char* name) {
  OtlpAttributes out;
  for (const Json& attribute : member(json, name)) {
    const Json value = plain(member(attribute, "value"));
    std::string shown;
    if (value.is_string()) {
      shown = value.get<std::string>();
    } else if (value.is_number_float() ||
               (value.is_number() && member(attribute, "value").contains("doubleValue"))) {
      shown = otlp_number(value.get<double>());
    } else if (!value.is_null()) {
      shown = codec::dump_json(value);
    }
    out.emplace_back(text(attribute, "key"), std::move(shown));
  }
  return out;
}

/// In hex, of both cases; of zeros alone it is none.
Result<std::string> identifier(const Json& json, const char* name) {
  std::string out = TRY(text_member(json, name));
  if (out.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
    return wrong(fmt::format("{} is no hex", name));
  }
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c);
  if (out.find_first_not_of('0') == std::string::npos) out.clear();
  return out;
}

Result<double> value_of(const Json& json) {
  if (const Json& v = member(json, "asInt"); !v.is_null()) {
    return static_cast<double>(TRY(whole<int64_t>(v, "asInt")));
  }
  return real(member(json, "asDouble"), "asDouble");
}

Result<std::vector<uint64_t>> counts(const Json& json, const char* name) {
  std::vector<uint64_t> out;
  for (const Json& item : member(json, name)) out.push_back(TRY(whole<uint64_t>(item, name)));
  return out;
}

Result<OtlpBuckets> read_buckets(const Json& json) {
  OtlpBuckets out;
  out.offset = TRY(whole_member<int32_t>(json, "offset"));
  out.counts = TRY(counts(json, "bucketCounts"));
  return out;
}

Result<OtlpExemplar> read_exemplar(const Json& json) {
  OtlpExemplar out;
  out.attributes = read_attributes(json, "filteredAttributes");
  out.time = TRY(whole_member<uint64_t>(json, "timeUnixNano"));
  out.value = TRY(value_of(json));
  out.span_id = TRY(identifier(json, "spanId"));
  out.trace_id = TRY(identifier(json, "traceId"));
  return out;
}

Result<OtlpPoint> read_point(const Json& json) {
  if (!json.is_object()) return wrong("a data point is no object");
  OtlpPoint p;
  p.attributes = read_attributes(json, "attributes");
  p.start = TRY(whole_member<uint64_t>(json, "startTimeUnixNano"));
  p.time = TRY(whole_member<uint64_t>(json, "timeUnixNano"));
  p.no_recorded_value = (TRY(whole_member<uint32_t>(json, "flags")) & 1) != 0;
  p.value = TRY(value_of(json));
  p.count = TRY(whole_member<uint64_t>(json, "count"));
  if (const Json& sum = member(json, "sum"); !sum.is_null()) p.sum = TRY(real(sum, "sum"));
  p.bucket_counts = TRY(counts(json, "bucketCounts"));
  for (const Json& bound : member(json, "explicitBounds")) {
    p.explicit_bounds.push_back(TRY(real(bound, "explicitBounds")));
  }
  p.scale = TRY(whole_member<int32_t>(json, "scale"));
  p.zero_count = TRY(whole_member<uint64_t>(json, "zeroCount"));
  p.positive = TRY(read_buckets(member(json, "positive")));
  p.negative = TRY(read_buckets(member(json, "negative")));
  for (const Json& q : member(json, "quantileValues")) {
    p.quantiles.emplace_back(TRY(real(member(q, "quantile"), "quantile")),
                             TRY(real(member(q, "value"), "value")));
  }
  for (const Json& e : member(json, "exemplars")) p.exemplars.push_back(TRY(read_exemplar(e)));
  return p;
}

OtlpTemporality temporality_of(const Json& json) {
  const Json& value = member(json, "aggregationTemporality");
  if (value == "AGGREGATION_TEMPORALITY_DELTA") return OtlpTemporality::Delta;
  if (value == "AGGREGATION_TEMPORALITY_CUMULATIVE") return OtlpTemporality::Cumulative;
  const auto number = whole<uint32_t>(value, "aggregationTemporality");
  return number && *number <= 2 ? static_cast<OtlpTemporality>(*number)
                                : OtlpTemporality::Unspecified;
}

Result<OtlpMetric> read_metric(const Json& json) {
  struct Kind {
    const char* name;
    OtlpKind kind;
  };
  constexpr Kind kKinds[] = {{"gauge", OtlpKind::Gauge},
                             {"sum", OtlpKind::Sum},
                             {"histogram", OtlpKind::Histogram},
                             {"exponentialHistogram", OtlpKind::ExponentialHistogram},
                             {"summary", OtlpKind::Summary}};
  OtlpMetric out;
  out.name = TRY(text_member(json, "name"));
  out.description = TRY(text_member(json, "description"));
  out.unit = TRY(text_member(json, "unit"));
  for (const Kind& kind : kKinds) {
    const Json& data = member(json, kind.name);
    if (!data.is_object()) continue;
    out.kind = kind.kind;
    out.temporality = temporality_of(data);
    out.monotonic = member(data, "isMonotonic") == true;
    for (const Json& point : member(data, "dataPoints")) {
      out.points.push_back(TRY(read_point(point)));
    }
  }
  return out;
}

}  // namespace

Result<OtlpRequest> parse_otlp_json(std::string_view body) {
  const auto json = codec::parse_json(body);
  if (!json) return wrong(json.error().message);
  if (!json->is_object()) return wrong("the request is no object");
  const Json& resources = member(*json, "resourceMetrics");
  if (!resources.is_null() && !resources.is_array()) return wrong("resourceMetrics is no list");
  OtlpRequest out;
  for (const Json& r : resources) {
    if (!r.is_object()) return wrong("an entry of resourceMetrics is no object");
    OtlpResource& resource = out.emplace_back();
    resource.attributes = read_attributes(member(r, "resource"), "attributes");
    for (const Json& s : member(r, "scopeMetrics")) {
      OtlpScope& scope = resource.scopes.emplace_back();
      const Json& own = member(s, "scope");
      scope.name = text(own, "name");
      scope.version = text(own, "version");
      scope.attributes = read_attributes(own, "attributes");
      scope.schema_url = text(s, "schemaUrl");
      for (const Json& m : member(s, "metrics")) scope.metrics.push_back(TRY(read_metric(m)));
    }
  }
  return out;
}

}  // namespace prom5::ingest
