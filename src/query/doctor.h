#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "query/engine.h"

namespace prom5::query {

/// Why a query has no answer, or fails.
enum class Cause : uint8_t {
  MetricUnknown,
  MetricSimilar,
  LabelUnknown,
  LabelValueUnknown,
  MatchersExclude,
  OutsideData,
  StoppedTargetDown,
  Stopped,
  RangeTooShort,
  OperandsUnmatched,
  Filtered,
  NoLe,
  NotNative,  ///< floats where histograms are wanted, or the other way round
  AbsentPresent,
  TypeChanged,   ///< series that differ in nothing but __type__ and __unit__, which are dropped
  OthersUnseen,  ///< other servers may have what is looked for, and are not looked at
  Unexplained,
};

/// "metric_similar"
std::string_view to_string(Cause cause);

struct Finding {
  Cause cause = Cause::Unexplained;
  std::string expression;  ///< the part of the query that it is about
  std::string text;        ///< a sentence or two
  std::string fix;         ///< the query as it may have been meant; has an answer. Or empty
};

struct Diagnosis {
  bool empty = true;              ///< or failed for a reason that is found
  std::vector<Finding> findings;  ///< the likeliest first; none when there is an answer
};

/// Finds out why a query's answer is empty, by asking for its parts and looking at what there is.
/// Any thread.
class Doctor {
 public:
  Doctor(Engine& engine, Storage& storage, const Clock& clock)
      : engine_(engine), storage_(storage), clock_(clock) {}

  /// Errors as those of Engine::run, also where the query fails and no reason is found.
  Result<Diagnosis> diagnose(const QueryRequest& request);

 private:
  Engine& engine_;
  Storage& storage_;
  const Clock& clock_;
};

}  // namespace prom5::query
