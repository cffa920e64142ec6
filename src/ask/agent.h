#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "ask/evidence.h"
#include "ask/language_model.h"
#include "base/time.h"

namespace prom5 {

/// What an asker may follow while an answer is made. Either may be empty; both are called by the
/// asking thread.
struct Follower {
  /// A tool is about to be called, with what it is asked.
  std::function<void(const ToolCall&)> step;
  /// Words of the answer, once its numbers are checked.
  std::function<void(std::string_view)> words;
};

struct Question {
  std::string text;
  std::string session_id;  ///< empty: a conversation of its own
  TimeMs time;             ///< what "now" means
  std::string user;        ///< who asks; empty: nobody in particular
  std::stop_token stop;
  /// Which languages the reply may be in, as the header Accept-Language has it; empty: English.
  std::string languages;
};

/// What an operator gets back. Exactly one of: an answer with `promql`, a `clarification`, an
/// `error`.
struct Answer {
  std::string session_id;
  std::string intent;     ///< status, query, trend, top, …; clarify and refuse
  double confidence = 0;  ///< 0 to 1
  std::string promql;
  std::vector<std::string> queries;  ///< all that it rests on, when these are several
  bool range = false;
  TimeMs start;
  TimeMs end;
  DurationMs step;
  std::string unit = "none";  ///< of the values: percent, ratio, bytes, seconds, per_second, …
  std::string text;           ///< the answer in words
  std::string explanation;    ///< how the query answers the question
  std::vector<std::string> alternatives;
  std::vector<std::string> suggestions;  ///< what to ask next
  std::vector<Evidence> evidence;
  std::optional<Json> action;   ///< a proposal, never carried out by itself
  std::string model;            ///< that answered, where there is more than one to ask
  std::string fallback_reason;  ///< why the built-in model did, when another was asked first
  std::string language;         ///< its tag; empty where a model on the network chose the words
  size_t turn = 0;              ///< its number in its conversation, from 0, as Feedback names it

  struct Clarification {
    std::string question;
    std::vector<std::string> options;
  };
  std::optional<Clarification> clarification;

  struct Refusal {
    std::string code;
    std::string message;
    std::vector<std::string> suggestions;
  };
  std::optional<Refusal> refusal;
};

/// A conversation, as a list of them shows it.
struct SessionInfo {
  std::string id;
  TimeMs started;
  TimeMs last_used;
  size_t turns = 0;   ///< questions that were answered
  std::string title;  ///< the first question, cut where it is long
};

/// What a person thinks of an answer.
struct Feedback {
  enum class Verdict : uint8_t { Up, Down };

  std::string session_id;
  std::string user;            ///< whose conversation it is
  std::optional<size_t> turn;  ///< from 0; the last one when not given
  Verdict verdict = Verdict::Up;
  std::string correction;  ///< in words, what would have been right; may be empty
  std::string promql;      ///< the query that would have been right; may be empty
  TimeMs time;
};

/// Answers questions about what the server holds. Any thread.
class Agent {
 public:
  virtual ~Agent() = default;

  /// Errors: Canceled, Timeout; what cannot be answered is an Answer with a clarification or a
  /// refusal.
  virtual Result<Answer> ask(const Question& question, const Follower& follower) = 0;

  /// A user's conversations, the last used first; what was said in one; and its end. Those of
  /// another user are not there.
  [[nodiscard]] virtual std::vector<SessionInfo> sessions(const std::string& user) const = 0;
  /// {"id", "started", "last_used", "title", "turns": [{"turn", "time", "question", "answer",
  /// "intent", "promql"}]}, times in Unix seconds; nothing when there is no such conversation.
  [[nodiscard]] virtual std::optional<Json> session(const std::string& user,
                                                    const std::string& session_id) const = 0;
  virtual bool forget(const std::string& user, const std::string& session_id) = 0;

  /// Keeps what a person thinks of an answer, in place of what was said of it before. NotFound when
  /// there is no such conversation or turn; Unavailable when this agent learns nothing.
  virtual Result<void> feedback(const Feedback& /*feedback*/) {
    return fail(ErrorCode::Unavailable, "this assistant keeps no feedback");
  }
  /// A sum of the feedback so far: {"up", "down", "corrections": [{"id", "time", "question",
  /// "answer", "promql", "correction", "suggested", "verdict"}], …}, times in Unix seconds.
  [[nodiscard]] virtual Json feedback_report() const {
    return {{"up", 0}, {"down", 0}, {"corrections", Json::array()}};
  }
};

}  // namespace prom5
