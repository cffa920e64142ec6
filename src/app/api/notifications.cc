#include "app/api/notifications.h"

#include <algorithm>

#include "app/api/answer.h"
#include "base/ascii.h"
#include "io/codec/json_writer.h"
#include "io/codec/utf8.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

void write(codec::JsonWriter& json, const Notifications::Note& note) {
  json.begin_object().field("text", note.text).field("date", format_rfc3339(note.date));
  json.key("active").boolean(note.active).end_object();
}

std::string event_of(const Notifications::Note& note) {
  std::string out = "data: ";
  codec::JsonWriter json(out);
  write(json, note);
  return out + "\n\n";
}

/// Errors of a configuration name the file and the place, which takes most of it.
constexpr size_t kMaxReasonBytes = 300;

std::string with_reason(std::string_view about, std::string_view reason) {
  reason = trimmed(reason.substr(0, reason.find('\n')));
  if (reason.empty()) return std::string(about);
  const std::string_view front = codec::utf8_front(reason, kMaxReasonBytes);
  const std::string_view sentence = about.substr(0, about.size() - (about.ends_with('.') ? 1 : 0));
  return fmt::format("{}: {}{}", sentence, front, front.size() < reason.size() ? "…" : "");
}

/// Its client left, or it is the source of a request that is over.
bool is_gone(const std::stop_token& token) {
  return token.stop_requested() || !token.stop_possible();
}

}  // namespace

Notifications::Notifications(const Clock& clock, MetricRegistry& metrics, size_t max_subscribers)
    : clock_(clock),
      max_subscribers_(max_subscribers),
      sent_(metrics.counter("prometheus_api_notification_updates_sent_total",
                            "Total number of notification updates sent.")),
      dropped_(metrics.counter("prometheus_api_notification_updates_dropped_total",
                               "Total number of notification updates dropped.")) {
  metrics.on_collect("prometheus_api_notification_active_subscribers",
                     "The current number of active notification subscribers.",
                     MetricRegistry::Type::Gauge,
                     [this] { return static_cast<double>(subscribers()); });
}

void Notifications::add_routes(io::Router& router) {
  router.add("GET", "/api/v1/notifications", "What everybody who looks at the server should know.",
             [this](const HttpRequest&, const io::PathArguments&) { return answer(); });
  router.add("GET", "/api/v1/notifications/live",
             "The same as server-sent events; 204 when there are as many listeners as may be.",
             [this](const HttpRequest& r, const io::PathArguments&) { return live(r); });
}

HttpResponse Notifications::answer() const {
  const std::vector<Note> notes = list();
  return success_answer([&](codec::JsonWriter& json) {
    json.begin_array();
    for (const Note& note : notes) write(json, note);
    json.end_array();
  });
}

HttpResponse Notifications::live(const HttpRequest& request) {
  const uint64_t id = reserve(request.stop);
  HttpResponse response;
  if (id == 0) {
    response.status = 204;  // at which an EventSource does not come again
    return response;
  }
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("X-Accel-Buffering", "no");  // for an nginx before us
  response.stream = [this, id](std::shared_ptr<io::ResponseStream> stream) {
    begin(id, std::move(stream));
  };
  return response;
}

void Notifications::raise(std::string_view about, std::string_view reason) {
  const TimeMs now = clock_.now();
  std::string text = with_reason(about, reason);
  const MutexLock lock(mutex_);
  auto found = std::ranges::find(notes_, about, &Note::about);
  if (found == notes_.end()) {
    found = notes_.insert(found, {.about = std::string(about), .text = text});
  }
  if (found->text != text) tell_end(*found);
  *found = {.about = std::string(about), .text = std::move(text), .date = now};
  tell(*found);
}

void Notifications::withdraw(std::string_view about) {
  const MutexLock lock(mutex_);
  const auto found = std::ranges::find(notes_, about, &Note::about);
  if (found == notes_.end()) return;
  tell_end(*found);
  notes_.erase(found);
}

std::vector<Notifications::Note> Notifications::list() const {
  const MutexLock lock(mutex_);
  return notes_;
}

void Notifications::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  for (const Subscriber& one : subscribers_) {
    if (one.stream) one.stream->close();
  }
  subscribers_.clear();
}

size_t Notifications::subscribers() const {
  const MutexLock lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(
      subscribers_, [](const Subscriber& one) { return !is_gone(one.gone); }));
}

uint64_t Notifications::reserve(const std::stop_token& gone) {
  const MutexLock lock(mutex_);
  forget_gone();
  if (stopped_ || subscribers_.size() >= max_subscribers_) {
    // A client that went without a word breaks at what is written to it, and makes room so.
    for (const Subscriber& one : subscribers_) {
      if (one.stream) one.stream->write(": heartbeat\n\n");
    }
    return 0;
  }
  subscribers_.push_back({next_id_, gone, nullptr});
  return next_id_++;
}

void Notifications::begin(uint64_t id, std::shared_ptr<io::ResponseStream> stream) {
  const MutexLock lock(mutex_);
  for (const Note& note : notes_) send(*stream, event_of(note));
  const auto found = std::ranges::find(subscribers_, id, &Subscriber::id);
  // The server has stopped meanwhile, and that was the last that it has to tell.
  if (found == subscribers_.end()) return stream->close();
  found->stream = std::move(stream);
}

void Notifications::send(io::ResponseStream& stream, std::string event) {
  sent_.add();
  if (!stream.write(std::move(event))) dropped_.add();
}

/// Under the lock, so that all hear of a note's beginning before its end: a stream takes bytes
/// without waiting for anybody.
void Notifications::tell(const Note& note) {
  forget_gone();
  const std::string event = event_of(note);
  for (const Subscriber& one : subscribers_) {
    if (one.stream) send(*one.stream, event);  // others hear of it when they begin
  }
}

void Notifications::tell_end(Note& note) {
  note.active = false;
  tell(note);
}

void Notifications::forget_gone() {
  std::erase_if(subscribers_, [](const Subscriber& one) { return is_gone(one.gone); });
}

}  // namespace prom5::api
