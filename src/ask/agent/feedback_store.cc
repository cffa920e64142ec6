#include "ask/agent/feedback_store.h"

#include <algorithm>

namespace prom5::agent {

namespace {

constexpr size_t kMaxReported = 1000;
constexpr size_t kMaxAnswerBytes = 2048;

std::string text_in(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_correction(const Json& entry) {
  return !text_in(entry, "correction").empty() || !text_in(entry, "suggested").empty();
}

}  // namespace

FeedbackStore::FeedbackStore(const JournalServices* services, const std::string& directory,
                             size_t max_entries)
    : max_entries_(max_entries) {
  if (services == nullptr || directory.empty()) return;
  const MutexLock lock(mutex_);
  journal_ = std::make_unique<LineJournal>(
      *services, directory, "feedback.jsonl", [this](const Json& record) NO_THREAD_SAFETY_ANALYSIS {
        const bool good = record.contains("id") && record["id"].is_number_integer() &&
                          record.contains("time") && record["time"].is_number();
        if (good) put(record);
      });
  live_bytes_ = journal_->bytes();
}

void FeedbackStore::put(Json entry) {
  last_id_ = std::max(last_id_, entry["id"].get<int64_t>());
  entries_.push_back(std::move(entry));
  if (entries_.size() > max_entries_) entries_.pop_front();
}

void FeedbackStore::add(const Feedback& feedback, const std::pair<size_t, Turn>& turn) {
  const MutexLock lock(mutex_);
  Json entry{{"id", last_id_ + 1},
             {"time", feedback.time.as_seconds()},
             {"verdict", feedback.verdict == Feedback::Verdict::Up ? "up" : "down"},
             {"user", feedback.user},
             {"session", feedback.session_id},
             {"turn", turn.first},
             {"intent", turn.second.intent},
             {"question", turn.second.question},
             {"answer", cut_text(turn.second.answer, kMaxAnswerBytes)},
             {"promql", turn.second.promql},
             {"correction", feedback.correction},
             {"suggested", feedback.promql}};
  if (journal_ != nullptr) {
    const size_t bytes = journal_->append(entry);
    const bool replaces = entries_.size() == max_entries_;
    if (!replaces) live_bytes_ += bytes;
  }
  put(std::move(entry));
  if (journal_ == nullptr || !journal_->wants_rewrite(live_bytes_)) return;
  journal_->rewrite([this](const LineJournal::Take& write) NO_THREAD_SAFETY_ANALYSIS {
    for (const Json& kept : entries_) write(kept);
  });
  live_bytes_ = journal_->bytes();
}

Json FeedbackStore::report() const {
  size_t up = 0;
  size_t down = 0;
  std::map<std::string, std::pair<size_t, size_t>> intents;
  Json corrections = Json::array();
  const MutexLock lock(mutex_);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    const bool is_up = text_in(*entry, "verdict") == "up";
    ++(is_up ? up : down);
    auto& of_intent = intents[text_in(*entry, "intent")];
    ++(is_up ? of_intent.first : of_intent.second);
    if (!is_correction(*entry) || corrections.size() == kMaxReported) continue;
    Json shown = Json::object();
    for (const char* field :
         {"id", "time", "verdict", "question", "answer", "promql", "correction", "suggested"}) {
      shown[field] = entry->value(field, Json());
    }
    corrections.push_back(std::move(shown));
  }
  Json by_intent = Json::object();
  for (const auto& [intent, counts] : intents) {
    by_intent[intent] = {{"up", counts.first}, {"down", counts.second}};
  }
  return {{"up", up},
          {"down", down},
          {"intents", std::move(by_intent)},
          {"corrections", std::move(corrections)}};
}

}  // namespace prom5::agent
