#include "io/codec/base64.h"

#include <gtest/gtest.h>

namespace prom5::codec {

TEST(Base64, GoesThereAndBack) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
}

TEST(Base64, TakesBothAlphabetsAndNoPadding) {
  EXPECT_EQ(base64_decode("_-8"), base64_decode("/+8="));
  EXPECT_EQ(base64_decode("Zm8"), "fo");
  EXPECT_EQ(base64_decode(""), "");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const std::string_view bad : {"Z", "Zm9v=", "Zg=", "Z g=", "Zm9v\n", "Zm=v", "===="}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
}

}  // namespace prom5::codec
