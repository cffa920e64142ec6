#include "collect/exporters/exporter.h"

#include "model/exposition/text_writer.h"

namespace prom5::exporters {

void Page::add(std::string_view family, std::string_view help, MetricType type, LabelPairs labels,
               double value) {
  auto found = families_.find(family);
  if (found == families_.end()) {
    found = families_.emplace(family, Family{std::string(help), type, {}}).first;
  }
  found->second.samples.push_back({std::move(labels), value});
}

std::string Page::text() const {
  std::string out;
  exposition::TextWriter writer(out);
  for (const auto& [name, family] : families_) {
    writer.family(name, family.help, family.type);
    for (const Sample& sample : family.samples) {
      writer.sample_with(name, sample.labels, sample.value);
    }
  }
  return out;
}

}  // namespace prom5::exporters
