#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace prom5::texts {

/// A text that the assistant says to a person: its key in packs/texts/*.yaml, the places that are
/// filled in, apart by blanks, and that of them whose number chooses among plural forms.
struct TextRow {
  std::string_view key;
  std::string_view places;
  std::string_view plural;
};

/// What each place stands for is said beside the texts, in packs/texts/en.yaml. What some mean for
/// the check of numbers in replies goes by their names: see NumberWords.
inline constexpr std::array kTexts = std::to_array<TextRow>({
    {"list.rest", "list more", "more"},
    {"list.rest_of_names", "list more", "more"},
    {"list.and", "list last", ""},
    {"list.or", "list last", ""},
    {"name.of", "name thing", ""},
    {"duration.beyond", "years", "years"},

    {"row.named", "name value", ""},
    {"row.range", "value lowest highest first", ""},
    {"course.rising", "value change", ""},
    {"course.falling", "value change", ""},
    {"course.rising_daily", "value change", ""},
    {"course.falling_daily", "value change", ""},
    {"course.steady", "value", ""},
    {"course.unknown", "value", ""},
    {"course.too_little", "value duration", ""},
    {"course.full", "course duration time", ""},
    {"course.used_up", "course duration time", ""},

    {"subject.narrowed", "subject parts", ""},
    {"subject.without", "name", ""},
    {"value.none_beyond", "subject", ""},
    {"value.all_well", "subject", ""},
    {"value.zero", "subject", ""},
    {"value.no_data", "subject", ""},
    {"value.no_data_then", "subject", ""},
    {"value.no_data_before", "time", ""},
    {"little.data", "duration told", ""},
    {"little.rate", "window duration", ""},
    {"little.window", "window duration", ""},
    {"value.found", "subject total rows", "total"},
    {"value.said", "subject rows", ""},
    {"value.of_one", "subject name value", ""},
    {"value.about", "value", ""},
    {"counted.last", "subject window", ""},
    {"counted.since", "subject time", ""},
    {"counted.between", "subject from to", ""},
    {"counted.so_far", "subject", ""},
    {"within.above", "subject limit", ""},
    {"within.below", "subject limit", ""},
    {"share.of", "subject", ""},
    {"series.of", "metric", ""},
    {"within.share_above", "subject limit", ""},
    {"within.share_below", "subject limit", ""},

    {"status.no_target", "", ""},
    {"status.up", "name", ""},
    {"status.up_throughout", "name window", ""},
    {"status.all_up", "total", "total"},
    {"status.all_up_throughout", "total window", "total"},
    {"status.was_down", "window names", ""},
    {"status.down", "down total names", "down"},
    {"status.hosts_up", "", ""},
    {"status.hosts_down", "", ""},

    {"onset.fires_since", "name time", ""},
    {"onset.fires_since_before", "name time", ""},
    {"onset.down_since", "name time", ""},
    {"onset.down_since_before", "name time", ""},
    {"onset.up_since", "name time", ""},
    {"onset.up_since_before", "name time", ""},
    {"onset.past", "name from to", ""},
    {"onset.past_since_before", "name from to", ""},
    {"onset.none_fired", "", ""},
    {"onset.not_down", "", ""},
    {"onset.briefly_down", "names", ""},
    {"onset.not_up", "", ""},
    {"outage.lately", "window", ""},
    {"outage.since", "time", ""},
    {"outage.between_data", "from to", ""},
    {"outage.since_data", "time", ""},
    {"outage.between", "from to", ""},
    {"outage.less_data", "names", ""},
    {"outage.data_of", "name time", ""},
    {"outage.none", "name when", ""},
    {"outage.times", "name when count duration from to", "count"},
    {"outage.times_open", "name when count duration from", "count"},
    {"outage.down_since", "name time duration", ""},
    {"outage.up_now", "name from to", ""},
    {"outage.up_since", "name time", ""},
    {"outage.up_since_data", "name time", ""},
    {"outage.others", "count when", "count"},
    {"outage.nothing", "when", ""},
    {"outage.error", "time error", ""},
    {"outage.error_not_kept", "", ""},
    {"outage.no_data", "name", ""},
    {"restart.none", "name when", ""},
    {"restart.nothing", "when", ""},
    {"restart.runs_since", "time", ""},
    {"restart.times", "name when count time", "count"},
    {"restart.by_counters", "names", ""},
    {"restart.unknown", "names", ""},

    {"crossed.above", "limit", ""},
    {"crossed.below", "limit", ""},
    {"crossed.at", "limit", ""},
    {"crossed.since", "state time value", ""},
    {"crossed.throughout", "state time value", ""},
    {"crossed.past", "state from to value", ""},
    {"crossed.times", "count time crossed", "count"},
    {"crossed.never_above", "state time value extreme", ""},
    {"crossed.never_below", "state time value extreme", ""},
    {"crossed.between", "step", ""},

    {"problems.no_alert", "", ""},
    {"problems.alerts", "count alerts", "count"},
    {"problems.no_target_down", "", ""},
    {"problems.down", "names", ""},

    {"compare.no_data_now", "subject", ""},
    {"compare.no_data_then", "subject window", ""},
    {"compare.row", "now then window", ""},
    {"compare.changed_row", "now then window change", ""},
    {"compare.named_row", "name row", ""},

    {"forecast.no_trend", "subject", ""},
    {"forecast.no_trend_so_far", "subject", ""},
    {"forecast.lasts", "subject window", ""},
    {"forecast.lasts_so_far", "subject window", ""},
    {"forecast.runs_out", "window names", ""},
    {"forecast.line_only", "window names", ""},
    {"forecast.line_also", "names", ""},
    {"forecast.reached", "subject rows", ""},
    {"forecast.line_reached", "subject rows", ""},
    {"forecast.time", "duration in_hours time", ""},
    {"forecast.time_of", "name duration in_hours time", ""},
    {"forecast.predicted", "subject window rows", ""},
    {"forecast.none_left", "value", ""},
    {"forecast.too_little", "duration subject", ""},

    {"alert.proposed", "alert promql hold severity", ""},
    {"alert.quiet", "hours", "hours"},
    {"alert.would_have_fired", "count hours episodes", "count"},
    {"alert.quiet_since", "time", ""},
    {"alert.would_have_fired_since", "count time episodes", "count"},
    {"alert.episode", "time", ""},
    {"alert.open_episode", "time", ""},
    {"alert.episode_of", "name time", ""},
    {"alert.open_episode_of", "name time", ""},

    {"silence.begins", "time", ""},
    {"silence.proposed", "matchers window", ""},
    {"silence.hits_none", "", ""},
    {"silence.of_all", "window", ""},
    {"silence.none_fires", "", ""},
    {"silence.hits", "count alerts", "count"},

    {"correlation.none", "subject", ""},
    {"correlation.strong_positive", "a b r", ""},
    {"correlation.strong_negative", "a b r", ""},
    {"correlation.moderate_positive", "a b r", ""},
    {"correlation.moderate_negative", "a b r", ""},
    {"correlation.weak_positive", "a b r", ""},
    {"correlation.weak_negative", "a b r", ""},
    {"correlation.no", "a b r", ""},
    {"correlation.unknown", "a b", ""},
    {"correlation.follows", "pair follower lag", ""},
    {"correlation.chance", "pair", ""},

    {"finding.peer", "name observed expected", ""},
    {"finding.alert", "name", ""},
    {"finding.down", "name", ""},
    {"finding.higher", "name observed expected", ""},
    {"finding.lower", "name observed expected", ""},
    {"finding.since", "finding time", ""},
    {"finding.growing", "finding time", ""},
    {"anomaly.none", "subject series", "series"},
    {"anomaly.none_at_all", "series", "series"},
    {"anomaly.too_early", "series", "series"},
    {"anomaly.none_of_judged", "judged rest", "judged"},
    {"anomaly.found", "found series findings", "series"},

    {"cause.firing", "alerts", ""},
    {"cause.alert", "alert labels", ""},
    {"cause.effect", "finding", ""},
    {"cause.none", "", ""},
    {"cause.none_of", "subject", ""},
    {"cause.too_early", "", ""},
    {"cause.likeliest", "findings", ""},
    {"cause.no_effect", "subject", ""},
    {"cause.elsewhere", "findings", ""},
    {"cause.nothing_else", "", ""},

    {"describe.metric", "metric", ""},
    {"describe.type", "metric type", ""},
    {"describe.helped", "words help", ""},
    {"describe.bounds", "buckets lowest highest", "buckets"},
    {"describe.series", "series", "series"},
    {"describe.series_by", "series labels", "series"},

    {"things.hosts", "total names", "total"},
    {"things.services", "total names", "total"},
    {"things.jobs", "total names", "total"},
    {"things.namespaces", "total names", "total"},
    {"things.pods", "total names", "total"},
    {"things.targets", "total names", "total"},
    {"things.values", "total label names", "total"},

    {"metrics.none", "", ""},
    {"metrics.nearest", "names", ""},
    {"metrics.list", "total names", "total"},

    {"silences.not_configured", "", ""},
    {"silences.none", "", ""},
    {"silences.one", "matchers time", ""},
    {"silences.pending", "silence", ""},
    {"silences.by", "silence by", ""},
    {"silences.why", "silence comment", ""},
    {"silences.list", "total silences", "total"},

    {"rules.none", "", ""},
    {"rules.one", "name kind promql", ""},
    {"rules.list", "total rules", "total"},

    {"ask.help", "", ""},
    {"ask.what", "", ""},
    {"ask.which", "words", ""},
    {"ask.alert_value", "subject", ""},
    {"ask.which_alerts", "", ""},
    {"ask.which_alerts_only", "", ""},
    {"ask.how_long", "", ""},
    {"ask.named_alerts", "", ""},
    {"ask.limit", "subject unit", ""},
    {"ask.what_of_it", "question subject", ""},
    {"ask.no_such_option", "number count options", "count"},
    {"ask.in_english", "", ""},

    {"refuse.unsafe", "", ""},
    {"refuse.unsilence", "", ""},
    {"refuse.small_talk", "", ""},
    {"refuse.name", "name", ""},
    {"refuse.name_elsewhere", "name subject", ""},
    {"refuse.there_is", "names", ""},
    {"refuse.missing", "words subject metrics", ""},
    {"refuse.unknown", "words", ""},
    {"refuse.nearest", "names", ""},
    {"refuse.label", "subject labels", ""},
    {"refuse.other_units", "subject other", ""},
    {"refuse.other_labels", "subject label labels", ""},
    {"refuse.percentile", "subject percentile", ""},
    {"refuse.no_alerts_here", "name", ""},
    {"refuse.none_fired", "name", ""},
    {"refuse.no_alert_at_all", "", ""},
    {"refuse.restarts", "name", ""},
    {"refuse.no_samples", "hours time", "hours"},
    {"refuse.not_promql", "reason", ""},
    {"refuse.bounds", "subject limit bounds", ""},
    {"refuse.no_metric", "name", ""},
    {"refuse.range_vector", "promql example", ""},
    {"refuse.query_failed", "reason", ""},

    {"note.bound", "limit nearest", ""},
    {"note.since_start", "", ""},
    {"note.one_at_a_time", "subject question", ""},
    {"note.about_all", "name", ""},
    {"note.about_everything", "name", ""},
    {"note.mended", "written meant", ""},
    {"note.only_scraped", "", ""},

    {"explain.things", "", ""},
    {"explain.when_alerts_fired", "", ""},
    {"explain.when_it_was_down", "", ""},
    {"explain.when_it_was_up", "", ""},

    {"budget.steps", "limit budget", "limit"},
    {"budget.time", "limit budget", ""},
    {"budget.samples", "limit budget", "limit"},
    {"budget.tokens", "limit budget", "limit"},

    {"evidence.none", "", ""},
    {"evidence.given", "", ""},
    {"evidence.rest", "more", "more"},

    {"command.line", "", ""},
    {"command.number", "", ""},
    {"command.good", "", ""},
    {"command.bad", "", ""},
    {"command.help", "", ""},
    {"command.quit", "", ""},
    {"command.noted", "", ""},
    {"command.not_offered", "number count", "count"},

    {"ask.which_option", "options", ""},
    {"ask.none_offered", "", ""},
    {"ask.ahead", "time", ""},
    {"ask.no_clock", "time", ""},
    {"ask.no_date", "time", ""},
    {"ask.no_length", "time", ""},
    {"remark.hello", "", ""},
    {"remark.thanks", "", ""},
    {"remark.good", "", ""},
    {"remark.no", "", ""},
    {"remark.not_made", "", ""},
    {"remark.only_proposed", "", ""},
    {"remark.bye", "", ""},
    {"remark.back", "question", ""},
    {"remark.back_at_start", "", ""},
    {"remark.nothing_said", "", ""},
    {"remark.said_again", "question answer", ""},
    {"remark.meaning", "meaning", ""},
});

/// A key of kTexts, known when the program is compiled: another is no C++.
class TextKey {
 public:
  consteval TextKey(const char* key) : index_(index_of(key)) {  // NOLINT(*-explicit-*)
    if (index_ == kTexts.size()) throw "kTexts has no such key";
  }

  [[nodiscard]] constexpr size_t index() const { return index_; }

 private:
  static constexpr size_t index_of(std::string_view key) {
    for (size_t i = 0; i < kTexts.size(); ++i) {
      if (kTexts[i].key == key) return i;
    }
    return kTexts.size();
  }

  size_t index_;
};

}  // namespace prom5::texts
