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
  bad("a{b=\"c} 1", "line 1: label value is not closed");
  bad("a{b=\"c\"} } 1", "line 1: text after the label set, at \" }\"");
  bad("a{b=\"c\"} 1 }", "line 1: no value");
  bad("a 1\r\r\n", "line 1: invalid value");
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
  ASSERT_EQ(p.next().value(), TextParser::Entry::Family);
  EXPECT_EQ(p.family().name, "a");
  EXPECT_EQ(p.family().metadata.help, "b\\c\nd \"e\"");
  EXPECT_EQ(p.family().metadata.type, MetricType::Counter);
  ASSERT_EQ(p.next().value(), TextParser::Entry::Family);
  EXPECT_EQ(p.family().name, "x y");
  EXPECT_EQ(p.next().value(), TextParser::Entry::End);
}

TEST(TextParser, FamiliesAreTheLinesThatStandTogether) {
  const auto families = [](std::string_view page) {
    std::vector<std::string> out;
    TextParser p(page, TextParser::Format::OpenMetrics);
    for (auto entry = p.next(); entry && *entry != TextParser::Entry::End; entry = p.next()) {
      if (*entry != TextParser::Entry::Family) continue;
      const PageFamily& f = p.family();
      out.push_back(fmt::format("{} {} {} {} {}", f.name, to_string(f.metadata.type),
                                f.metadata.help, f.metadata.unit, f.types));
    }
    return out;
  };
  using Families = std::vector<std::string>;
  EXPECT_EQ(families("# TYPE a_s counter\n# UNIT a_s s\n# HELP a_s b\na_s_total 1\n# EOF\n"),
            (Families{"a_s counter b s 1"}));
  EXPECT_EQ(families("# TYPE a counter\n# TYPE b gauge\n# HELP b x\nb 1\n# EOF\n"),
            (Families{"a counter   1", "b gauge x  1"}));
  EXPECT_EQ(families("# TYPE a counter\n# other\n# HELP a x\n# TYPE a gauge\n# EOF\n"),
            (Families{"a gauge x  2"}));
}

/// All that a parser tells of a page up to its first error; `expected` is told to it, entry by
/// entry. `texts` gets what can be expected.
std::vector<std::string> told(std::string_view page, const std::vector<std::string>& expected,
                              std::vector<std::string>* texts = nullptr) {
  std::vector<std::string> out;
  TextParser p(page);
  LabelsBuilder labels;
  for (size_t i = 0;; ++i) {
    p.expect(i < expected.size() ? std::string_view(expected[i]) : std::string_view());
    const auto entry = p.next();
    if (!entry || (*entry == TextParser::Entry::Sample && !p.labels(labels))) {
      out.emplace_back("error");
      return out;
    }
    if (*entry == TextParser::Entry::End) return out;
    if (texts != nullptr) texts->emplace_back(p.text());
    const bool told_before = i < expected.size() && p.text() == expected[i];
    if (p.is_as_expected() && !told_before) out.emplace_back("wrongly as expected");
    if (*entry == TextParser::Entry::Family) {
      out.push_back(p.family().name + " " + p.family().metadata.help);
      continue;
    }
    out.push_back(fmt::format("{} {:a} {}", labels.build().to_string(), p.value(),
                              p.time().value_or(TimeMs{-1}).ms));
  }
}

TEST(TextParser, WhatIsExpectedChangesNothing) {
  const uint64_t seed = 63;
  Rng rng(seed);
  // Mostly whole lines, or hardly a page would be read beyond its first.
  const std::vector<std::string> pieces = {"a 1\n",
                                           "a 2.5 7\n",
                                           "a{b=\"c\"} 1e3\n",
                                           "a{b=\"}\"} -0\r\n",
                                           "ab NaN\n",
                                           "{\"a\"} 1\n",
                                           "a\t1 \n",
                                           "# HELP a x\n",
                                           "# TYPE a gauge\n",
                                           "# HELP b y\n",
                                           "#\n",
                                           "\n",
                                           "a 1\n",
                                           "ab 1\n",
                                           "a",
                                           "}",
                                           "# HELP a x",
                                           "# TYPE a gauge",
                                           "a{b=\"c\"}",
                                           " ",
                                           "{\"a\"}"};
  const auto page = [&] {
    std::string out;
    for (size_t n = rng.below(12); n > 0; --n) out += pieces[rng.below(pieces.size())];
    return out;
  };
  size_t as_expected = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string before = page();
    const std::string now = rng.below(2) == 0 ? before : page();
    SCOPED_TRACE(fmt::format("seed {}, round {}: {:?} after {:?}", seed, i, now, before));
    std::vector<std::string> texts;
    told(before, {}, &texts);
    ASSERT_EQ(told(now, texts), told(now, {}));
    as_expected += texts.size();
  }
  EXPECT_GT(as_expected, 10'000U);
}

TEST(TextParser, NumbersAreRoundedOnce) {
  const uint64_t seed = 64;
  Rng rng(seed);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = rng.below(3) == 0 ? "-" : "";
    for (size_t n = 1 + rng.below(20); n > 0; --n) {
      text += static_cast<char>('0' + rng.below(10));
      if (text.find('.') == text.npos && rng.below(6) == 0) text += '.';
    }
    if (rng.below(3) == 0) text += fmt::format("e{}", static_cast<int64_t>(rng.below(60)) - 30);
    const auto got = read_page("a " + text + "\n");
    ASSERT_TRUE(got) << text << ", seed " << seed;
    ASSERT_EQ(got->at(0).value, std::strtod(text.c_str(), nullptr)) << text << ", seed " << seed;
  }
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
