#pragma once

#include <span>
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

/// The row of a name; null where it is none.
const Feature* find_feature(std::string_view name);
/// The right name that is nearest to a wrong one; empty when none is near.
std::string_view nearest_feature(std::string_view name);

}  // namespace prom5::cli
