#include "ask/llm/coverage_words.h"

#include "ask/llm/telling.h"

namespace prom5::llm {

namespace {

constexpr double kEnough = 0.9;

/// Whether what is told is a rate over the time that is asked about, as what happens in a second.
bool depends_on_window(const Plan& plan) {
  return plan.unit == "per_second" || plan.unit == "bytes_per_second" ||
         plan.unit == "bits_per_second" || plan.unit == "count";
}

}  // namespace

std::optional<PartialData> partial_data(const Plan& plan, const Results& results) {
  const Json& found = result_of(results, "coverage");
  if (!found.contains("since")) return std::nullopt;
  PartialData out;
  out.since = {static_cast<int64_t>(found["since"].get<double>() * 1000)};
  out.asked = plan.covers.end - plan.covers.start;
  out.covered = plan.covers.end - out.since;
  if (out.covered.as_seconds() >= kEnough * out.asked.as_seconds()) return std::nullopt;
  return out;
}

bool is_hardly_any(const PartialData& data, const Plan& plan) {
  constexpr int64_t kOfCourses = 24;
  constexpr int64_t kOfRates = 3;
  return data.covered * (fills(plan.promql) ? kOfRates : kOfCourses) < data.asked;
}

DurationMs filling(const Plan& plan, const Results& results) {
  return fills(plan.promql) && partial_data(plan, results) ? kRateWindow : DurationMs{};
}

std::string say_coverage(const Plan& plan, const Results& results, TimeMs now,
                         const texts::TextCatalogue& texts) {
  const auto part = partial_data(plan, results);
  if (!part) return "";
  if (part->asked > kRateWindow || plan.range) {
    return " " + texts.say("value.no_data_before", {{"time", say_time(part->since, now)}});
  }
  const std::initializer_list<texts::Filling> places = {
      {"window", format_duration(part->asked)},
      {"duration", say_seconds(part->covered.as_seconds(), texts)}};
  return " " + (depends_on_window(plan) ? texts.say("little.rate", places)
                                        : texts.say("little.window", places));
}

std::string say_of_little(const PartialData& data, std::string said,
                          const texts::TextCatalogue& texts) {
  return texts.say("little.data", {{"duration", say_seconds(data.covered.as_seconds(), texts)},
                                   {"told", std::move(said)}});
}

}  // namespace prom5::llm
