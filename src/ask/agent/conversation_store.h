#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ask/agent.h"
#include "ask/agent/agent_options.h"
#include "ask/agent/line_journal.h"
#include "ask/language_model.h"
#include "base/mutex.h"

namespace prom5::agent {

/// A question that was answered.
struct Turn {
  TimeMs time;   ///< what "now" meant in it
  TimeMs asked;  ///< when it was asked
  std::string question;
  std::string answer;
  std::string intent;
  std::string promql;
  Json frame;  ///< what the next question may go on from; or null
};

/// Whose conversation, and which.
struct ConversationKey {
  std::string user;  ///< may be empty
  std::string session;
};

/// What was said, in memory and across restarts (conversations.jsonl, a LineJournal). Records are
/// {"kind": "turn" | "session" | "forget", "user", "session", …}; "session" stands before the turns
/// of a conversation whose first ones are forgotten. Conversations that are old, many or large go,
/// the least recently used first. Any thread.
class ConversationStore {
 public:
  /// `services` null, or a directory that is empty: in memory alone. What it refers to must outlive
  /// the store.
  ConversationStore(const JournalServices* services, const std::string& directory,
                    ConversationOptions options, TimeMs now);

  /// What was said so far, for a model: of each turn the question, the answer's text, and in
  /// `content` its frame, where it has one.
  [[nodiscard]] std::vector<Message> history(const ConversationKey& key) const EXCLUDES(mutex_);
  struct Added {
    size_t turn = 0;     ///< its number in the conversation, from 0
    size_t evicted = 0;  ///< conversations that had to make room
  };
  Added add(const ConversationKey& key, Turn turn) EXCLUDES(mutex_);

  /// The last used first.
  [[nodiscard]] std::vector<SessionInfo> sessions(const std::string& user) const EXCLUDES(mutex_);
  /// As Agent::session() has it.
  [[nodiscard]] std::optional<Json> told(const ConversationKey& key) const EXCLUDES(mutex_);
  /// A turn by its number from 0, counted from the conversation's first, or the last one. NotFound
  /// when there is none.
  [[nodiscard]] Result<std::pair<size_t, Turn>> turn(const ConversationKey& key,
                                                     std::optional<size_t> number) const
      EXCLUDES(mutex_);
  /// False when there is none. What was said is gone from the disk too, as long as that works.
  bool forget(const ConversationKey& key) EXCLUDES(mutex_);
  /// Forgets what is too old.
  void expire(TimeMs now) EXCLUDES(mutex_);

  [[nodiscard]] size_t size() const EXCLUDES(mutex_);

 private:
  struct Conversation {
    ConversationKey key;
    SessionInfo info;
    std::list<Turn> turns;
    size_t bytes = 0;
  };
  using Conversations = std::list<Conversation>;

  void replay(const Json& record) REQUIRES(mutex_);
  Conversation& touch(const ConversationKey& key) REQUIRES(mutex_);
  Added put(const ConversationKey& key, Turn turn) REQUIRES(mutex_);
  void drop(Conversations::iterator at) REQUIRES(mutex_);
  size_t shrink() REQUIRES(mutex_);
  void drop_older(TimeMs oldest) REQUIRES(mutex_);
  void rewrite() REQUIRES(mutex_);
  void write_all(const LineJournal::Take& write) const REQUIRES(mutex_);
  [[nodiscard]] const Conversation* find(const ConversationKey& key) const REQUIRES(mutex_);

  const ConversationOptions options_;
  mutable Mutex mutex_;
  Conversations by_use_ GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<std::string, Conversations::iterator> by_key_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<LineJournal> journal_ GUARDED_BY(mutex_);  // null: in memory alone
};

/// A text of at most so many bytes, cut between characters.
std::string cut_text(std::string_view text, size_t max_bytes);

}  // namespace prom5::agent
