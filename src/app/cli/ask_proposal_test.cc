#include "app/cli/ask_proposal.h"

#include <gtest/gtest.h>

namespace prom5::cli {
namespace {

TEST(AskProposal, AlertIsAFileOfRules) {
  const Json alert{{"kind", "alert"},
                   {"alert", "High"},
                   {"expr", "a{b=\"c\"}\n> 1"},
                   {"for_s", 5400},
                   {"severity", "warning"},
                   {"labels", {{"severity", "warning"}}},
                   {"annotations", {{"summary", "of \"{{ $x }}\""}}}};
  EXPECT_EQ(proposal_text(alert, "alert me"), R"(groups:
  - name: proposed
    rules:
      - alert: High
        expr: |-
          a{b="c"}
          > 1
        for: 1h30m
        labels:
          severity: "warning"
        annotations:
          summary: "of \"{{ $x }}\""
)");
  const Json bare{{"kind", "alert"}, {"alert", "High"}, {"expr", "a > 1"}, {"labels", nullptr}};
  EXPECT_EQ(proposal_text(bare, ""),
            "groups:\n  - name: proposed\n    rules:\n      - alert: High\n        expr: |-\n"
            "          a > 1\n        for: 0s\n");
}

TEST(AskProposal, NoWordOfAQuestionBreaksTheCommandOfASilence) {
  const Json silence{{"kind", "silence"},
                     {"matchers", {{"instance", "db.*"}, {"job", "a"}, {"name", "o'\"b"}}},
                     {"regex", {"instance"}},
                     {"duration_s", 7200}};
  EXPECT_EQ(proposal_text(silence, "it's $(x)"),
            R"(amtool silence add 'instance=~"db.*"' 'job="a"' 'name="o'\''\"b"')"
            R"( --duration=2h --comment='it'\''s $(x)')"
            "\n");
}

TEST(AskProposal, ASilenceToComeHasItsBeginning) {
  const Json silence{{"kind", "silence"},
                     {"matchers", {{"job", "a"}}},
                     {"duration_s", 7200},
                     {"start", 1768550400},
                     {"starts_at", "2026-01-16T08:00:00Z"},
                     {"ends_at", "2026-01-16T10:00:00Z"}};
  EXPECT_EQ(proposal_text(silence, "q"),
            R"(amtool silence add 'job="a"' --start='2026-01-16T08:00:00Z' )"
            "--end='2026-01-16T10:00:00Z' --comment='q'\n");
}

TEST(AskProposal, WhatIsNoneGivesNothing) {
  EXPECT_EQ(proposal_text(Json(), "q"), "");
  EXPECT_EQ(proposal_text(Json("alert"), "q"), "");
  EXPECT_EQ(proposal_text({{"kind", "deletion"}}, "q"), "");
  EXPECT_EQ(proposal_text({{"kind", 1}}, "q"), "");
  // Of another shape than they should have.
  EXPECT_NE(proposal_text({{"kind", "alert"}, {"expr", 1}, {"for_s", "x"}}, "q"), "");
  EXPECT_EQ(proposal_text({{"kind", "silence"}, {"matchers", {1}}, {"duration_s", -1}}, "q"),
            "amtool silence add --duration=0s --comment='q'\n");
}

}  // namespace
}  // namespace prom5::cli
