#include "base/spelling.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace prom5 {

TEST(Spelling, EditDistance) {
  const auto is = [](std::string_view a, std::string_view b, size_t want) {
    EXPECT_EQ(edit_distance(a, b), want) << a << " " << b;
    EXPECT_EQ(edit_distance(b, a), want) << b << " " << a;
  };
  is("", "", 0);
  is("", "abc", 3);
  is("abc", "abc", 0);
  is("abc", "abd", 1);
  is("abc", "ab", 1);
  is("ab", "ba", 1);
  is("ca", "abc", 3);  // optimal string alignment: no edit inside a transposition
  is("kitten", "sitting", 3);
  is("rate", "irate", 1);
}

TEST(Spelling, DistanceIsBounded) {
  const uint64_t seed = 3;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const auto word = [&] {
    std::string out(rng.below(8), 'a');
    for (char& c : out) c = static_cast<char>('a' + rng.below(3));
    return out;
  };
  for (int i = 0; i < 500; ++i) {
    const std::string a = word();
    const std::string b = word();
    const size_t d = edit_distance(a, b);
    const size_t longer = std::max(a.size(), b.size());
    EXPECT_LE(d, longer) << a << " " << b;
    EXPECT_GE(d, longer - std::min(a.size(), b.size())) << a << " " << b;
    EXPECT_EQ(d == 0, a == b) << a << " " << b;
  }
}

TEST(Spelling, Nearest) {
  const std::vector<std::string_view> words = {"rate", "irate", "increase", "histogram_quantile"};
  const auto is = [&](std::string_view word, std::string_view want) {
    EXPECT_EQ(nearest(word, words), want) << word;
  };
  is("rate", "rate");
  is("raet", "rate");
  is("incraese", "increase");
  is("histogram_quantle", "histogram_quantile");
  is("zzzzzz", "");
  is("sum_over_time", "");
  EXPECT_EQ(nearest("rate", {}), "");
}

}  // namespace prom5
