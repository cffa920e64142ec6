#include "app/api/result_json.h"

#include <gtest/gtest.h>

#include <limits>

namespace prom5::api {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::string json(const query::Value& value, size_t limit = 0, bool cut = false) {
  std::string out;
  codec::JsonWriter writer(out);
  writer.begin_object();
  EXPECT_EQ(write_value(writer, value, limit), cut);
  writer.end_object();
  return out;
}

query::Series one(Labels labels, double value) {
  return {std::move(labels), {{TimeMs{1000}, value}}, {}};
}

}  // namespace

TEST(ResultJson, Scalars) {
  const auto is = [](int64_t ms, double value, std::string_view want) {
    EXPECT_EQ(json(query::ScalarValue{TimeMs{ms}, value}),
              "{\"resultType\":\"scalar\",\"result\":" + std::string(want) + "}");
  };
  is(0, 1, R"([0,"1"])");
  is(1500, 0.5, R"([1.5,"0.5"])");
  is(1001, -0.25, R"([1.001,"-0.25"])");
  is(-1001, 1, R"([-1.001,"1"])");
  is(1000, std::numeric_limits<double>::quiet_NaN(), R"([1,"NaN"])");
  is(1000, kInf, R"([1,"+Inf"])");
  is(1000, -kInf, R"([1,"-Inf"])");
  is(1000, 1e21, R"([1,"1000000000000000000000"])");
}

TEST(ResultJson, StringsVectorsAndMatrices) {
  EXPECT_EQ(json(query::StringValue{TimeMs{1000}, "a\"b"}),
            R"({"resultType":"string","result":[1,"a\"b"]})");
  EXPECT_EQ(json(query::VectorValue{}), R"({"resultType":"vector","result":[]})");
  EXPECT_EQ(json(query::MatrixValue{}), R"({"resultType":"matrix","result":[]})");
  const query::VectorValue two{{one({{"a", "b"}}, 1), one({}, 2)}};
  EXPECT_EQ(json(two), R"({"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"1"]},)"
                       R"({"metric":{},"value":[1,"2"]}]})");
  EXPECT_EQ(json(two, 1, true),
            R"({"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"1"]}]})");
  EXPECT_EQ(json(query::MatrixValue{{one({}, 1)}}),
            R"({"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]})");
}

TEST(ResultJson, Histograms) {
  Histogram h;
  h.count = 1;
  h.sum = 2.5;
  h.positive_spans = {{0, 1}};
  h.positive_counts = {1};
  query::Series series;
  series.add(TimeMs{1000}, std::make_shared<const Histogram>(h));
  const std::string_view point = R"([1,{"count":"1","sum":"2.5","buckets":[[0,"0.5","1","1"]]}])";
  EXPECT_EQ(
      json(query::VectorValue{{series}}),
      R"({"resultType":"vector","result":[{"metric":{},"histogram":)" + std::string(point) + "}]}");
  EXPECT_EQ(json(query::MatrixValue{{series}}),
            R"({"resultType":"matrix","result":[{"metric":{},"histograms":[)" + std::string(point) +
                "]}]}");
}

}  // namespace prom5::api
