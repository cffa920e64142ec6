#include "collect/discovery/discovery_manager.h"

#include <gtest/gtest.h>

namespace prom5::discovery {

TEST(Discovery, Subjects) {
  const auto is = [](auto options, std::string_view want) {
    EXPECT_EQ(subject_of({.mechanism = "", .fingerprint = "", .options = std::move(options)}),
              want);
  };
  is(FileOptions{.files = {"/a/*.json", "/b.yml"}}, "/a/*.json, /b.yml");
  is(HttpOptions{.url = "http://a/targets"}, "http://a/targets");
  is(DnsOptions{.names = {"a.test", "b.test"}, .type = "A"}, "A a.test, b.test");
  is(ConsulOptions{}, "localhost:8500");
  is(ConsulOptions{.services = {"web", "db"}}, "localhost:8500: web, db");
  is(DockerOptions{.host = "unix:///var/run/docker.sock"}, "unix:///var/run/docker.sock");
  is(KubernetesOptions{.role = "pod"}, "pod");
  is(KubernetesOptions{.role = "node", .api_server = "https://k", .namespaces = {"a"}},
     "node in a of https://k");
  const std::string shown = subject_of(
      {.mechanism = "", .fingerprint = "", .options = HttpOptions{.url = "http://u:secret@a/"}});
  EXPECT_EQ(shown.find("secret"), std::string::npos) << shown;
}

}  // namespace prom5::discovery
