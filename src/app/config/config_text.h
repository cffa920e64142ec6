#pragma once

#include <string>

#include "io/codec/yaml.h"

namespace prom5::config {

/// The tree as YAML again, without comments and with "<secret>" in place of every secret, however
/// it was written.
std::string without_secrets(const codec::YamlNode& root);

}  // namespace prom5::config
