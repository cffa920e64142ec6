#include "app/api/query_answer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "app/api/answer.h"
#include "app/api/result_json.h"

namespace prom5::api {
namespace {

query::QueryResult result_of(size_t series, size_t points, bool instant) {
  std::vector<query::Series> all(series);
  for (size_t i = 0; i < series; ++i) {
    all[i].labels = Labels{{"__name__", "m"}, {"id", std::to_string(i)}};
    for (size_t k = 0; k < points; ++k) {
      all[i].add(TimeMs{static_cast<int64_t>(k) * 15'000}, std::sqrt(static_cast<double>(i + k)));
    }
  }
  query::QueryResult out;
  if (instant) {
    out.value = query::VectorValue{std::move(all)};
  } else {
    out.value = query::MatrixValue{std::move(all)};
  }
  out.annotations.inform("told");
  return out;
}

/// What an answer of any size was before answers came in pieces.
std::string whole(query::QueryResult result, size_t limit) {
  return success_answer(
             [&](codec::JsonWriter& json) {
               json.begin_object();
               const bool cut = write_value(json, result.value, limit);
               json.end_object();
               if (cut) result.annotations.warn(std::string(kTruncated));
             },
             result.annotations)
      .body;
}

TEST(QueryAnswer, FewPointsAreOneBody) {
  const io::HttpResponse response = query_answer(result_of(3, 4, false), 0, false);
  EXPECT_FALSE(response.pieces);
  EXPECT_EQ(response.body, whole(result_of(3, 4, false), 0));
}

TEST(QueryAnswer, ALongSeriesIsBrokenToo) {
  const auto make = [] {
    query::QueryResult out = result_of(2, 30'000, false);
    auto& series = std::get<query::MatrixValue>(out.value).series;
    Histogram h;
    h.count = 2;
    h.positive_spans = {{0, 2}};
    h.positive_counts = {1, 1};
    for (int64_t k = 0; k < 5000; ++k) {
      series[1].add(TimeMs{(30'000 + k) * 15'000}, std::make_shared<const Histogram>(h));
    }
    return out;
  };
  const io::HttpResponse response = query_answer(make(), 0, false);
  ASSERT_TRUE(response.pieces);
  std::string joined;
  for (std::string piece; response.pieces(piece);) {
    EXPECT_LT(piece.size(), size_t{66} << 10);
    joined += piece;
  }
  EXPECT_EQ(joined, whole(make(), 0));
}

TEST(QueryAnswer, PiecesAreTheSameText) {
  for (const size_t limit : {0, 7}) {
    for (const bool instant : {true, false}) {
      const auto make = [&] {
        return instant ? result_of(20'000, 1, true) : result_of(90, 300, false);
      };
      const io::HttpResponse response = query_answer(make(), limit, false);
      ASSERT_TRUE(response.pieces);
      EXPECT_TRUE(response.body.empty());
      std::string joined;
      size_t pieces = 0;
      for (std::string piece; response.pieces(piece); ++pieces) {
        EXPECT_LT(piece.size(), size_t{100} << 10);
        joined += piece;
      }
      EXPECT_EQ(joined, whole(make(), limit));
      if (limit == 0) {
        EXPECT_GT(pieces, 5u);
      }
    }
  }
}

}  // namespace
}  // namespace prom5::api
