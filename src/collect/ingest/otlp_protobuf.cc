#include <map>

#include "collect/ingest/otlp_message.h"
#include "io/codec/base64.h"
#include "io/codec/json.h"
#include "io/codec/number.h"
#include "io/codec/protobuf.h"
#include "model/exposition/histogram_wire.h"

namespace prom5::ingest {

namespace {

using codec::each_field;
using codec::ProtoField;

constexpr int kMaxDepth = 32;

/// A value as JSON, for those that are lists or maps, and as text for all others.
Result<Json> read_value(std::string_view message, int depth);

Result<Json> read_list(std::string_view message, int depth) {
  Json out = Json::array();
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.push_back(TRY(read_value(f.bytes, depth + 1)));
    return {};
  }));
  return out;
}

Result<Json> read_map(std::string_view message, int depth) {
  std::map<std::string, Json> out;  // shown in the order of the keys
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number != 1) return {};
    std::string key;
    Json value;
    TRY(each_field(f.bytes, [&](const ProtoField& g) -> Result<void> {
      if (g.number == 1) key = g.bytes;
      if (g.number == 2) value = TRY(read_value(g.bytes, depth + 1));
      return {};
    }));
    out[key] = std::move(value);
    return {};
  }));
  return Json(out);
}

Result<Json> read_value(std::string_view message, int depth) {
  if (depth > kMaxDepth) return fail(ErrorCode::BadData, "an attribute nests too deep");
  Json out;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: out = std::string(f.bytes); break;
      case 2: out = f.bits != 0; break;
      case 3: out = f.as_int64(); break;
      case 4: out = f.as_double(); break;
      case 5: out = TRY(read_list(f.bytes, depth)); break;
      case 6: out = TRY(read_map(f.bytes, depth)); break;
      case 7: out = codec::base64_encode(f.bytes); break;
      default: break;
    }
    return {};
  }));
  return out;
}

std::string text_of(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return otlp_number(value.get<double>());
  return codec::dump_json(value);
}

Result<void> read_attribute(std::string_view message, OtlpAttributes& out) {
  std::string key;
  Json value;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) key = f.bytes;
    if (f.number == 2) value = TRY(read_value(f.bytes, 0));
    return {};
  }));
  out.emplace_back(std::move(key), text_of(value));
  return {};
}

std::string hex(std::string_view bytes) {
  std::string out;
  bool any = false;
  for (const char c : bytes) {
    out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    any = any || c != 0;
  }
  return any ? out : "";
}

Result<OtlpExemplar> read_exemplar(std::string_view message) {
  OtlpExemplar out;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 2: out.time = f.bits; break;
      case 3: out.value = f.as_double(); break;
      case 4: out.span_id = hex(f.bytes); break;
      case 5: out.trace_id = hex(f.bytes); break;
      case 6: out.value = static_cast<double>(f.as_int64()); break;
      case 7: return read_attribute(f.bytes, out.attributes);
      default: break;
    }
    return {};
  }));
  return out;
}

/// Fixed 64-bit numbers, packed or a field each.
Result<void> read_fixed(const ProtoField& f, std::vector<uint64_t>& out) {
  if (f.wire_type == 1) {
    out.push_back(f.bits);
    return {};
  }
  codec::ByteReader in(f.bytes);
  while (!in.empty()) {
    const auto v = in.u64();
    if (!v) return fail(ErrorCode::BadData, "malformed packed field");
    out.push_back(*v);
  }
  return {};
}

Result<OtlpBuckets> read_buckets(std::string_view message) {
  OtlpBuckets out;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.offset = static_cast<int32_t>(f.as_sint());
    if (f.number == 2) return exposition::read_varints(f, out.counts);
    return {};
  }));
  return out;
}

/// The field numbers of the kinds differ but for the first ones.
Result<OtlpPoint> read_point(std::string_view message, OtlpKind kind) {
  OtlpPoint p;
  const bool number = kind == OtlpKind::Gauge || kind == OtlpKind::Sum;
  const bool histogram = kind == OtlpKind::Histogram;
  const bool exponential = kind == OtlpKind::ExponentialHistogram;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 2) p.start = f.bits;
    if (f.number == 3) p.time = f.bits;
    if (!number && f.number == 4) p.count = f.bits;
    if (!number && f.number == 5) p.sum = f.as_double();
    if (number) {
      switch (f.number) {
        case 4: p.value = f.as_double(); break;
        case 5: p.exemplars.push_back(TRY(read_exemplar(f.bytes))); break;
        case 6: p.value = static_cast<double>(f.as_int64()); break;
        case 7: return read_attribute(f.bytes, p.attributes);
        case 8: p.no_recorded_value = (f.bits & 1) != 0; break;
        default: break;
      }
    } else if (histogram) {
      switch (f.number) {
        case 6: return read_fixed(f, p.bucket_counts);
        case 7: return exposition::read_doubles(f, p.explicit_bounds);
        case 8: p.exemplars.push_back(TRY(read_exemplar(f.bytes))); break;
        case 9: return read_attribute(f.bytes, p.attributes);
        case 10: p.no_recorded_value = (f.bits & 1) != 0; break;
        default: break;
      }
    } else if (exponential) {
      switch (f.number) {
        case 1: return read_attribute(f.bytes, p.attributes);
        case 6: p.scale = static_cast<int32_t>(f.as_sint()); break;
        case 7: p.zero_count = f.bits; break;
        case 8: p.positive = TRY(read_buckets(f.bytes)); break;
        case 9: p.negative = TRY(read_buckets(f.bytes)); break;
        case 10: p.no_recorded_value = (f.bits & 1) != 0; break;
        case 11: p.exemplars.push_back(TRY(read_exemplar(f.bytes))); break;
        default: break;
      }
    } else {
      switch (f.number) {
        case 6: {
          auto& quantile = p.quantiles.emplace_back();
          return each_field(f.bytes, [&](const ProtoField& q) -> Result<void> {
            if (q.number == 1) quantile.first = q.as_double();
            if (q.number == 2) quantile.second = q.as_double();
            return {};
          });
        }
        case 7: return read_attribute(f.bytes, p.attributes);
        case 8: p.no_recorded_value = (f.bits & 1) != 0; break;
        default: break;
      }
    }
    return {};
  }));
  return p;
}

Result<void> read_data(std::string_view message, OtlpKind kind, OtlpMetric& out) {
  out.kind = kind;
  return each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.points.push_back(TRY(read_point(f.bytes, kind)));
    if (f.number == 2 && f.bits <= 2) out.temporality = static_cast<OtlpTemporality>(f.bits);
    if (f.number == 3) out.monotonic = f.bits != 0;
    return {};
  });
}

Result<OtlpMetric> read_metric(std::string_view message) {
  OtlpMetric out;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: out.name = f.bytes; break;
      case 2: out.description = f.bytes; break;
      case 3: out.unit = f.bytes; break;
      case 5: return read_data(f.bytes, OtlpKind::Gauge, out);
      case 7: return read_data(f.bytes, OtlpKind::Sum, out);
      case 9: return read_data(f.bytes, OtlpKind::Histogram, out);
      case 10: return read_data(f.bytes, OtlpKind::ExponentialHistogram, out);
      case 11: return read_data(f.bytes, OtlpKind::Summary, out);
      default: break;
    }
    return {};
  }));
  return out;
}

Result<OtlpScope> read_scope(std::string_view message) {
  OtlpScope out;
  TRY(each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 2) out.metrics.push_back(TRY(read_metric(f.bytes)));
    if (f.number == 3) out.schema_url = f.bytes;
    if (f.number != 1) return {};
    return each_field(f.bytes, [&](const ProtoField& g) -> Result<void> {
      if (g.number == 1) out.name = g.bytes;
      if (g.number == 2) out.version = g.bytes;
      if (g.number == 3) return read_attribute(g.bytes, out.attributes);
      return {};
    });
  }));
  return out;
}

}  // namespace

std::string otlp_number(double value) {
  std::string text;
  codec::append_sample_value(text, value);
  // "1e-07" is "1e-7" in JSON.
  if (const size_t e = text.find("e-0"); e != std::string::npos) text.erase(e + 2, 1);
  return text;
}

Result<OtlpRequest> parse_otlp_protobuf(std::string_view message) {
  OtlpRequest out;
  const auto read = each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number != 1) return {};
    OtlpResource& resource = out.emplace_back();
    return each_field(f.bytes, [&](const ProtoField& g) -> Result<void> {
      if (g.number == 2) resource.scopes.push_back(TRY(read_scope(g.bytes)));
      if (g.number != 1) return {};
      return each_field(g.bytes, [&](const ProtoField& h) -> Result<void> {
        return h.number == 1 ? read_attribute(h.bytes, resource.attributes) : Result<void>();
      });
    });
  });
  if (!read) {
    const std::string& why = read.error().message;
    return fail(ErrorCode::BadData, "{}{}", why.starts_with("protobuf: ") ? "" : "protobuf: ", why);
  }
  return out;
}

}  // namespace prom5::ingest
