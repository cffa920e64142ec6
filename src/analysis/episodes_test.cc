#include "analysis/episodes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string_view>
#include <vector>

#include "base/rng.h"

namespace prom5::analysis {

void PrintTo(const Episode& e, std::ostream* out) {
  *out << e.pending << "/" << (e.firing ? static_cast<int>(*e.firing) : -1) << "/"
       << (e.end ? static_cast<int>(*e.end) : -1);
}

namespace {

using Episodes = std::vector<Episode>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// "x" where the condition holds, anything else where it does not.
std::vector<double> values_of(std::string_view text) {
  std::vector<double> out;
  for (const char c : text) out.push_back(c == 'x' ? 1 : kNan);
  return out;
}

RuleTiming timing(int64_t hold_seconds, int64_t keep_seconds = 0) {
  return {.step = DurationMs::seconds(30),
          .hold_for = DurationMs::seconds(hold_seconds),
          .keep_firing_for = DurationMs::seconds(keep_seconds)};
}

/// The slow twin: a rule's alert, evaluated at times in milliseconds.
Episodes slow(const std::vector<double>& values, const RuleTiming& rule) {
  Episodes out;
  bool active = false;
  bool firing = false;
  int64_t active_at = 0;
  int64_t last_true = 0;
  int64_t missing_since = -1;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t now = static_cast<int64_t>(i) * rule.step.ms;
    const bool holds = !std::isnan(values[i]);
    if (holds) {
      last_true = now;
      missing_since = -1;
      if (!active) {
        active = true;
        active_at = now;
        out.push_back({.pending = i});
      }
    } else if (active) {
      if (missing_since < 0) missing_since = now;
      if (!firing || now - missing_since >= rule.keep_firing_for.ms) {
        out.back().end = i;
        active = false;
        firing = false;
      }
    }
    if (active && !firing && last_true - active_at >= rule.hold_for.ms) {
      firing = true;
      out.back().firing = i;
    }
  }
  return out;
}

}  // namespace

TEST(EpisodesOfRules, Cases) {
  auto check = [](std::string_view text, const RuleTiming& rule, const Episodes& want) {
    EXPECT_EQ(episodes(values_of(text), rule), want) << text;
  };
  check("", timing(0), {});
  check("....", timing(0), {});
  check(".xx.", timing(0), {{1, 1, 3}});
  check("xx", timing(0), {{0, 0, {}}});
  check(".xxxx.", timing(60), {{1, 3, 5}});
  check(".xx.xxx.", timing(60), {{1, {}, 3}, {4, 6, 7}});
  check(".xxxx.", timing(61), {{1, 4, 5}});
  check("xx", timing(60), {{0, {}, {}}});
  check("x.x.x", timing(30), {{0, {}, 1}, {2, {}, 3}, {4, {}, {}}});
  // Kept firing through a gap, and then not.
  check("x..x...x", timing(0, 90), {{0, 0, {}}});
  check("x....", timing(0, 90), {{0, 0, 4}});
  check("x.x", timing(30, 600), {{0, {}, 1}, {2, {}, {}}});
}

TEST(EpisodesOfRules, ZeroHoldsAsInRules) {
  EXPECT_EQ(episodes(std::vector<double>{kNan, 0, kNan}, timing(0)), (Episodes{{1, 1, 2}}));
}

TEST(EpisodesOfRules, NoStepNoEpisodes) {
  EXPECT_TRUE(episodes(values_of("xxx"), {}).empty());
  EXPECT_TRUE(episodes(values_of("xxx"), {.step = DurationMs::seconds(-1)}).empty());
}

TEST(EpisodesOfRules, AreThoseOfTheSlowTwin) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::vector<double> values(rng.below(40));
    bool holds = false;
    for (double& v : values) {
      if (rng.below(4) == 0) holds = !holds;
      v = holds ? rng.unit() : kNan;
    }
    const RuleTiming rule{.step = {1 + static_cast<int64_t>(rng.below(5))},
                          .hold_for = {static_cast<int64_t>(rng.below(20))},
                          .keep_firing_for = {static_cast<int64_t>(rng.below(12))}};
    EXPECT_EQ(episodes(values, rule), slow(values, rule));
  }
}

}  // namespace prom5::analysis
