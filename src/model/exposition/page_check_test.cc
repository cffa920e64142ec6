#include "model/exposition/page_check.h"

#include <gtest/gtest.h>

#include "io/codec/bytes.h"
#include "io/codec/protobuf.h"

namespace prom5::exposition {

namespace {

void good(std::string_view page, size_t samples) {
  const auto read = check_text_page(page);
  ASSERT_TRUE(read) << page << "\nsaid: " << read.error().message;
  EXPECT_EQ(*read, samples) << page;
}

void bad(std::string_view page, std::string_view begin) {
  const auto read = check_text_page(page);
  ASSERT_FALSE(read) << page;
  EXPECT_TRUE(read.error().message.starts_with(begin))
      << page << "\nsaid: " << read.error().message;
}

}  // namespace

TEST(PageCheck, Descriptors) {
  good("# HELP a x\n# TYPE a gauge\na 1\n# TYPE c counter\nc 2\n", 2);
  good("# HELP a x\n# HELP b y\n# TYPE a gauge\n# TYPE b gauge\na 1\nb 1\n", 2);
  good("a 1\n# HELP a x\n", 1);
  good("# HELP a\n# HELP a x\na 1\n", 1);
  good("ab 1\n# TYPE a gauge\na 1\n", 2);
  bad("# HELP a x\n# HELP a y\na 1\n",
      "line 2: second HELP line for metric name \"a\", first in "
      "line 1");
  bad("# HELP a x\n\n# HELP b x\n# HELP a x\n", "line 4: second HELP line");
  bad("# TYPE a gauge\n# other\n# TYPE a counter\na 1\n",
      "line 3: second TYPE line for metric "
      "name \"a\", first in line 1");
  bad("b 1\na 1\n# TYPE a gauge\n",
      "line 3: TYPE reported after samples of \"a\", first in line 2");
  bad("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\n# TYPE a histogram\n", "line 3: second TYPE");
}

TEST(PageCheck, Lines) {
  good("a 1 1000\na 1 2000\n", 2);
  good("\n\n# just a comment\na 1\n", 1);
  good("", 0);
  bad("\n\n# just a comment\na 1", "line 4: the last line does not end in a newline");
  bad("a 1\nb 1\na 2\n", "line 3: {__name__=\"a\"} is there twice, first in line 1");
  bad("a 1\nb x\n", "line 2: invalid value");
  bad("a 1\nb 1\r\n", "line 2: the line ends in CR LF");
  bad("# HELP a x\r\na 1\r\n", "line 1: the line ends in CR LF");
  bad("a 1\r", "line 1: the line ends in CR LF");
}

TEST(PageCheck, Summaries) {
  good("# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 1\na_count 1\n", 3);
  bad("# TYPE a summary\na{quantile=\"x\"} 1\n",
      "line 2: {__name__=\"a\", quantile=\"x\"}: \"x\" is no number in its label quantile");
  bad("# TYPE a summary\na{quantile=\"\"} 1\n",
      "line 2: {__name__=\"a\"}: the label quantile is missing");
  bad("# TYPE a summary\na 1\n", "line 2: {__name__=\"a\"}: the label quantile is missing");
}

TEST(PageCheck, Histograms) {
  const std::string type = "# TYPE a histogram\n";
  good(type + "a_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n", 4);
  good(type + "a_bucket{le=\"+Inf\"} 2\na_bucket{le=\"1\"} 1\n", 2);
  good(type +
           "a_bucket{le=\"+Inf\",x=\"1\"} 2\na_bucket{le=\"+Inf\",x=\"2\"} 1\n"
           "a_count{x=\"2\"} 1\na_count{x=\"1\"} 2\n",
       4);
  good(type + "a_bucket{le=\"+Inf\"} 1 1000\na_bucket{le=\"+Inf\"} 2 2000\na_count 2 2000\n", 3);
  // Without a type, these are names like others.
  good("a_bucket{le=\"1\"} 2\na_bucket{le=\"x\"} 1\n", 2);
  bad(type + "a_bucket{le=\"x\"} 1\n",
      "line 2: {__name__=\"a_bucket\", le=\"x\"}: \"x\" is no "
      "number in its label le");
  bad(type + "a_bucket{le=\"NaN\"} 1\n", "line 2: ");
  bad(type + "a_bucket 1\n", "line 2: {__name__=\"a_bucket\"}: the label le is missing");
  bad(type + "a_bucket{le=\"1\"} 3\na_bucket{le=\"2\"} 2\na_bucket{le=\"+Inf\"} 3\n",
      "line 3: {__name__=\"a\"}: the bucket le=\"2\" is less than the one before it: 2 after 3");
  bad(type + "a_bucket{le=\"1\"} 1\na_bucket{le=\"1.0\"} 1\na_bucket{le=\"+Inf\"} 1\n",
      "line 3: {__name__=\"a\"}: the bucket le=\"1\" is there twice, first in line 2");
  bad(type + "a_bucket{le=\"1\"} 1\nb 1\na_sum 1\n",
      "line 2: {__name__=\"a\"}: the bucket le=\"+Inf\" is missing");
  good(type + "a_sum 1\na_count 1\n", 2);
  good(type + "a_bucket{le=\"+Inf\"} NaN\na_sum NaN\na_count NaN\n", 3);
  bad(type + "a_bucket{le=\"+Inf\"} NaN\na_count 1\n", "line 3: {__name__=\"a\"}: the count is 1");
  bad(type + "a_bucket{le=\"+Inf\"} 1\na_count NaN\n",
      "line 3: {__name__=\"a\"}: the count is NaN");
  bad(type + "a_bucket{le=\"-Inf\"} 1\n", "line 2: {__name__=\"a\"}: the bucket le=\"+Inf\"");
  bad(type + "a_bucket{le=\"+Inf\"} 1\na_count 2\n",
      "line 3: {__name__=\"a\"}: the count is 2, the bucket le=\"+Inf\" has 1");
}

TEST(PageCheck, FamiliesOfMessages) {
  std::string value;
  codec::ProtoWriter(value).real(1, 1);
  std::string metric;
  codec::ProtoWriter(metric).bytes(2, value);
  std::string family;
  codec::ProtoWriter writer(family);
  writer.bytes(1, "a");
  writer.number(3, 1);  // a gauge
  writer.bytes(4, metric);
  std::string page;
  codec::ByteWriter(page).sized_bytes(family);
  const auto once = check_protobuf_page(page);
  ASSERT_TRUE(once) << once.error().message;
  EXPECT_EQ(*once, 1U);
  const auto twice = check_protobuf_page(page + page);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "metric family \"a\" is there twice");
}

}  // namespace prom5::exposition
