#include "model/exposition/text_parser.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "model/exposition/text_writer.h"

namespace prom5::exposition {

namespace {

struct Read {
  std::string text;
  double value = 0;
  std::optional<TimeMs> time;
};

Result<std::vector<Read>> read_page(std::string_view page) {
  std::vector<Read> out;
  TextParser parser(page);
  LabelsBuilder labels;
  for (;;) {
    const auto entry = TRY(parser.next());
    if (entry == TextParser::Entry::End) return out;
    if (entry != TextParser::Entry::Sample) continue;
    TRY(parser.labels(labels));
    out.push_back({labels.build().to_string(), parser.value(), parser.time()});
  }
}

void ok(std::string_view page, std::string_view labels, double value) {
  const auto got = read_page(page);
  ASSERT_TRUE(got) << page << ": " << got.error().message;
  ASSERT_EQ(got->size(), 1U) << page;
  EXPECT_EQ(got->front().text, labels) << page;
  EXPECT_EQ(got->front().value, value) << page;
}

void bad(std::string_view page, std::string_view start = "line 1: ") {
  const auto got = read_page(page);
  ASSERT_FALSE(got) << page;
  EXPECT_EQ(got.error().code, ErrorCode::BadData) << page;
  EXPECT_TRUE(got.error().message.starts_with(start)) << page << " -> " << got.error().message;
}

}  // namespace

TEST(TextParser, Valid) {
  ok("a 1\n", R"({__name__="a"})", 1);
  ok("a 1", R"({__name__="a"})", 1);
  ok("  a\t 1 ", R"({__name__="a"})", 1);
  ok("a{} 1", R"({__name__="a"})", 1);
  ok("a:b_c 1", R"({__name__="a:b_c"})", 1);
  ok("a{b=\"c\"} 2", R"({__name__="a", b="c"})", 2);
  ok("a{b=\"c\",} 2", R"({__name__="a", b="c"})", 2);
  ok("a { b = \"c\" , d = \"e\" } 2", R"({__name__="a", b="c", d="e"})", 2);
  ok("a{b=\"\\\"\\\\\\n}\"} 2", R"({__name__="a", b="\"\\\n}"})", 2);
  ok("a{b=\"x y{\"} 2", R"({__name__="a", b="x y{"})", 2);
  ok("a{b=\"\"} 2", R"({__name__="a"})", 2);
  ok("{\"a.b\"} 1", R"({__name__="a.b"})", 1);
  ok("{\"a.b\",\"c d\"=\"e\"} 1", R"({__name__="a.b", "c d"="e"})", 1);
  ok("\n\n# comment\n#\na 1e3\n", R"({__name__="a"})", 1000);
  ok("a +Inf", R"({__name__="a"})", HUGE_VAL);
  ok("a -inf", R"({__name__="a"})", -HUGE_VAL);
  EXPECT_EQ(read_page("a 1 -5").value()[0].time, TimeMs{-5});
  EXPECT_EQ(read_page("a 1").value()[0].time, std::nullopt);
  EXPECT_NE(read_page("a NaN").value()[0].value, read_page("a NaN").value()[0].value);
}

TEST(TextParser, Malformed) {
  bad("a", "line 1: no value after the metric name, at \"a\"");
  bad("a ", "line 1: no value");
  bad("\n\na x", "line 3: invalid value, at \"x\"");
  bad("a 1\nb 0x1\n", "line 2: invalid value, at \"0x1\"");
  bad("a 1_0");
  bad("a 1p3");
  bad("a nan(1)");
  bad("a 1e999");
  bad("a 1 x", "line 1: invalid timestamp, expected integer milliseconds, at \"x\"");
  bad("a 1 1.5");
  bad("a 1 2 3", "line 1: text after the timestamp, at \"3\"");
  bad("a{b=\"c\" 1", "line 1: label set is not closed");
  bad("a{b=\"c} 1", "line 1: label set is not closed");
  bad("a{b=\"c\\\"} 1");
  bad("a{b} 1");
  bad("a{b=} 1");
  bad("a{b=c} 1", "line 1: label value is not in double quotes");
  bad("a{b='c'} 1");
  bad("a{=\"c\"} 1", "line 1: invalid label name");
  bad("a{1b=\"c\"} 1");
  bad("a{b:c=\"c\"} 1");
  bad("a{,} 1");
  bad("a{b=\"c\",,} 1");
  bad("a{b=\"c\"d=\"e\"} 1", "line 1: expected \",\" or \"}\" after a label");
  bad("a{b=\"c\",b=\"d\"} 1", "line 1: label name \"b\" is not unique");
  bad("a{\"b\"} 1", "line 1: metric name set twice");
  bad("a{b=\"\xFF\"} 1", "line 1: label value is not valid UTF-8");
  std::string many = "a{";
  for (int i = 0; i < 2000; ++i) many += fmt::format("l{}=\"v\",", i);
  bad(many + "} 1", "line 1: more than 1024 labels");
  bad("a{b=\"" + std::string((16 << 20) + 1, 'x') + "\"} 1", "line 1: label is longer");
  bad("{} 1", "line 1: series has no metric name");
  bad("{b=\"c\"} 1", "line 1: series has no metric name");
  bad("a-b 1", "line 1: invalid character in metric name");
  bad("1a 1");
  bad("{a} 1");  // a metric name inside the braces is quoted
  bad("a -nan(1)");
  bad("# TYPE a", "line 1: invalid metric type");
  bad("# TYPE a nothing", "line 1: invalid metric type");
  bad("# TYPE a counter extra", "line 1: unexpected text after the metric type");
  bad("# TYPE 1a counter", "line 1: invalid metric name");
  bad("# HELP \"a b", "line 1: metric name in quotes is not closed");
  bad("# HELP a \xFF", "line 1: help text is not valid UTF-8");
}

TEST(TextParser, HelpAndType) {
  TextParser p("# HELP a b\\\\c\\nd \"e\"\n# TYPE a counter\n# TYPE \"x y\" gauge\n");
  ASSERT_EQ(p.next().value(), TextParser::Entry::Help);
  EXPECT_EQ(p.family(), "a");
  EXPECT_EQ(p.help(), "b\\c\nd \"e\"");
  ASSERT_EQ(p.next().value(), TextParser::Entry::Type);
  EXPECT_EQ(p.type(), MetricType::Counter);
  ASSERT_EQ(p.next().value(), TextParser::Entry::Type);
  EXPECT_EQ(p.family(), "x y");
  EXPECT_EQ(p.next().value(), TextParser::Entry::End);
}

TEST(TextParser, ReadsWhatTheWriterWrote) {
  const uint64_t seed = 61;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int i = 0; i < 500; ++i) {
    std::string text(rng.below(20), '\0');
    for (char& c : text) c = "ab\\\"\n{}, =#"[rng.below(11)];
    const double value = static_cast<double>(rng.next()) * rng.unit();
    std::string page;
    TextWriter writer(page);
    writer.family("m", text, MetricType::Gauge);
    writer.sample("m", {{"l", text}}, value);
    const auto got = read_page(page);
    ASSERT_TRUE(got) << page;
    EXPECT_EQ(got->at(0).text, (Labels{{"__name__", "m"}, {"l", text}}).to_string());
    EXPECT_EQ(got->at(0).value, value);
  }
}

TEST(TextParser, DamagedPagesNeverCrash) {
  const uint64_t seed = 62;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const std::string good = "# HELP a b\\n\n# TYPE a gauge\na{b=\"c\\\"\",\"d e\"=\"f\"} 1e3 5\n";
  ASSERT_TRUE(read_page(good));
  for (int i = 0; i < 5000; ++i) {
    std::string page = good.substr(0, 1 + rng.below(good.size()));
    page[rng.below(page.size())] = static_cast<char>(rng.next());
    const auto got = read_page(page);
    EXPECT_TRUE(got || got.error().message.starts_with("line ")) << page;
  }
}

}  // namespace prom5::exposition
