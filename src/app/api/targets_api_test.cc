#include "app/api/targets_api.h"

#include <gtest/gtest.h>

namespace prom5::api {

TEST(TargetsApi, GlobalUrls) {
  const io::Url own{.scheme = "https", .host = "here.example", .port = "9090"};
  const auto is = [&](const std::string& url, std::string_view want) {
    EXPECT_EQ(global_url(url, own), want) << url;
  };
  is("http://localhost:9090/metrics", "https://here.example:9090/metrics");
  is("http://127.0.0.1:9090/a?b=c", "https://here.example:9090/a?b=c");
  is("http://[::1]:9090/metrics", "https://here.example:9090/metrics");
  // Something else on this machine: only its name is known to be another one for others.
  is("http://localhost:9100/metrics", "http://here.example:9100/metrics");
  is("http://localhost/metrics", "http://here.example/metrics");
  is("http://elsewhere:9090/metrics", "http://elsewhere:9090/metrics");
  is("http://127.0.0.2:9090/metrics", "http://127.0.0.2:9090/metrics");
  is("no URL", "no URL");
}

}  // namespace prom5::api
