#include "ask/agent/question_gate.h"

#include <algorithm>
#include <chrono>

namespace prom5::agent {

namespace {

constexpr std::string_view kTurnedAway = "prom5_assistant_questions_turned_away_total";
constexpr std::string_view kTurnedAwayHelp =
    "Questions that were not begun, as too many were under way: full, or timeout after waiting.";

}  // namespace

QuestionGate::QuestionGate(Options options, MetricRegistry& metrics)
    : options_(options),
      running_gauge_(
          metrics.gauge("prom5_assistant_questions_running", "Questions that are being answered.")),
      full_(metrics.counter(kTurnedAway, kTurnedAwayHelp, {{"reason", "full"}})),
      timed_out_(metrics.counter(kTurnedAway, kTurnedAwayHelp, {{"reason", "timeout"}})) {}

QuestionGate::Place::~Place() { gate_.leave(*this); }

bool QuestionGate::may_run(const Place& place) const NO_THREAD_SAFETY_ANALYSIS {
  if (running_ >= options_.max_running) return false;
  for (const Place* other : places_) {
    if (other == &place) return true;
    if (other->conversation_ == place.conversation_) return false;
  }
  return true;
}

Result<std::unique_ptr<QuestionGate::Place>> QuestionGate::enter(
    std::string conversation, const std::stop_token& stop,
    DurationMs timeout) NO_THREAD_SAFETY_ANALYSIS {
  auto place = std::make_unique<Place>(*this, std::move(conversation));
  std::unique_lock lock(mutex_);
  // `lock` goes before `place`, whose end takes the mutex, on every way out.
  const size_t waiting = places_.size() - running_;
  const auto before = static_cast<size_t>(std::ranges::count(
      places_, place->conversation_, [](const Place* other) { return other->conversation_; }));
  places_.push_back(place.get());
  const bool is_crowded = before > options_.max_waiting_each;
  if (is_crowded || (!may_run(*place) && waiting >= options_.max_waiting)) {
    lock.unlock();
    full_.add();
    return fail(ErrorCode::Unavailable, "{} questions{} wait already; try again later",
                is_crowded ? options_.max_waiting_each : waiting,
                is_crowded ? " of this conversation" : "");
  }
  const bool free = freed_.wait_for(lock, stop, std::chrono::milliseconds(timeout.ms),
                                    [&] { return may_run(*place); });
  if (!free) {
    if (stop.stop_requested()) return fail(ErrorCode::Canceled, "the question was given up");
    timed_out_.add();
    return fail(ErrorCode::Timeout, "the assistant was busy for {}; try again later",
                format_duration(timeout));
  }
  place->running_ = true;
  running_gauge_.set(static_cast<double>(++running_));
  return place;
}

void QuestionGate::leave(const Place& place) {
  {
    const MutexLock lock(mutex_);
    std::erase(places_, &place);
    if (place.running_) running_gauge_.set(static_cast<double>(--running_));
  }
  freed_.notify_all();
}

}  // namespace prom5::agent
