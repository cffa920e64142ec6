#include "ask/llm/grounds.h"

#include <gtest/gtest.h>

namespace prom5::llm {

namespace {

std::vector<Message> conversation() {
  std::vector<Message> out;
  out.push_back({Role::User, "top 3 hosts over 80% cpu?", {}, {}, {}});
  Message call{Role::Assistant, "", {}, {}, {}};
  call.calls.push_back(
      {"1", "query_metrics",
       Json{{"promql", " topk(3, avg_over_time(cpu[5m])) > 0.8"}, {"range_s", 3600}}});
  call.calls.push_back({"2", "query_metrics", Json{{"promql", "broken("}}});
  call.calls.push_back({"3", "find_metrics", Json{{"words", {"cpu"}}}});
  out.push_back(call);
  Message result{Role::Tool, "", {}, "1", {}};
  result.content = {
      {"resultType", "vector"},
      {"result",
       {{{"metric", {{"instance", "web-01:9100"}, {"url", "https://shop.example/a"}}},
         {"value", {1763797138.5, "0.7342"}}},
        {{"metric", {{"instance", "web-02:9100"}}}, {"value", {1763797138.5, "1234567890"}}}}}};
  out.push_back(result);
  out.push_back({Role::Tool, "", {}, "2", Json{{"error", "parse error at 77"}}});
  out.push_back({Role::Tool, "", {}, "3", Json{{"metrics", Json::array()}}});
  return out;
}

void plain(std::string_view text, std::string_view expected) {
  EXPECT_EQ(plain_text(text, gather_grounds(conversation())), expected) << text;
}

}  // namespace

TEST(Grounds, QueriesThatRan) {
  const Grounds grounds = gather_grounds(conversation());
  EXPECT_TRUE(grounds.any_result);
  EXPECT_EQ(grounds.queries.size(), 1U);
  EXPECT_TRUE(grounds.has_run("topk(3, avg_over_time(cpu[5m])) > 0.8\n"));
  EXPECT_FALSE(grounds.has_run("broken("));
  EXPECT_FALSE(grounds.has_run("up"));
  EXPECT_FALSE(grounds.has_run(""));
}

TEST(Grounds, OnlyTheLastQuestionCounts) {
  std::vector<Message> later = conversation();
  later.push_back({Role::User, "and memory?", {}, {}, {}});
  const Grounds grounds = gather_grounds(later);
  EXPECT_FALSE(grounds.any_result);
  EXPECT_TRUE(grounds.queries.empty());
}

TEST(Grounds, TextIsOnlyText) {
  plain("All is well.\nReally: 5 < 6 > 2.", "All is well.\nReally: 5 < 6 > 2.");
  plain("see https://evil.example/?x=1.", "see [link removed]");
  plain("see https://shop.example/a.", "see https[:]//shop.example/a.");
  plain("[click me](https://evil.example) now", "click me [link removed] now");
  plain("![](https://evil.example/p.png?d=secret)", "[link removed]");
  plain("![a](//evil.example/b", "a [link removed]");
  plain("<img src=https://evil.example/x>ok<b>bold</b>", "okbold");
  plain("<script>alert(1)", "alert(1)");
  plain("a\xE2\x80\xAE\x1b[31mb\xE2\x80\x8B\xF3\xA0\x81\xA1", "a[31mb");
  plain("www.evil.example, evil.example/steal?a=b and //evil.example/x",
        "[link removed] [link removed] and [link removed]");
  plain("javascript:alert(1) data:text/html,x mailto:a@b.de",
        "[link removed] [link removed] [link removed]");
  plain("x](y [z](w", "x] y z [link removed]");
  plain("/var/lib/x, web-01:9100 and rate(a[5m])/rate(b[5m])",
        "/var/lib/x, web-01:9100 and rate(a[5m])/rate(b[5m])");
  plain("HTTPS://EVIL.EXAMPLE", "[link removed]");
  plain("９８７, ٣٤ und ۵: é ｘ", "987, 34 und 5: é ｘ");
}

}  // namespace prom5::llm
