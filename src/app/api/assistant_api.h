#pragma once

#include "ask/agent.h"
#include "base/clock.h"
#include "io/http/router.h"

namespace prom5::api {

/// The questions' routes: POST /api/v5/query/natural, POST /api/v5/agent/text (JSON, or a stream of
/// server-sent events), conversations below /api/v5/agent/session, and /api/v5/agent/feedback. Any
/// thread.
class AssistantApi {
 public:
  AssistantApi(Agent& agent, const Clock& clock) : agent_(agent), clock_(clock) {}

  void add_routes(io::Router& router);

  /// Whether a request is a question, which may take as long as a language model does.
  static bool is_question(const io::HttpRequest& request);

 private:
  io::HttpResponse natural(const io::HttpRequest& request);
  io::HttpResponse text(const io::HttpRequest& request);
  io::HttpResponse text_stream(Question question);
  Result<io::HttpResponse> feedback(const io::HttpRequest& request);

  Agent& agent_;
  const Clock& clock_;
};

}  // namespace prom5::api
