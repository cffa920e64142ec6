#include "app/http_counters.h"

namespace prom5 {

void HttpCounters::count(const std::string& handler, int status) {
  Counter* counter = nullptr;
  {
    const MutexLock lock(mutex_);
    Counter*& known = counters_[{handler, status}];
    if (known == nullptr) {
      known = &metrics_.counter("prometheus_http_requests_total", "HTTP requests answered.",
                                {{"code", std::to_string(status)}, {"handler", handler}});
    }
    counter = known;
  }
  counter->add();
}

}  // namespace prom5
