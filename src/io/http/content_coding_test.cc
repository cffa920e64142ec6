#include "io/http/content_coding.h"

#include <gtest/gtest.h>

#include "io/codec/compress.h"

namespace prom5::io {

namespace {

TEST(ContentCoding, IsChosenByWeight) {
  using enum ContentCoding;
  const std::pair<std::string_view, ContentCoding> kCases[] = {
      {"", Identity},
      {"gzip", Gzip},
      {"GZIP", Gzip},
      {"gzip, deflate, br, zstd", Zstd},
      {"deflate, gzip", Gzip},
      {"deflate", Deflate},
      {"gzip;q=0", Identity},
      {"identity, gzip;q=0", Identity},
      {"gzip;q=0.5, deflate;q=0.8", Deflate},
      {" gzip ; q=1.0 , zstd;q=0.1", Gzip},
      {"x-gzip", Identity},
      {"gzipped", Identity},
      {"gzip;q=", Identity},
      {"br", Identity},
      {",,;,;q=1,", Identity},
  };
  for (const auto& [header, wanted] : kCases) EXPECT_EQ(choose_coding(header), wanted) << header;
}

TEST(ContentCoding, EncodesWhatItsNameSays) {
  const std::string body(100'000, 'x');
  EXPECT_EQ(encode_body(ContentCoding::Identity, body), body);
  EXPECT_EQ(*codec::gzip_decompress(encode_body(ContentCoding::Gzip, body), body.size()), body);
  EXPECT_EQ(*codec::zstd_decompress(encode_body(ContentCoding::Zstd, body), body.size()), body);
  const std::string deflated = encode_body(ContentCoding::Deflate, body);
  EXPECT_LT(deflated.size(), 1000U);
  EXPECT_EQ(deflated[0], 0x78);  // RFC 1950: deflate, a window of 32 KiB
}

}  // namespace

}  // namespace prom5::io
