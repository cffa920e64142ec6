#include "app/api/notifications.h"

#include <gtest/gtest.h>

#include <map>

#include "io/codec/json.h"

namespace prom5::api {

namespace {

class FakeStream final : public io::ResponseStream {
 public:
  bool write(std::string bytes) override {
    if (broken) return false;
    text += bytes;
    return true;
  }
  [[nodiscard]] size_t unsent_bytes() const override { return 0; }
  void close() override { closed = true; }

  std::string text;
  bool broken = false;
  bool closed = false;
};

class NotificationsTest : public testing::Test {
 protected:
  static constexpr size_t kMost = 2;

  void SetUp() override { notifications_.add_routes(router_); }

  struct Client {
    int status = 0;
    std::stop_source source;
    std::shared_ptr<FakeStream> stream = std::make_shared<FakeStream>();
    std::function<void(std::shared_ptr<io::ResponseStream>)> start;
  };

  /// Asks; the server calls `start` when it has answered.
  Client ask() {
    Client client;
    io::HttpRequest request;
    request.method = "GET";
    request.path = "/api/v1/notifications/live";
    request.stop = client.source.get_token();
    io::HttpResponse response = router_.route(request);
    client.status = response.status;
    client.start = std::move(response.stream);
    return client;
  }
  Client listen() {
    Client client = ask();
    if (client.start) client.start(client.stream);
    return client;
  }
  std::string listed() {
    io::HttpRequest request;
    request.method = "GET";
    request.path = "/api/v1/notifications";
    return router_.route(request).body;
  }
  double metric(std::string_view name) {
    for (const auto& family : metrics_.collect()) {
      if (family.name == "prometheus_api_notification_" + std::string(name)) {
        return family.points[0].value;
      }
    }
    return -1;
  }

  ManualClock clock_{TimeMs{0}};
  MetricRegistry metrics_;
  Notifications notifications_{clock_, metrics_, kMost};
  io::Router router_;
};

TEST_F(NotificationsTest, AreListedWhileTheyHold) {
  EXPECT_EQ(listed(), R"({"status":"success","data":[]})");
  notifications_.raise("one");
  clock_.advance(DurationMs::seconds(1));
  notifications_.raise("two");
  const std::string one = R"({"text":"one","date":"1970-01-01T00:00:00Z","active":true})";
  const std::string two = R"({"text":"two","date":"1970-01-01T00:00:01Z","active":true})";
  const auto answer = [](const std::string& data) {
    return codec::parse_json(R"({"status":"success","data":[)" + data + "]}").value();
  };
  EXPECT_EQ(codec::parse_json(listed()).value(), answer(one + "," + two));
  notifications_.withdraw("one");
  notifications_.withdraw("never raised");
  EXPECT_EQ(codec::parse_json(listed()).value(), answer(two));
  clock_.advance(DurationMs::seconds(1));
  notifications_.raise("two");  // has a new date, and is no second one
  ASSERT_EQ(notifications_.list().size(), 1U);
  EXPECT_EQ(notifications_.list()[0].date, TimeMs{2000});
}

TEST_F(NotificationsTest, AreToldAsTheyChange) {
  notifications_.raise("before");
  const Client client = listen();
  EXPECT_EQ(client.status, 200);
  std::string want = R"(data: {"text":"before","date":"1970-01-01T00:00:00Z","active":true})";
  want += "\n\n";
  EXPECT_EQ(client.stream->text, want);
  clock_.advance(DurationMs::seconds(1));
  notifications_.withdraw("before");
  want += R"(data: {"text":"before","date":"1970-01-01T00:00:00Z","active":false})";
  want += "\n\n";
  EXPECT_EQ(client.stream->text, want);
  notifications_.raise("after");
  want += R"(data: {"text":"after","date":"1970-01-01T00:00:01Z","active":true})";
  want += "\n\n";
  EXPECT_EQ(client.stream->text, want);
  EXPECT_EQ(metric("updates_sent_total"), 3);
  EXPECT_EQ(metric("updates_dropped_total"), 0);
}

TEST_F(NotificationsTest, AReasonIsPartOfTheText) {
  const auto texts = [&] {
    std::vector<std::string> out;
    for (const auto& note : notifications_.list()) out.push_back(note.text);
    return out;
  };
  using Texts = std::vector<std::string>;
  notifications_.raise("It failed.", "a.yml:3:1: no key \"x\"\nsecond line");
  EXPECT_EQ(texts(), Texts{"It failed: a.yml:3:1: no key \"x\""});
  // Another reason takes the place of the first, whose end is told.
  const Client client = listen();
  client.stream->text.clear();
  notifications_.raise("It failed.", "other");
  EXPECT_EQ(texts(), Texts{"It failed: other"});
  EXPECT_EQ(client.stream->text,
            "data: {\"text\":\"It failed: a.yml:3:1: no key \\\"x\\\"\","
            "\"date\":\"1970-01-01T00:00:00Z\",\"active\":false}\n\n"
            "data: {\"text\":\"It failed: other\","
            "\"date\":\"1970-01-01T00:00:00Z\",\"active\":true}\n\n");
  client.stream->text.clear();
  notifications_.raise("It failed.", "other");
  EXPECT_EQ(client.stream->text.find("false"), std::string::npos) << "it goes on";
  // Long ones are cut between characters.
  std::string reason(150, 'a');
  for (int i = 0; i < 150; ++i) reason += "ü";
  notifications_.raise("It failed.", reason);
  ASSERT_EQ(texts().size(), 1U);
  EXPECT_TRUE(texts()[0].ends_with("üü…")) << texts()[0];
  EXPECT_LT(texts()[0].size(), 320U);
  notifications_.raise("It failed.", " \n");
  EXPECT_EQ(texts(), Texts{"It failed."});
  notifications_.raise("It failed.", "why");
  notifications_.withdraw("It failed.");
  EXPECT_EQ(texts(), Texts{});
  EXPECT_TRUE(client.stream->text.ends_with("\"active\":false}\n\n"));
  EXPECT_NE(client.stream->text.rfind("It failed: why"), std::string::npos);
}

TEST_F(NotificationsTest, WhatChangesBeforeAStreamBeginsIsToldOnce) {
  Client client = ask();
  notifications_.raise("between");
  notifications_.raise("gone");
  notifications_.withdraw("gone");
  client.start(client.stream);
  EXPECT_NE(client.stream->text.find("between"), std::string::npos);
  EXPECT_EQ(client.stream->text.find("between"), client.stream->text.rfind("between"));
  EXPECT_EQ(client.stream->text.find("gone"), std::string::npos);
}

TEST_F(NotificationsTest, TheNumberOfListenersIsLimited) {
  Client first = listen();
  const Client second = listen();
  EXPECT_EQ(metric("active_subscribers"), 2);
  EXPECT_EQ(listen().status, 204);
  first.source.request_stop();  // its client left
  EXPECT_EQ(metric("active_subscribers"), 1);
  const Client third = listen();
  EXPECT_EQ(third.status, 200);
  EXPECT_EQ(listen().status, 204);
  notifications_.raise("news");
  EXPECT_EQ(first.stream->text.find("news"), std::string::npos);
  EXPECT_NE(third.stream->text.find("news"), std::string::npos);
}

TEST_F(NotificationsTest, ARequestThatIsOverHoldsNoPlace) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask().status, 200) << i;  // as HEAD requests
  EXPECT_EQ(metric("active_subscribers"), 0);
}

TEST_F(NotificationsTest, ABrokenStreamIsCounted) {
  const Client client = listen();
  client.stream->broken = true;
  notifications_.raise("lost");
  EXPECT_EQ(metric("updates_sent_total"), 1);
  EXPECT_EQ(metric("updates_dropped_total"), 1);
}

TEST_F(NotificationsTest, StopClosesAllStreams) {
  const Client client = listen();
  Client late = ask();
  notifications_.raise("the end");
  notifications_.stop();
  EXPECT_TRUE(client.stream->closed);
  late.start(late.stream);
  EXPECT_TRUE(late.stream->closed);
  EXPECT_NE(late.stream->text.find("the end"), std::string::npos);
  EXPECT_EQ(listen().status, 204);
}

}  // namespace

}  // namespace prom5::api
