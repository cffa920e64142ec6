#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "ask/agent.h"
#include "ask/agent/conversation_store.h"
#include "ask/agent/line_journal.h"
#include "base/mutex.h"

namespace prom5::agent {

/// What people think of answers, in memory and across restarts (feedback.jsonl, a LineJournal). Any
/// thread.
class FeedbackStore {
 public:
  /// As ConversationStore's. The oldest go when there are more than `max_entries`.
  FeedbackStore(const JournalServices* services, const std::string& directory,
                size_t max_entries = 10'000);

  /// `turn`: what is judged, and its number in its conversation.
  void add(const Feedback& feedback, const std::pair<size_t, Turn>& turn) EXCLUDES(mutex_);
  /// As Agent::feedback_report() has it. At most 1,000 corrections, the newest first.
  [[nodiscard]] Json report() const EXCLUDES(mutex_);

 private:
  void put(Json entry) REQUIRES(mutex_);

  const size_t max_entries_;
  mutable Mutex mutex_;
  std::deque<Json> entries_ GUARDED_BY(mutex_);
  int64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<LineJournal> journal_ GUARDED_BY(mutex_);  // null: in memory alone
  uint64_t live_bytes_ GUARDED_BY(mutex_) = 0;               // about
};

}  // namespace prom5::agent
