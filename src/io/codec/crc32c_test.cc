#include "io/codec/crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace prom5::codec {

TEST(Crc32c, KnownValues) {  // RFC 3720, B.4
  const auto is = [](const std::string& s, uint32_t want) {
    EXPECT_EQ(crc32c(s), want);
    EXPECT_EQ(crc32c_by_table(s), want);
  };
  is("", 0);
  is("123456789", 0xE3069283);
  is(std::string(32, '\0'), 0x8A9136AA);
  is(std::string(32, '\xFF'), 0x62A8AB43);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  is(ascending, 0x46DD794E);
}

TEST(Crc32c, AgreesWithTheTable) {
  const uint64_t seed = 5;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (size_t n = 0; n < 300; ++n) {
    std::string bytes(n, '\0');
    for (char& c : bytes) c = static_cast<char>(rng.next());
    const std::string_view view(bytes);
    for (size_t skip = 0; skip < std::min<size_t>(n, 9); ++skip) {  // every alignment
      EXPECT_EQ(crc32c(view.substr(skip)), crc32c_by_table(view.substr(skip))) << n << " " << skip;
      const uint32_t before = crc32c(view.substr(0, skip));
      EXPECT_EQ(crc32c(view.substr(skip), before), crc32c(view)) << n << " " << skip;
      EXPECT_EQ(crc32c_by_table(view.substr(skip), before), crc32c(view)) << n << " " << skip;
    }
  }
}

}  // namespace prom5::codec
