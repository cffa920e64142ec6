#include "ask/llm/outage_words.h"

#include <algorithm>
#include <vector>

namespace prom5::llm {

namespace {

using texts::TextCatalogue;

/// What data lacks of a stretch at its beginning is told where it is more.
constexpr DurationMs kMuch = DurationMs::minutes(2);

TimeMs time_in(const Json& json, const char* key) {
  return {static_cast<int64_t>(json.value(key, 0.0) * 1000)};
}

/// To the second, as outages may be shorter than a minute.
std::string second_of(const Telling& told, TimeMs time) { return say_second(time, told.now); }

std::string second_of(const Telling& told, const Json& json, const char* key) {
  return second_of(told, time_in(json, key));
}

std::string length_of(const Telling& told, double seconds) {
  return say_seconds(seconds, told.texts);
}

/// "in the last 1d", "since 14:05:10, where the data begins".
std::string say_when(const Telling& told, TimeMs since) {
  const TextCatalogue& texts = told.texts;
  const Plan& plan = told.plan;
  const bool over = told.now - plan.end > kMuch;
  if (since - plan.start > kMuch && over) {
    return texts.say("outage.between_data",
                     {{"from", second_of(told, since)}, {"to", say_time(plan.end, told.now)}});
  }
  if (since - plan.start > kMuch) {
    return texts.say("outage.since_data", {{"time", second_of(told, since)}});
  }
  if (over) {
    return texts.say("outage.between", {{"from", say_time(plan.start, told.now)},
                                        {"to", say_time(plan.end, told.now)}});
  }
  if (!plan.window.empty()) return texts.say("outage.lately", {{"window", plan.window}});
  return texts.say("outage.since", {{"time", say_time(plan.start, told.now)}});
}

/// Since when there is data of any.
template <typename Thing>
TimeMs earliest_of(const std::vector<Thing>& all) {
  return all.empty() ? TimeMs{0} : std::ranges::min_element(all, {}, &Thing::since)->since;
}

/// Those of many that there is less data of, in a sentence behind what was said; or nothing.
template <typename Thing>
std::string say_less_data(const Telling& told, const std::vector<Thing>& all, TimeMs since) {
  std::string names;
  size_t count = 0;
  for (const Thing& one : all) {
    if (one.since - std::max(since, told.plan.start) <= kMuch || ++count > kMaxNamed) continue;
    names += (names.empty() ? "" : "; ") +
             told.texts.say("outage.data_of",
                            {{"name", one.name}, {"time", second_of(told, one.since)}});
  }
  if (count == 0) return "";
  names = with_rest(told.texts, std::move(names), count, kMaxNamed);
  return " " + told.texts.say("outage.less_data", {{"names", names}});
}

/// What is known of one target.
struct Outages {
  std::string name;
  Json labels;
  TimeMs since;  ///< its first sample, or when the stretch begins
  size_t count = 0;
  double total_s = 0;
  Json newest;        ///< or null
  bool then = false;  ///< it is that of the moment that is asked about

  [[nodiscard]] bool open() const { return newest.is_object() && newest.value("open", false); }
};

/// Of a moment that is asked about, what was then.
void take_moment(const Telling& told, Outages& one) {
  constexpr double kNear = 60;  // seconds, as people say no more than minutes
  const double moment = told.plan.covers.end.as_seconds();
  if (moment <= 0) return;
  const Json& looked = result_of(told.results, "crossings");
  for (const Json& episode : looked.value("episodes", Json::array())) {
    const bool then = episode["labels"] == one.labels &&
                      episode.value("start", 0.0) <= moment + kNear &&
                      episode.value("end", 0.0) >= moment - kNear;
    if (!then) continue;
    one.newest = episode;
    one.count = 1;
    one.then = true;
    return;
  }
}

/// Those that were down first, the latest of them before others.
std::vector<Outages> outages_of(const Telling& told) {
  std::vector<Outages> out;
  const Json& looked = result_of(told.results, "crossings");
  const TimeMs begin = time_in(looked, "data_since");
  for (const Json& series : looked.value("series", Json::array())) {
    out.push_back({name_of(series["labels"], told.plan.entity_labels), series["labels"],
                   series.contains("since") ? time_in(series, "since") : begin,
                   series.value("count", size_t{0}), series.value("total_s", 0.0),
                   series.value("newest", Json())});
    take_moment(told, out.back());
    // It ends with what was looked at, and not now.
    if (out.back().open() && told.now - told.plan.end > kMuch) out.back().newest["open"] = false;
  }
  std::ranges::stable_sort(out, std::greater(), [](const Outages& one) {
    return one.newest.is_object() ? one.newest.value("start", 0.0) : 0.0;
  });
  return out;
}

std::string say_outages_of(const Telling& told, const Outages& one, const std::string& when) {
  const TextCatalogue& texts = told.texts;
  if (!one.newest.is_object()) {
    return texts.say("outage.none", {{"name", one.name}, {"when", when}});
  }
  const std::string from = second_of(told, one.newest, "start");
  const double newest = one.newest.value("length_s", 0.0);
  const std::string duration = length_of(told, one.count == 1 ? newest : one.total_s);
  if (one.open()) {
    return texts.say("outage.times_open", {{"name", one.name},
                                           {"when", when},
                                           {"count", one.count},
                                           {"duration", duration},
                                           {"from", from}});
  }
  return texts.say("outage.times", {{"name", one.name},
                                    {"when", when},
                                    {"count", one.count},
                                    {"duration", duration},
                                    {"from", from},
                                    {"to", second_of(told, one.newest, "end")}});
}

/// Whether a target is up or down, and since when.
std::string say_since_of(const Telling& told, const Outages& one) {
  const TextCatalogue& texts = told.texts;
  if (one.open()) {
    return texts.say("outage.down_since",
                     {{"name", one.name},
                      {"time", second_of(told, one.newest, "start")},
                      {"duration", length_of(told, one.newest.value("length_s", 0.0))}});
  }
  const bool asks_up = told.plan.promql.ends_with("== 1");
  if (!one.newest.is_object()) {
    if (!asks_up) return say_outages_of(told, one, say_when(told, one.since));
    return texts.say("outage.up_since_data",
                     {{"name", one.name}, {"time", second_of(told, one.since)}});
  }
  const std::string end = second_of(told, one.newest, "end");
  if (asks_up) {
    return texts.say("outage.up_since", {{"name", one.name}, {"time", end}});
  }
  return texts.say(
      "outage.up_now",
      {{"name", one.name}, {"from", second_of(told, one.newest, "start")}, {"to", end}});
}

/// A sentence for each; of more than are named a list of the first, and how many more of the
/// `total` there are, where that is said.
template <typename Thing, typename Say>
std::string each_of(const Telling& told, const std::vector<Thing>& things, size_t total, Say say) {
  std::string out;
  for (size_t i = 0; i < things.size() && i < kMaxNamed; ++i) {
    std::string one = say(things[i]);
    if (total > kMaxNamed && one.ends_with('.')) one.pop_back();
    out += (out.empty() ? "" : total > kMaxNamed ? "; " : " ") + one;
  }
  return total > kMaxNamed ? with_rest(told.texts, std::move(out), total, kMaxNamed) + "." : out;
}

/// What the last scrape of a target failed with; null where that is not known.
const Json* failure_of(const Telling& told, const Json& labels) {
  const Json& found = result_of(told.results, "targets");
  const auto list = found.find("targets");
  if (list == found.end()) return nullptr;
  for (const Json& target : *list) {
    if (target["labels"] == labels && target.contains("error")) return &target;
  }
  return nullptr;
}

std::string nothing_known(const Telling& told) {
  return told.texts.say("outage.no_data", {{"name", told.plan.subject}});
}

}  // namespace

std::string say_outages(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  std::vector<Outages> all = outages_of(told);
  if (all.empty()) return nothing_known(told);
  // Of very many not all are listed.
  const Json& looked = result_of(told.results, "crossings");
  const size_t total = std::max(all.size(), looked.value("series_total", size_t{0}));
  const auto well = std::ranges::find(all, size_t{0}, &Outages::count);
  const auto listed = static_cast<size_t>(well - all.begin());
  const size_t down = std::max(listed, looked.value("beyond_total", size_t{0}));
  const std::vector<Outages> others(well, all.end());
  const TimeMs since = earliest_of(others);
  const std::string less = say_less_data(told, others, since);
  const std::string when = say_when(told, since);
  if (down == 0 && total > 1) return texts.say("outage.nothing", {{"when", when}}) + less;
  if (down > 0) all.resize(listed);
  std::string out = each_of(told, all, down, [&](const Outages& one) {
    return say_outages_of(told, one, say_when(told, one.since));
  });
  if (down > 0 && total > down) {
    out += " " + texts.say("outage.others", {{"count", total - down}, {"when", when}}) + less;
  }
  return out;
}

std::string say_since(const Telling& told) {
  const std::vector<Outages> all = outages_of(told);
  if (all.empty()) return nothing_known(told);
  const size_t total =
      std::max(all.size(), result_of(told.results, "crossings").value("series_total", size_t{0}));
  return each_of(told, all, total, [&](const Outages& one) { return say_since_of(told, one); });
}

std::string say_why_down(const Telling& told, const std::string& causes) {
  const TextCatalogue& texts = told.texts;
  const std::vector<Outages> all = outages_of(told);
  const bool past = told.now - told.plan.end > kMuch;
  bool known = false;
  bool down = false;
  std::string out = each_of(told, all, 0, [&](const Outages& one) {
    down = down || one.then || one.open() || one.newest.is_object();
    if (one.then && !one.open()) {
      const std::string when = texts.say(
          "outage.between",
          {{"from", told.time_of(one.newest, "start")}, {"to", told.time_of(one.newest, "end")}});
      return say_outages_of(told, one, when) + " " + texts.say("outage.error_not_kept");
    }
    if (!one.open()) {
      std::string said =
          past ? say_outages_of(told, one, say_when(told, one.since)) : say_since_of(told, one);
      known = known || !past || !one.newest.is_object();
      if (one.newest.is_object()) said += " " + texts.say("outage.error_not_kept");
      return said;
    }
    std::string said = say_since_of(told, one);
    const Json* failure = failure_of(told, one.labels);
    if (failure == nullptr) return said;
    known = true;
    return said + " " +
           texts.say("outage.error", {{"time", second_of(told, *failure, "scraped")},
                                      {"error", failure->value("error", "")}});
  });
  const Json& found = result_of(told.results, "causes");
  const bool some = !found.value("causes", Json::array()).empty();
  // What was never down has no causes.
  if (out.empty() || (down && (some || !known))) out += (out.empty() ? "" : " ") + causes;
  return out;
}

std::string say_restarts(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  struct Target {
    std::string name;
    const Json* json;
    size_t count;
    TimeMs since;
  };
  std::vector<Target> all;
  const Json& found = result_of(told.results, "restarts");
  const Json& list = found.contains("targets") ? found["targets"] : Json::array();
  for (const Json& one : list) {
    all.push_back({name_of(one["labels"], told.plan.entity_labels), &one,
                   one.value("count", size_t{0}), time_in(one, "since")});
  }
  if (all.empty()) return nothing_known(told);
  std::ranges::stable_sort(all, std::greater(), [](const Target& one) {
    return one.count == 0 ? 0.0 : (*one.json)["times"][0].get<double>();
  });
  const bool some = all.front().count > 0;
  if (!some && all.size() > 1) {
    const TimeMs since = earliest_of(all);
    return texts.say("restart.nothing", {{"when", say_when(told, since)}}) +
           say_less_data(told, all, since);
  }
  if (some) std::erase_if(all, [](const Target& one) { return one.count == 0; });
  std::vector<std::string> by_counters;
  std::string out = each_of(told, all, all.size(), [&](const Target& one) {
    const std::string when = say_when(told, one.since);
    if (one.json->value("by", "") == "counters") by_counters.push_back(one.name);
    if (one.count == 0) {
      std::string said = texts.say("restart.none", {{"name", one.name}, {"when", when}});
      if (!one.json->contains("started")) return said;
      return said + " " +
             texts.say("restart.runs_since", {{"time", second_of(told, *one.json, "started")}});
    }
    const TimeMs last{static_cast<int64_t>((*one.json)["times"][0].get<double>() * 1000)};
    return texts.say("restart.times", {{"name", one.name},
                                       {"when", when},
                                       {"count", one.count},
                                       {"time", second_of(told, last)}});
  });
  if (!by_counters.empty()) {
    out += " " + texts.say("restart.by_counters", {{"names", join_words(by_counters, ", ")}});
  }
  return out;
}

}  // namespace prom5::llm
