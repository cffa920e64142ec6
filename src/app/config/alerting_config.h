#pragma once

#include "app/config/yaml_reader.h"

namespace prom5::config {

/// Checks `alerting`, of which this version uses nothing: without rules there is nothing to send.
Result<void> check_alerting(const YamlReader& reader, const YamlNode& node);
/// Checks `tracing`, which has no effect.
Result<void> check_tracing(const YamlReader& reader, const YamlNode& node);

}  // namespace prom5::config
