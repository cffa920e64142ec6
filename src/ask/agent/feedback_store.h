#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "ask/agent.h"
#include "ask/agent/conversation_store.h"
#include "ask/agent/line_journal.h"
#include "base/mutex.h"

namespace prom5::agent {

/// How much feedback is kept; the oldest goes first.
struct FeedbackOptions {
  size_t max_entries = 10'000;
  size_t max_bytes = size_t{16} << 20;  ///< as JSON
};

/// What people think of answers, in memory and across restarts (feedback.jsonl, a LineJournal); of
/// each turn what its user said last. Any thread.
class FeedbackStore {
 public:
  /// As ConversationStore's.
  FeedbackStore(const JournalServices* services, const std::string& directory,
                FeedbackOptions options = {});

  /// `turn`: what is judged, and its number in its conversation. False when the same verdict on it
  /// was there already.
  bool add(const Feedback& feedback, const std::pair<size_t, Turn>& turn) EXCLUDES(mutex_);
  /// As Agent::feedback_report() has it. At most 1,000 corrections, the newest first.
  [[nodiscard]] Json report() const EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string turn;  // which it is about, as by_turn_ has it
    Json record;
    size_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  bool put(Json record) REQUIRES(mutex_);
  void drop(Entries::iterator entry) REQUIRES(mutex_);

  const FeedbackOptions options_;
  mutable Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);  // the oldest first
  std::unordered_map<std::string, Entries::iterator> by_turn_ GUARDED_BY(mutex_);
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;  // of the entries
  int64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<LineJournal> journal_ GUARDED_BY(mutex_);  // null: in memory alone
};

}  // namespace prom5::agent
