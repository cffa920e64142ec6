#include "app/config/remote_config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "app/config/discovery_config.h"
#include "app/config/http_config.h"
#include "app/config/relabel_config.h"
#include "base/ascii.h"
#include "io/http/url.h"

namespace prom5::config {

namespace {

constexpr std::array kMessages =
    std::to_array<std::string_view>({"prometheus.WriteRequest", "io.prometheus.write.v2.Request"});

/// Ways of proving who one is at a cloud's gate, which this version does not know.
constexpr std::array kCloudKeys =
    std::to_array<std::string_view>({"sigv4", "azuread", "google_iam"});

constexpr std::array kReserved = std::to_array<std::string_view>(
    {"content-encoding", "content-type", "x-prometheus-remote-write-version",
     "x-prometheus-remote-read-version", "user-agent", "connection", "keep-alive",
     "proxy-authenticate", "proxy-authorization", "www-authenticate"});

Read headers_into(const YamlReader& reader, std::vector<std::pair<std::string, std::string>>& out) {
  return [&reader, &out](const YamlNode& node) {
    return reader.dictionary(
        node, "headers", [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
          const std::string lower = to_lower(name.scalar);
          if (lower == "authorization") {
            return reader.error(name,
                                "the authorization header must be set by basic_auth, "
                                "authorization or oauth2");
          }
          if (std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end()) {
            return reader.error(
                name, fmt::format("{} is a reserved header and cannot be set", name.scalar));
          }
          out.emplace_back(name.scalar, TRY(reader.string(value)));
          return {};
        });
  };
}

/// A count that must be at least 1.
Read positive(const YamlReader& reader, std::string_view name, uint64_t& target) {
  return [&reader, name, &target](const YamlNode& n) -> Result<void> {
    target = TRY(reader.count(n));
    return target > 0 ? Result<void>()
                      : reader.error(n, fmt::format("{} must be positive: at least 1", name));
  };
}

Result<void> read_queue(const YamlReader& reader, const YamlNode& node, remote::QueueOptions& q) {
  const std::vector<Key> keys = {
      {"capacity", positive(reader, "capacity", q.capacity)},
      {"max_shards", positive(reader, "max_shards", q.max_shards)},
      {"min_shards", positive(reader, "min_shards", q.min_shards)},
      {"max_samples_per_send", positive(reader, "max_samples_per_send", q.max_samples_per_send)},
      {"batch_send_deadline", reader.into(q.batch_send_deadline)},
      {"min_backoff", reader.into(q.min_backoff)},
      {"max_backoff", reader.into(q.max_backoff)},
      {"retry_on_http_429", reader.into(q.retry_on_http_429)},
      {"sample_age_limit", reader.into(q.sample_age_limit, YamlReader::Zero::Allowed)}};
  TRY(reader.mapping(node, "queue_config", keys));
  if (q.min_shards > q.max_shards) {
    return reader.error(node, fmt::format("queue_config: min_shards {} must not be greater than "
                                          "max_shards {}",
                                          q.min_shards, q.max_shards));
  }
  if (q.max_backoff < q.min_backoff) {
    return reader.error(node, "queue_config: max_backoff must not be less than min_backoff");
  }
  return {};
}

Result<void> read_metadata(const YamlReader& reader, const YamlNode& node,
                           remote::WriteOptions& o) {
  uint64_t most = 0;
  const std::vector<Key> keys = {{"send", reader.into(o.send_metadata)},
                                 {"send_interval", reader.into(o.metadata_interval)},
                                 {"max_samples_per_send", reader.into(most)}};
  return reader.mapping(node, "metadata_config", keys);
}

Result<remote::WriteOptions> read_write(const YamlReader& reader, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::Null) {
    return reader.error(node, "empty or null remote write config section");
  }
  remote::WriteOptions o;
  bool unused = false;
  HttpConfigReader http(reader);
  const Read message = [&](const YamlNode& n) -> Result<void> {
    const std::string name = TRY(reader.word(n, "protobuf_message", kMessages));
    o.message = name == kMessages[1] ? remote::WriteMessage::V2 : remote::WriteMessage::V1;
    return {};
  };
  // Prometheus takes "host:port" for a URL, and fails when it sends.
  const Read url = [&](const YamlNode& n) -> Result<void> {
    auto read = reader.url(n);
    o.url = TRY(reader.string(n));
    const bool host_for_scheme = !o.url.empty() &&
                                 std::isalpha(static_cast<unsigned char>(o.url[0])) != 0 &&
                                 o.url.find(':') < o.url.find_first_of("/?#");
    const bool noted = reader.check() == Check::SyntaxOnly && host_for_scheme &&
                       o.url.find("://") == std::string::npos;
    if (!read && !noted) return std::unexpected(read.error());
    if (!read) reader.note(n, "nothing can be sent to this URL: it has no http:// or https://");
    return {};
  };
  std::vector<Key> keys = {
      {"url", url},
      {"name", reader.into(o.name)},
      {"remote_timeout", reader.into(o.timeout)},
      {"protobuf_message", message},
      {"headers", headers_into(reader, o.headers)},
      {"write_relabel_configs",
       relabel_configs(reader, "write_relabel_configs", o.relabel_configs)},
      {"send_exemplars", reader.into(o.send_exemplars)},
      {"send_native_histograms", reader.into(o.send_native_histograms)},
      {"round_robin_dns", reader.not_yet_unless_empty("round_robin_dns")},
      {"failed_request_logging", reader.into(unused)},
      {"queue_config", [&](const YamlNode& n) { return read_queue(reader, n, o.queue); }},
      {"metadata_config", [&](const YamlNode& n) { return read_metadata(reader, n, o); }}};
  for (const std::string_view name : kCloudKeys) {
    keys.push_back({name, reader.not_yet_unless_empty(name)});
  }
  for (Key& key : http.keys()) keys.push_back(std::move(key));
  TRY(reader.mapping(node, "remote_write", keys));
  TRY(reader.required(node, "remote_write", {"url"}));
  TRY(reader.at_most_one(
      node, {"basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"}));
  o.security = TRY(http.finish(node));
  o.fingerprint = fingerprint(node);
  return o;
}

Result<remote::ReadOptions> read_read(const YamlReader& reader, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::Null) {
    return reader.error(node, "empty or null remote read config section");
  }
  remote::ReadOptions o;
  HttpConfigReader http(reader);
  const Read matchers = [&](const YamlNode& n) {
    return reader.dictionary(
        n, "required_matchers", [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
          o.required_matchers.emplace_back(name.scalar, TRY(reader.string(value)));
          return {};
        });
  };
  std::vector<Key> keys = {{"url", reader.url_into(o.url)},
                           {"name", reader.into(o.name)},
                           {"remote_timeout", reader.into(o.timeout)},
                           {"headers", headers_into(reader, o.headers)},
                           {"required_matchers", matchers},
                           {"read_recent", reader.into(o.read_recent)},
                           {"chunked_read_limit", reader.into(o.chunked_read_limit)},
                           {"filter_external_labels", reader.into(o.filter_external_labels)}};
  for (Key& key : http.keys()) keys.push_back(std::move(key));
  TRY(reader.mapping(node, "remote_read", keys));
  TRY(reader.required(node, "remote_read", {"url"}));
  o.security = TRY(http.finish(node));
  o.fingerprint = fingerprint(node);
  return o;
}

/// Two entries that say the same would do everything twice, under the same name in metrics.
template <typename Options>
Result<void> refuse_twice(const YamlReader& reader, const YamlNode& node, std::string_view what,
                          std::map<std::string, int>& lines, const Options& options) {
  const auto [first, fresh] = lines.try_emplace(options.fingerprint, node.line);
  if (fresh) return {};
  return reader.error(node,
                      fmt::format("duplicate {} configs are not allowed: the same as the one of "
                                  "line {}, for URL {}; remove one",
                                  what, first->second, io::without_password(options.url)));
}

/// Names are unique; who has none is named by its URL.
template <typename Options>
Result<void> give_name(const YamlReader& reader, const YamlNode& node, std::string_view what,
                       std::set<std::string>& names, Options& options) {
  if (!options.name.empty() && !names.insert(options.name).second) {
    return reader.error(*node.find("name"),
                        fmt::format("found multiple {} configs with the name \"{}\"; names must "
                                    "be unique",
                                    what, options.name));
  }
  if (options.name.empty()) {
    options.name = options.url;
    for (int n = 2; !names.insert(options.name).second; ++n) {
      options.name = fmt::format("{}#{}", options.url, n);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<remote::WriteOptions>> read_remote_writes(const YamlReader& reader,
                                                             const YamlNode& node) {
  std::vector<remote::WriteOptions> out;
  std::set<std::string> names;
  std::map<std::string, int> lines;  // by what an entry says
  TRY(reader.sequence(node, "remote_write", [&](const YamlNode& entry) -> Result<void> {
    out.push_back(TRY(read_write(reader, entry)));
    TRY(refuse_twice(reader, entry, "remote write", lines, out.back()));
    return give_name(reader, entry, "remote write", names, out.back());
  }));
  return out;
}

Result<std::vector<remote::ReadOptions>> read_remote_reads(const YamlReader& reader,
                                                           const YamlNode& node) {
  std::vector<remote::ReadOptions> out;
  std::set<std::string> names;
  std::map<std::string, int> lines;  // by what an entry says
  TRY(reader.sequence(node, "remote_read", [&](const YamlNode& entry) -> Result<void> {
    out.push_back(TRY(read_read(reader, entry)));
    TRY(refuse_twice(reader, entry, "remote read", lines, out.back()));
    return give_name(reader, entry, "remote read", names, out.back());
  }));
  return out;
}

}  // namespace prom5::config
