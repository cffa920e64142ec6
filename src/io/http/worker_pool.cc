#include "io/http/worker_pool.h"

#include <exception>

namespace prom5::io {

void WorkerPool::start(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

void WorkerPool::request_stop() {
  for (std::jthread& worker : workers_) worker.request_stop();
}

void WorkerPool::work(const std::stop_token& stop) {
  while (auto job = jobs_.pop(stop)) {
    try {
      (*job)();
    } catch (const std::exception& e) {
      // What is short of memory here may have it for the next one.
      log_.error("A job of the HTTP server failed", {{"err", e.what()}});
    }
  }
}

}  // namespace prom5::io
