#include "app/http_counters.h"

namespace prom5 {

void HttpCounters::count(const std::string& handler, int status, double seconds) {
  Counter* counter = nullptr;
  ClassicHistogram* duration = nullptr;
  {
    const MutexLock lock(mutex_);
    Counter*& known = counters_[{handler, status}];
    if (known == nullptr) {
      known = &metrics_.counter("prometheus_http_requests_total", "HTTP requests answered.",
                                {{"code", std::to_string(status)}, {"handler", handler}});
    }
    counter = known;
    ClassicHistogram*& took = durations_[handler];
    if (took == nullptr) {
      took =
          &metrics_.histogram("prometheus_http_request_duration_seconds",
                              "How long answering HTTP requests took, without sending the answer.",
                              {0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120}, {{"handler", handler}});
    }
    duration = took;
  }
  counter->add();
  duration->observe(seconds);
}

}  // namespace prom5
