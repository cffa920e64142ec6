#include "collect/discovery/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

#include <array>
#include <cstdlib>

namespace prom5::discovery {

namespace {

struct Type {
  std::string_view name;
  ns_type number;
};
constexpr std::array<Type, 5> kTypes = {
    {{"A", ns_t_a}, {"AAAA", ns_t_aaaa}, {"SRV", ns_t_srv}, {"MX", ns_t_mx}, {"NS", ns_t_ns}}};

ns_type number_of(std::string_view name) {
  for (const Type& type : kTypes) {
    if (type.name == name) return type.number;
  }
  return ns_t_srv;
}

constexpr size_t kMaxAnswer = 65'536;

/// The resolver's state, which is a thread's own.
class Resolver {
 public:
  Resolver() {
    usable_ = ::res_ninit(&state_) == 0;
    const char* server = std::getenv("PROM5_DNS_SERVER");
    if (server == nullptr) return;
    const std::string_view text = server;
    const size_t colon = text.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(colon == text.npos ? 53 : static_cast<uint16_t>(std::atoi(server + colon + 1)));
    usable_ =
        ::inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &address.sin_addr) == 1;
    state_.nsaddr_list[0] = address;
    state_.nscount = 1;
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() { ::res_nclose(&state_); }

  struct Answer {
    std::vector<DnsRecord> records;
    bool known = true;  ///< whether the name exists
  };

  /// Unavailable when no server answers.
  Result<Answer> look_up(const std::string& name, std::string_view type) {
    if (!usable_) return fail(ErrorCode::Unavailable, "the resolver cannot be set up");
    std::vector<unsigned char> answer(kMaxAnswer);
    const int size = ::res_nsearch(&state_, name.c_str(), ns_c_in, number_of(type), answer.data(),
                                   static_cast<int>(answer.size()));
    if (size < 0) {
      if (state_.res_h_errno == HOST_NOT_FOUND) return Answer{.records = {}, .known = false};
      if (state_.res_h_errno == NO_DATA) return Answer{};
      return fail(ErrorCode::Unavailable, "could not resolve \"{}\": {}", name,
                  ::hstrerror(state_.res_h_errno));
    }
    const std::string_view bytes(reinterpret_cast<const char*>(answer.data()),
                                 static_cast<size_t>(size));
    return Answer{.records = TRY(read_dns_answer(bytes, type))};
  }

 private:
  struct __res_state state_{};
  bool usable_ = false;
};

Result<std::string> expand_name(ns_msg& message, const unsigned char* at) {
  std::array<char, NS_MAXDNAME> name{};
  const int n =
      ::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), at, name.data(), name.size());
  if (n < 0) return fail(ErrorCode::BadData, "malformed name in a DNS answer");
  return std::string(name.data());
}

Result<DnsRecord> read_record(ns_msg& message, const ns_rr& record, ns_type type) {
  const unsigned char* data = ns_rr_rdata(record);
  const size_t size = ns_rr_rdlen(record);
  const auto malformed = [] {
    return fail(ErrorCode::BadData, "malformed record in a DNS answer");
  };
  DnsRecord out;
  if (type == ns_t_a || type == ns_t_aaaa) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = type == ns_t_a;
    if (size != (v4 ? 4 : 16)) return malformed();
    ::inet_ntop(v4 ? AF_INET : AF_INET6, data, text.data(), text.size());
    out.target = text.data();
    return out;
  }
  const size_t head = type == ns_t_srv ? 6 : type == ns_t_mx ? 2 : 0;
  if (size <= head) return malformed();
  if (type == ns_t_srv) out.port = ns_get16(data + 4);
  out.target = TRY(expand_name(message, data + head));
  return out;
}

}  // namespace

Result<std::vector<DnsRecord>> read_dns_answer(std::string_view bytes, std::string_view type) {
  ns_msg message;
  if (::ns_initparse(reinterpret_cast<const unsigned char*>(bytes.data()),
                     static_cast<int>(bytes.size()), &message) != 0) {
    return fail(ErrorCode::BadData, "malformed DNS answer");
  }
  const ns_type wanted = number_of(type);
  std::vector<DnsRecord> out;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) {
      return fail(ErrorCode::BadData, "malformed record in a DNS answer");
    }
    // A CNAME on the way to them is no record of the type.
    if (ns_rr_type(record) == wanted) out.push_back(TRY(read_record(message, record, wanted)));
  }
  return out;
}

DnsDiscoverer::DnsDiscoverer(const DnsOptions& options, const std::string& job,
                             const Services& services)
    : RefreshDiscoverer("dns", job, options.refresh_interval, services),
      options_(options),
      lookups_(services.metrics.counter("prometheus_sd_dns_lookups_total",
                                        "The number of DNS-SD lookups.")),
      failures_(services.metrics.counter("prometheus_sd_dns_lookup_failures_total",
                                         "The number of DNS-SD lookup failures.")) {}

TargetGroup DnsDiscoverer::group_of(const std::string& name,
                                    const std::vector<DnsRecord>& records) const {
  TargetGroup group;
  group.source = name;
  for (const DnsRecord& record : records) {
    LabelsBuilder labels;
    labels.set("__meta_dns_name", name);
    std::string port = std::to_string(options_.port);
    // A name is told with its last dot, an address is made without it.
    if (options_.type == "SRV") {
      port = std::to_string(record.port);
      labels.set("__meta_dns_srv_record_target", record.target + ".");
      labels.set("__meta_dns_srv_record_port", port);
    } else if (options_.type == "MX") {
      labels.set("__meta_dns_mx_record_target", record.target + ".");
    } else if (options_.type == "NS") {
      labels.set("__meta_dns_ns_record_target", record.target + ".");
    }
    labels.set("__address__", join_host_port(record.target, port));
    group.targets.push_back(labels.build());
  }
  return group;
}

Result<std::vector<TargetGroup>> DnsDiscoverer::refresh(const std::stop_token& stop) {
  Resolver resolver;
  std::string first_error;
  for (const std::string& name : options_.names) {
    if (stop.stop_requested()) break;
    lookups_.add();
    const auto answer = resolver.look_up(name, options_.type);
    if (answer) {
      // No failure, as a service may have nobody just now; but whoever misses targets looks here.
      if (!answer->records.empty()) {
        services_.problems.clear(name);
      } else if (answer->known) {
        services_.problems.set(name, fmt::format("{} has no {} records", name, options_.type));
      } else {
        services_.problems.set(name, name + " is unknown to DNS: check its spelling");
      }
      groups_[name] = group_of(name, answer->records);
      continue;
    }
    failures_.add();
    services_.problems.set(name, answer.error().message);
    services_.log.warn("Error refreshing DNS targets",
                       {{"job", job_}, {"name", name}, {"err", answer.error().message}});
    if (first_error.empty()) first_error = answer.error().message;
  }
  if (groups_.empty() && !first_error.empty())
    return fail(ErrorCode::Unavailable, "{}", first_error);
  std::vector<TargetGroup> out;
  for (const auto& [name, group] : groups_) out.push_back(group);
  return out;
}

}  // namespace prom5::discovery
