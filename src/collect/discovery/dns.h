#pragma once

#include <map>
#include <string>
#include <vector>

#include "collect/discovery/refresh.h"

namespace prom5::discovery {

/// One answer of a name server.
struct DnsRecord {
  std::string target;  ///< an address, or a name without its last dot
  uint16_t port = 0;   ///< of SRV
};

/// Reads the records of a type from an answer's bytes (RFC 1035). BadData when it is malformed.
Result<std::vector<DnsRecord>> read_dns_answer(std::string_view bytes, std::string_view type);

/// Targets from name servers: A, AAAA, SRV, MX and NS records (prometheus discovery/dns). The
/// machine's resolver is asked, or the one that the environment names as PROM5_DNS_SERVER=IP:PORT.
class DnsDiscoverer final : public RefreshDiscoverer {
 public:
  DnsDiscoverer(const DnsOptions& options, const std::string& job, const Services& services);

 protected:
  Result<std::vector<TargetGroup>> refresh(const std::stop_token& stop) override;

 private:
  [[nodiscard]] TargetGroup group_of(const std::string& name,
                                     const std::vector<DnsRecord>& records) const;

  const DnsOptions options_;
  Counter& lookups_;
  Counter& failures_;
  std::map<std::string, TargetGroup> groups_;  ///< by name
};

}  // namespace prom5::discovery
