#pragma once

#include <stop_token>
#include <vector>

#include "ask/evidence.h"
#include "ask/language_model.h"
#include "ask/query_budget.h"
#include "base/time.h"

namespace prom5 {

/// The circumstances of one tool call.
struct ToolContext {
  TimeMs now;            ///< what "now" means in the question
  std::stop_token stop;  ///< requested when nobody waits for the answer any more
  /// What its queries draw from; null: only the engine limits them.
  QueryBudget* budget = nullptr;
  /// Where an analysis puts the series that its findings rest on; null: nobody wants to see them.
  std::vector<Evidence>* evidence = nullptr;

  /// Canceled when nobody waits any more, Timeout or LimitExceeded when the budget is used up: to
  /// be asked between the queries of a tool that runs many.
  [[nodiscard]] Result<void> may_go_on() const {
    if (stop.stop_requested()) return fail(ErrorCode::Canceled, "nobody waits any more");
    if (budget != nullptr) TRY(budget->admit());
    return {};
  }
};

/// Something that an agent can do. All tools read; none changes anything. Any thread.
class Tool {
 public:
  virtual ~Tool() = default;

  [[nodiscard]] virtual ToolSpec spec() const = 0;
  /// BadData when the arguments are not what spec() asks for; else the error of what it does.
  virtual Result<Json> call(const Json& arguments, const ToolContext& context) = 0;
};

}  // namespace prom5
