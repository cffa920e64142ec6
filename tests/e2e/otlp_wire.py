"""Writes OTLP metrics as protobuf and as OTLP/JSON, both from the same Python structure.

A request is made of dictionaries with the names of the messages' fields; the functions `gauge`,
`counter`, `histogram` and so on build them:

    request(resource({"service.name": "shop"},
                     scope(gauge("oven.temperature", [number(180, time_ns)], unit="Cel"))))

A field that is missing or None is not sent; one that is there is sent, also when it is zero.
`protobuf` and `to_json` give the bytes of a body; `read_response` reads the answer.
"""
import base64
import json
import math
import struct

from protobuf import double, field_bytes, read_fields, varint, zigzag

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
UNSPECIFIED, DELTA, CUMULATIVE = 0, 1, 2
NO_RECORDED_VALUE = 1

# Field: (number, type). A type in capitals is a message; a star says "repeated".
SCHEMA = {
    "Request": {"resource_metrics": (1, "ResourceMetrics*")},
    "ResourceMetrics": {"resource": (1, "Resource"), "scope_metrics": (2, "ScopeMetrics*"),
                        "schema_url": (3, "string")},
    "Resource": {"attributes": (1, "KeyValue*")},
    "ScopeMetrics": {"scope": (1, "Scope"), "metrics": (2, "Metric*"),
                     "schema_url": (3, "string")},
    "Scope": {"name": (1, "string"), "version": (2, "string"), "attributes": (3, "KeyValue*")},
    "Metric": {"name": (1, "string"), "description": (2, "string"), "unit": (3, "string"),
               "gauge": (5, "Gauge"), "sum": (7, "Sum"), "histogram": (9, "Histogram"),
               "exponential_histogram": (10, "ExponentialHistogram"), "summary": (11, "Summary")},
    "Gauge": {"data_points": (1, "Number*")},
    "Sum": {"data_points": (1, "Number*"), "aggregation_temporality": (2, "enum"),
            "is_monotonic": (3, "bool")},
    "Histogram": {"data_points": (1, "HistogramPoint*"), "aggregation_temporality": (2, "enum")},
    "ExponentialHistogram": {"data_points": (1, "ExponentialPoint*"),
                             "aggregation_temporality": (2, "enum")},
    "Summary": {"data_points": (1, "SummaryPoint*")},
    "Number": {"start_time_unix_nano": (2, "fixed64"), "time_unix_nano": (3, "fixed64"),
               "as_double": (4, "double"), "exemplars": (5, "Exemplar*"), "as_int": (6, "sfixed64"),
               "attributes": (7, "KeyValue*"), "flags": (8, "uint32")},
    "HistogramPoint": {"start_time_unix_nano": (2, "fixed64"), "time_unix_nano": (3, "fixed64"),
                       "count": (4, "fixed64"), "sum": (5, "double"),
                       "bucket_counts": (6, "fixed64*"), "explicit_bounds": (7, "double*"),
                       "exemplars": (8, "Exemplar*"), "attributes": (9, "KeyValue*"),
                       "flags": (10, "uint32"), "min": (11, "double"), "max": (12, "double")},
    "ExponentialPoint": {"attributes": (1, "KeyValue*"), "start_time_unix_nano": (2, "fixed64"),
                         "time_unix_nano": (3, "fixed64"), "count": (4, "fixed64"),
                         "sum": (5, "double"), "scale": (6, "sint32"),
                         "zero_count": (7, "fixed64"), "positive": (8, "Buckets"),
                         "negative": (9, "Buckets"), "flags": (10, "uint32"),
                         "exemplars": (11, "Exemplar*"), "min": (12, "double"),
                         "max": (13, "double"), "zero_threshold": (14, "double")},
    "Buckets": {"offset": (1, "sint32"), "bucket_counts": (2, "uint64*")},
    "SummaryPoint": {"start_time_unix_nano": (2, "fixed64"), "time_unix_nano": (3, "fixed64"),
                     "count": (4, "fixed64"), "sum": (5, "double"),
                     "quantile_values": (6, "Quantile*"), "attributes": (7, "KeyValue*"),
                     "flags": (8, "uint32")},
    "Quantile": {"quantile": (1, "double"), "value": (2, "double")},
    "Exemplar": {"time_unix_nano": (2, "fixed64"), "as_double": (3, "double"),
                 "span_id": (4, "id"), "trace_id": (5, "id"), "as_int": (6, "sfixed64"),
                 "filtered_attributes": (7, "KeyValue*")},
    "KeyValue": {"key": (1, "string"), "value": (2, "AnyValue")},
    "AnyValue": {"string_value": (1, "string"), "bool_value": (2, "bool"),
                 "int_value": (3, "int64"), "double_value": (4, "double"),
                 "array_value": (5, "ArrayValue"), "kvlist_value": (6, "KeyValueList"),
                 "bytes_value": (7, "bytes")},
    "ArrayValue": {"values": (1, "AnyValue*")},
    "KeyValueList": {"values": (1, "KeyValue*")},
}


# ------------------------------------------------------------------------------------- structure

def any_value(value):
    """A Python value as AnyValue; None gives the empty one."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, int):
        return {"int_value": value}
    if isinstance(value, float):
        return {"double_value": value}
    if isinstance(value, bytes):
        return {"bytes_value": value}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": attributes(value)}}
    return {"array_value": {"values": [any_value(v) for v in value]}}


def attributes(values):
    """A dictionary as list of KeyValue, in its order."""
    return [{"key": k, "value": any_value(v)} for k, v in values.items()]


def request(*resources):
    return {"resource_metrics": list(resources)}


def resource(of, *scopes):
    """`of` are the resource's attributes. A bare metric among `scopes` gets a scope of its own."""
    return {"resource": {"attributes": attributes(of)},
            "scope_metrics": [s if "metrics" in s else scope(s) for s in scopes]}


def scope(*metrics, name=None, version=None, of=None, schema_url=None):
    """Metrics of one instrumentation scope; `of` are the scope's attributes."""
    described = {"name": name, "version": version, "attributes": of and attributes(of)}
    given = any(v is not None for v in described.values())
    return {"scope": described if given else None, "metrics": list(metrics),
            "schema_url": schema_url}


def _metric(name, kind, data, unit, description):
    return {"name": name, "description": description, "unit": unit, kind: data}


def gauge(name, points, unit=None, description=None):
    return _metric(name, "gauge", {"data_points": points}, unit, description)


def counter(name, points, unit=None, description=None, temporality=CUMULATIVE):
    """A monotonic sum."""
    return _sum(name, points, unit, description, temporality, True)


def up_down(name, points, unit=None, description=None, temporality=CUMULATIVE):
    """A sum that is not monotonic."""
    return _sum(name, points, unit, description, temporality, False)


def _sum(name, points, unit, description, temporality, monotonic):
    data = {"data_points": points, "aggregation_temporality": temporality,
            "is_monotonic": monotonic}
    return _metric(name, "sum", data, unit, description)


def histogram(name, points, unit=None, description=None, temporality=CUMULATIVE):
    data = {"data_points": points, "aggregation_temporality": temporality}
    return _metric(name, "histogram", data, unit, description)


def exponential(name, points, unit=None, description=None, temporality=CUMULATIVE):
    data = {"data_points": points, "aggregation_temporality": temporality}
    return _metric(name, "exponential_histogram", data, unit, description)


def summary(name, points, unit=None, description=None):
    return _metric(name, "summary", {"data_points": points}, unit, description)


def _point(time_ns, of, start_ns, flags, **further):
    return {"time_unix_nano": time_ns, "start_time_unix_nano": start_ns, "flags": flags,
            "attributes": attributes(of or {}), **further}


def _numeral(value):
    if value is None:
        return {}
    return {"as_int": value} if isinstance(value, int) else {"as_double": value}


def number(value, time_ns, of=None, start_ns=None, exemplars=(), flags=None):
    """A point of a gauge or sum: int as as_int, float as as_double, None without a value.

    of: the point's attributes, here as in all other points.
    """
    return _point(time_ns, of, start_ns, flags, exemplars=list(exemplars), **_numeral(value))


def buckets(bounds, counts, time_ns, of=None, count=None, sum=None, start_ns=None, exemplars=(),
            flags=None):  # pylint: disable=redefined-builtin
    """A point of a histogram with explicit bounds; one count more than bounds."""
    return _point(time_ns, of, start_ns, flags, count=_total(count, counts), sum=sum,
                  bucket_counts=list(counts), explicit_bounds=list(bounds),
                  exemplars=list(exemplars))


def powers(scale, time_ns, of=None, positive=None, negative=None, zero_count=0,
           zero_threshold=None, count=None, sum=None, start_ns=None, exemplars=(),
           flags=None):  # pylint: disable=redefined-builtin
    """A point of an exponential histogram; positive and negative are (offset, counts)."""
    sides = {name: {"offset": side[0], "bucket_counts": list(side[1])}
             for name, side in (("positive", positive), ("negative", negative)) if side}
    counts = [zero_count] + [n for side in sides.values() for n in side["bucket_counts"]]
    return _point(time_ns, of, start_ns, flags, count=_total(count, counts), sum=sum, scale=scale,
                  zero_count=zero_count, zero_threshold=zero_threshold, exemplars=list(exemplars),
                  **sides)


def quantiles(values, count, sum, time_ns, of=None, start_ns=None,
              flags=None):  # pylint: disable=redefined-builtin
    """A point of a summary; values: quantile -> value."""
    return _point(time_ns, of, start_ns, flags, count=count, sum=sum,
                  quantile_values=[{"quantile": q, "value": v} for q, v in values.items()])


def exemplar(value, time_ns, trace_id=None, span_id=None, of=None):
    """trace_id: 16 bytes; span_id: 8 bytes; of: the filtered attributes."""
    return {"time_unix_nano": time_ns, "trace_id": trace_id, "span_id": span_id,
            "filtered_attributes": attributes(of or {}), **_numeral(value)}


def _total(count, counts):
    return count if count is not None else sum(counts)


# -------------------------------------------------------------------------------------- protobuf

# Wire type and the bytes behind it.
_SCALARS = {
    "bool": (0, lambda v: varint(int(v))), "enum": (0, varint), "uint32": (0, varint),
    "uint64": (0, varint), "int64": (0, varint), "sint32": (0, zigzag),
    "fixed64": (1, lambda v: struct.pack("<Q", v)),
    "sfixed64": (1, lambda v: struct.pack("<q", v)), "double": (1, double),
}


def protobuf(message, kind="Request", packed=True):
    """The bytes of a message. packed: lists of numbers as one field each, the usual form."""
    out = b""
    for name, (field, type_) in SCHEMA[kind].items():
        value = message.get(name)
        if value is None:
            continue
        base, repeated = type_.rstrip("*"), type_.endswith("*")
        for one in value if repeated else [value]:
            if base in SCHEMA:
                out += field_bytes(field, protobuf(one, base, packed))
            elif base in ("string", "bytes", "id"):
                out += field_bytes(field, one.encode() if base == "string" else one)
            elif not repeated or not packed:
                wire, encode = _SCALARS[base]
                out += varint(field << 3 | wire) + encode(one)
        if repeated and packed and base in _SCALARS and value:
            out += field_bytes(field, b"".join(map(_SCALARS[base][1], value)))
    unknown = set(message) - set(SCHEMA[kind])
    assert not unknown, f"{kind} has no {unknown}"
    return out


# ------------------------------------------------------------------------------------------ JSON

def _camel(name):
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _json_scalar(type_, value):
    if type_ == "bytes":
        return base64.b64encode(value).decode()
    if type_ == "id":
        return value.hex()
    if type_ in ("fixed64", "sfixed64", "int64", "uint64"):
        return str(value)
    if type_ == "double" and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def json_tree(message, kind="Request"):
    """The message as what json.dumps takes, in the form of the OTLP specification."""
    out = {}
    for name, (_, type_) in SCHEMA[kind].items():
        value = message.get(name)
        if value is None:
            continue
        base = type_.rstrip("*")
        make = json_tree if base in SCHEMA else lambda v, t: _json_scalar(t, v)
        out[_camel(name)] = ([make(one, base) for one in value] if type_.endswith("*")
                             else make(value, base))
    return out


def to_json(message):
    return json.dumps(json_tree(message), ensure_ascii=False).encode()


# --------------------------------------------------------------------------------------- answers

def read_response(body, content_type):
    """(rejected data points, message) of an ExportMetricsServiceResponse; empty is (0, "")."""
    if not body:
        return 0, ""
    if content_type.startswith(JSON):
        partial = json.loads(body).get("partialSuccess") or {}
        return int(partial.get("rejectedDataPoints", 0)), partial.get("errorMessage", "")
    partial = dict(read_fields(dict(read_fields(body)).get(1, b"")))
    return partial.get(1, 0), partial.get(2, b"").decode()
