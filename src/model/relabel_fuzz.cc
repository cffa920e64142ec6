#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/relabel.h"

/// Bytes as words between line breaks: rules, three words each, then labels. Rules that are valid
/// are applied to any labels; the step that dropped them is the first that drops them by itself.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using prom5::RelabelConfig;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto word = [&rest] {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view out = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out;
  };
  std::vector<RelabelConfig> rules;
  for (const size_t n = size % 5; rules.size() < n && !rest.empty();) {
    RelabelConfig rule;
    const std::string_view action = word();
    rule.action = prom5::parse_relabel_action(action).value_or(
        static_cast<prom5::RelabelAction>(action.size() % 11));
    rule.source_labels = {"a", std::string(word())};
    rule.target_label = word();
    rule.replacement = word();
    rule.modulus = action.size();
    if (auto regex = prom5::Regex::compile(word())) rule.regex = *std::move(regex);
    if (!rule.validate()) return 0;
    rules.push_back(std::move(rule));
  }
  prom5::LabelsBuilder labels;
  while (!rest.empty()) {
    const std::string_view name = word();
    if (name.size() < 100 && !name.empty()) labels.set(name, word().substr(0, 1000));
  }
  prom5::LabelsBuilder step_by_step(labels);
  const auto dropped = prom5::relabel_until_dropped(rules, labels);
  for (size_t i = 0; i < rules.size(); ++i) {
    const bool kept = prom5::relabel({&rules[i], 1}, step_by_step);
    CHECK(kept == (dropped != i));
    if (!kept) return 0;
  }
  CHECK(!dropped && labels.build() == step_by_step.build());
  return 0;
}
