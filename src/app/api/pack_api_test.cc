#include "app/api/pack_api.h"

#include <gtest/gtest.h>

#include "ask/catalogue/concept.h"
#include "io/codec/json.h"
#include "io/file/memory_file_system.h"

namespace prom5::api {

namespace {

/// Has three corrections.
class CorrectedAgent final : public Agent {
 public:
  Result<Answer> ask(const Question&, const Follower&) override { return Answer{}; }
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string&) const override { return {}; }
  [[nodiscard]] std::optional<Json> session(const std::string&, const std::string&) const override {
    return std::nullopt;
  }
  bool forget(const std::string&, const std::string&) override { return false; }
  [[nodiscard]] Json feedback_report() const override {
    const auto correction = [](int id, const char* said, const char* suggested) {
      return Json{{"id", id},
                  {"question", "Show the belt's speed"},
                  {"correction", said},
                  {"suggested", suggested}};
    };
    return {
        {"corrections", Json::array({correction(1, "only line 1", "avg(belt_mps)"),
                                     correction(2, "blech=host", ""), correction(3, "no", "")})}};
  }
};

class PackApiTest : public testing::Test {
 protected:
  int post(const std::string& body, bool enabled = true) {
    PackApi api(agent_, files_, {.file = "data/assistant/pack.yaml", .enabled = enabled});
    io::Router router;
    api.add_routes(router);
    io::HttpRequest request;
    request.method = "POST";
    request.path = "/api/v5/agent/pack";
    request.body = body;
    const io::HttpResponse response = router.route(request);
    answer_ = codec::parse_json(response.body).value_or(Json());
    return response.status;
  }
  catalogue::ConceptPack pack() {
    catalogue::ConceptPack out = catalogue::shipped_pack();
    EXPECT_TRUE(merge(out, files_.read("data/assistant/pack.yaml").value()));
    return out;
  }

  CorrectedAgent agent_;
  io::MemoryFileSystem files_;
  Json answer_;
};

}  // namespace

TEST_F(PackApiTest, LearnsOneThingAfterTheOther) {
  EXPECT_EQ(post(R"({"synonym": {"word": "kasten", "meaning": "host"}})"), 200);
  EXPECT_EQ(answer_["status"], "success");
  EXPECT_EQ(answer_["restart_needed"], true);
  EXPECT_EQ(post(R"({"from_feedback": 1})"), 200);
  EXPECT_EQ(post(R"({"from_feedback": 2})"), 200);
  EXPECT_EQ(pack().lexicon.canonical("kasten"), "host");
  EXPECT_EQ(pack().lexicon.canonical("blech"), "host");
  EXPECT_EQ(pack().concepts.back().recipes[0].promql, "avg(belt_mps)");
  EXPECT_EQ(pack().concepts.back().recipes[0].explain, "only line 1");
  EXPECT_EQ(post(R"({"yaml": "means: {host: [dings]}"})"), 200);
  EXPECT_EQ(pack().lexicon.canonical("kasten"), "kasten");
  EXPECT_EQ(pack().lexicon.canonical("dings"), "host");
}

TEST_F(PackApiTest, RefusesWhatItCannotLearn) {
  EXPECT_EQ(post(R"({"synonym": {"word": "kasten", "meaning": "host"}})", false), 500);
  EXPECT_EQ(post(R"({"from_feedback": 9})"), 404);
  for (const char* body :
       {"", "[]", "{}", "{", R"({"from_feedback": 3})", R"({"from_feedback": "1"})",
        R"({"synonym": "a=b"})", R"({"synonym": {"word": "a"}})", R"({"yaml": "menas: {}"})",
        R"({"yaml": ""})", R"({"yaml": " \n"})", R"({"yaml": "# nothing"})", R"({"yaml": "{}"})",
        R"({"yaml": "x", "from_feedback": 1})", R"({"other": 1})"}) {
    EXPECT_EQ(post(body), 400) << body;
  }
  EXPECT_FALSE(files_.read("data/assistant/pack.yaml"));
}

}  // namespace prom5::api
