#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/lexicon.h"
#include "base/error.h"
#include "base/time.h"

namespace prom5::catalogue {

/// One way to answer for a concept, on the metrics of one exporter (packs/*.yaml).
struct Recipe {
  std::string promql;              ///< as compose() takes it
  std::string mean;                ///< the average instead of a quantile; or empty
  std::vector<std::string> needs;  ///< the metrics in it
  std::map<std::string, std::string> requires_label;
  std::vector<std::string> by;  ///< labels that tell the things apart
  bool each = false;            ///< asked without a name: an answer for each thing, not one total
  bool only_scraped = false;    ///< knows programs that are scraped, and no others of their hosts
  bool finding = false;         ///< every series of the result is something to look at
  std::string join;             ///< how several series become one: sum, avg, max, min
  std::string unit = "none";
  std::string explain;
};

struct AlertDefault {
  std::string op;  ///< ">" or "<"
  double value = 0;
  DurationMs hold = DurationMs::minutes(5);
};

/// What the planners ask a concept for beside what people do.
enum class Role : uint8_t {
  None,
  First,    ///< something to offer to who has asked for nothing that is here
  Targets,  ///< whether what is scraped is up
  Probes,   ///< whether a site answers
  Started,  ///< since when a host runs
  Process,  ///< when a process started
  Left,     ///< what is left of something, in its own unit: by it the end is foretold
};

/// Something that people ask about, whatever exporter has it.
struct Concept {
  std::string name;
  std::vector<std::vector<std::string>> phrases;  ///< each a list of canonical words
  std::set<std::string, std::less<>> about;       ///< words that may go with it
  std::vector<Recipe> recipes;
  bool least_is_worst = false;
  std::optional<AlertDefault> alert;
  std::string toward;   ///< what it fills up or runs out to: a number or PromQL; or empty
  std::string missing;  ///< how the metrics would come, where the server has none; or empty
  std::string counted;  ///< what its rate is of, as its counts are called: "orders"; or empty
  Role role = Role::None;
  std::vector<std::string> related;
};

struct ConceptPack {
  Lexicon lexicon;
  std::vector<Concept> concepts;

  [[nodiscard]] const Concept* find(std::string_view name) const;
  /// The first of this role; null where there is none.
  [[nodiscard]] const Concept* of_role(Role role) const;
};

/// BadData with line and column.
Result<std::vector<Concept>> parse_concepts(std::string_view yaml, const Lexicon& lexicon);
Result<std::vector<Concept>> read_concepts(const codec::YamlNode& root, const Lexicon& lexicon);

/// Adds an operator's own pack, a document with any sections of packs/words.yaml and "concepts". A
/// concept that is there already gets the further phrases and words, its recipes go before those
/// there, and an alert, "toward", "worst" "related" or "missing" that is given takes the place of
/// the one there; such an entry needs only a name. Synonyms hold in the phrases that are there,
/// too. BadData with line and column; then the pack stays as it was.
Result<void> merge(ConceptPack& pack, std::string_view yaml);

/// The packs that are part of the program.
const ConceptPack& shipped_pack();

}  // namespace prom5::catalogue
