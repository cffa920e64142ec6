#include "query/selector_doctor.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "model/quote.h"
#include "query/promql/words.h"
#include "query/similar.h"

namespace prom5::query {

namespace {

using promql::VectorSelector;

constexpr size_t kSuggestions = 3;
constexpr size_t kSeriesLookedAt = 200;
constexpr size_t kSamplesLookedAt = 5'000'000;

const Matcher* name_matcher(const VectorSelector& selector) {
  const auto found = std::ranges::find_if(selector.matchers, [](const Matcher& m) {
    return m.name() == kMetricName && m.type() == MatchType::Equal;
  });
  return found == selector.matchers.end() ? nullptr : &*found;
}

std::string any_of(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    out += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  }
  return out;
}

std::string ago(TimeMs then, TimeMs now) {
  const DurationMs distance{(now - then).ms / 1000 * 1000};
  return distance.ms >= 0 ? format_duration(distance) + " ago"
                          : "in " + format_duration(DurationMs{-distance.ms});
}

/// Whether there is any series at any time.
Result<bool> exists(Querier& querier, std::span<const Matcher> matchers) {
  const auto set = TRY(querier.select(matchers, querier.tier({})));
  return set->next();
}

VectorSelector with_matcher(const VectorSelector& selector, const Matcher& old, Matcher better) {
  VectorSelector out{
      selector.name, selector.matchers, {}, selector.extended, selector.may_be_empty};
  out.time.offset = selector.time.offset;
  out.time.at = selector.time.at;
  out.time.at_time = selector.time.at_time;
  if (old.name() == kMetricName && !out.name.empty()) out.name = better.value();
  std::ranges::replace(out.matchers, old, better);
  return out;
}

/// Looks at what the database has for one selector. One thread.
class SelectorDoctor {
 public:
  SelectorDoctor(Storage& storage, const SelectorQuestion& question)
      : storage_(storage), question_(question), selector_(question.selector) {}

  Result<SelectorFinding> diagnose() {
    const auto everything = TRY(storage_.querier({}));
    const Matcher* name = name_matcher(selector_);
    const std::vector<Matcher> by_name =
        name == nullptr ? std::vector<Matcher>() : std::vector<Matcher>{*name};
    if (TRY(exists(*everything, selector_.matchers))) return in_time();
    if (name != nullptr && !TRY(exists(*everything, by_name)))
      return unknown_name(*everything, *name);
    for (const Matcher& m : selector_.matchers) {
      if (&m == name) continue;
      std::vector<Matcher> alone = by_name;
      alone.push_back(m);
      if (!TRY(exists(*everything, alone))) return unknown_label(*everything, by_name, m);
    }
    return excluding(*everything, by_name);
  }

 private:
  static SelectorFinding found(Cause cause, std::string text,
                               std::optional<VectorSelector> better = std::nullopt) {
    return {{.cause = cause, .expression = {}, .text = std::move(text), .fix = {}},
            std::move(better)};
  }

  /// What the selector is called in sentences.
  [[nodiscard]] std::string subject() const {
    const Matcher* name = name_matcher(selector_);
    const std::string where = promql::where_clause(selector_);
    return (name == nullptr ? "a series" : name->value()) + (where.empty() ? "" : " " + where);
  }

  Result<SelectorFinding> unknown_name(Querier& querier, const Matcher& name) {
    const auto names = TRY(querier.label_values(kMetricName, {}));
    std::vector<std::string> near = similar(name.value(), names, 8);
    // One that has series with these labels is likelier meant than one that has not.
    std::vector<std::string> fitting;
    for (const std::string& candidate : near) {
      const auto better = with_matcher(selector_, name, Matcher::equal(kMetricName, candidate));
      if (TRY(exists(querier, better.matchers))) fitting.push_back(candidate);
    }
    const std::string never = fmt::format("There was never a metric {}", quoted(name.value()));
    if (near.empty()) {
      return found(Cause::MetricUnknown, names.empty()
                                             ? never + ": the database is empty."
                                             : never + ", nor one of a similar name, among the " +
                                                   fmt::format("{} that there are.", names.size()));
    }
    const std::string best = fitting.empty() ? near[0] : fitting[0];
    std::erase(near, best);
    near.insert(near.begin(), best);
    near.resize(std::min(near.size(), kSuggestions));
    return found(Cause::MetricSimilar, fmt::format("{}; there is {}.", never, any_of(near)),
                 with_matcher(selector_, name, Matcher::equal(kMetricName, best)));
  }

  Result<SelectorFinding> unknown_label(Querier& querier, std::span<const Matcher> by_name,
                                        const Matcher& m) {
    const std::string of = by_name.empty() ? "any metric" : by_name[0].value();
    auto names = TRY(querier.label_names(by_name));
    if (m.name() != kMetricName) std::erase(names, std::string(kMetricName));
    if (std::ranges::find(names, m.name()) == names.end()) {
      const auto near = similar(m.name(), names, kSuggestions);
      if (!near.empty()) {
        Matcher better = TRY(Matcher::make(m.type(), near[0], m.value()));
        return found(Cause::LabelUnknown,
                     fmt::format("{} has no label {}; it has {}.", of, m.name(), any_of(near)),
                     with_matcher(selector_, m, std::move(better)));
      }
      return found(Cause::LabelUnknown,
                   fmt::format("{} has no label {}; its labels are {}.", of, m.name(),
                               names.empty() ? "none at all" : shown(names)));
    }
    const auto values = TRY(querier.label_values(m.name(), by_name));
    const auto near = similar(literal_part(m), values, kSuggestions);
    const std::string wrong = fmt::format("No series of {} has {}", of, m.to_string());
    if (near.empty()) {
      return found(Cause::LabelValueUnknown,
                   fmt::format("{}; the values of {} are {}.", wrong, m.name(), shown(values)));
    }
    return found(Cause::LabelValueUnknown, fmt::format("{}; there is {}.", wrong, any_of(near)),
                 with_matcher(selector_, m, Matcher::equal(m.name(), near[0])));
  }

  static std::string shown(const std::vector<std::string>& names) {
    constexpr size_t kMost = 10;
    const size_t n = std::min(names.size(), kMost);
    return fmt::format("{}{}",
                       fmt::join(names.begin(), names.begin() + static_cast<ptrdiff_t>(n), ", "),
                       n < names.size() ? fmt::format(" and {} more", names.size() - n) : "");
  }

  /// A regular expression without what makes it one: "api.*" is about "api".
  static std::string literal_part(const Matcher& m) {
    if (m.type() == MatchType::Equal) return m.value();
    std::string out;
    for (const char c : m.value()) {
      if (c == '|') break;
      if (std::string_view(R"(.*+?()[]{}\^$)").find(c) == std::string_view::npos) out += c;
    }
    return out;
  }

  Result<SelectorFinding> excluding(Querier& querier, std::span<const Matcher> by_name) {
    for (size_t i = 0; i < selector_.matchers.size(); ++i) {
      for (size_t k = i + 1; k < selector_.matchers.size(); ++k) {
        std::vector<Matcher> two(by_name.begin(), by_name.end());
        two.push_back(selector_.matchers[i]);
        two.push_back(selector_.matchers[k]);
        if (TRY(exists(querier, two))) continue;
        return found(
            Cause::MatchersExclude,
            fmt::format("There are series with {} and others with {}, but none with both.",
                        selector_.matchers[i].to_string(), selector_.matchers[k].to_string()));
      }
    }
    return found(Cause::MatchersExclude,
                 "Each matcher alone fits some series, but none has all of them.");
  }

  /// There are such series, at another time.
  Result<SelectorFinding> in_time() {
    TRY(look_at_times());
    const std::string what = subject();
    if (last_before_ == TimeMs::min()) {
      return found(Cause::OutsideData,
                   fmt::format("The oldest sample of {} is of {}; the query asks for {}.", what,
                               format_rfc3339(first_after_), format_rfc3339(question_.asked.end)));
    }
    if (question_.asked.end > question_.now + DurationMs::seconds(1) &&
        last_before_ + question_.lookback > question_.now) {
      return found(Cause::OutsideData, fmt::format("The query asks for {}, which is in the future.",
                                                   format_rfc3339(question_.asked.end)));
    }
    const std::string ended =
        fmt::format("The last sample of {} was {} ({})", what, ago(last_before_, question_.now),
                    format_rfc3339(last_before_));
    // Half an interval of patience, for scrapes that come late.
    const DurationMs patience{interval_.ms + (interval_.ms / 2)};
    if (!ended_by_marker_ && last_before_ + patience >= question_.asked.end) {
      return found(
          Cause::RangeTooShort,
          fmt::format("{}: samples come every {}, and the window of the query lies between "
                      "two of them. Take a longer range.",
                      ended, format_duration(interval_)));
    }
    if (first_after_ < question_.now &&
        question_.asked.end + DurationMs::minutes(1) < question_.now) {
      return found(
          Cause::OutsideData,
          fmt::format("{}, and the next is of {}; the query asks for {}, between the two.", ended,
                      format_rfc3339(first_after_), format_rfc3339(question_.asked.end)));
    }
    return about_target(ended);
  }

  /// Fills what there is before and after the asked time.
  Result<void> look_at_times() {
    const auto querier = TRY(storage_.querier({}));
    const auto set = TRY(querier->select(selector_.matchers, querier->tier({})));
    SampleColumns columns;
    size_t samples = 0;
    for (size_t n = 0; n < kSeriesLookedAt && samples < kSamplesLookedAt && set->next(); ++n) {
      TRY(set->read(columns));
      samples += columns.size();
      const auto after = std::ranges::upper_bound(columns.times, question_.asked.end);
      if (after != columns.times.end()) first_after_ = std::min(first_after_, *after);
      auto i = static_cast<size_t>(after - columns.times.begin());
      bool marker = false;
      while (i > 0 && is_stale(columns.values[i - 1])) {
        marker = true;
        --i;
      }
      if (i == 0 || columns.times[i - 1] <= last_before_) continue;
      last_before_ = columns.times[i - 1];
      ended_by_marker_ = marker;
      interval_ = i > 1 ? last_before_ - columns.times[i - 2] : DurationMs{0};
      ended_series_ = set->labels();
    }
    return {};
  }

  Result<SelectorFinding> about_target(const std::string& ended) {
    const std::string_view job = ended_series_.get("job");
    const std::string_view instance = ended_series_.get("instance");
    const std::string target = fmt::format("its target {} of job {}", instance, job);
    const std::vector<Matcher> up = {Matcher::equal(kMetricName, "up"), Matcher::equal("job", job),
                                     Matcher::equal("instance", instance)};
    const auto querier = TRY(storage_.querier({TimeMs::min(), question_.asked.end}));
    const auto set = TRY(querier->select(up));
    if (instance.empty() || !set->next()) {
      return found(Cause::Stopped, ended + "; nothing is known of its target.");
    }
    SampleColumns columns;
    TRY(set->read(columns));
    size_t n = columns.size();
    bool marker = false;
    while (n > 0 && is_stale(columns.values[n - 1])) {
      marker = true;
      --n;
    }
    if (n == 0) return found(Cause::Stopped, ended + "; nothing is known of its target.");
    const bool scraped = !marker && columns.times[n - 1] + question_.lookback > question_.asked.end;
    if (!scraped) {
      return found(Cause::StoppedTargetDown,
                   fmt::format("{}: {} is not scraped since {}.", ended, target,
                               format_rfc3339(columns.times[n - 1])));
    }
    if (columns.values[n - 1] != 0) {
      return found(Cause::Stopped,
                   fmt::format("{}: {} is up, but shows this series no more.", ended, target));
    }
    size_t since = n - 1;
    while (since > 0 && columns.values[since - 1] == 0) --since;
    return found(Cause::StoppedTargetDown, fmt::format("{}: {} is down since {}.", ended, target,
                                                       format_rfc3339(columns.times[since])));
  }

  Storage& storage_;
  const SelectorQuestion& question_;
  const VectorSelector& selector_;

  TimeMs last_before_ = TimeMs::min();  ///< the newest sample up to the asked time
  TimeMs first_after_ = TimeMs::max();
  bool ended_by_marker_ = false;
  DurationMs interval_;
  Labels ended_series_;
};

}  // namespace

Result<SelectorFinding> diagnose_selector(Storage& storage, const SelectorQuestion& question) {
  return SelectorDoctor(storage, question).diagnose();
}

Result<DurationMs> usual_interval(Storage& storage, const VectorSelector& selector, TimeMs until) {
  constexpr size_t kEnough = 20;
  const auto querier = TRY(storage.querier({until - DurationMs::hours(6), until}));
  const auto set = TRY(querier->select(selector.matchers));
  SampleColumns columns;
  for (size_t n = 0; n < kEnough && set->next(); ++n) {
    TRY(set->read(columns));
    if (columns.size() < 3) continue;
    std::vector<int64_t> gaps;
    for (size_t i = 1; i < columns.size(); ++i) {
      gaps.push_back((columns.times[i] - columns.times[i - 1]).ms);
    }
    const auto middle = gaps.begin() + static_cast<ptrdiff_t>(gaps.size() / 2);
    std::ranges::nth_element(gaps, middle);
    return DurationMs{*middle};
  }
  return DurationMs{0};
}

}  // namespace prom5::query
