#include "ask/llm/forecast_words.h"

#include <cmath>
#include <map>

#include "ask/llm/coverage_words.h"

namespace prom5::llm {

namespace {

using texts::TextCatalogue;

constexpr double kFarthest = 3.2e9;  // seconds, a hundred years

/// What the query's straight line gives, by whether the course has a trend that leads there too: a
/// line through anything leads somewhere.
struct Outlook {
  std::vector<Row> steady;
  std::vector<Row> by_line;
  bool little = false;  ///< data
};

/// Those that have a trend, and when it reaches the limit.
std::map<std::string, double> reached(const std::vector<std::string>& labels,
                                      const Json& forecast) {
  std::map<std::string, double> out;
  for (const Json& series : forecast["series"]) {
    if (!series.contains("reached_in_s")) continue;
    out[name_of(series["labels"], labels)] = series["reached_in_s"].get<double>();
  }
  return out;
}

bool leads_there(const Row& row) { return row.value >= 0 && row.value <= kFarthest; }

Outlook outlook_of(const Telling& told, const std::vector<Row>& rows, bool times) {
  Outlook out;
  const Json& forecast = result_of(told.results, "forecast");
  if (!forecast.contains("series")) {
    out.steady = rows;
  } else {
    const std::vector<std::string> labels =
        labels_apart(told.plan.entity_labels, result_of(told.results, "query"));
    const std::map<std::string, double> trends = reached(labels, forecast);
    for (Row row : rows) {
      const auto trend = trends.find(row.name);
      // Of times, what the query says; where a bend leads its line away, what the trend says.
      if (trend != trends.end() && times && !leads_there(row)) row.value = trend->second;
      (trend == trends.end() ? out.by_line : out.steady).push_back(std::move(row));
    }
  }
  if (times) {
    const auto never = [](const Row& row) { return !leads_there(row); };
    std::erase_if(out.steady, never);
    std::erase_if(out.by_line, never);
  }
  out.little = partial_data(told.plan, told.results).has_value();
  return out;
}

std::string say_name(const Row& row) { return row.name; }

std::string say_runs_out(const Telling& told, const Outlook& outlook) {
  const TextCatalogue& texts = told.texts;
  const std::string& window = told.plan.window;
  const std::string perhaps = some_of(texts, outlook.by_line, say_name);
  if (outlook.steady.empty() && outlook.by_line.empty()) {
    const std::initializer_list<texts::Filling> places = {{"subject", told.plan.subject},
                                                          {"window", window}};
    return outlook.little ? texts.say("forecast.lasts_so_far", places)
                          : texts.say("forecast.lasts", places);
  }
  if (outlook.steady.empty()) {
    return texts.say("forecast.line_only", {{"window", window}, {"names", perhaps}});
  }
  std::string out =
      texts.say("forecast.runs_out",
                {{"window", window}, {"names", some_of(texts, outlook.steady, say_name)}});
  if (!outlook.by_line.empty()) out += " " + texts.say("forecast.line_also", {{"names", perhaps}});
  return out;
}

/// When each reaches what was asked for.
std::string say_times(const Telling& told, std::vector<Row> rows) {
  const TextCatalogue& texts = told.texts;
  std::ranges::sort(rows, {}, &Row::value);
  return some_of(texts, rows, [&](const Row& row) {
    const TimeMs at{told.now.ms + static_cast<int64_t>(row.value * 1000)};
    const std::string duration = say_seconds(row.value, texts);
    const std::string in_hours = short_number(row.value / 3600);
    const std::string time = say_time(at, told.now);
    if (row.name.empty()) {
      return texts.say("forecast.time",
                       {{"duration", duration}, {"in_hours", in_hours}, {"time", time}});
    }
    return texts.say(
        "forecast.time_of",
        {{"name", row.name}, {"duration", duration}, {"in_hours", in_hours}, {"time", time}});
  });
}

std::string say_time_to(const Telling& told, const Outlook& outlook) {
  const TextCatalogue& texts = told.texts;
  const std::string& subject = told.plan.subject;
  if (!outlook.steady.empty()) {
    return texts.say("forecast.reached",
                     {{"subject", subject}, {"rows", say_times(told, outlook.steady)}});
  }
  if (!outlook.by_line.empty()) {
    return texts.say("forecast.line_reached",
                     {{"subject", subject}, {"rows", say_times(told, outlook.by_line)}});
  }
  return outlook.little ? texts.say("forecast.no_trend_so_far", {{"subject", subject}})
                        : texts.say("forecast.no_trend", {{"subject", subject}});
}

/// What will be, the worst first.
std::string say_predicted(const Telling& told, std::vector<Row> rows) {
  const TextCatalogue& texts = told.texts;
  const bool least = told.plan.least_is_worst;
  std::ranges::stable_sort(rows, [least](const Row& a, const Row& b) {
    return least ? a.value < b.value : a.value > b.value;
  });
  const auto say = [&](const Row& row) {
    std::string value = told.value(row.value);
    // Less than nothing is where a line goes, and no amount.
    if (row.value < 0 && told.plan.unit == "bytes") {
      value = texts.say("forecast.none_left", {{"value", std::move(value)}});
    }
    if (row.name.empty()) return value;
    return texts.say("row.named", {{"name", row.name}, {"value", std::move(value)}});
  };
  return texts.say("forecast.predicted", {{"subject", told.plan.subject},
                                          {"window", told.plan.window},
                                          {"rows", some_of(texts, rows, say)}});
}

}  // namespace

std::string say_forecast(const Telling& told) {
  const Plan& plan = told.plan;
  const Json& data = result_of(told.results, "query");
  std::vector<Row> rows = rows_of(labels_apart(plan.entity_labels, data), data);
  const bool within = plan.wording == "runs_out";
  std::erase_if(rows, [](const Row& row) { return std::isnan(row.value); });
  // Of what there is none in all the time nothing lasts.
  const Json& coverage = result_of(told.results, "coverage");
  const bool unknown = coverage.contains("asked_s") && !coverage.contains("since");
  if (rows.empty() && (!within || unknown)) {
    return told.texts.say("value.no_data", {{"subject", plan.subject}});
  }
  const auto part = partial_data(plan, told.results);
  if (part && is_hardly_any(*part, plan)) {
    return told.texts.say("forecast.too_little",
                          {{"duration", say_seconds(part->covered.as_seconds(), told.texts)},
                           {"subject", plan.subject}});
  }
  const bool times = plan.wording == "time_to";
  std::string said;
  if (within || times) {
    const Outlook outlook = outlook_of(told, rows, times);
    said = within ? say_runs_out(told, outlook) : say_time_to(told, outlook);
  } else {
    said = say_predicted(told, std::move(rows));
  }
  return part ? say_of_little(*part, std::move(said), told.texts) : said;
}

}  // namespace prom5::llm
