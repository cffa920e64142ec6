#include "ask/llm/breaker.h"

#include <gtest/gtest.h>

namespace prom5::llm {

using State = Breaker::State;

TEST(Breaker, OpensAfterFailuresInARowAndCloses) {
  Breaker breaker(3, DurationMs::seconds(10));
  TimeMs now{1000};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(breaker.admit(now));
    breaker.failed(now);
  }
  breaker.succeeded();  // the row is broken
  for (int i = 0; i < 2; ++i) breaker.failed(now);
  EXPECT_EQ(breaker.state(), State::Closed);
  breaker.failed(now);
  EXPECT_EQ(breaker.state(), State::Open);
  EXPECT_FALSE(breaker.admit(now));
  EXPECT_FALSE(breaker.admit(now + DurationMs::millis(9999)));
  EXPECT_EQ(breaker.open_until(), now + DurationMs::seconds(10));
  now = now + DurationMs::seconds(10);
  EXPECT_TRUE(breaker.admit(now));
  EXPECT_EQ(breaker.state(), State::HalfOpen);
  EXPECT_FALSE(breaker.admit(now));  // one at a time
  breaker.succeeded();
  EXPECT_EQ(breaker.state(), State::Closed);
  EXPECT_TRUE(breaker.admit(now));
}

TEST(Breaker, AProbeThatFailsOpensAgain) {
  Breaker breaker(1, DurationMs::seconds(10));
  breaker.failed(TimeMs{0});
  ASSERT_TRUE(breaker.admit(TimeMs{10'000}));
  breaker.failed(TimeMs{12'000});
  EXPECT_EQ(breaker.state(), State::Open);
  EXPECT_FALSE(breaker.admit(TimeMs{21'999}));
  EXPECT_TRUE(breaker.admit(TimeMs{22'000}));
}

TEST(Breaker, AProbeThatSaysNothingLetsTheNextOneTry) {
  Breaker breaker(1, DurationMs::seconds(10));
  breaker.failed(TimeMs{0});
  ASSERT_TRUE(breaker.admit(TimeMs{10'000}));
  breaker.undecided();
  EXPECT_EQ(breaker.state(), State::Open);
  EXPECT_TRUE(breaker.admit(TimeMs{10'000}));
}

TEST(Breaker, LateFailuresDoNotLengthenThePause) {
  Breaker breaker(1, DurationMs::seconds(10));
  breaker.failed(TimeMs{0});
  breaker.failed(TimeMs{9000});
  EXPECT_TRUE(breaker.admit(TimeMs{10'000}));
}

}  // namespace prom5::llm
