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

/// Whose turn, of which conversation and which one.
std::string turn_of(const Json& record) {
  return codec::dump_json(
      Json::array({record.value("user", Json()), record.value("session", Json()),
                   record.value("turn", Json())}));
}

bool is_correction(const Json& entry) {
  return !text_in(entry, "correction").empty() || !text_in(entry, "suggested").empty();
}

}  // namespace

FeedbackStore::FeedbackStore(const JournalServices* services, const std::string& directory,
                             FeedbackOptions options)
    : options_(options) {
  if (services == nullptr || directory.empty()) return;
  const MutexLock lock(mutex_);
  journal_ = std::make_unique<LineJournal>(
      *services, directory, "feedback.jsonl", [this](const Json& record) NO_THREAD_SAFETY_ANALYSIS {
        const bool good = record.contains("id") && record["id"].is_number_integer() &&
                          record.contains("time") && record["time"].is_number();
        if (good) put(record);
      });
}

void FeedbackStore::drop(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  by_turn_.erase(entry->turn);
  entries_.erase(entry);
}

bool FeedbackStore::put(Json record) {
  last_id_ = std::max(last_id_, record["id"].get<int64_t>());
  std::string turn = turn_of(record);
  bool is_new = true;
  if (const auto found = by_turn_.find(turn); found != by_turn_.end()) {
    is_new = text_in(found->second->record, "verdict") != text_in(record, "verdict");
    drop(found->second);
  }
  const size_t bytes = codec::dump_json(record).size();
  bytes_ += bytes;
  entries_.push_back({std::move(turn), std::move(record), bytes});
  by_turn_.emplace(entries_.back().turn, std::prev(entries_.end()));
  while (entries_.size() > 1 &&
         (entries_.size() > options_.max_entries || bytes_ > options_.max_bytes)) {
    drop(entries_.begin());
  }
  return is_new;
}

bool FeedbackStore::add(const Feedback& feedback, const std::pair<size_t, Turn>& turn) {
  const MutexLock lock(mutex_);
  Json record{{"id", last_id_ + 1},
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
  if (journal_ != nullptr) journal_->append(record);
  const bool is_new = put(std::move(record));
  if (journal_ != nullptr && journal_->wants_rewrite(bytes_)) {
    journal_->rewrite([this](const LineJournal::Take& write) NO_THREAD_SAFETY_ANALYSIS {
      for (const Entry& kept : entries_) write(kept.record);
    });
  }
  return is_new;
}

Json FeedbackStore::report() const {
  size_t up = 0;
  size_t down = 0;
  std::map<std::string, std::pair<size_t, size_t>> intents;
  Json corrections = Json::array();
  const MutexLock lock(mutex_);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    const Json& record = entry->record;
    const bool is_up = text_in(record, "verdict") == "up";
    ++(is_up ? up : down);
    auto& of_intent = intents[text_in(record, "intent")];
    ++(is_up ? of_intent.first : of_intent.second);
    if (!is_correction(record) || corrections.size() == kMaxReported) continue;
    Json shown = Json::object();
    for (const char* field :
         {"id", "time", "verdict", "question", "answer", "promql", "correction", "suggested"}) {
      shown[field] = record.value(field, Json());
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
