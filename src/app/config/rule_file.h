#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/yaml_reader.h"

namespace prom5::config {

/// One alerting or recording rule (prometheus rulefmt.Rule).
struct Rule {
  std::string record;  ///< of record and alert one is set
  std::string alert;
  std::string expr;
  DurationMs hold;         ///< `for`
  DurationMs keep_firing;  ///< `keep_firing_for`
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> annotations;
};

struct RuleGroup {
  std::string name;
  DurationMs interval;  ///< 0: the global one
  DurationMs query_offset;
  uint64_t limit = 0;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<Rule> rules;
};

/// Reads a file of rules and checks it as Prometheus does; expressions are parsed.
/// BadData with file, line, column and the fix where one is known.
Result<std::vector<RuleGroup>> parse_rule_file(std::string_view text, const std::string& file);
/// The same from disk.
Result<std::vector<RuleGroup>> load_rule_file(const std::string& file);

}  // namespace prom5::config
