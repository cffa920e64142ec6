#include "model/exposition/openmetrics_check.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/rng.h"

namespace prom5::exposition {

namespace {

using Entry = OpenMetricsParser::Entry;

/// "" for a good page.
std::string problem(std::string_view page) {
  OpenMetricsParser parser(page);
  OpenMetricsCheck check;
  for (;;) {
    const auto entry = parser.next();
    if (!entry) return entry.error().message;
    if (auto taken = check.take(parser, *entry); !taken) return taken.error().message;
    if (*entry == Entry::End) return "";
  }
}

void good(std::string_view lines) {
  EXPECT_EQ(problem(std::string(lines) + "# EOF\n"), "") << lines;
}

void bad(std::string_view lines, std::string_view why) {
  const std::string said = problem(std::string(lines) + "# EOF\n");
  EXPECT_NE(said.find(why), std::string::npos) << lines << "\nsaid: " << said;
}

}  // namespace

TEST(OpenMetrics, Lines) {
  EXPECT_EQ(problem("# EOF"), "");
  EXPECT_EQ(problem("# EOF\n"), "");
  good("a 1\n");
  good("a{} 1\n");
  good("a{x=\"\",y=\"a,}\\\"\\\\\\n\"} -.5e+3 1.25\n");
  good("a NaN\nb +Inf\nc -infinity\nd 1.\n");
  good("# HELP a \n# TYPE a unknown\n# UNIT a \na 1\n");
  EXPECT_NE(problem("a 1\n").find("line 2: the page does not end"), std::string::npos);
  EXPECT_NE(problem("a 1\n# EOF\n\n").find("text after"), std::string::npos);
  bad("\n", "line 1: blank line");
  bad("a 1\r\n", "line 1: the line ends in CR LF");
  bad("a\n", "a value");
  bad("a  1\n", "invalid value");
  bad("a 1 \n", "invalid timestamp");
  bad("a 1\t\n", "invalid value");
  bad("a 0x1\n", "invalid value");
  bad("a 1_0\n", "invalid value");
  bad("a infinit\n", "invalid value");
  bad("a -NaN\n", "invalid value");
  bad("a 1 NaN\n", "invalid timestamp");
  bad("a 1 +Inf\n", "invalid timestamp");
  bad("a-b 1\n", "invalid metric name");
  bad("a{x=1} 1\n", "expected =\"");
  bad("a{x=\"1} 1\n", "not closed");
  bad("a{x=\"1\",} 1\n", "invalid label name");
  bad("a{x=\"1\" ,y=\"1\"} 1\n", "expected \",\"");
  bad("a{x=\"1\",x=\"2\"} 1\n", "twice");
  bad("a{__name__=\"b\"} 1\n", "__name__");
  bad("a{x=\"\xFF\"} 1\n", "UTF-8");
  bad("#HELP a b\n", "expected \"# HELP\"");
  bad("# HELP a\n", "one space behind");
  bad("# TYPE a untyped\n", "invalid type");
  bad("# UNIT a s s\n", "invalid unit");
}

TEST(OpenMetrics, Exemplars) {
  good("# TYPE a counter\na_total 1 # {} 0.5\n");
  good("# TYPE a counter\na_total 1 12 # {trace=\"x # {\"} 0.5 11\n");
  good("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1 # {t=\"" + std::string(127, 'x') + "\"} 1\n");
  bad("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1 # {t=\"" + std::string(128, 'x') + "\"} 1\n",
      "longer than 128");
  bad("# TYPE a counter\na_total 1 # {" + std::string(129, 'n') + "=\"\"} 1\n", "longer than 128");
  bad("# TYPE a gauge\na 1 # {} 1\n", "exemplars");
  bad("# TYPE a counter\na_total 1 #\n", "expected \"# {\"");
  bad("# TYPE a counter\na_total 1 # {}\n", "exemplar's value");
  bad("# TYPE a counter\na_total 1 # {} 1 1 1\n", "text after the exemplar");
  bad("# TYPE a counter\na_total 1# {} 1\n", "invalid value");

  OpenMetricsParser parser("# TYPE a counter\na_total{x=\"1\"} 3 2.5 # {t=\"u\"} 0.25 2\n# EOF\n");
  ASSERT_EQ(parser.next().value(), Entry::Type);
  EXPECT_EQ(parser.type(), MetricType::Counter);
  ASSERT_EQ(parser.next().value(), Entry::Sample);
  EXPECT_EQ(parser.labels(), (Labels{{"__name__", "a_total"}, {"x", "1"}}));
  EXPECT_EQ(parser.value(), 3);
  EXPECT_EQ(parser.seconds(), 2.5);
  ASSERT_TRUE(parser.exemplar());
  EXPECT_EQ(parser.exemplar()->labels, (Labels{{"t", "u"}}));
  EXPECT_EQ(parser.exemplar()->value, 0.25);
  EXPECT_EQ(parser.exemplar()->seconds, 2);
  EXPECT_EQ(parser.next().value(), Entry::End);
}

TEST(OpenMetrics, Families) {
  good("# TYPE a counter\n# HELP a x\na_total 1\na_created 5\n# TYPE b gauge\nb 1\n");
  good("# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n");
  good("a 1\na_total 2\n");
  bad("a 1\n# TYPE a gauge\n", "before the samples");
  bad("# TYPE a gauge\n# TYPE a gauge\n", "more than one TYPE");
  bad("# HELP a x\n# HELP a x\n", "more than one HELP");
  bad("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a x\n", "another family");
  bad("# TYPE a counter\na_total 1\n# TYPE a_total gauge\na_total 1\n", "another family");
  bad("# TYPE a counter\na 1\n", "line 2: a: samples of type counter are named a_total, a_created");
  bad("# TYPE a gauge\na 1\nb 1\na{x=\"2\"} 1\n", "line 4: the name \"a\"");
  bad("# TYPE a gauge\n# UNIT a seconds\na 1\nb 1\n",
      "line 3: a: the name does not end in its unit");
  bad("# TYPE a_x info\n# UNIT a_x x\na_x_info 1\n", "has no unit");
}

TEST(OpenMetrics, ValuesOfTypes) {
  bad("# TYPE a counter\na_total -1\n", "not negative");
  bad("# TYPE a counter\na_total NaN\n", "not NaN");
  bad("# TYPE a info\na_info{x=\"1\"} 2\n", "an info is 1");
  bad("# TYPE a stateset\na{a=\"on\"} 2\n", "0 or 1");
  bad("# TYPE a stateset\na 1\n", "in the label");
  good("# TYPE a stateset\na{a=\"on\"} 1\na{a=\"off\"} 0\n");
  good("# TYPE a summary\na{quantile=\"0.5\"} 1\na_count 1\na_sum 3\n");
  bad("# TYPE a summary\na{quantile=\"1.5\"} 1\n", "quantile");
  bad("# TYPE a summary\na 1\n", "quantile");
  bad("# TYPE a summary\na{quantile=\"0.5\"} -1\n", "not negative");
}

TEST(OpenMetrics, Groups) {
  bad("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 1\n", "in one piece");
  bad("# TYPE a gauge\na 1\na 2\n", "twice");
  bad("# TYPE a gauge\na 1 5\na 2\n", "timestamps and others have none");
  bad("# TYPE a gauge\na 1 5\na 2 4\n", "backwards");
  good("# TYPE a gauge\na 1 5\na 2 6\n");
}

TEST(OpenMetrics, Histograms) {
  const std::string type = "# TYPE a histogram\n";
  good(type + "a_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_count 2\na_sum 3\n");
  good(type + "a_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 2\n");
  good(type + "a_bucket{le=\"+Inf\"} 1 1\na_bucket{le=\"+Inf\"} 2 2\n");
  bad(type + "a_bucket{le=\"1\"} 1\n", "+Inf");
  bad(type + "a_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\n", "not in order");
  bad(type + "a_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n", "less than the one before");
  bad(type + "a_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n", "the count is not");
  bad(type + "a_bucket{le=\"+Inf\"} 1\na_count 1\n", "come together");
  bad(type + "a_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n",
      "there is no sum");
  bad(type + "a_bucket{le=\"x\"} 1\n", "border");
  bad(type + "a_bucket 1\n", "border");
  bad(type + "a_bucket{le=\"0x10\"} 1\n", "border");
  bad(type + "a_bucket{le=\"+Inf\"} 1\na_count{le=\"5\"} 7\na_count 1\na_sum 1\n", "one piece");
  good(
      "# TYPE a gaugehistogram\na_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_gcount 1\n"
      "a_gsum -2\n");
  bad("# TYPE a gaugehistogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_gcount 1\n"
      "a_gsum -2\n",
      "not negative");
}

TEST(OpenMetrics, NumbersBeyondADouble) {
  const auto is = [](const std::string& text, double want) {
    EXPECT_EQ(parse_openmetrics_number(text), want) << text;
  };
  constexpr double kInf = std::numeric_limits<double>::infinity();
  is("1e400", kInf);
  is("-1e400", -kInf);
  is("1e-400", 0);
  is("0." + std::string(400, '0') + "1", 0);
  is("1" + std::string(400, '0') + "e-50", kInf);
  is("1" + std::string(400, '0') + "e-100", 1e300);
  is("1e99999999999999999999", kInf);
  is("1e-99999999999999999999", 0);
}

TEST(OpenMetrics, NoPageBreaksIt) {
  const std::string page =
      "# TYPE a histogram\n# HELP a \\n\na_bucket{le=\"1\",x=\"\\\\\"} 1 2 # {t=\"u\"} 3 4\n"
      "a_bucket{le=\"+Inf\",x=\"\\\\\"} 1 2\n# TYPE b_s info\nb_s_info{v=\"1\"} 1\n# EOF\n";
  Rng rng(17);
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = page;
    for (uint64_t n = rng.below(4) + 1; n > 0; --n) {
      const size_t at = rng.below(changed.size());
      switch (rng.below(3)) {
        case 0: changed[at] = static_cast<char>(rng.below(256)); break;
        case 1: changed.erase(at, rng.below(8)); break;
        default: changed.insert(at, changed.substr(rng.below(changed.size()), rng.below(20)));
      }
      if (changed.empty()) changed = "#";
    }
    const std::string said = problem(changed);
    if (!said.empty()) EXPECT_TRUE(said.starts_with("line ")) << said;
  }
}

}  // namespace prom5::exposition
