#include "app/config/web_config.h"

#include <gtest/gtest.h>

namespace prom5::config {

TEST(WebConfig, NobodyIsAcceptedWithoutUsers) {
  const WebConfig config;
  EXPECT_FALSE(config.tls());
  EXPECT_FALSE(config.authenticates());
  for (const std::string_view header :
       {"", "Basic", "Basic ", "Basic !!!", "Basic dTpw", "Bearer dTpw"}) {
    EXPECT_FALSE(config.accepts(header)) << header;
  }
}

TEST(WebConfig, AnAbsentFileIsAnError) {
  const auto loaded = load_web_config("/no/such/web.yml");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::BadData);
}

}  // namespace prom5::config
