#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ask/language_model.h"
#include "base/metrics.h"
#include "base/time.h"

namespace prom5::agent {

/// How a question ended.
enum class Outcome : uint8_t { Answered, Clarified, Refused, Failed };

/// Which budget a question has used up.
enum class Limit : uint8_t { Steps, Time, Samples, Tokens };
std::string_view to_string(Limit limit);

/// What the assistant tells about itself. Any thread.
class AgentMetrics {
 public:
  /// `tools`: those whose calls are counted.
  AgentMetrics(MetricRegistry& metrics, const std::vector<ToolSpec>& tools);

  /// An intent that is not known counts as "other": a model may say anything.
  void count_question(std::string_view intent, Outcome outcome, double seconds);
  void count_tool_call(const std::string& tool, bool failed);
  void count_exhausted(Limit limit) { exhausted_[static_cast<size_t>(limit)]->add(); }
  void count_unfounded(size_t numbers) { unfounded_.add(numbers); }
  void count_feedback(bool up) { (up ? up_ : down_).add(); }
  void count_evicted(size_t sessions) { evicted_.add(sessions); }
  void set_sessions(size_t count) { sessions_.set(static_cast<double>(count)); }

 private:
  struct CallCounters {
    Counter* done = nullptr;
    Counter* failed = nullptr;
  };

  MetricRegistry& metrics_;
  std::map<std::string, CallCounters, std::less<>> calls_;
  ClassicHistogram& seconds_;
  std::array<Counter*, 4> exhausted_{};
  Counter& unfounded_;
  Counter& up_;
  Counter& down_;
  Counter& evicted_;
  Gauge& sessions_;
};

}  // namespace prom5::agent
