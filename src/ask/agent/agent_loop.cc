#include "ask/agent/agent_loop.h"

#include <atomic>
#include <chrono>
#include <random>

namespace prom5::agent {

namespace {

std::string new_session_id() {
  static std::atomic<uint64_t> sequence{std::random_device{}()};
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(),
                     static_cast<uint32_t>(sequence.fetch_add(1)));
}

std::optional<JournalServices> journal_of(const AgentServices& services) {
  if (services.files == nullptr) return std::nullopt;
  return JournalServices{*services.files, services.metrics, services.log};
}

template <typename Store, typename... Args>
Store open_store(const AgentServices& services, const Args&... args) {
  const auto journal = journal_of(services);
  return Store(journal ? &*journal : nullptr, args...);
}

Outcome outcome_of(const Result<Answer>& answer) {
  if (!answer) return Outcome::Failed;
  if (answer->clarification) return Outcome::Clarified;
  return answer->refusal ? Outcome::Refused : Outcome::Answered;
}

}  // namespace

AgentLoop::AgentLoop(LanguageModel& model, const std::vector<Tool*>& tools,
                     const AgentServices& services, AgentOptions options)
    : services_(services),
      options_(std::move(options)),
      tools_(tools),
      metrics_(services.metrics, tools_.specs),
      needs_{model, tools_, options_.budgets, services.clock, services.log, metrics_},
      gate_({options_.max_concurrent, options_.max_waiting, options_.max_waiting_each},
            services.metrics),
      conversations_(open_store<ConversationStore>(services, options_.directory, options_.sessions,
                                                   services.clock.now())),
      feedback_(open_store<FeedbackStore>(services, options_.directory)) {
  metrics_.set_sessions(conversations_.size());
}

Result<Answer> AgentLoop::ask(const Question& question, const Follower& follower) {
  const auto came = std::chrono::steady_clock::now();
  const TimeMs begun = services_.clock.now();
  conversations_.expire(begun);
  const ConversationKey key{question.user,
                            question.session_id.empty() ? new_session_id() : question.session_id};
  auto answered = answer(question, key, begun, follower);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - came;
  metrics_.count_question(answered ? answered->intent : "", outcome_of(answered), took.count());
  metrics_.set_sessions(conversations_.size());
  if (answered && follower.words && !answered->text.empty()) follower.words(answered->text);
  return answered;
}

Result<Answer> AgentLoop::answer(const Question& question, const ConversationKey& key, TimeMs begun,
                                 const Follower& follower) {
  const DurationMs time = options_.budgets.time;
  const auto place = TRY(gate_.enter(key.user + '\0' + key.session, question.stop, time));
  const texts::Languages& languages =
      services_.languages != nullptr ? *services_.languages : texts::Languages::shipped();
  QuestionRun run(needs_, languages.choose(question.languages), conversations_.history(key),
                  question, follower, begun + time);
  Answer answer = TRY(run.run());
  answer.session_id = key.session;
  // Only what was said is remembered, not the data: it would be old by the next question.
  const auto added = conversations_.add(key, {question.time, begun, question.text, answer.text,
                                              answer.intent, answer.promql, run.take_frame()});
  answer.turn = added.turn;
  metrics_.count_evicted(added.evicted);
  return answer;
}

std::vector<SessionInfo> AgentLoop::sessions(const std::string& user) const {
  return conversations_.sessions(user);
}

std::optional<Json> AgentLoop::session(const std::string& user,
                                       const std::string& session_id) const {
  return conversations_.told({user, session_id});
}

bool AgentLoop::forget(const std::string& user, const std::string& session_id) {
  const bool known = conversations_.forget({user, session_id});
  metrics_.set_sessions(conversations_.size());
  return known;
}

Result<void> AgentLoop::feedback(const Feedback& feedback) {
  const auto turn = TRY(conversations_.turn({feedback.user, feedback.session_id}, feedback.turn));
  if (feedback_.add(feedback, turn)) {
    metrics_.count_feedback(feedback.verdict == Feedback::Verdict::Up);
  }
  return {};
}

}  // namespace prom5::agent
