#include "collect/discovery/discoverer.h"

#include <condition_variable>
#include <future>
#include <mutex>

#include "base/ascii.h"
#include "collect/discovery/consul.h"
#include "collect/discovery/dns.h"
#include "collect/discovery/docker.h"
#include "collect/discovery/file.h"
#include "collect/discovery/http.h"
#include "collect/discovery/kubernetes.h"

namespace prom5::discovery {

std::unique_ptr<Discoverer> make_discoverer(const DiscoveryConfig& config, const std::string& job,
                                            const Services& services) {
  struct Maker {
    const std::string& job;
    const Services& services;

    using Made = std::unique_ptr<Discoverer>;
    Made operator()(const FileOptions& o) const {
      return std::make_unique<FileDiscoverer>(o, job, services);
    }
    Made operator()(const HttpOptions& o) const {
      return std::make_unique<HttpDiscoverer>(o, job, services);
    }
    Made operator()(const DnsOptions& o) const {
      return std::make_unique<DnsDiscoverer>(o, job, services);
    }
    Made operator()(const ConsulOptions& o) const {
      return std::make_unique<ConsulDiscoverer>(o, job, services);
    }
    Made operator()(const DockerOptions& o) const {
      return std::make_unique<DockerDiscoverer>(o, job, services);
    }
    Made operator()(const KubernetesOptions& o) const {
      return std::make_unique<KubernetesDiscoverer>(o, job, services);
    }
  };
  return std::visit(Maker{job, services}, config.options);
}

Result<io::HttpClientResponse> fetch(io::HttpClient& http, io::HttpClientRequest request,
                                     const std::stop_token& stop) {
  const auto canceled = std::make_shared<std::atomic<bool>>(stop.stop_requested());
  request.canceled = canceled;
  const std::stop_callback on_stop(stop, [&] { canceled->store(true); });
  return http.send(std::move(request));
}

bool wait_for(DurationMs time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, std::chrono::milliseconds(time.ms), [] { return false; });
  return !stop.stop_requested();
}

std::string sanitize_label_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (!is_alnum(c)) c = '_';
  }
  return out;
}

std::string join_host_port(std::string_view host, std::string_view port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace prom5::discovery
