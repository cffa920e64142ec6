#include "app/config/discovery_schema.h"

#include <algorithm>
#include <array>
#include <set>

#include "app/config/http_config.h"
#include "base/ascii.h"
#include "io/http/message.h"

namespace prom5::config {

namespace {

using enum FieldKind;
using Field = DiscoveryField;
using Words = std::string_view;

constexpr Field kRefresh = {"refresh_interval", Duration};
constexpr Field kPort = {"port", Port};

constexpr std::array kFile = {Field{"files", Texts, true}, kRefresh};
constexpr std::array kHttp = {Field{"url", Url, true}, kRefresh};
constexpr std::array kDnsTypes = std::to_array<Words>({"A", "AAAA", "SRV", "MX", "NS"});
constexpr std::array kDns = {Field{"names", Texts, true}, Field{"type"}, kPort, kRefresh};
constexpr std::array kKubernetesRoles =
    std::to_array<Words>({"pod", "service", "endpoints", "endpointslice", "node", "ingress"});
constexpr std::array kKubernetes = {
    Field{"api_server", Url}, Field{.name = "role", .required = true, .words = kKubernetesRoles},
    Field{"kubeconfig_file"}, Field{"namespaces", Any},
    Field{"selectors", Any},  Field{"attach_metadata", Any}};
constexpr std::array kSchemes = std::to_array<Words>({"http", "https"});
constexpr std::array kConsul = {Field{"server"},
                                Field{"path_prefix"},
                                Field{"token"},
                                Field{"datacenter"},
                                Field{"namespace"},
                                Field{"partition"},
                                Field{.name = "scheme", .words = kSchemes},
                                Field{"username"},
                                Field{"password"},
                                Field{"services", Texts},
                                Field{"filter"},
                                Field{"health_filter"},
                                Field{"tags", Texts},
                                Field{"node_meta", Dictionary},
                                Field{"tag_separator"},
                                Field{"allow_stale", Flag},
                                kRefresh};
constexpr std::array kDocker = {Field{.name = "host", .required = true},
                                kPort,
                                Field{"host_networking_host"},
                                Field{"match_first_network", Flag},
                                Field{"filters", Filters},
                                kRefresh};
constexpr std::array kSwarmRoles = std::to_array<Words>({"services", "tasks", "nodes"});
constexpr std::array kSwarm = {Field{.name = "host", .required = true},
                               Field{.name = "role", .required = true, .words = kSwarmRoles}, kPort,
                               Field{"filters", Filters}, kRefresh};
constexpr std::array kAwsRoles =
    std::to_array<Words>({"ec2", "ecs", "elasticache", "lightsail", "msk", "rds"});
constexpr std::array kAws = {Field{.name = "role", .required = true, .words = kAwsRoles},
                             Field{"region"},
                             Field{"endpoint"},
                             Field{"access_key"},
                             Field{"secret_key"},
                             Field{"profile"},
                             Field{"role_arn"},
                             Field{"external_id"},
                             kRefresh,
                             kPort,
                             Field{"filters", Filters},
                             Field{"clusters", Texts}};
constexpr std::array kEc2 = {Field{"region"},          Field{"endpoint"}, Field{"access_key"},
                             Field{"secret_key"},      Field{"profile"},  Field{"role_arn"},
                             Field{"external_id"},     kRefresh,          kPort,
                             Field{"filters", Filters}};
constexpr std::array kLightsail = {Field{"region"},      Field{"endpoint"}, Field{"access_key"},
                                   Field{"secret_key"},  Field{"profile"},  Field{"role_arn"},
                                   Field{"external_id"}, kRefresh,          kPort};
constexpr std::array kAzureMethods =
    std::to_array<Words>({"OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"});
constexpr std::array kAzure = {Field{"environment"},
                               Field{.name = "authentication_method", .words = kAzureMethods},
                               Field{.name = "subscription_id", .required = true},
                               Field{"tenant_id"},
                               Field{"client_id"},
                               Field{"client_secret"},
                               Field{"resource_group"},
                               kRefresh,
                               kPort};
constexpr std::array kDropletRoles = std::to_array<Words>({"droplets", "databases"});
constexpr std::array kDigitalOcean = {Field{.name = "role", .words = kDropletRoles}, kPort,
                                      kRefresh};
constexpr std::array kEureka = {Field{"server", Url, true}, kRefresh};
constexpr std::array kGce = {Field{.name = "project", .required = true},
                             Field{.name = "zone", .required = true},
                             Field{"filter"},
                             kRefresh,
                             kPort,
                             Field{"tag_separator"}};
constexpr std::array kHetznerRoles = std::to_array<Words>({"robot", "hcloud"});
constexpr std::array kHetzner = {Field{.name = "role", .required = true, .words = kHetznerRoles},
                                 Field{"label_selector"}, kPort, kRefresh};
constexpr std::array kIonos = {Field{.name = "datacenter_id", .required = true}, kPort, kRefresh};
constexpr std::array kKuma = {Field{"server", Url, true}, Field{"client_id"}, kRefresh,
                              Field{"fetch_timeout", Duration}};
constexpr std::array kLinode = {Field{"region"}, kPort, Field{"tag_separator"}, kRefresh};
constexpr std::array kMarathon = {Field{"servers", Texts, true}, Field{"auth_token"},
                                  Field{"auth_token_file"}, kRefresh};
constexpr std::array kZookeeper = {Field{"servers", Texts, true}, Field{"paths", Texts, true},
                                   Field{"timeout", Duration}};
constexpr std::array kNomad = {
    Field{"allow_stale", Flag}, Field{"namespace"}, kRefresh, Field{"region"}, Field{"server"},
    Field{"tag_separator"}};
constexpr std::array kOciMethods = std::to_array<Words>({"api_key", "instance_principal"});
constexpr std::array kOci = {Field{.name = "auth", .words = kOciMethods},
                             Field{"tenancy"},
                             Field{"user"},
                             Field{"fingerprint"},
                             Field{"key_file"},
                             Field{"key_passphrase"},
                             Field{"key_passphrase_file"},
                             Field{.name = "region", .required = true},
                             Field{"compartments", Texts},
                             kPort,
                             kRefresh};
constexpr std::array kOpenstackRoles =
    std::to_array<Words>({"hypervisor", "instance", "loadbalancer"});
constexpr std::array kAvailability = std::to_array<Words>({"public", "admin", "internal"});
constexpr std::array kOpenstack = {
    Field{.name = "role", .required = true, .words = kOpenstackRoles},
    Field{.name = "region", .required = true},
    Field{"identity_endpoint"},
    Field{"username"},
    Field{"userid"},
    Field{"password"},
    Field{"domain_name"},
    Field{"domain_id"},
    Field{"project_name"},
    Field{"project_id"},
    Field{"application_credential_name"},
    Field{"application_credential_id"},
    Field{"application_credential_secret"},
    Field{"all_tenants", Flag},
    kRefresh,
    kPort,
    Field{.name = "availability", .words = kAvailability},
    Field{"tls_config", Any}};
constexpr std::array kOutscale = {Field{.name = "region", .required = true},
                                  Field{.name = "access_key", .required = true},
                                  Field{"secret_key"},
                                  Field{"secret_key_file"},
                                  Field{"endpoint"},
                                  kPort,
                                  kRefresh};
constexpr std::array kOvhServices = std::to_array<Words>({"vps", "dedicated_server"});
constexpr std::array kOvh = {Field{.name = "application_key", .required = true},
                             Field{.name = "application_secret", .required = true},
                             Field{.name = "consumer_key", .required = true},
                             Field{.name = "service", .required = true, .words = kOvhServices},
                             Field{"endpoint"},
                             kRefresh};
constexpr std::array kPuppet = {Field{"url", Url, true}, Field{.name = "query", .required = true},
                                Field{"include_parameters", Flag}, kRefresh, kPort};
constexpr std::array kScalewayRoles = std::to_array<Words>({"instance", "baremetal"});
constexpr std::array kScaleway = {Field{.name = "access_key", .required = true},
                                  Field{"secret_key"},
                                  Field{"secret_key_file"},
                                  Field{.name = "project_id", .required = true},
                                  Field{.name = "role", .required = true, .words = kScalewayRoles},
                                  kPort,
                                  Field{"api_url", Url},
                                  Field{"zone"},
                                  Field{"name_filter"},
                                  Field{"tags_filter", Texts},
                                  kRefresh};
constexpr std::array kStackit = {Field{.name = "project", .required = true},
                                 Field{"region"},
                                 kPort,
                                 Field{"endpoint", Url},
                                 Field{"private_key"},
                                 Field{"private_key_path"},
                                 Field{"service_account_key"},
                                 Field{"service_account_key_path"},
                                 Field{"credentials_file_path"},
                                 Field{"token_url"},
                                 kRefresh};
constexpr std::array kTritonRoles = std::to_array<Words>({"container", "cn"});
constexpr std::array kTriton = {Field{.name = "account", .required = true},
                                Field{.name = "role", .words = kTritonRoles},
                                Field{.name = "dns_suffix", .required = true},
                                Field{.name = "endpoint", .required = true},
                                Field{"groups", Texts},
                                kPort,
                                kRefresh,
                                Field{"version", Count},
                                Field{"tls_config", Any}};
constexpr std::array kUyuni = {Field{"server", Url, true},
                               Field{.name = "username", .required = true},
                               Field{.name = "password", .required = true},
                               Field{"entitlement"},
                               Field{"separator"},
                               kRefresh};
constexpr std::array kVultr = {kPort, kRefresh};

constexpr std::array kKinds = std::to_array<DiscoveryKind>({
    {"file", kFile, false, true},
    {"http", kHttp, true, true},
    {"dns", kDns, false, true},
    {"kubernetes", kKubernetes, true, true},
    {"consul", kConsul, true, true},
    {"docker", kDocker, true, true},
    {"dockerswarm", kSwarm},
    {"aws", kAws},
    {"ec2", kEc2},
    {"lightsail", kLightsail},
    {"azure", kAzure},
    {"digitalocean", kDigitalOcean},
    {"eureka", kEureka},
    {"gce", kGce, false},
    {"hetzner", kHetzner},
    {"ionos", kIonos},
    {"kuma", kKuma},
    {"linode", kLinode},
    {"marathon", kMarathon},
    {"nerve", kZookeeper, false},
    {"nomad", kNomad},
    {"oci", kOci},
    {"openstack", kOpenstack, false},
    {"outscale", kOutscale},
    {"ovhcloud", kOvh, false},
    {"puppetdb", kPuppet},
    {"scaleway", kScaleway},
    {"serverset", kZookeeper, false},
    {"stackit", kStackit},
    {"triton", kTriton, false},
    {"uyuni", kUyuni},
    {"vultr", kVultr},
});

bool given(const YamlNode& entry, std::string_view name) {
  const YamlNode* value = entry.find(name);
  return value != nullptr && !is_empty(*value) &&
         (value->kind != YamlNode::Kind::Scalar || !value->scalar.empty());
}

std::string text_of(const YamlNode& entry, std::string_view name, std::string_view otherwise) {
  const YamlNode* value = entry.find(name);
  return value == nullptr || value->scalar.empty() ? std::string(otherwise) : value->scalar;
}

Result<void> check_filters(const YamlReader& reader, const YamlNode& node) {
  return reader.sequence(node, "filters", [&](const YamlNode& entry) -> Result<void> {
    std::string name;
    std::vector<std::string> values;
    const std::vector<Key> keys = {{"name", reader.into(name)}, {"values", reader.into(values)}};
    TRY(reader.mapping(entry, "an entry of filters", keys));
    return reader.required(entry, "an entry of filters", {"name", "values"});
  });
}

Read read_field(const YamlReader& reader, const Field& field) {
  return [&reader, &field](const YamlNode& n) -> Result<void> {
    if (!field.words.empty()) {
      if (n.kind == YamlNode::Kind::Scalar && n.scalar.empty()) return {};
      TRY(reader.word(n, field.name, field.words));
      return {};
    }
    switch (field.kind) {
      case Text: TRY(reader.string(n)); break;
      case Flag: TRY(reader.boolean(n)); break;
      case Count: TRY(reader.count(n)); break;
      case Port:
        if (TRY(reader.count(n)) > 65535) return reader.error(n, "a port is at most 65535");
        break;
      case Duration: TRY(reader.duration(n)); break;
      case Url:
        if (!is_empty(n)) TRY(reader.url(n));
        break;
      case Texts: TRY(reader.strings(n)); break;
      case Dictionary:
        return reader.dictionary(n, field.name,
                                 [&](const YamlNode&, const YamlNode& value) -> Result<void> {
                                   TRY(reader.string(value));
                                   return {};
                                 });
      case Filters: return check_filters(reader, n);
      case Any: break;
    }
    return {};
  };
}

// ------------------------------------------------------- what the keys of one kind are together

Result<void> check_file(const YamlReader& reader, const YamlNode& entry) {
  return reader.sequence(*entry.find("files"), "files", [&](const YamlNode& n) -> Result<void> {
    const std::string path = TRY(reader.string(n));
    const size_t dot = path.rfind('.');
    const std::string_view extension =
        dot == std::string::npos ? std::string_view() : std::string_view(path).substr(dot);
    const auto is = [&](std::string_view wanted) { return equal_ignoring_case(extension, wanted); };
    const bool good = is(".json") || is(".yml") || is(".yaml");
    const size_t star = path.find('*');
    const size_t slash = path.rfind('/');
    if (!good) {
      return reader.error(n, fmt::format("path name \"{}\" is not valid for file discovery: it "
                                         "ends with .json, .yml or .yaml",
                                         path));
    }
    if (star != std::string::npos && slash != std::string::npos && star < slash) {
      return reader.error(n, fmt::format("path name \"{}\" is not valid for file discovery: a * "
                                         "may stand in the last part only",
                                         path));
    }
    return {};
  });
}

Result<void> check_dns(const YamlReader& reader, const YamlNode& entry) {
  const std::string type = dns_type(text_of(entry, "type", "SRV"));
  if (std::find(kDnsTypes.begin(), kDnsTypes.end(), type) == kDnsTypes.end()) {
    TRY(reader.word(*entry.find("type"), "type", kDnsTypes));
  }
  if (type == "SRV" || text_of(entry, "port", "0") != "0") return {};
  return reader.error(entry, fmt::format("dns_sd_configs: type {} needs a port: add \"port: …\"; "
                                         "only SRV records have one",
                                         type));
}

struct SelectorRule {
  std::string_view role;
  std::array<std::string_view, 4> allowed;
};
constexpr std::array<SelectorRule, 6> kSelectorRules = {{
    {"pod", {"pod", "node"}},
    {"service", {"service"}},
    {"endpointslice", {"pod", "service", "endpointslice"}},
    {"endpoints", {"pod", "service", "endpoints"}},
    {"node", {"node"}},
    {"ingress", {"ingress"}},
}};

Result<void> check_selectors(const YamlReader& reader, const YamlNode& node,
                             std::string_view role) {
  std::set<std::string> seen;
  return reader.sequence(node, "selectors", [&](const YamlNode& entry) -> Result<void> {
    std::string selected;
    std::string label;
    std::string field;
    const Read read_role = [&](const YamlNode& n) -> Result<void> {
      selected = TRY(reader.word(n, "role", kKubernetesRoles));
      return {};
    };
    const std::vector<Key> keys = {
        {"role", read_role}, {"label", reader.into(label)}, {"field", reader.into(field)}};
    TRY(reader.mapping(entry, "an entry of selectors", keys));
    TRY(reader.required(entry, "an entry of selectors", {"role"}));
    if (!seen.insert(selected).second) {
      return reader.error(
          *entry.find("role"),
          fmt::format("duplicated selector role: {}; join them into one entry", selected));
    }
    for (const SelectorRule& rule : kSelectorRules) {
      if (rule.role != role) continue;
      std::string list;
      for (const std::string_view name : rule.allowed) {
        if (name == selected) return {};
        if (!name.empty()) list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
      }
      return reader.error(*entry.find("role"),
                          fmt::format("{} role supports only {} selectors", role, list));
    }
    return {};
  });
}

bool uses_http_config(const YamlNode& entry) {
  for (const std::string_view name :
       {"basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file", "tls_config",
        "proxy_url", "http_headers", "proxy_from_environment"}) {
    if (given(entry, name)) return true;
  }
  return false;
}

Result<void> check_kubernetes(const YamlReader& reader, const YamlNode& entry) {
  bool own_namespace = false;
  std::vector<std::string> names;
  if (const YamlNode* node = entry.find("namespaces")) {
    const std::vector<Key> keys = {{"own_namespace", reader.into(own_namespace)},
                                   {"names", reader.into(names)}};
    TRY(reader.mapping(*node, "namespaces", keys));
  }
  if (const YamlNode* node = entry.find("attach_metadata")) {
    bool on = false;
    std::vector<Key> keys;
    for (const std::string_view name : {"node", "namespace", "deployment", "job", "cronjob"}) {
      keys.push_back({name, reader.into(on)});
    }
    TRY(reader.mapping(*node, "attach_metadata", keys));
  }
  const bool server = given(entry, "api_server");
  const bool kubeconfig = given(entry, "kubeconfig_file");
  TRY(reader.at_most_one(entry, {"api_server", "kubeconfig_file"}));
  if (kubeconfig && uses_http_config(entry)) {
    return reader.error(entry,
                        "cannot use a custom HTTP client configuration together with "
                        "kubeconfig_file, which has its own");
  }
  if (!server && uses_http_config(entry)) {
    return reader.error(entry,
                        "to use custom HTTP client configuration please provide the api_server "
                        "URL explicitly");
  }
  if (own_namespace && (server || kubeconfig)) {
    return reader.error(*entry.find("namespaces"),
                        fmt::format("cannot use {} and namespaces.own_namespace simultaneously",
                                    server ? "api_server" : "kubeconfig_file"));
  }
  const YamlNode* selectors = entry.find("selectors");
  return selectors == nullptr ? Result<void>()
                              : check_selectors(reader, *selectors, text_of(entry, "role", ""));
}

Result<void> check_consul(const YamlReader& reader, const YamlNode& entry) {
  if (entry.find("server") != nullptr) TRY(reader.required(entry, "consul_sd_configs", {"server"}));
  TRY(reader.at_most_one(entry, {"username", "basic_auth"}));
  return reader.at_most_one(entry, {"token", "authorization", "oauth2"});
}

Result<void> check_azure(const YamlReader& reader, const YamlNode& entry) {
  if (text_of(entry, "authentication_method", "OAuth") != "OAuth") return {};
  return reader.required(entry, "azure_sd_configs with OAuth",
                         {"tenant_id", "client_id", "client_secret"});
}

Result<void> check_oci(const YamlReader& reader, const YamlNode& entry) {
  if (text_of(entry, "auth", "api_key") == "api_key") {
    TRY(reader.at_most_one(entry, {"key_passphrase", "key_passphrase_file"}));
    return reader.required(entry, "oci_sd_configs with api_key",
                           {"tenancy", "user", "fingerprint", "key_file"});
  }
  for (const std::string_view name :
       {"tenancy", "user", "fingerprint", "key_file", "key_passphrase", "key_passphrase_file"}) {
    if (!given(entry, name)) continue;
    return reader.error(*entry.find(name),
                        fmt::format("oci_sd_configs: instance_principal has no {}", name));
  }
  return {};
}

Result<void> check_secret_key(const YamlReader& reader, const YamlNode& entry) {
  TRY(reader.at_most_one(entry, {"secret_key", "secret_key_file"}));
  if (given(entry, "secret_key") || given(entry, "secret_key_file")) return {};
  return reader.error(entry, "one of secret_key and secret_key_file is needed");
}

Result<void> check_together(const YamlReader& reader, std::string_view kind,
                            const YamlNode& entry) {
  if (kind == "file") return check_file(reader, entry);
  if (kind == "dns") return check_dns(reader, entry);
  if (kind == "kubernetes") return check_kubernetes(reader, entry);
  if (kind == "consul") return check_consul(reader, entry);
  if (kind == "azure") return check_azure(reader, entry);
  if (kind == "oci") return check_oci(reader, entry);
  if (kind == "scaleway" || kind == "outscale") return check_secret_key(reader, entry);
  if (kind == "marathon") {
    return reader.at_most_one(entry, {"auth_token", "auth_token_file", "basic_auth", "bearer_token",
                                      "bearer_token_file", "authorization"});
  }
  if (kind == "nomad" && entry.find("server") != nullptr) {
    return reader.required(entry, "nomad_sd_configs", {"server"});
  }
  return {};
}

}  // namespace

std::string dns_type(std::string type) {
  for (char& c : type) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return type;
}

std::span<const DiscoveryKind> discovery_kinds() { return kKinds; }

Result<void> check_discovery(const YamlReader& reader, const DiscoveryKind& kind,
                             const YamlNode& entry) {
  const std::string what = fmt::format("{}_sd_configs", kind.name);
  if (entry.kind == YamlNode::Kind::Null) {
    return reader.error(entry, fmt::format("{}: an entry is empty", what));
  }
  std::vector<Key> keys;
  for (const DiscoveryField& field : kind.fields)
    keys.push_back({field.name, read_field(reader, field)});
  HttpConfigReader http(reader);
  if (kind.http) {
    for (Key& key : http.keys()) keys.push_back(std::move(key));
  }
  TRY(reader.mapping(entry, what, keys));
  for (const DiscoveryField& field : kind.fields) {
    if (field.required) TRY(reader.required(entry, what, {field.name}));
  }
  if (kind.http) TRY(http.finish(entry));
  return check_together(reader, kind.name, entry);
}

}  // namespace prom5::config
