#include <gtest/gtest.h>

#include <functional>

#include "app/api/api_v1.h"
#include "app/api/query_answer.h"
#include "app/config/web_config.h"
#include "base/loop_turn.h"
#include "io/file/file_system.h"
#include "io/file/memory_file_system.h"
#include "query/query_log.h"
#include "store/index/postings.h"
#include "store/memory_storage.h"

// Which requests begin on an event loop, and that what they do leaves it before it takes long.

namespace prom5::api {

namespace {

constexpr TimeMs kStart{1'700'000'000'000};

bool leaves(const std::function<void()>& work) {
  const LoopTurn turn([] {});
  work();
  return turn.left();
}

TEST(LikelyShort, AreQueriesAndListsOfLabels) {
  const auto is = [](std::string path, std::string query = "", std::string body = "") {
    io::HttpRequest request;
    request.path = std::move(path);
    request.query = std::move(query);
    request.body = std::move(body);
    return ApiV1::is_likely_short(request);
  };
  for (const char* path : {"/api/v1/query", "/api/v1/query_range", "/api/v1/series",
                           "/api/v1/labels", "/api/v1/label/job/values"}) {
    EXPECT_TRUE(is(path, "query=up")) << path;
  }
  for (const char* path : {"/api/v1/write", "/api/v1/label/job", "/metrics", "/federate",
                           "/api/v1/query_exemplars", "/api/v1/admin/tsdb/snapshot"}) {
    EXPECT_FALSE(is(path)) << path;
  }
  EXPECT_FALSE(is("/api/v1/query", std::string(5000, 'x'))) << "long to parse";
  EXPECT_FALSE(is("/api/v1/query", "", std::string(5000, 'x')));
}

class LeavesTheLoop : public testing::Test {
 protected:
  LeavesTheLoop() {
    const auto appender = storage_.appender();
    for (int series = 0; series < 12; ++series) {
      const Labels labels{{"__name__", "m"}, {"n", std::to_string(series)}};
      for (int64_t s = 0; s < 20'000; ++s) {
        EXPECT_TRUE(appender->append(0, labels, {kStart + DurationMs::seconds(s), 1}));
      }
    }
    EXPECT_TRUE(appender->commit());
  }

  bool query_leaves(const std::string& text, query::EngineOptions options = {},
                    query::QueryLog* log = nullptr) {
    query::Engine engine(storage_, options, metrics_, clock_, log);
    query::QueryRequest request;
    request.text = text;
    request.start = request.end = kStart + DurationMs::seconds(19'999);
    return leaves([&] { static_cast<void>(engine.run(request)); });
  }

  MemoryStorage storage_;
  MetricRegistry metrics_;
  ManualClock clock_{kStart};
};

TEST_F(LeavesTheLoop, AQueryThatReadsMuch) {
  EXPECT_TRUE(query_leaves("quantile_over_time(0.5, m[6h])"));
}

TEST_F(LeavesTheLoop, AQueryThatWaitsForAPlace) {
  EXPECT_TRUE(query_leaves("1", {.timeout = DurationMs{1}, .max_concurrency = 0}));
}

TEST_F(LeavesTheLoop, ARegularExpressionThatIsLongToCompile) {
  EXPECT_TRUE(query_leaves("none{a=~\"(x|y){1,50}z\"}"));
  EXPECT_TRUE(query_leaves("none{a=~\"\\\\pL+z\"}"));
}

TEST_F(LeavesTheLoop, AQueryThatIsLogged) {
  io::MemoryFileSystem files;
  query::QueryLog log(files, metrics_);
  ASSERT_TRUE(log.open("/queries"));
  EXPECT_TRUE(query_leaves("1", {}, &log));
}

TEST_F(LeavesTheLoop, ALongAnswer) {
  const auto answer_leaves = [](size_t points) {
    query::Series series;
    for (size_t i = 0; i < points; ++i) series.add(TimeMs{static_cast<int64_t>(i)}, 1);
    query::QueryResult result;
    result.value = query::MatrixValue{{std::move(series)}};
    return leaves([&] { query_answer(std::move(result), 0, false); });
  };
  EXPECT_FALSE(answer_leaves(100));
  EXPECT_TRUE(answer_leaves(3000));
}

TEST_F(LeavesTheLoop, ManySeries) {
  index::MemPostings postings;
  for (index::SeriesId id = 1; id <= 40'000; ++id) {
    postings.add(id, Labels{{"job", "a"}, {"n", std::to_string(id % 7)}});
  }
  const auto select = [&](const Matcher& matcher) {
    EXPECT_LE(postings.select({&matcher, 1}).size(), 40'000U);
  };
  EXPECT_TRUE(leaves([&] { select(Matcher::equal("job", "a")); }));
  EXPECT_FALSE(leaves([&] { select(Matcher::equal("n", "8")); }));
}

TEST_F(LeavesTheLoop, APasswordThatIsNotKnownYet) {
  const std::string path = testing::TempDir() + "/likely_short_web.yml";
  io::PosixFileSystem files;
  ASSERT_TRUE(
      files.write_atomically(path,
                             "basic_auth_users:\n  admin: "
                             "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"));
  const auto config = config::load_web_config(path).value();
  const auto ask = [&] { EXPECT_TRUE(config.user_of("Basic YWRtaW46c2VjcmV0")); };
  EXPECT_TRUE(leaves(ask));
  EXPECT_FALSE(leaves(ask)) << "known by now";
}

}  // namespace

}  // namespace prom5::api
