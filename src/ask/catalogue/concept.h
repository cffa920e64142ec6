#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace prom5::catalogue {

/// One way to answer for a concept, on the metrics of one exporter (packs/concepts.yaml).
struct Recipe {
  std::vector<std::string> needs;
  std::map<std::string, std::string> requires_label;
  std::string promql;
  std::vector<std::string> by;
  std::vector<std::string> entity;  ///< labels to group by when single things are asked for
  std::string unit = "none";
};

struct Concept {
  std::string name;
  std::vector<std::vector<std::string>> phrases;  ///< each a list of words
  std::vector<Recipe> recipes;
  bool least_is_worst = false;
};

struct ConceptPack {
  std::vector<Concept> concepts;
  std::map<std::string, std::string, std::less<>> synonyms;
};

/// BadData with line and column.
Result<ConceptPack> parse_concepts(std::string_view yaml);

/// The pack that is part of the program.
const ConceptPack& shipped_pack();

}  // namespace prom5::catalogue
