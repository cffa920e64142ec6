#include "collect/discovery/kubernetes_access.h"

#include <cstdlib>
#include <filesystem>

#include "collect/discovery/discoverer.h"
#include "io/codec/base64.h"
#include "io/codec/yaml.h"
#include "io/file/file_system.h"

namespace prom5::discovery {

namespace {

using codec::YamlNode;

const std::string kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

std::string text(const YamlNode& node, std::string_view key) {
  const YamlNode* value = node.find(key);
  return value == nullptr ? "" : value->scalar;
}

/// The entry of a list of {name, <what>: {…}} with that name.
const YamlNode* named(const YamlNode& root, std::string_view list, std::string_view what,
                      std::string_view name) {
  const YamlNode* entries = root.find(list);
  if (entries == nullptr) return nullptr;
  for (const YamlNode& entry : entries->items) {
    if (text(entry, "name") == name) return entry.find(what);
  }
  return nullptr;
}

class Kubeconfig {
 public:
  Kubeconfig(const YamlNode& root, const std::string& file) : root_(root), file_(file) {}

  Result<KubernetesAccess> read() {
    const std::string current = text(root_, "current-context");
    const YamlNode* context = named(root_, "contexts", "context", current);
    if (context == nullptr) return fail_with("it has no context \"" + current + "\"");
    const YamlNode* cluster = named(root_, "clusters", "cluster", text(*context, "cluster"));
    if (cluster == nullptr) return fail_with("it has no cluster " + text(*context, "cluster"));
    KubernetesAccess access;
    access.server = text(*cluster, "server");
    access.own_namespace = text(*context, "namespace");
    io::HttpClientSecurity s;
    s.tls.insecure_skip_verify = text(*cluster, "insecure-skip-tls-verify") == "true";
    s.tls.server_name = text(*cluster, "tls-server-name");
    s.proxy.url = text(*cluster, "proxy-url");
    s.tls.ca_file = path(*cluster, "certificate-authority");
    s.tls.ca = TRY(data(*cluster, "certificate-authority-data"));
    if (const YamlNode* user = named(root_, "users", "user", text(*context, "user"))) {
      for (const std::string_view plugin : {"exec", "auth-provider"}) {
        if (user->find(plugin) == nullptr) continue;
        return fail_with(
            fmt::format("its user needs {}, which is not supported; use a token", plugin));
      }
      s.credentials.text = text(*user, "token");
      s.credentials.file = path(*user, "tokenFile");
      s.user.text = text(*user, "username");
      s.password.text = text(*user, "password");
      s.tls.certificate_file = path(*user, "client-certificate");
      s.tls.certificate = TRY(data(*user, "client-certificate-data"));
      s.tls.key_file = path(*user, "client-key");
      s.tls.key = TRY(data(*user, "client-key-data"));
    }
    access.security = std::make_shared<const io::HttpClientSecurity>(std::move(s));
    return access;
  }

 private:
  [[nodiscard]] std::unexpected<Error> fail_with(const std::string& what) const {
    return fail(ErrorCode::BadData, "kubeconfig {}: {}", file_, what);
  }
  /// Starts at the folder of the kubeconfig.
  [[nodiscard]] std::string path(const YamlNode& node, std::string_view key) const {
    const std::filesystem::path given = text(node, key);
    if (given.empty() || given.is_absolute()) return given.string();
    return (std::filesystem::path(file_).parent_path() / given).string();
  }
  [[nodiscard]] Result<std::string> data(const YamlNode& node, std::string_view key) const {
    auto bytes = codec::base64_decode(text(node, key));
    if (!bytes) return fail_with(fmt::format("{} is no base64", key));
    return *std::move(bytes);
  }

  const YamlNode& root_;
  const std::string& file_;
};

Result<KubernetesAccess> own_cluster() {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    return fail(ErrorCode::Unavailable,
                "not in a cluster (KUBERNETES_SERVICE_HOST is not set): give api_server or "
                "kubeconfig_file");
  }
  KubernetesAccess access;
  access.server = "https://" + join_host_port(host, port);
  io::HttpClientSecurity security;
  security.credentials.file = kServiceAccount + "token";
  security.tls.ca_file = kServiceAccount + "ca.crt";
  access.security = std::make_shared<const io::HttpClientSecurity>(std::move(security));
  io::Secret own_namespace;
  own_namespace.file = kServiceAccount + "namespace";
  access.own_namespace = own_namespace.read().value_or("");
  return access;
}

}  // namespace

Result<KubernetesAccess> kubernetes_access(const KubernetesOptions& options) {
  KubernetesAccess access;
  if (!options.api_server.empty()) {
    access.server = options.api_server;
    access.security = options.security;
  } else if (!options.kubeconfig_file.empty()) {
    io::PosixFileSystem files;
    const std::string content = TRY(files.read(options.kubeconfig_file));
    const auto root = codec::parse_yaml(content);
    if (!root) {
      return fail(ErrorCode::BadData, "kubeconfig {}:{}", options.kubeconfig_file,
                  root.error().message);
    }
    access = TRY(Kubeconfig(*root, options.kubeconfig_file).read());
  } else {
    access = TRY(own_cluster());
  }
  while (access.server.ends_with('/')) access.server.pop_back();
  return access;
}

}  // namespace prom5::discovery
