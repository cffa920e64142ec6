#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/meaning_index.h"
#include "ask/language_model.h"
#include "ask/llm/expression.h"
#include "ask/llm/subject.h"
#include "ask/llm/target_talk.h"
#include "ask/texts/text_catalogue.h"
#include "io/codec/json.h"
#include "query/typed_query.h"

namespace prom5::llm {

/// The subject of a question about no one thing.
inline constexpr std::string_view kEverything = "everything";
/// The subject of a list of the values of a label.
inline constexpr std::string_view kLabelValues = "values";

/// Over how long rates are taken where a question does not say.
inline constexpr DurationMs kRateWindow = DurationMs::minutes(5);

/// Whether a query takes rates over that window, which has to fill first.
bool fills(std::string_view promql);

/// How a question will be answered, or why not.
struct Plan {
  Intent intent = Intent::Query;
  std::string subject;  ///< "CPU usage"
  std::string promql;
  std::vector<std::string> more;   ///< further queries that the answer rests on
  std::vector<std::string> names;  ///< what each of `more` is called in the answer; or empty
  std::string unit = "none";
  bool range = false;
  TimeMs start;  ///< of a range query; else of no meaning
  TimeMs end;
  DurationMs step;
  std::string window;  ///< in words, of what was asked for: "the last hour"; or empty
  double confidence = 0;
  std::string explanation;
  std::vector<std::string> alternatives;
  std::vector<std::string> entity_labels;  ///< what tells the result's series apart
  std::string wording;                     ///< which of the ways of words.cc to say it
  bool finding = false;
  bool least_is_worst = false;
  std::string note;  ///< what is to be said beside the answer; or empty
  std::vector<std::string> suggestions;
  std::optional<Json> action;

  std::vector<ToolCall> calls;  ///< instead of the query: what to find out first

  std::string clarify;  ///< a question back, with `options`
  std::vector<std::string> options;
  std::vector<std::string> instead_of;  ///< words of the question that an offer stands for
  std::string refuse_code;              ///< with `refuse_message`
  std::string refuse_message;

  std::string limit_op;  ///< of what is asked since when: ">" or "<"; or empty
  double limit = 0;      ///< in `unit`

  bool written = false;  ///< `promql` is what the asker wrote

  std::string coverage;  ///< the selector whose data may begin in `covers`; or empty
  TimeRange covers{TimeMs{0}, TimeMs{0}};  ///< the time that the answer is about

  Json frame;  ///< what the next question may go on from
};

/// What the planners know. Lives as long as they do.
struct Knowledge {
  const catalogue::ConceptPack& pack;
  const Vocabulary& vocabulary;
  const SubjectFinder& subjects;
  catalogue::MeaningIndex& meaning;
};

/// Finds what a question is about and composes the queries for it: by concept where one fits, else
/// by the words of metric names and help texts, according to the metric's type. What it does not
/// know it asks back or refuses, in the language of `texts`; it never invents a name. What it
/// offers to ask next is in English, as questions are. One question; one thread.
class Planner {
 public:
  Planner(const Knowledge& knowledge, const catalogue::Snapshot& snapshot, TimeMs now,
          const texts::TextCatalogue& texts)
      : knowledge_(knowledge), snapshot_(snapshot), now_(now), texts_(texts) {}

  /// `before`: the frame of the turn before, or null.
  Plan plan(const std::string& text, const Json& before);

 private:
  // What a turn of a conversation is.
  Plan plan_question(const std::string& asked, const Json& before);
  /// "thanks", "no": what asks nothing.
  [[nodiscard]] std::optional<Plan> plan_remark(const std::string& said, const Json& before);
  [[nodiscard]] Plan reply_yes(const Json& before);
  [[nodiscard]] Plan reply_no(const Json& before) const;
  /// The question that had no answer, with what was chosen of what was offered.
  [[nodiscard]] Plan take_option(const std::string& option, const Json& before);
  [[nodiscard]] Plan ask_again(const std::string& question, const Json& before) const;
  /// Keeps what a plan offers, so that it may be chosen.
  [[nodiscard]] Plan with_offers(const std::string& asked, Plan plan, const Json& before) const;
  /// A German question in English; others as they are.
  [[nodiscard]] std::string in_english(const std::string& said) const;
  void say_language(const std::string& asked, Plan& plan) const;
  /// PromQL typed as a question: that query. Nothing for words.
  [[nodiscard]] std::optional<Plan> plan_promql(const std::string& said) const;
  [[nodiscard]] Plan refuse_metric(const query::TypedQuery& query, const std::string& name) const;
  [[nodiscard]] Plan refuse_range(const query::TypedQuery& query) const;
  Plan plan_text(const std::string& text, const Json& before);
  // What a conversation goes on from.
  /// Where a limit is of how many things there are; nothing for other limits.
  [[nodiscard]] std::optional<Plan> plan_count_limit(const Reading& reading,
                                                     const Subject& subject) const;
  void open_up(const Reading& reading, Subject& subject) const;
  void go_on(const Json& before, Reading& reading, std::optional<Subject>& subject) const;
  [[nodiscard]] std::optional<Subject> resumed(const Json& before, const Reading& reading) const;
  /// "25:00", "the last 0 minutes": what cannot be is asked back.
  [[nodiscard]] std::optional<Plan> refuse_odd_time(const Reading& reading) const;
  /// "cpu tomorrow": what lies ahead is not measured. `about`: what to foretell; or empty.
  [[nodiscard]] std::optional<Plan> refuse_ahead(const Reading& reading,
                                                 const std::string& about) const;
  /// "1 hour", "make it 30 minutes": the same, over that time.
  void take_bare_window(const Json& before, Reading& reading) const;
  /// "2", "the second" after something was offered: that; or that there is no such.
  [[nodiscard]] std::optional<Plan> plan_option(const std::string& asked, const Json& before);
  /// When hosts started; nothing where that is not known of what is named.
  [[nodiscard]] std::optional<Plan> plan_started(const Reading& reading) const;
  /// Since when a value is beyond a limit, or when it was last.
  [[nodiscard]] Plan plan_crossing(const Reading& reading, const Subject& subject) const;
  /// "is the disk getting fuller": which way it goes, how fast, and when that ends.
  [[nodiscard]] Plan plan_direction(const Reading& reading, const Subject& subject) const;
  /// "errors of the billing api" where several things are told apart and none is called so.
  [[nodiscard]] std::optional<Plan> refuse_assumed(const Reading& reading,
                                                   const Subject& subject) const;
  /// What is up, was down or started anew, asked of targets by name; nothing for other questions.
  [[nodiscard]] std::optional<Plan> plan_targets(const Reading& reading, const Json& before) const;
  [[nodiscard]] std::optional<Plan> plan_state_of(const TargetTalk& talk, const Reading& reading,
                                                  const Subject& subject) const;
  /// How often and how long they were down, or since when they are so; `wording` of words.cc.
  [[nodiscard]] Plan plan_outages(const Reading& reading, const Subject& subject,
                                  const std::string& wording) const;
  [[nodiscard]] std::optional<Plan> plan_restarts(const TargetTalk& talk,
                                                  const Reading& reading) const;
  /// Since when one fires, or is down; nothing for other questions.
  [[nodiscard]] std::optional<Plan> plan_onset(const Reading& reading) const;
  /// `state`: "alerts", "down" or "up".
  [[nodiscard]] Plan onset_of(const std::string& state, const std::string& matchers) const;
  /// Asks when the data of a metric begins in a time.
  void cover(const std::string& metric, const std::string& matchers, TimeRange time,
             Plan& plan) const;
  void add_coverage(const Reading& reading, const Subject& subject, Plan& plan) const;
  /// "which host is it?": the subject before by host. A plan where it is not told apart so.
  [[nodiscard]] std::optional<Plan> tell_apart(const Json& before, Reading& reading,
                                               std::optional<Subject>& subject) const;
  [[nodiscard]] Plan not_understood(const std::string& text, const Json& before) const;
  void inherit_mentions(const Json& before, Reading& reading, Subject& subject) const;
  [[nodiscard]] Json frame_of(const Reading& reading, const Subject& subject,
                              const Plan& plan) const;

  [[nodiscard]] std::optional<Plan> decline_at_once(const Reading& reading,
                                                    const std::string& asked) const;
  [[nodiscard]] std::optional<Plan> choose(Reading& reading, Subject& subject) const;
  void prefer_fitting(const Reading& reading, std::vector<Subject>& ranked) const;
  [[nodiscard]] Plan ask_which(const std::vector<Subject>& ranked, const Reading& reading) const;
  [[nodiscard]] Plan refuse_stranger(const std::string& name) const;
  [[nodiscard]] Plan refuse_named(const std::string& name, const Reading& reading,
                                  const Subject& subject) const;
  /// "core 7", where the subject has no such; nothing where it has.
  [[nodiscard]] std::optional<Plan> refuse_numbered(const Reading& reading,
                                                    const Subject& subject) const;
  /// "status 404" alone, and no series has it; nothing where one has.
  [[nodiscard]] std::optional<Plan> refuse_any_number(const Reading& reading) const;
  [[nodiscard]] Plan refuse_number(const Reading& reading, const Numbered& one,
                                   const catalogue::LabelInfo& label) const;
  /// "topic foo", "PUT requests", and the subject has no such; nothing where it has.
  [[nodiscard]] std::optional<Plan> refuse_values(const Reading& reading,
                                                  const Subject& subject) const;
  /// The same, of whatever has such values.
  [[nodiscard]] std::optional<Plan> refuse_any_value(const Reading& reading) const;
  [[nodiscard]] Plan refuse_value(const Reading& reading, const SpokenValue& value,
                                  const catalogue::LabelInfo& label) const;
  [[nodiscard]] std::vector<SpokenValue> misplaced_values(const Reading& reading,
                                                          const Subject& subject,
                                                          const catalogue::Metric& metric) const;
  /// "http_requests_totl": a metric's name with a slip of the pen.
  [[nodiscard]] std::optional<Plan> refuse_slip(const Reading& reading,
                                                const std::string& text) const;
  /// The question with the kind that its number or name lacks: "and 7?" after "core 3". Empty where
  /// it lacks none.
  [[nodiscard]] std::string with_kind(const Reading& reading, const Json& before) const;
  /// What a question speaks of by kind and value: "core"; or empty.
  [[nodiscard]] static std::string kind_called(const Reading& reading, const Subject& subject,
                                               const catalogue::Lexicon& lexicon);
  /// Says beside the subject what narrows it, and which quantile it is.
  /// "which codes are there"
  [[nodiscard]] std::optional<Plan> plan_label_values(const Reading& reading) const;
  void tell_narrowed(const Reading& reading, const Subject& subject, Plan& plan) const;
  void tell_mended(const Reading& reading, Plan& plan) const;
  void take_roles(Reading& reading, Subject& subject) const;
  /// The names of what is here and nearest to the question, by its words or else by what it means.
  [[nodiscard]] std::vector<std::string> nearest(const std::vector<Subject>& ranked,
                                                 const Reading& reading) const;
  /// What there is here to begin with.
  [[nodiscard]] std::vector<std::string> starting_points() const;
  [[nodiscard]] Plan refuse_missing(const Subject& subject, const std::vector<Subject>& ranked,
                                    const Reading& reading) const;
  [[nodiscard]] Plan refuse_unknown(const std::vector<std::string>& words,
                                    const std::vector<Subject>& ranked,
                                    const Reading& reading) const;

  [[nodiscard]] Plan plan_subject(Reading& reading, Subject& subject) const;
  [[nodiscard]] Plan plan_value(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan plan_top(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan plan_compare(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan compare_windows(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan plan_forecast(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan plan_alert(const Reading& reading, const Subject& subject) const;
  /// A silence that is asked for, or the one before with another length.
  [[nodiscard]] std::optional<Plan> plan_silence_in(const Reading& reading, const std::string& text,
                                                    const Json& before) const;
  [[nodiscard]] Plan plan_silence(const Reading& reading, const std::string& text) const;
  /// "mute everything": all alerts, for as long as is said.
  [[nodiscard]] Plan plan_silence_of_all(const Reading& reading, const std::string& text) const;
  [[nodiscard]] Plan plan_status(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] std::optional<Plan> plan_functions(const Reading& reading) const;
  [[nodiscard]] bool targets_are_hosts(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] std::string jobs_of_hosts() const;
  [[nodiscard]] std::optional<Plan> plan_things(const Reading& reading) const;
  [[nodiscard]] Plan plan_problems(const Reading& reading) const;
  [[nodiscard]] Plan plan_list(const Reading& reading) const;
  [[nodiscard]] Plan plan_correlate(const std::string& text, const Reading& reading,
                                    const Json& before) const;
  [[nodiscard]] std::optional<Plan> refuse_sides(const std::string& text) const;
  [[nodiscard]] Subject by_its_course(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan plan_anomaly(const Reading& reading,
                                  const std::optional<Subject>& subject) const;
  [[nodiscard]] Plan plan_explain(const Reading& reading,
                                  const std::optional<Subject>& subject) const;

  [[nodiscard]] Subject what_is_left(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] std::string limit_of_metric(const std::string& metric) const;
  [[nodiscard]] std::string limit_of(const Reading& reading, const Subject& subject,
                                     const Expression& expression, const Shape& shape) const;
  [[nodiscard]] Plan plan_remaining(const Reading& reading, const Subject& subject,
                                    DurationMs ahead) const;
  void add_quantiles(const Reading& reading, const Subject& subject, const Shape& shape,
                     Plan& plan) const;
  [[nodiscard]] std::optional<Plan> plan_ending(const Reading& reading, const Subject& asked) const;
  [[nodiscard]] Subject as_warned(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Subject as_asked(const Reading& reading, const Subject& subject) const;
  [[nodiscard]] Plan plan_why(const Reading& reading, const std::optional<Subject>& subject) const;
  [[nodiscard]] std::optional<Plan> plan_at_once(Reading& reading, const std::string& text,
                                                 const Json& before, bool goes_on) const;
  /// "percentage of requests over 1s", "how many take longer than 500 ms", of a histogram; nothing
  /// for other questions.
  [[nodiscard]] std::optional<Plan> plan_within(const Reading& reading) const;
  /// "what percentage of requests goes to /cart", of what is counted; nothing for other questions.
  [[nodiscard]] std::optional<Plan> plan_share(const Reading& reading) const;
  [[nodiscard]] std::optional<Subject> whole_of(const Reading& reading, const Subject& part) const;
  /// "payments per order", "cpu and memory of web-01"; nothing where only one thing is asked for.
  std::optional<Plan> plan_pair(const Reading& reading);
  [[nodiscard]] std::optional<Subject> subject_of_part(const std::string& text,
                                                       bool grouping) const;
  [[nodiscard]] bool is_joint(const Reading& reading, const Subject& first, const Subject& second,
                              const std::vector<std::string>& parts) const;
  /// A question that stands for another one, or for two.
  std::optional<Plan> plan_otherwise(const Reading& reading, const Json& before);
  [[nodiscard]] bool is_more_of(const Reading& reading, const Subject& first, size_t behind) const;
  [[nodiscard]] Plan computed(Plan plan, const Plan& with, std::string_view op) const;
  /// "which path has the most errors": how many, where the subject is their share.
  [[nodiscard]] Subject as_counted(const Reading& reading, const Subject& subject) const;
  /// "by card" of payments by method, where no card is told apart but a value is called so: the
  /// question "of card"; else empty.
  [[nodiscard]] std::string with_value_for_kind(const Reading& reading,
                                                const std::string& metric) const;
  [[nodiscard]] bool only_values_of(const Reading& reading, const Json& before) const;
  /// "how many series does http_requests_total have"
  [[nodiscard]] std::optional<Plan> plan_series(const Reading& reading) const;
  /// "how many http codes are there": the values of a label of what the first word names.
  [[nodiscard]] std::optional<Plan> plan_values_of(const Reading& reading) const;
  [[nodiscard]] Plan refuse_bounds(const Subject& subject, double asked,
                                   const std::vector<double>& bounds) const;
  /// "how many services are there": how many values the label of the kind has.
  [[nodiscard]] std::optional<Plan> plan_how_many(const Reading& reading) const;
  /// "what is http_request_duration_seconds", which only its buckets, sum and count are of.
  [[nodiscard]] std::optional<Plan> plan_family(const Reading& reading) const;
  /// Calls a plan's answer by what is counted, where events are, and says since when.
  void name_counts(const Reading& reading, const Subject& subject, const Shape& shape,
                   Plan& plan) const;
  /// "Orders in the last 10m": what a count of events is called.
  [[nodiscard]] std::string counted_name(const Reading& reading, const Subject& subject,
                                         const Shape& shape) const;
  [[nodiscard]] std::string name_of_counted(const Subject& subject) const;
  [[nodiscard]] std::string in_its_time(std::string counted, const Reading& reading) const;
  [[nodiscard]] std::optional<Plan> plan_site(const Reading& reading) const;
  [[nodiscard]] std::optional<Plan> find_subject(Reading& reading, const Json& before, bool goes_on,
                                                 std::optional<Subject>& subject) const;
  [[nodiscard]] std::optional<Plan> plan_all_unusual(const Reading& reading, bool goes_on) const;
  [[nodiscard]] Plan plan_without_subject(const Reading& reading, const std::string& text,
                                          Plan declined) const;
  /// What all plans of a subject share.
  [[nodiscard]] Plan begin(const Reading& reading, const Subject& subject) const;
  void look_back(const Reading& reading, Shape& shape, Plan& plan, const Subject& subject) const;

  const Knowledge& knowledge_;
  const catalogue::Snapshot& snapshot_;
  const TimeMs now_;
  const texts::TextCatalogue& texts_;
};

/// Whether words say what is asked of the things that are named.
bool names_subject(const Reading& reading, const Knowledge& knowledge);

/// "how many orders so far", "in total": all that was counted, and not how much a second.
bool asks_for_all(const Reading& reading);

/// "what is broken": of no one kind of thing.
bool asks_for_trouble(const Reading& reading);

/// A plan that asks back, or refuses.
Plan clarification(std::string question, std::vector<std::string> options);
Plan refusal(std::string code, std::string message, std::vector<std::string> suggestions);

}  // namespace prom5::llm
