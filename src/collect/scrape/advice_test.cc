#include "collect/scrape/advice.h"

#include <gtest/gtest.h>

namespace prom5::scrape {

TEST(Advice, TimeOuts) {
  const auto says = [](std::string_view error, std::string_view part) {
    EXPECT_NE(advice_on(error).find(part), std::string_view::npos) << error;
  };
  says("http://a:80/: timed out after 5 ms without a connection", "firewall");
  says("http://a:80/: timed out after 5 ms without an address for the name", "DNS");
  says("http://a:80/: timed out after 5 ms without a complete answer", "too slowly");
  EXPECT_EQ(advice_on("nothing that is known"), "");
}

}  // namespace prom5::scrape
