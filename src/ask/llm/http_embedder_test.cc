#include "ask/llm/http_embedder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <functional>
#include <numeric>

#include "ask/llm/embedding_protocol.h"
#include "io/codec/json.h"

namespace prom5::llm {

namespace {

using catalogue::Embedding;

/// Answers each text by the vector (bytes, 1), or as it was told to.
class ScriptedHttp final : public io::HttpClient {
 public:
  void start(io::HttpClientRequest request, Completion completion) override {
    requests.push_back(request);
    if (fails) {
      completion(fail(ErrorCode::Unavailable, "as told"));
      return;
    }
    io::HttpClientResponse response;
    response.status = status;
    response.body = body.empty() ? answer(Json::parse(request.body)) : body;
    completion(response);
  }

  std::string answer(const Json& asked) const {
    const auto& texts = asked["input"];
    if (provider == Provider::Ollama) {
      Json list = Json::array();
      for (const Json& text : texts) list.push_back({text.get<std::string>().size(), 1});
      return Json{{"embeddings", list}}.dump();
    }
    Json list = Json::array();
    for (size_t i = texts.size(); i-- > 0;) {  // in any order
      list.push_back({{"index", i}, {"embedding", {texts[i].get<std::string>().size(), 1}}});
    }
    return Json{{"data", list}}.dump();
  }

  Provider provider = Provider::OpenAi;
  bool fails = false;
  int status = 200;
  std::string body;
  std::vector<io::HttpClientRequest> requests;
};

class HttpEmbedderTest : public testing::Test {
 protected:
  Result<std::vector<Embedding>> embed(const std::vector<std::string>& texts,
                                       const std::stop_token& stop = {}) {
    if (!embedder_) embedder_ = make_embedder(options_, http_, clock_, metrics_, log_);
    return embedder_->embed(texts, stop);
  }
  uint64_t fallbacks() {
    return metrics_.counter("prom5_assistant_embedding_fallbacks_total", "").value();
  }
  static EmbeddingOptions some_options() {
    EmbeddingOptions options;
    options.provider = Provider::OpenAi;
    options.base_url = "http://model.example/v1/";
    options.model = "m";
    options.api_key.text = "the-secret-key";
    options.batch = 2;
    options.cache_entries = 4;
    return options;
  }

  EmbeddingOptions options_ = some_options();
  ScriptedHttp http_;
  ManualClock clock_{TimeMs{1'763'797'138'000}};
  MetricRegistry metrics_;
  std::string written_;
  Log log_{LogLevel::Debug, LogFormat::Logfmt, [this](std::string_view line) { written_ += line; }};
  std::unique_ptr<catalogue::Embedder> embedder_;
};

/// The ratio of the first two numbers, which is what the script answers: the text's bytes.
double bytes_of(const Embedding& e) { return std::round(e[0] / e[1]); }

}  // namespace

TEST_F(HttpEmbedderTest, OpenAi) {
  const auto vectors = embed({"a", "bb", "ccc"});
  ASSERT_TRUE(vectors) << vectors.error().message;
  ASSERT_EQ(vectors->size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(bytes_of((*vectors)[i]), static_cast<double>(i + 1));
    const Embedding& v = (*vectors)[i];
    EXPECT_NEAR(std::inner_product(v.begin(), v.end(), v.begin(), 0.0), 1, 1e-5);
  }
  ASSERT_EQ(http_.requests.size(), 2U);  // two texts at a time
  EXPECT_EQ(http_.requests[0].url, "http://model.example/v1/embeddings");
  EXPECT_EQ(http_.requests[0].security->credentials.text, "the-secret-key");
  EXPECT_FALSE(http_.requests[0].security->follow_redirects);
  const Json body = Json::parse(http_.requests[0].body);
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["input"], (Json{"a", "bb"}));
}

TEST_F(HttpEmbedderTest, Ollama) {
  options_.provider = http_.provider = Provider::Ollama;
  options_.base_url = "";
  const auto vectors = embed({"bb", "a"});
  ASSERT_TRUE(vectors) << vectors.error().message;
  EXPECT_EQ(bytes_of((*vectors)[0]), 2);
  EXPECT_EQ(http_.requests[0].url, "http://127.0.0.1:11434/api/embed");
}

TEST_F(HttpEmbedderTest, KnowsWhatItAskedAndForgetsTheOldest) {
  ASSERT_TRUE(embed({"a", "bb"}));
  ASSERT_TRUE(embed({"bb", "a"}));
  EXPECT_EQ(http_.requests.size(), 1U);
  ASSERT_TRUE(embed({"ccc", "dddd", "eeeee"}));  // "a" makes room
  EXPECT_EQ(http_.requests.size(), 3U);
  ASSERT_TRUE(embed({"bb"}));
  EXPECT_EQ(http_.requests.size(), 3U);
  ASSERT_TRUE(embed({"a"}));
  EXPECT_EQ(http_.requests.size(), 4U);
  EXPECT_EQ(metrics_.counter("prom5_assistant_embedding_cache_evictions_total", "").value(), 2U);
}

TEST_F(HttpEmbedderTest, SendsNothingPrivate) {
  ASSERT_TRUE(embed({"mail of jane@example.org, password=hunter22x, from 10.1.2.3",
                     "the-secret-key " + std::string(5000, 'x')}));
  const std::string& body = http_.requests[0].body;
  for (const std::string_view secret : {"jane@", "hunter22x", "10.1.2.3", "the-secret-key"}) {
    EXPECT_EQ(body.find(secret), std::string::npos) << secret;
  }
  EXPECT_LT(body.size(), 2500U);
}

TEST_F(HttpEmbedderTest, FailuresAreCountedAndStopTheAsking) {
  http_.status = 401;
  http_.body = R"({"error":{"message":"wrong key the-secret-key"}})";
  const auto failed = embed({"a"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::Unavailable);
  EXPECT_NE(failed.error().message.find("401"), std::string::npos);
  EXPECT_EQ(failed.error().message.find("the-secret-key"), std::string::npos);
  http_.fails = true;
  EXPECT_FALSE(embed({"a"}));
  EXPECT_FALSE(embed({"a"}));
  EXPECT_FALSE(embed({"a"}));
  EXPECT_EQ(http_.requests.size(), 3U);  // the fourth was not sent
  EXPECT_EQ(fallbacks(), 4U);
  EXPECT_NE(written_.find("not asked for a while"), std::string::npos);
  http_ = {};
  clock_.advance(DurationMs::minutes(2));
  EXPECT_TRUE(embed({"a"}));
  EXPECT_EQ(fallbacks(), 4U);
}

TEST_F(HttpEmbedderTest, GivingUpIsNoFailure) {
  std::stop_source stop;
  stop.request_stop();
  http_.fails = true;
  const auto given_up = embed({"a"}, stop.get_token());
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, ErrorCode::Canceled);
  EXPECT_EQ(fallbacks(), 0U);
  EXPECT_TRUE(http_.requests[0].canceled->load());
}

TEST_F(HttpEmbedderTest, AnotherModelBehindTheSameName) {
  ASSERT_TRUE(embed({"a"}));
  http_.body = R"({"data":[{"index":0,"embedding":[1,2,3]}]})";
  EXPECT_FALSE(embed({"b"}));
}

TEST_F(HttpEmbedderTest, NothingIsMadeUnlessConfigured) {
  options_.provider = Provider::None;
  EXPECT_EQ(make_embedder(options_, http_, clock_, metrics_, log_), nullptr);
}

TEST(EmbeddingProtocol, RefusesWhatIsNoAnswer) {
  const auto bad = [](Provider provider, std::string_view body, size_t count) {
    const auto parsed = parse_embeddings(provider, body, count);
    ASSERT_FALSE(parsed) << body;
    EXPECT_EQ(parsed.error().code, ErrorCode::Unavailable) << body;
  };
  constexpr auto kOpenAi = Provider::OpenAi;
  constexpr auto kOllama = Provider::Ollama;
  for (const std::string_view body :
       {"", "{", "[]", "5", "{}", R"({"data":5})", R"({"data":[]})", R"({"data":[5]})",
        R"({"data":[{}]})", R"({"data":[{"embedding":[]}]})", R"({"data":[{"embedding":["x"]}]})",
        R"({"data":[{"embedding":[1e300]}]})", R"({"data":[{"embedding":[1],"index":1}]})",
        R"({"data":[{"embedding":[1]},{"embedding":[1]}]})"}) {
    bad(kOpenAi, body, 1);
  }
  bad(kOpenAi, R"({"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":0}]})", 2);
  bad(kOpenAi, R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})", 2);
  bad(kOllama, R"({"embeddings":[[1],[1,2]]})", 2);
  bad(kOllama, R"({"embeddings":[[]]})", 1);
  bad(kOllama, R"({"error":"model not found"})", 1);
}

TEST(EmbeddingProtocol, ProjectionKeepsLikeness) {
  std::vector<float> a(1536);
  std::vector<float> b(1536);
  std::vector<float> c(1536);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(std::sin(static_cast<double>(i)));
    b[i] = a[i] + 0.3F * static_cast<float>(std::sin(static_cast<double>(i * i)));
    c[i] = static_cast<float>(std::cos(static_cast<double>(i * i)));
  }
  const auto likeness = [](const std::vector<float>& x, const std::vector<float>& y) {
    const Embedding ex = to_embedding(x);
    const Embedding ey = to_embedding(y);
    return std::inner_product(ex.begin(), ex.end(), ey.begin(), 0.0);
  };
  EXPECT_NEAR(likeness(a, a), 1, 1e-5);
  EXPECT_NEAR(likeness(a, b), 1 / std::sqrt(1.09), 0.1);
  EXPECT_NEAR(likeness(a, c), 0, 0.2);
  EXPECT_EQ(to_embedding(std::vector<float>(3)), Embedding{});
}

}  // namespace prom5::llm
