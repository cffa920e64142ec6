#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "io/codec/json.h"

namespace prom5::tools {

/// A query whose course tells how things are: a concept on the metrics that are here.
struct VitalSign {
  std::string name;  ///< the concept's
  std::string promql;
  std::string unit;
  std::vector<std::string> by;
  bool least_is_worst = false;
  std::vector<std::string> needs;
};

/// All that the packs know to look at on what the server has, each query once. `filters`: names of
/// things, [{"text", "kind"}]; of those given, only what can be narrowed to one of them is looked
/// at, and narrowed.
std::vector<VitalSign> vital_signs(const catalogue::ConceptPack& pack,
                                   const catalogue::Snapshot& snapshot, const Json& filters);

/// Whether a sign and a query read the same metric, or parts of the same histogram.
bool reads_of(const VitalSign& sign, std::string_view promql);

}  // namespace prom5::tools
