#include "query/part_workers.h"

#include <algorithm>

#include "io/file/control_group.h"

namespace prom5::query {

namespace {

/// Libraries throw; neither a thread nor the list of jobs may be lost for that.
Result<void> guarded(const std::function<Result<void>(size_t)>& work, size_t part) {
  try {
    return work(part);
  } catch (const std::exception& e) {
    return fail(ErrorCode::Internal, "a part of a query failed: {}", e.what());
  }
}

}  // namespace

PartWorkers::PartWorkers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { help(stop); });
  }
}

PartWorkers::~PartWorkers() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

size_t PartWorkers::threads_of_machine() {
  // More would wait for memory, and for the one that takes.
  constexpr size_t kMost = 15;
  return std::min(kMost, io::usable_cores() - 1);
}

PartWorkers::Job* PartWorkers::job_with_part() {
  const auto found = std::ranges::find_if(jobs_, &Job::has_part);
  return found == jobs_.end() ? nullptr : *found;
}

void PartWorkers::help(const std::stop_token& stop) NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = nullptr;
    part_to_do_.wait(lock, stop, [&] { return (job = job_with_part()) != nullptr; });
    if (job == nullptr) return;
    const size_t part = job->begun++;
    ++job->busy;
    lock.unlock();
    Result<void> done = guarded(job->work, part);
    lock.lock();
    --job->busy;
    job->done[part] = std::move(done);
    part_done_.notify_all();
  }
}

Result<void> PartWorkers::run(size_t parts, const Do& work,
                              const Take& take) NO_THREAD_SAFETY_ANALYSIS {
  if (threads_.empty()) {
    for (size_t i = 0; i < parts; ++i) {
      TRY(guarded(work, i));
      TRY(guarded(take, i));
      ++parts_done_;
    }
    return {};
  }
  Job job{.work = work, .parts = parts, .most_ahead = 2 * (threads_.size() + 1)};
  job.done.resize(parts);
  std::unique_lock lock(mutex_);
  jobs_.push_back(&job);
  part_to_do_.notify_all();
  Result<void> result;
  while (result && job.taken < parts) {
    if (auto& next = job.done[job.taken]; next) {
      result = std::move(*next);
      if (!result) break;
      lock.unlock();
      result = guarded(take, job.taken);
      lock.lock();
      ++job.taken;
      part_to_do_.notify_one();  // one more may be begun
    } else if (job.has_part()) {
      const size_t part = job.begun++;
      lock.unlock();
      Result<void> done = guarded(work, part);
      lock.lock();
      job.done[part] = std::move(done);
    } else {
      part_done_.wait(lock);
    }
  }
  job.over = true;
  parts_done_ += job.taken;
  jobs_.remove(&job);
  part_done_.wait(lock, [&] { return job.busy == 0; });
  return result;
}

}  // namespace prom5::query
