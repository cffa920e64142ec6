#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace prom5::cli {

/// A name that --enable-feature takes. Prometheus' names are all here, so that a command line of
/// its need not change.
struct Feature {
  std::string_view name;
  /// Why it does nothing here; empty: it has an effect, or what it switches on is always on.
  std::string_view no_effect = {};
};

extern const std::span<const Feature> kFeatures;

/// What the log says of a name, with the nearest right one where it is none; nothing when there is
/// nothing to be said.
std::optional<std::string> feature_note(std::string_view name);

}  // namespace prom5::cli
