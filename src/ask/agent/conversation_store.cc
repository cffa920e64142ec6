#include "ask/agent/conversation_store.h"

#include <algorithm>

namespace prom5::agent {

namespace {

constexpr size_t kTitleBytes = 80;
/// A longer answer is a list that nobody asks about again; a conversation has bounded size.
constexpr size_t kMaxTextBytes = size_t{16} << 10;
constexpr size_t kTurnOverhead = 256;

/// Both parts in one text; a user's name has no zero byte.
std::string name_of(const ConversationKey& key) { return key.user + '\0' + key.session; }

TimeMs time_in(const Json& record, const char* name) {
  const auto found = record.find(name);
  return {found != record.end() && found->is_number_integer() ? found->get<int64_t>() : 0};
}

std::string text_in(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

Json record_of(const ConversationKey& key, const Turn& turn) {
  Json out{{"kind", "turn"},         {"user", key.user},      {"session", key.session},
           {"asked", turn.asked.ms}, {"time", turn.time.ms},  {"question", turn.question},
           {"answer", turn.answer},  {"intent", turn.intent}, {"promql", turn.promql}};
  if (!turn.frame.is_null()) out["frame"] = turn.frame;
  return out;
}

Turn turn_of(const Json& record) {
  Turn turn{time_in(record, "time"),
            time_in(record, "asked"),
            text_in(record, "question"),
            text_in(record, "answer"),
            text_in(record, "intent"),
            text_in(record, "promql"),
            Json()};
  if (const auto frame = record.find("frame"); frame != record.end()) turn.frame = *frame;
  return turn;
}

/// Roughly what a JSON document takes, without writing it out.
size_t size_of(const Json& json) {
  if (json.is_string()) return json.get_ref<const std::string&>().size() + 4;
  size_t sum = 8;
  for (const auto& [key, value] : json.items()) {
    if (json.is_structured()) sum += (json.is_object() ? key.size() + 4 : 0) + size_of(value);
  }
  return sum;
}

size_t size_of(const Turn& turn) {
  return turn.question.size() + turn.answer.size() + turn.intent.size() + turn.promql.size() +
         (turn.frame.is_null() ? 0 : size_of(turn.frame)) + kTurnOverhead;
}

}  // namespace

std::string cut_text(std::string_view text, size_t max_bytes) {
  size_t cut = std::min(text.size(), max_bytes);
  while (cut > 0 && cut < text.size() && (text[cut] & 0xC0) == 0x80) --cut;
  return std::string(text.substr(0, cut));
}

ConversationStore::ConversationStore(const JournalServices* services, const std::string& directory,
                                     ConversationOptions options, TimeMs now)
    : options_(options) {
  if (services == nullptr || directory.empty()) return;
  const MutexLock lock(mutex_);
  journal_ = std::make_unique<LineJournal>(*services, directory, "conversations.jsonl",
                                           [this](const Json& record)
                                               NO_THREAD_SAFETY_ANALYSIS { replay(record); });
  drop_older(now - options_.max_age);
}

void ConversationStore::replay(const Json& record) {
  const ConversationKey key{text_in(record, "user"), text_in(record, "session")};
  const std::string kind = text_in(record, "kind");
  if (kind == "forget") {
    if (const auto found = by_key_.find(name_of(key)); found != by_key_.end()) drop(found->second);
  } else if (kind == "session") {
    SessionInfo& info = touch(key).info;
    info.started = time_in(record, "started");
    info.last_used = time_in(record, "last_used");
    info.title = text_in(record, "title");
    info.turns = static_cast<size_t>(std::max<int64_t>(0, time_in(record, "forgotten").ms));
  } else if (kind == "turn") {
    put(key, turn_of(record));
  }
}

ConversationStore::Conversation& ConversationStore::touch(const ConversationKey& key) {
  std::string name = name_of(key);
  if (const auto found = by_key_.find(name); found != by_key_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return by_use_.front();
  }
  by_use_.push_front({key, {}, {}, 0});
  by_use_.front().info.id = key.session;
  by_key_.emplace(std::move(name), by_use_.begin());
  return by_use_.front();
}

ConversationStore::Added ConversationStore::put(const ConversationKey& key, Turn turn) {
  Conversation& conversation = touch(key);
  SessionInfo& info = conversation.info;
  if (info.turns++ == 0) {
    info.started = turn.asked;
    info.title = cut_text(turn.question, kTitleBytes);
  }
  info.last_used = turn.asked;
  size_t bytes = conversation.bytes + size_of(turn);
  conversation.turns.push_back(std::move(turn));
  if (conversation.turns.size() > options_.max_turns) {
    bytes -= size_of(conversation.turns.front());
    conversation.turns.pop_front();
  }
  bytes_ = bytes_ - conversation.bytes + bytes;
  conversation.bytes = bytes;
  const size_t number = info.turns - 1;
  return {number, shrink()};
}

void ConversationStore::drop(Conversations::iterator at) {
  bytes_ -= at->bytes;
  by_key_.erase(name_of(at->key));
  by_use_.erase(at);
}

size_t ConversationStore::shrink() {
  size_t dropped = 0;
  while (by_use_.size() > 1 &&
         (by_use_.size() > options_.max_sessions || bytes_ > options_.max_bytes)) {
    drop(std::prev(by_use_.end()));
    ++dropped;
  }
  return dropped;
}

void ConversationStore::drop_older(TimeMs oldest) {
  while (!by_use_.empty() && by_use_.back().info.last_used < oldest) {
    drop(std::prev(by_use_.end()));
  }
}

void ConversationStore::expire(TimeMs now) {
  const MutexLock lock(mutex_);
  drop_older(now - options_.max_age);
}

ConversationStore::Added ConversationStore::add(const ConversationKey& key, Turn turn) {
  turn.answer = cut_text(turn.answer, kMaxTextBytes);
  turn.question = cut_text(turn.question, kMaxTextBytes);
  const MutexLock lock(mutex_);
  if (journal_ != nullptr) journal_->append(record_of(key, turn));
  const Added added = put(key, std::move(turn));
  if (journal_ != nullptr && journal_->wants_rewrite(bytes_)) rewrite();
  return added;
}

void ConversationStore::rewrite() {
  journal_->rewrite([this](const LineJournal::Take& write)
                        NO_THREAD_SAFETY_ANALYSIS { write_all(write); });
}

void ConversationStore::write_all(const LineJournal::Take& write) const {
  // The order of the lines is the order of use.
  for (auto it = by_use_.rbegin(); it != by_use_.rend(); ++it) {
    write({{"kind", "session"},
           {"user", it->key.user},
           {"session", it->key.session},
           {"started", it->info.started.ms},
           {"last_used", it->info.last_used.ms},
           {"title", it->info.title},
           {"forgotten", it->info.turns - it->turns.size()}});
    for (const Turn& turn : it->turns) write(record_of(it->key, turn));
  }
}

const ConversationStore::Conversation* ConversationStore::find(const ConversationKey& key) const {
  const auto found = by_key_.find(name_of(key));
  return found == by_key_.end() ? nullptr : &*found->second;
}

std::vector<Message> ConversationStore::history(const ConversationKey& key) const {
  std::vector<Message> out;
  const MutexLock lock(mutex_);
  const Conversation* conversation = find(key);
  if (conversation == nullptr) return out;
  out.reserve(2 * conversation->turns.size() + 8);
  for (const Turn& turn : conversation->turns) {
    out.push_back({Role::User, turn.question, {}, {}, {}, turn.time});
    out.push_back({Role::Assistant, turn.answer, {}, {}, Json::object(), {}});
    if (!turn.frame.is_null()) out.back().content["frame"] = turn.frame;
  }
  return out;
}

std::vector<SessionInfo> ConversationStore::sessions(const std::string& user) const {
  std::vector<SessionInfo> out;
  const MutexLock lock(mutex_);
  for (const Conversation& conversation : by_use_) {
    if (conversation.key.user == user) out.push_back(conversation.info);
  }
  return out;
}

std::optional<Json> ConversationStore::told(const ConversationKey& key) const {
  const MutexLock lock(mutex_);
  const Conversation* conversation = find(key);
  if (conversation == nullptr) return std::nullopt;
  Json turns = Json::array();
  size_t number = conversation->info.turns - conversation->turns.size();
  for (const Turn& turn : conversation->turns) {
    turns.push_back({{"turn", number++},
                     {"time", turn.time.as_seconds()},
                     {"question", turn.question},
                     {"answer", turn.answer},
                     {"intent", turn.intent},
                     {"promql", turn.promql}});
  }
  return Json{{"id", key.session},
              {"started", conversation->info.started.as_seconds()},
              {"last_used", conversation->info.last_used.as_seconds()},
              {"title", conversation->info.title},
              {"turns", std::move(turns)}};
}

Result<std::pair<size_t, Turn>> ConversationStore::turn(const ConversationKey& key,
                                                        std::optional<size_t> number) const {
  const MutexLock lock(mutex_);
  const Conversation* conversation = find(key);
  if (conversation == nullptr) return fail(ErrorCode::NotFound, "no such session");
  const size_t end = conversation->info.turns;
  const size_t begin = end - conversation->turns.size();
  const size_t wanted = number.value_or(end - 1);
  if (end == 0 || wanted < begin || wanted >= end) {
    return fail(ErrorCode::NotFound, "no such turn: the session has {} to {}", begin,
                std::max<size_t>(end, 1) - 1);
  }
  return std::pair{wanted,
                   *std::next(conversation->turns.begin(), static_cast<ptrdiff_t>(wanted - begin))};
}

bool ConversationStore::forget(const ConversationKey& key) {
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(name_of(key));
  if (found == by_key_.end()) return false;
  drop(found->second);
  if (journal_ != nullptr) {
    // Where the file cannot be replaced, this line keeps what is forgotten from coming back.
    journal_->append({{"kind", "forget"}, {"user", key.user}, {"session", key.session}});
    rewrite();
  }
  return true;
}

size_t ConversationStore::size() const {
  const MutexLock lock(mutex_);
  return by_use_.size();
}

}  // namespace prom5::agent
