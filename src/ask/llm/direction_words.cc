#include "ask/llm/direction_words.h"

#include <cmath>
#include <map>

#include "ask/llm/coverage_words.h"

namespace prom5::llm {

namespace {

using texts::TextCatalogue;

/// Of a change that is a smaller part of the value in an hour it is said how much it is in a day.
constexpr double kLittle = 0.01;
/// Of fewer values nobody can tell which way they go.
constexpr size_t kFewest = 10;
/// An episode that is shorter, or a beginning that is nearer, is told to the second.
constexpr double kShort = 120;

/// "CPU usage of web-01: …" of one, "CPU usage: web-01: …; web-02: …" of several.
template <typename Say>
std::string say_each(const Telling& told, const std::vector<Row>& rows, Say say) {
  const TextCatalogue& texts = told.texts;
  const std::string& subject = told.plan.subject;
  if (rows.size() == 1 && !rows[0].name.empty()) {
    return texts.say("value.of_one",
                     {{"subject", subject}, {"name", rows[0].name}, {"value", say(rows[0])}});
  }
  const auto named = [&](const Row& row) {
    std::string value = say(row);
    if (row.name.empty()) return value;
    return texts.say("row.named", {{"name", row.name}, {"value", std::move(value)}});
  };
  return texts.say("value.said", {{"subject", subject}, {"rows", some_of(texts, rows, named)}});
}

std::string say_course(const Telling& told, const Row& row, const Json& trend) {
  const TextCatalogue& texts = told.texts;
  const std::string value = told.value(row.value);
  const auto part = partial_data(told.plan, told.results);
  if (part && (part->is_little() || trend.value("count", size_t{0}) < kFewest)) {
    return texts.say(
        "course.too_little",
        {{"value", value}, {"duration", say_seconds(part->covered.as_seconds(), texts)}});
  }
  if (!trend.contains("moves") || trend.value("count", kFewest) < kFewest) {
    return texts.say("course.unknown", {{"value", value}});
  }
  const int moves = trend.value("moves", 0);
  if (moves == 0) return texts.say("course.steady", {{"value", value}});
  const double hourly = std::fabs(trend.value("change_per_h", 0.0));
  const double size = std::max(std::fabs(row.value), std::fabs(row.first));
  const bool daily = hourly < kLittle * size;
  const std::string change =
      told.value(daily ? std::fabs(trend.value("change_per_d", 0.0)) : hourly);
  const std::initializer_list<texts::Filling> places = {{"value", value}, {"change", change}};
  if (moves > 0) {
    return daily ? texts.say("course.rising_daily", places) : texts.say("course.rising", places);
  }
  return daily ? texts.say("course.falling_daily", places) : texts.say("course.falling", places);
}

std::string say_moving(const Telling& told, const Row& row, const Json& trend) {
  const TextCatalogue& texts = told.texts;
  std::string course = texts.say("row.range", {{"value", say_course(told, row, trend)},
                                               {"lowest", told.value(row.lowest)},
                                               {"highest", told.value(row.highest)},
                                               {"first", told.value(row.first)}});
  const int moves = trend.value("moves", 0);
  const auto part = partial_data(told.plan, told.results);
  const bool little = (part && part->is_little()) || trend.value("count", kFewest) < kFewest;
  if (little || moves == 0 || !trend.contains("reached_in_s")) return course;
  const double seconds = trend["reached_in_s"].get<double>();
  const TimeMs at{told.now.ms + static_cast<int64_t>(seconds * 1000)};
  const std::initializer_list<texts::Filling> places = {{"course", std::move(course)},
                                                        {"duration", say_seconds(seconds, texts)},
                                                        {"time", say_time(at, told.now)}};
  return moves > 0 ? texts.say("course.full", places) : texts.say("course.used_up", places);
}

std::string say_state(const Telling& told) {
  const std::string limit = told.value(told.plan.limit);
  const std::string& op = told.plan.limit_op;
  if (op.starts_with('>')) return told.texts.say("crossed.above", {{"limit", limit}});
  if (op.starts_with('<')) return told.texts.say("crossed.below", {{"limit", limit}});
  return told.texts.say("crossed.at", {{"limit", limit}});
}

/// That it may have been for all that, where was looked more seldom than it is scraped.
std::string say_between(const Telling& told, const Json& looked) {
  const double step = looked.value("step_s", 0.0);
  if (step < 1.5 * looked.value("interval_s", step)) return "";
  return " " + told.texts.say("crossed.between", {{"step", say_seconds(step, told.texts)}});
}

/// `episode`: the last one, or null; `extreme`: the value that came nearest to the limit.
std::string say_crossed(const Telling& told, const Row& row, const Json& episode, double extreme) {
  const TextCatalogue& texts = told.texts;
  const Json& looked = result_of(told.results, "crossings");
  const std::string state = say_state(told);
  const std::string value = told.value(row.value);
  const std::string since = told.time_of(looked, "data_since");
  if (episode.is_null()) {
    const std::initializer_list<texts::Filling> places = {
        {"state", state}, {"time", since}, {"value", value}, {"extreme", told.value(extreme)}};
    return told.plan.limit_op.starts_with('<') ? texts.say("crossed.never_below", places)
                                               : texts.say("crossed.never_above", places);
  }
  const double begins = episode.value("start", 0.0);
  const double ends = episode.value("end", 0.0);
  const bool exact = ends - begins < kShort;
  const auto moment = [&](const char* key) {
    return exact ? say_second({static_cast<int64_t>(episode.value(key, 0.0) * 1000)}, told.now)
                 : told.time_of(episode, key);
  };
  const std::string from = moment("start");
  if (!episode.value("open", false)) {
    return texts.say("crossed.past",
                     {{"state", state}, {"from", from}, {"to", moment("end")}, {"value", value}});
  }
  // It held already where the data begins.
  const double step = looked.value("step_s", 60.0);
  const bool whole = begins <= looked.value("data_since", 0.0) + step;
  const std::initializer_list<texts::Filling> places = {
      {"state", state}, {"time", from}, {"value", value}};
  return whole ? texts.say("crossed.throughout", places) : texts.say("crossed.since", places);
}

}  // namespace

std::string say_direction(const Telling& told) {
  const Json& data = result_of(told.results, "query");
  const std::vector<std::string> labels = labels_apart(told.plan.entity_labels, data);
  std::vector<Row> rows = rows_of(labels, data, filling(told.plan, told.results));
  if (rows.empty()) {
    return told.texts.say("value.no_data", {{"subject", told.plan.subject}});
  }
  std::map<std::string, Json> trends;
  const Json found = result_of(told.results, "trend").value("series", Json::array());
  for (const Json& series : found) trends[name_of(series["labels"], labels)] = series;
  const auto trend_of = [&](const Row& row) {
    const auto at = trends.find(row.name);
    return at == trends.end() ? Json::object() : at->second;
  };
  // What moves comes first, and of it what is most.
  std::ranges::stable_sort(rows, [&](const Row& a, const Row& b) {
    const bool one = trend_of(a).value("moves", 0) != 0;
    const bool other = trend_of(b).value("moves", 0) != 0;
    return one != other ? one : a.value > b.value;
  });
  return say_each(told, rows, [&](const Row& row) { return say_moving(told, row, trend_of(row)); });
}

std::string say_crossing(const Telling& told) {
  const Json& data = result_of(told.results, "query");
  const std::vector<std::string> labels = labels_apart(told.plan.entity_labels, data);
  std::vector<Row> rows = rows_of(labels, data);
  if (rows.empty()) {
    return told.texts.say("value.no_data", {{"subject", told.plan.subject}});
  }
  const Json& looked = result_of(told.results, "crossings");
  const bool below = told.plan.limit_op.starts_with('<');
  std::map<std::string, Json> found;
  for (const Json& one : looked.value("series", Json::array())) {
    found.emplace(name_of(one["labels"], labels), one);
  }
  const auto crossed_ever = [&](const Row& row) {
    const auto at = found.find(row.name);
    return at != found.end() && at->second.contains("newest");
  };
  std::ranges::stable_sort(rows, [&](const Row& a, const Row& b) {
    const bool one = crossed_ever(a);
    return one != crossed_ever(b) ? one : a.value > b.value;
  });
  std::string out = say_each(told, rows, [&](const Row& row) {
    const auto at = found.find(row.name);
    // Of very many series some are not in the result: what they were is not known.
    if (at == found.end()) return told.value(row.value);
    const Json& series = at->second;
    const double extreme = series.value(below ? "lowest" : "highest", 0.0);
    std::string crossed = say_crossed(told, row, series.value("newest", Json()), extreme);
    if (told.plan.wording != "crossings" || !crossed_ever(row)) return crossed;
    return told.texts.say("crossed.times", {{"count", series.value("count", size_t{1})},
                                            {"time", told.time_of(looked, "data_since")},
                                            {"crossed", std::move(crossed)}});
  });
  const bool never = std::ranges::any_of(
      rows, [&](const Row& row) { return found.contains(row.name) && !crossed_ever(row); });
  if (never) out += say_between(told, looked);
  return out;
}

}  // namespace prom5::llm
