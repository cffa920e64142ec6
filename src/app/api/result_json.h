#pragma once

#include "io/codec/json_writer.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "query/value.h"

namespace prom5::api {

/// {"a":"b",…}
void write_labels(codec::JsonWriter& json, const Labels& labels);
/// Its fields, into an object that is begun.
void write_metadata(codec::JsonWriter& json, const Metadata& metadata);

/// Seconds, with three decimals where there are milliseconds.
void write_time(codec::JsonWriter& json, TimeMs time);
/// As a string, as Prometheus prints a sample's value.
void write_number(codec::JsonWriter& json, double value);

/// {"metric":…,"value":…} of an instant vector's series.
void write_instant(codec::JsonWriter& json, const query::Series& series);
/// {"metric":…,"values":…,"histograms":…} of a matrix' series, in as many goes as its length asks
/// for. One thread.
class RangeSeriesWriter {
 public:
  /// Goes on until the series is written (true) or `text`, which `json` writes into, has that many
  /// bytes.
  bool write(codec::JsonWriter& json, const query::Series& series, const std::string& text,
             size_t most_bytes);

 private:
  enum class At : uint8_t { Labels, Floats, Histograms, End };
  At at_ = At::Labels;
  size_t point_ = 0;
  bool list_open_ = false;
};

/// "resultType":…,"result":… as Prometheus' API has them, inside an object that is open already.
/// At most `limit` series when it is above 0. Result: whether some were left out.
bool write_value(codec::JsonWriter& json, const query::Value& value, size_t limit);

}  // namespace prom5::api
