#pragma once

#include <span>
#include <string_view>

#include "app/config/yaml_reader.h"

namespace prom5::config {

enum class FieldKind : uint8_t {
  Text,
  Flag,
  Count,
  Port,
  Duration,
  Url,
  Texts,       ///< a list
  Dictionary,  ///< names to texts
  Filters,     ///< a list of {name, values}
  Any,         ///< checked elsewhere
};

/// One key of a kind of service discovery.
struct DiscoveryField {
  std::string_view name;
  FieldKind kind = FieldKind::Text;
  bool required = false;
  std::span<const std::string_view> words = {};  ///< the only texts allowed
};

/// One kind of service discovery: the keys that its entries may have.
struct DiscoveryKind {
  std::string_view name;  ///< "consul" for consul_sd_configs
  std::span<const DiscoveryField> fields;
  bool http = true;    ///< whether the keys of <http_config> stand among them
  bool known = false;  ///< whether this version can do it
};

/// All that Prometheus 3.14 has, but static_configs. Source: prometheus discovery/*/.
std::span<const DiscoveryKind> discovery_kinds();

/// The type of a DNS record, which may be written in any case.
std::string dns_type(std::string type);

/// Checks one entry: names and types of its keys, what is required, and what keys are together.
Result<void> check_discovery(const YamlReader& reader, const DiscoveryKind& kind,
                             const YamlNode& entry);

}  // namespace prom5::config
