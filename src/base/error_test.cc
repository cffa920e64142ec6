#include "base/error.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace prom5 {

namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::BadData, "{} is odd", n);
  return n / 2;
}

Result<std::string> quarter(int n) { return std::to_string(TRY(half(TRY(half(n))))); }

Result<void> only_even(int n, int& reached) {
  TRY(half(n));
  ++reached;
  return {};
}

}  // namespace

TEST(Error, FailFormatsCodeAndMessage) {
  const Result<int> r = half(3);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), (Error{ErrorCode::BadData, "3 is odd"}));
}

TEST(Error, FailAtKeepsTheCode) {
  const Result<int> r = fail_at("wal", Error{ErrorCode::Corruption, "checksum mismatch"});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), (Error{ErrorCode::Corruption, "wal: checksum mismatch"}));
}

TEST(Error, TryGivesTheValueOrReturns) {
  EXPECT_EQ(quarter(12).value(), "3");
  EXPECT_EQ(quarter(7).error().message, "7 is odd");
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
}

TEST(Error, TryOfVoidStopsTheFunction) {
  int reached = 0;
  EXPECT_TRUE(only_even(2, reached));
  EXPECT_FALSE(only_even(1, reached));
  EXPECT_EQ(reached, 1);
}

TEST(Error, TryMovesWhatCannotBeCopied) {
  const auto make = [](bool good) -> Result<std::unique_ptr<int>> {
    if (!good) return fail(ErrorCode::Io, "no");
    return std::make_unique<int>(5);
  };
  const auto use = [&](bool good) -> Result<int> {
    const auto p = TRY(make(good));
    return *p;
  };
  EXPECT_EQ(use(true).value(), 5);
  EXPECT_EQ(use(false).error().code, ErrorCode::Io);
}

TEST(Error, CodeNames) {
  const auto is = [](ErrorCode code, std::string_view want) { EXPECT_EQ(to_string(code), want); };
  is(ErrorCode::BadData, "bad_data");
  is(ErrorCode::Execution, "execution");
  is(ErrorCode::Timeout, "timeout");
  is(ErrorCode::Canceled, "canceled");
  is(ErrorCode::NotFound, "not_found");
  is(ErrorCode::OutOfOrder, "out_of_order");
  is(ErrorCode::Internal, "internal");
}

TEST(ErrorDeathTest, CheckEndsTheProcess) {
  CHECK(1 + 1 == 2);
  EXPECT_DEATH(CHECK(1 + 1 == 3), "check failed");
}

}  // namespace prom5
