#include "query/engine.h"

#include <gtest/gtest.h>

#include <map>

#include "store/memory_storage.h"

namespace prom5::query {

namespace {

constexpr TimeMs kStart{1'000'000};

/// A storage whose second series is the last one that the client waits for.
class ImpatientStorage final : public Storage {
 public:
  ImpatientStorage(Storage& base, std::stop_source& client) : base_(base), client_(client) {}

  std::unique_ptr<Appender> appender() override { return base_.appender(); }
  Result<std::unique_ptr<Querier>> querier(TimeRange range) override {
    return std::make_unique<View>(TRY(base_.querier(range)), *this);
  }
  [[nodiscard]] MetadataMap metadata() const override { return {}; }

  size_t read = 0;  ///< series

 private:
  class Set final : public SeriesSet {
   public:
    Set(std::unique_ptr<SeriesSet> base, ImpatientStorage& owner)
        : base_(std::move(base)), owner_(owner) {}
    bool next() override { return base_->next(); }
    [[nodiscard]] const Labels& labels() const override { return base_->labels(); }
    Result<void> read(SampleColumns& out) override {
      if (++owner_.read == 2) owner_.client_.request_stop();
      return base_->read(out);
    }

   private:
    std::unique_ptr<SeriesSet> base_;
    ImpatientStorage& owner_;
  };
  class View final : public Querier {
   public:
    View(std::unique_ptr<Querier> base, ImpatientStorage& owner)
        : base_(std::move(base)), owner_(owner) {}
    using Querier::select;
    Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers,
                                              const Tier& tier) override {
      return std::make_unique<Set>(TRY(base_->select(matchers, tier)), owner_);
    }
    Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) override {
      return base_->label_names(matchers);
    }
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  std::span<const Matcher> matchers) override {
      return base_->label_values(name, matchers);
    }

   private:
    std::unique_ptr<Querier> base_;
    ImpatientStorage& owner_;
  };

  Storage& base_;
  std::stop_source& client_;
};

/// `requests_total{job=a|b}` grows by 1 and 2 a second, sampled each 10 s for 10 minutes.
class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    const auto appender = storage_.appender();
    for (int64_t s = 0; s <= 600; s += 10) {
      put(*appender, "a", s, static_cast<double>(s));
      put(*appender, "b", s, static_cast<double>(2 * s));
    }
    EXPECT_TRUE(appender->commit());
  }

  static void put(Appender& appender, std::string_view job, int64_t second, double value) {
    const Labels labels{{"__name__", "requests_total"}, {"job", job}};
    EXPECT_TRUE(appender.append(0, labels, {kStart + DurationMs::seconds(second), value}));
  }

  static QueryRequest at(std::string text, int64_t second) {
    QueryRequest request;
    request.text = std::move(text);
    request.start = request.end = kStart + DurationMs::seconds(second);
    return request;
  }
  static QueryRequest over(std::string text, int64_t from, int64_t to, int64_t step) {
    QueryRequest request = at(std::move(text), from);
    request.end = kStart + DurationMs::seconds(to);
    request.step = DurationMs::seconds(step);
    return request;
  }

  Result<QueryResult> run(const QueryRequest& request, EngineOptions options = {}) {
    MetricRegistry metrics;
    const ManualClock clock{kStart};
    Engine engine(storage_, options, metrics, clock);
    return engine.run(request);
  }

  /// The value of each series at one time, by label "job".
  std::map<std::string, double> vector(const std::string& text, int64_t second) {
    const auto result = run(at(text, second));
    EXPECT_TRUE(result) << text << ": " << result.error().message;
    std::map<std::string, double> out;
    if (!result) return out;
    const auto* value = std::get_if<VectorValue>(&result->value);
    EXPECT_NE(value, nullptr) << text;
    if (value == nullptr) return out;
    for (const Series& s : value->series) {
      out[std::string(s.labels.get("job"))] = s.points.at(0).value;
    }
    return out;
  }

  void fails(const QueryRequest& request, ErrorCode code, EngineOptions options = {}) {
    const auto result = run(request, options);
    ASSERT_FALSE(result) << request.text;
    EXPECT_EQ(result.error().code, code) << request.text << ": " << result.error().message;
    EXPECT_FALSE(result.error().message.empty());
  }

  MemoryStorage storage_;
};

using Values = std::map<std::string, double>;

}  // namespace

TEST_F(EngineTest, InstantVectors) {
  const auto is = [this](const std::string& text, int64_t second, const Values& want) {
    EXPECT_EQ(vector(text, second), want) << text;
  };
  is("requests_total", 100, {{"a", 100}, {"b", 200}});
  is("requests_total", 105, {{"a", 100}, {"b", 200}});
  is("requests_total{job=\"a\"}", 100, {{"a", 100}});
  is("requests_total{job!=\"a\"}", 100, {{"b", 200}});
  is("requests_total{job=~\"a|c\"}", 100, {{"a", 100}});
  is("nothing", 100, {});
  is("sum(requests_total)", 100, {{"", 300}});
  is("sum by (job) (requests_total)", 100, {{"a", 100}, {"b", 200}});
  is("requests_total > 150", 100, {{"b", 200}});
  is("requests_total > bool 150", 100, {{"a", 0}, {"b", 1}});
  is("round(rate(requests_total[1m]), 0.001)", 300, {{"a", 1}, {"b", 2}});
  is("requests_total offset 1m", 160, {{"a", 100}, {"b", 200}});
  is("requests_total @ 1100", 500, {{"a", 100}, {"b", 200}});
  is("topk(1, requests_total)", 100, {{"b", 200}});
  is("max_over_time(requests_total[30s:10s])", 100, {{"a", 100}, {"b", 200}});
  is("-requests_total", 100, {{"a", -100}, {"b", -200}});
}

TEST_F(EngineTest, LookbackIsOpenOnTheLeft) {
  EXPECT_EQ(vector("requests_total", 600 + 299).size(), 2U);
  EXPECT_EQ(vector("requests_total", 600 + 300).size(), 0U);
  EXPECT_EQ(vector("requests_total", -1).size(), 0U);
  QueryRequest shorter = at("requests_total", 630);
  shorter.lookback_delta = DurationMs::seconds(20);
  const auto result = run(shorter);
  ASSERT_TRUE(result);
  EXPECT_TRUE(std::get<VectorValue>(result->value).series.empty());
}

TEST_F(EngineTest, AStalenessMarkerEndsASeries) {
  const auto appender = storage_.appender();
  put(*appender, "a", 605, kStale);
  ASSERT_TRUE(appender->commit());
  EXPECT_EQ(vector("requests_total", 604), (Values{{"a", 600}, {"b", 1200}}));
  EXPECT_EQ(vector("requests_total", 606), (Values{{"b", 1200}}));
  EXPECT_EQ(vector("count_over_time(requests_total[20s])", 606), (Values{{"a", 2}, {"b", 2}}));
}

TEST_F(EngineTest, ScalarsAndStrings) {
  const auto scalar = run(at("1 + 2 * 3", 0));
  ASSERT_TRUE(scalar);
  EXPECT_EQ(std::get<ScalarValue>(scalar->value).value, 7);
  EXPECT_EQ(std::get<ScalarValue>(scalar->value).time, kStart);
  const auto string = run(at("\"hello\"", 0));
  ASSERT_TRUE(string);
  EXPECT_EQ(std::get<StringValue>(string->value).value, "hello");
  const auto matrix = run(at("requests_total[25s]", 100));
  ASSERT_TRUE(matrix);
  const auto& series = std::get<MatrixValue>(matrix->value).series;
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].points.size(), 3U);
  EXPECT_EQ(series[0].labels.get("job"), "a");
}

TEST_F(EngineTest, WhatIsNoCounterIsKnownByItsNameOrItsType) {
  const auto appender = storage_.appender();
  for (const Labels& labels :
       {Labels{{"__name__", "x"}, {"__type__", "counter"}},
        Labels{{"__name__", "y"}, {"__type__", "histogram"}},
        Labels{{"__name__", "z_total"}, {"__type__", "gauge"}}, Labels{{"__name__", "w_total"}}}) {
    for (const int64_t s : {0, 30}) {
      EXPECT_TRUE(appender->append(0, labels, {kStart + DurationMs::seconds(s), 1}));
    }
  }
  EXPECT_TRUE(appender->commit());
  const auto infos = [this](const std::string& text, bool typed) {
    const auto result = run(at(text, 30), {.type_and_unit_labels = typed});
    EXPECT_TRUE(result) << text;
    return result ? result->annotations.shown_infos() : std::vector<std::string>{"failed"};
  };
  using Infos = std::vector<std::string>;
  const auto by_name = [](std::string_view name) {
    return Infos{
        fmt::format("PromQL info: metric might not be a counter, name does not end in "
                    "_total/_sum/_count/_bucket: \"{}\" (1:6)",
                    name)};
  };
  const auto by_type = [](std::string_view name, std::string_view type) {
    return Infos{
        fmt::format("PromQL info: metric might not be a counter, __type__ label is not "
                    "set to \"counter\" or \"histogram\", got \"{}\": \"{}\" (1:6)",
                    type, name)};
  };
  EXPECT_EQ(infos("rate(x[1m])", false), by_name("x"));
  EXPECT_EQ(infos("rate(y[1m])", false), by_name("y"));
  EXPECT_EQ(infos("rate(z_total[1m])", false), Infos{});
  EXPECT_EQ(infos("rate(x[1m])", true), Infos{});
  EXPECT_EQ(infos("rate(y[1m])", true), Infos{});
  EXPECT_EQ(infos("rate(z_total[1m])", true), by_type("z_total", "gauge"));
  EXPECT_EQ(infos("rate(w_total[1m])", true), by_type("w_total", ""));
  // As without: it may be a gauge for these.
  EXPECT_EQ(infos("delta(z_total[1m])", true), Infos{});
}

TEST_F(EngineTest, Ranges) {
  const auto result = run(over("requests_total", 0, 60, 30));
  ASSERT_TRUE(result);
  const auto& series = std::get<MatrixValue>(result->value).series;
  ASSERT_EQ(series.size(), 2U);
  ASSERT_EQ(series[1].points.size(), 3U);
  EXPECT_EQ(series[1].points[2].time, kStart + DurationMs::seconds(60));
  EXPECT_EQ(series[1].points[2].value, 120);
  const auto scalar = run(over("1", 0, 65, 30));
  ASSERT_TRUE(scalar);
  const auto& one = std::get<MatrixValue>(scalar->value).series;
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].points.size(), 3U);  // 0, 30, 60
  EXPECT_TRUE(one[0].labels.empty());
}

TEST_F(EngineTest, RangesNeedAScalarOrAnInstantVector) {
  const auto refused = [this](const std::string& text, std::string_view type) {
    const auto result = run(over(text, 0, 60, 30));
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::BadData);
    EXPECT_EQ(result.error().message, "invalid expression type \"" + std::string(type) +
                                          "\" for range query, must be Scalar or instant Vector");
  };
  refused("requests_total[1m]", "range vector");
  refused("\"text\"", "string");
}

TEST_F(EngineTest, Errors) {
  fails(at("", 0), ErrorCode::BadData);
  fails(at("sum(", 0), ErrorCode::BadData);
  fails(at("no_such_function(up)", 0), ErrorCode::BadData);
  fails(at("requests_total + on() requests_total", 100), ErrorCode::Execution);
}

TEST_F(EngineTest, Limits) {
  fails(at("requests_total[10m]", 600), ErrorCode::LimitExceeded, {.max_samples = 100});
  fails(over("requests_total", 0, 600, 1), ErrorCode::LimitExceeded, {.max_samples = 1000});
  EXPECT_TRUE(run(at("requests_total[10m]", 600), {.max_samples = 1000}));

  QueryRequest gone = at("requests_total", 100);
  std::stop_source source;
  source.request_stop();
  gone.stop = source.get_token();
  fails(gone, ErrorCode::Canceled);

  fails(at("sum(requests_total)", 100), ErrorCode::Timeout, {.timeout = DurationMs{0}});
}

TEST(EngineStop, FewStepsOverMuchEndSoonAfterTheClientIsGone) {
  MemoryStorage storage;
  const auto appender = storage.appender();
  constexpr size_t kSeries = 12;
  for (size_t series = 0; series < kSeries; ++series) {
    const Labels labels{{"__name__", "m"}, {"n", fmt::format("{}", series)}};
    for (int64_t s = 0; s < 20'000; ++s) {
      ASSERT_TRUE(appender->append(0, labels, {kStart + DurationMs::seconds(s), 1}));
    }
  }
  ASSERT_TRUE(appender->commit());
  for (const std::string text : {"quantile_over_time(0.5, m[6h])", "rate(m[6h])", "m"}) {
    std::stop_source client;
    ImpatientStorage impatient(storage, client);
    MetricRegistry metrics;
    const ManualClock clock{kStart};
    Engine engine(impatient, {}, metrics, clock);
    QueryRequest request;
    request.text = text;
    request.start = request.end = kStart + DurationMs::seconds(19'999);
    request.stop = client.get_token();
    const auto result = engine.run(request);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::Canceled) << text;
    // A selector reads microseconds' worth of samples of each.
    if (text != "m") EXPECT_LE(impatient.read, 3U) << text;
  }
}

TEST_F(EngineTest, NobodyWaitsLongerThanTheTimeoutForATurn) {
  fails(at("requests_total", 100), ErrorCode::Timeout,
        {.timeout = DurationMs{1}, .max_concurrency = 0});
}

TEST_F(EngineTest, CountsWhatItLoads) {
  const auto result = run(at("requests_total[100s]", 600));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stats.samples_loaded, 20U);
  EXPECT_GE(result->stats.peak_samples, 20U);
}

TEST(Engine, FormatsAndTypes) {
  const auto formats = [](std::string_view text, std::string_view want) {
    const auto formatted = format_query(text);
    ASSERT_TRUE(formatted) << text;
    EXPECT_EQ(*formatted, want);
  };
  formats("sum  by(a)(b)", "sum by (a) (b)");
  formats("1+1", "1 + 1");
  EXPECT_FALSE(format_query("1+"));
  EXPECT_EQ(*result_type("1"), ValueType::Scalar);
  EXPECT_EQ(*result_type("up"), ValueType::InstantVector);
  EXPECT_EQ(*result_type("(up[5m])"), ValueType::RangeVector);
  EXPECT_EQ(*result_type("\"a\""), ValueType::String);
  EXPECT_FALSE(result_type("{}"));
  EXPECT_FALSE(parse_series_selector("sum(up)"));
}

}  // namespace prom5::query
