#include "query/active_queries.h"

#include <chrono>

#include "base/loop_turn.h"

namespace prom5::query {

std::string_view to_string(Lane lane) {
  return lane == Lane::Interactive ? "interactive" : "rules";
}

Result<std::unique_ptr<ActiveQueries::Ticket>> ActiveQueries::enter(
    ActiveQuery query, std::stop_token caller, DurationMs timeout) NO_THREAD_SAFETY_ANALYSIS {
  const auto lane = static_cast<size_t>(query.lane);
  std::unique_ptr<Ticket> ticket(new Ticket(*this, std::move(query)));
  ticket->caller_leaves_.emplace(caller, Ticket::Forward{&ticket->stop_});
  bool free = false;
  {
    std::unique_lock lock(mutex_);
    ticket->query_.id = ++last_id_;
    tickets_.emplace(ticket->query_.id, ticket.get());
    if (running_[lane] >= places_[lane]) leave_event_loop();
    free = freed_.wait_for(lock, ticket->stop(), std::chrono::milliseconds(timeout.ms),
                           [&]() REQUIRES(mutex_) { return running_[lane] < places_[lane]; });
    if (free) {
      ++running_[lane];
      ticket->query_.running = true;
    }
  }
  if (free) return ticket;
  if (ticket->stop().stop_requested()) {
    return fail(ErrorCode::Canceled, "query was canceled in query queue");
  }
  return fail(ErrorCode::Timeout, "query timed out in query queue");
}

void ActiveQueries::leave(const Ticket& ticket) {
  {
    const MutexLock lock(mutex_);
    tickets_.erase(ticket.query_.id);
    if (ticket.query_.running) --running_[static_cast<size_t>(ticket.query_.lane)];
  }
  // All, because the one woken may belong to the other lane.
  freed_.notify_all();
}

std::vector<ActiveQuery> ActiveQueries::list() const {
  const auto now = std::chrono::steady_clock::now();
  std::vector<ActiveQuery> out;
  const MutexLock lock(mutex_);
  for (const auto& [id, ticket] : tickets_) {
    ActiveQuery query = ticket->query_;
    query.seconds = std::chrono::duration<double>(now - ticket->came_).count();
    query.samples = ticket->samples_.load(std::memory_order_relaxed);
    out.push_back(std::move(query));
  }
  return out;
}

bool ActiveQueries::cancel(uint64_t id) {
  const MutexLock lock(mutex_);
  const auto found = tickets_.find(id);
  if (found == tickets_.end()) return false;
  found->second->stop_.request_stop();
  return true;
}

size_t ActiveQueries::count() const {
  const MutexLock lock(mutex_);
  return tickets_.size();
}

}  // namespace prom5::query
