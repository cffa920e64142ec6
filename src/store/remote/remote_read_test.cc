#include "store/remote/remote_read_test.h"

#include <gtest/gtest.h>

#include "store/remote/remote_read.h"
#include "store/tsdb/columns.h"

namespace prom5::remote {

namespace {

constexpr const char* kUrl = "http://user:secret@long-term:9090/api/v1/read";

class RemoteReadTest : public testing::Test {
 protected:
  void SetUp() override {
    options.name = "archive";
    options.url = kUrl;
    answer(answer_of(ReadForm::Streamed, {}));
  }

  void answer(FakeServers::Answer answer) {
    http.servers[kUrl] = [answer = std::move(answer)](const auto&) { return answer; };
  }
  RemoteReader reader(ExternalLabels external = {}) {
    return {options, std::move(external), {http, metrics, answers}};
  }
  /// Asks and waits; null where nobody was asked, or there is no answer.
  std::unique_ptr<SeriesSet> ask(const RemoteReader& from, const std::vector<Matcher>& matchers,
                                 const Patience& patience = {}) {
    const auto read = from.start({{1'000}, {9'000}}, matchers);
    return read ? read->wait(patience, warnings) : nullptr;
  }
  [[nodiscard]] double value(std::string_view name, std::string_view type = "",
                             std::string_view code = "") const {
    for (const auto& family : metrics.collect()) {
      if (family.name != name) continue;
      for (const auto& point : family.points) {
        const auto has = [&](std::string_view label, std::string_view wanted) {
          return wanted.empty() ||
                 std::ranges::find(point.labels,
                                   std::pair(std::string(label), std::string(wanted))) !=
                     point.labels.end();
        };
        if (has("response_type", type) && has("code", code)) return point.value;
      }
    }
    return -1;
  }
  /// That the only warning says this, and that it was counted.
  void expect_failure(std::string_view part) {
    EXPECT_EQ(ask(reader(), {Matcher::equal("__name__", "up")}), nullptr);
    ASSERT_EQ(warnings->size(), 1);
    EXPECT_TRUE((*warnings)[0].starts_with("remote read from archive: ")) << (*warnings)[0];
    EXPECT_NE((*warnings)[0].find(part), std::string::npos) << (*warnings)[0];
    EXPECT_EQ(value("prom5_remote_storage_read_failures_total"), ++failures);
    warnings->clear();
    EXPECT_EQ(answers->load(), 0);
  }

  FakeServers http;
  MetricRegistry metrics;
  ReadOptions options;
  AnswerRoom::Total answers = std::make_shared<std::atomic<size_t>>(0);
  Warnings warnings = std::make_shared<std::vector<std::string>>();
  double failures = 0;
};

std::vector<AnsweredSeries> two_series() {
  std::vector<AnsweredSeries> out = {{{{"__name__", "up"}, {"a", "2"}}, {}},
                                     {{{"__name__", "up"}, {"a", "1"}, {"region", "north"}}, {}}};
  for (AnsweredSeries& series : out) {
    for (int64_t t = 500; t <= 10'000; t += 500) {
      tsdb::push(series.samples, {t}, static_cast<double>(t), nullptr);
    }
  }
  return out;
}

}  // namespace

TEST_F(RemoteReadTest, RequestIsAsTheProtocolHasIt) {
  options.headers = {{"X-Tenant", "a"}};
  options.timeout = DurationMs::seconds(7);
  options.security = std::make_shared<io::HttpClientSecurity>();
  ASSERT_NE(ask(reader(), {Matcher::equal("__name__", "up")}), nullptr);
  ASSERT_EQ(http.requests.size(), 1);
  const io::HttpClientRequest& request = http.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, kUrl);
  EXPECT_EQ(request.timeout_ms, 7'000);
  EXPECT_EQ(request.security, options.security);
  EXPECT_FALSE(request.accept_compressed);
  const std::pair<const char*, const char*> headers[] = {
      {"X-Tenant", "a"},
      {"Content-Encoding", "snappy"},
      {"Accept-Encoding", "snappy"},
      {"Content-Type", "application/x-protobuf"},
      {"X-Prometheus-Remote-Read-Version", "0.1.0"}};
  for (const auto& [name, text] : headers) EXPECT_EQ(request.headers.get(name), text);
  const ReadQuery query = query_of(request);
  EXPECT_EQ(query.range, (TimeRange{{1'000}, {9'000}}));
  EXPECT_EQ(query.matchers, (std::vector{Matcher::equal("__name__", "up")}));
}

TEST_F(RemoteReadTest, BothAnswersAreReadInOrderAndInRange) {
  for (const ReadForm form : {ReadForm::Sampled, ReadForm::Streamed}) {
    answer(answer_of(form, two_series()));
    const auto set = ask(reader(), {Matcher::equal("__name__", "up")});
    ASSERT_NE(set, nullptr);
    std::vector<std::string> labels;
    SampleColumns samples;
    while (set->next()) {
      labels.push_back(set->labels().to_string());
      ASSERT_TRUE(set->read(samples));
      EXPECT_EQ(samples.times.front(), TimeMs{1'000});
      EXPECT_EQ(samples.times.back(), TimeMs{9'000});
      EXPECT_EQ(samples.size(), 17);
    }
    EXPECT_EQ(labels, (std::vector<std::string>{R"({__name__="up", a="1", region="north"})",
                                                R"({__name__="up", a="2"})"}));
  }
  EXPECT_TRUE(warnings->empty());
  EXPECT_EQ(value("prometheus_remote_storage_read_queries_total", "sampled", "200"), 1);
  EXPECT_EQ(value("prometheus_remote_storage_read_queries_total", "chunked", "200"), 1);
  EXPECT_EQ(value("prometheus_remote_storage_remote_read_queries"), 0);
  EXPECT_EQ(answers->load(), 0);
}

TEST_F(RemoteReadTest, RequiredMatchersMustAllBeThere) {
  options.required_matchers = {{"tier", "old"}, {"job", "api"}};
  const auto from = reader();
  const Matcher tier = Matcher::equal("tier", "old");
  const Matcher job = Matcher::equal("job", "api");
  const Matcher any_job = Matcher::make(MatchType::Regex, "job", "api").value();
  EXPECT_EQ(ask(from, {tier}), nullptr);
  EXPECT_EQ(ask(from, {tier, any_job}), nullptr);
  EXPECT_EQ(ask(from, {tier, Matcher::equal("job", "web")}), nullptr);
  EXPECT_TRUE(http.requests.empty());
  EXPECT_NE(ask(from, {job, Matcher::equal("a", "b"), tier}), nullptr);
  EXPECT_EQ(query_of(http.requests.at(0)).matchers.size(), 3);
  EXPECT_TRUE(warnings->empty());
}

TEST_F(RemoteReadTest, ExternalLabelsAreAskedForAndTakenOff) {
  answer(answer_of(ReadForm::Streamed, two_series()));
  const ExternalLabels external = {{"region", "north"}, {"zone", "z"}};
  const auto labels_of = [&](const std::vector<Matcher>& matchers) {
    const auto set = ask(reader(external), matchers);
    std::vector<std::string> out;
    while (set->next()) out.push_back(set->labels().to_string());
    return out;
  };
  const Matcher name = Matcher::equal("__name__", "up");
  EXPECT_EQ(labels_of({name}),
            (std::vector<std::string>{R"({__name__="up", a="1"})", R"({__name__="up", a="2"})"}));
  EXPECT_EQ(query_of(http.requests.back()).matchers,
            (std::vector{name, Matcher::equal("region", "north"), Matcher::equal("zone", "z")}));
  // Whoever names the label sees it.
  const Matcher region = Matcher::make(MatchType::NotEqual, "region", "south").value();
  EXPECT_EQ(labels_of({name, region}).at(0), R"({__name__="up", a="1", region="north"})");
  EXPECT_EQ(query_of(http.requests.back()).matchers,
            (std::vector{name, region, Matcher::equal("zone", "z")}));
  options.filter_external_labels = false;
  EXPECT_EQ(labels_of({name}).at(0), R"({__name__="up", a="1", region="north"})");
  EXPECT_EQ(query_of(http.requests.back()).matchers, (std::vector{name}));
}

TEST_F(RemoteReadTest, WhatIsHereIsNotAskedFor) {
  const auto part = [&](int64_t start, int64_t end) {
    return reader().part_of({{start}, {end}}, {100});
  };
  EXPECT_EQ(part(101, 200), std::nullopt);
  EXPECT_EQ(part(50, 200), (TimeRange{{50}, {100}}));
  EXPECT_EQ(part(100, 200), (TimeRange{{100}, {100}}));
  EXPECT_EQ(part(10, 20), (TimeRange{{10}, {20}}));
  options.read_recent = true;
  EXPECT_EQ(part(101, 200), (TimeRange{{101}, {200}}));
}

TEST_F(RemoteReadTest, FailuresAreWarnings) {
  answer({.error = Error{ErrorCode::Timeout, "timed out after 7 ms"}});
  expect_failure("timed out after 7 ms");
  answer({.status = 503, .content_type = "text/plain", .body = "too\nbusy\n"});
  expect_failure("HTTP status 503: too busy");
  answer({.content_type = "text/html", .body = "<html>"});
  expect_failure("unsupported content type \"text/html\"");
  EXPECT_EQ(value("prometheus_remote_storage_read_queries_total", "unsupported", "200"), 1);
  answer({.content_type = "application/x-protobuf", .body = "\xff\xff\xff\xff\xff"});
  expect_failure("snappy");
  FakeServers::Answer cut = answer_of(ReadForm::Streamed, two_series());
  cut.body.pop_back();
  answer(cut);
  expect_failure("the answer ends early");
  EXPECT_EQ(value("prometheus_remote_storage_read_queries_total", "chunked", "aborted_stream"), 1);
  options.chunked_read_limit = 20;
  answer(answer_of(ReadForm::Streamed, two_series()));
  expect_failure("chunked_read_limit allows (20)");
}

TEST_F(RemoteReadTest, PasswordsAreNotShown) {
  options.name = kUrl;
  answer({.status = 500});
  EXPECT_EQ(ask(reader(), {}), nullptr);
  EXPECT_EQ(warnings->at(0).find("secret"), std::string::npos) << warnings->at(0);
}

TEST_F(RemoteReadTest, QueriesOfUrlsAreNotShown) {
  options.name = std::string(kUrl) + "?token=hush";
  answer({.status = 500});
  EXPECT_EQ(ask(reader(), {}), nullptr);
  EXPECT_TRUE(warnings->at(0).starts_with("remote read from http://user:xxxxx@long-term:9090/"));
  EXPECT_EQ(warnings->at(0).find("hush"), std::string::npos) << warnings->at(0);
}

TEST_F(RemoteReadTest, AnswersHaveOneRoomTogether) {
  answer(answer_of(ReadForm::Streamed, two_series()));
  const size_t taken = AnswerRoom::kBytesOfAll - 100;
  *answers += taken;
  EXPECT_EQ(ask(reader(), {}), nullptr);
  ASSERT_EQ(warnings->size(), 1);
  EXPECT_NE((*warnings)[0].find("too large"), std::string::npos) << (*warnings)[0];
  EXPECT_TRUE(http.requests.at(0).canceled->load());
  EXPECT_EQ(answers->load(), taken);
  *answers -= taken;
  const auto set = ask(reader(), {});
  ASSERT_NE(set, nullptr);
  EXPECT_GT(answers->load(), 0);  // as long as it is read
}

TEST_F(RemoteReadTest, WhoeverIsGoneWaitsForNothing) {
  answer({.never = true});
  std::stop_source gone;
  gone.request_stop();
  EXPECT_EQ(ask(reader(), {}, {.stop = gone.get_token()}), nullptr);
  EXPECT_TRUE(http.requests.at(0).canceled->load());
  EXPECT_EQ(value("prom5_remote_storage_read_failures_total"), 0);
  EXPECT_EQ(ask(reader(), {}, {.until = std::chrono::steady_clock::now()}), nullptr);
  EXPECT_TRUE(http.requests.at(1).canceled->load());
  EXPECT_EQ(value("prom5_remote_storage_read_failures_total"), 1);
  EXPECT_EQ(warnings->size(), 2);
}

TEST_F(RemoteReadTest, NoMoreQuestionsThanTheLimitAtOnce) {
  answer({.never = true});
  const auto from = std::make_unique<RemoteReader>(options, ExternalLabels(),
                                                   RemoteReader::Services{http, metrics});
  std::vector<std::unique_ptr<ReadInFlight>> in_flight;
  for (size_t i = 0; i <= RemoteReader::kMaxInFlight; ++i) in_flight.push_back(from->start({}, {}));
  EXPECT_EQ(http.requests.size(), RemoteReader::kMaxInFlight);
  EXPECT_EQ(in_flight.back()->wait({}, warnings), nullptr);
  EXPECT_NE(warnings->at(0).find("20 queries wait"), std::string::npos) << warnings->at(0);
  in_flight.clear();
  EXPECT_EQ(value("prometheus_remote_storage_remote_read_queries"), 0);
  in_flight.push_back(from->start({}, {}));
  EXPECT_EQ(http.requests.size(), RemoteReader::kMaxInFlight + 1);
}

TEST_F(RemoteReadTest, DamagedChunksAreLeftOutWithAWarning) {
  AnsweredSeries series = two_series()[0];
  auto chunks = prometheus::encode_chunks(series.samples);
  ASSERT_EQ(chunks.size(), 1);
  std::string message = encode_labels_v1(series.labels);
  codec::ProtoWriter(message).bytes(2, chunk_message(chunks[0]));
  chunks[0].data.resize(5);
  codec::ProtoWriter(message).bytes(2, chunk_message(chunks[0]));
  std::string response;
  codec::ProtoWriter(response).bytes(1, message);
  FakeServers::Answer broken = answer_of(ReadForm::Streamed, {});
  broken.body = frame(response);
  answer(broken);
  const auto set = ask(reader(), {});
  ASSERT_NE(set, nullptr);
  SampleColumns samples;
  ASSERT_TRUE(set->next());
  ASSERT_TRUE(set->read(samples));
  EXPECT_EQ(samples.size(), 17);
  ASSERT_EQ(warnings->size(), 1);
  EXPECT_NE((*warnings)[0].find("are left out"), std::string::npos) << (*warnings)[0];
  EXPECT_FALSE(set->next());
}

}  // namespace prom5::remote
