#include "query/name_filter.h"

#include <gtest/gtest.h>

namespace prom5::query {

namespace {

using Options = NameFilter::Options;

std::optional<double> score(std::vector<std::string> terms, std::string_view name,
                            Options options = {}) {
  return NameFilter(terms, options).score(name);
}

TEST(NameFilter, TakesAllWithoutTerms) {
  EXPECT_EQ(score({}, "up"), 1);
  EXPECT_EQ(score({""}, "up"), 1);
}

TEST(NameFilter, Subsequences) {
  EXPECT_EQ(score({"http"}, "http_requests_total"), 1);
  EXPECT_EQ(score({"up"}, "up"), 1);
  EXPECT_FALSE(score({"xyz"}, "http_requests_total"));
  EXPECT_FALSE(score({"longer"}, "long"));
  // Two runs of one letter: 1 + 1, a gap of one in three letters, of 2 * 2.
  EXPECT_NEAR(*score({"ac"}, "abc"), (2 - (1.0 / 3)) / 4 * 0.999, 1e-12);
  // One run of two behind a gap: 4 - 1/3.
  EXPECT_NEAR(*score({"bc"}, "abc"), (4 - (1.0 / 3)) / 4 * 0.999, 1e-12);
  // The later of two starts is the better one: 4 less gaps of 2/5 and half of 1/5.
  EXPECT_NEAR(*score({"ab"}, "axabx"), (4 - (2.0 / 5) - (0.5 / 5)) / 4 * 0.999, 1e-12);
  EXPECT_GT(*score({"requests"}, "http_requests_total"), *score({"rts"}, "http_requests_total"));
}

TEST(NameFilter, Thresholds) {
  EXPECT_TRUE(score({"rt"}, "http_requests_total", {.threshold = 0.1}));
  EXPECT_FALSE(score({"rt"}, "http_requests_total", {.threshold = 0.9}));
}

TEST(NameFilter, Case) {
  EXPECT_FALSE(score({"HTTP"}, "http_total"));
  EXPECT_EQ(score({"HTTP"}, "http_total", {.case_sensitive = false}), 1);
  EXPECT_EQ(score({"http"}, "HTTP_total", {.case_sensitive = false}), 1);
}

TEST(NameFilter, TheBestOfTheTerms) {
  EXPECT_EQ(score({"nothing", "up"}, "up"), 1);
  EXPECT_FALSE(score({"nothing", "else"}, "up"));
}

TEST(NameFilter, JaroWinkler) {
  const Options exact{.algorithm = NameFilter::Algorithm::JaroWinkler};
  EXPECT_EQ(score({"http"}, "http_total", exact), 1);
  EXPECT_NEAR(*score({"total"}, "http_total", exact), 0.1, 1e-12);
  EXPECT_NEAR(*score({"t"}, "htp", exact), 1 - (0.9 / 2), 1e-12);
  EXPECT_FALSE(score({"htpt"}, "http", exact));
  const Options fuzzy{.algorithm = NameFilter::Algorithm::JaroWinkler, .threshold = 0.8};
  EXPECT_NEAR(*score({"martha"}, "marhta", fuzzy), 0.9611111, 1e-6);  // of Winkler's paper
  EXPECT_FALSE(score({"martha"}, "dwayne", fuzzy));
  EXPECT_NEAR(jaro_winkler(U"dixon", U"dicksonx"), 0.8133333, 1e-6);
  EXPECT_EQ(jaro_winkler(U"", U"a"), 0);
  EXPECT_EQ(jaro_winkler(U"a", U"b"), 0);
}

TEST(NameFilter, OtherAlphabets) {
  EXPECT_EQ(score({"größe"}, "größe_total"), 1);
  EXPECT_NEAR(*score({"ö"}, "größe"), (1 - (2.0 / 5) - (1.0 / 5)) * 0.999, 1e-12);
}

}  // namespace

}  // namespace prom5::query
