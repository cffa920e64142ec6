#pragma once

#include <optional>
#include <string>

#include "ask/llm/words.h"

namespace prom5::llm {

/// That there is data of a part only of the time that an answer is about.
struct PartialData {
  TimeMs since;
  DurationMs covered;
  DurationMs asked;

  /// Less than a quarter of the time tells nothing about the rest.
  [[nodiscard]] bool is_little() const { return covered * 4 < asked; }
};

/// Nothing where nine tenths of the time have data, or where that is not known.
std::optional<PartialData> partial_data(const Plan& plan, const Results& results);

/// Whether nothing can be foretold by the data there is: minutes for hours. A rate grows while its
/// window fills, and looks like more than it is for a while.
bool is_hardly_any(const PartialData& data, const Plan& plan);

/// How much of a rate's beginning is its window filling: nothing where the data began before the
/// time that is asked about, and of what is no rate.
DurationMs filling(const Plan& plan, const Results& results);

/// " There is no data before 10:20.", or of a rate over how little it is taken; empty where there
/// is data of the time.
std::string say_coverage(const Plan& plan, const Results& results, TimeMs now,
                         const texts::TextCatalogue& texts);

/// "Too little data to be sure (9 min 20 s of it): …"
std::string say_of_little(const PartialData& data, std::string said,
                          const texts::TextCatalogue& texts);

}  // namespace prom5::llm
