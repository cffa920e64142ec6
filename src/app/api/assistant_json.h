#pragma once

#include "ask/agent.h"

namespace prom5::api {

/// An answer as POST /api/v5/query/natural has it: a query, a clarification or an error.
Json natural_json(const Answer& answer);

/// An answer as POST /api/v5/agent/text and "text_reply" have it: words, evidence, charts.
Json agent_json(const Answer& answer);

/// A conversation in the list of them.
Json session_json(const SessionInfo& session);

/// The longest question and name of a session that are taken, in bytes.
inline constexpr size_t kMaxQuestionBytes = 8 * 1024;
inline constexpr size_t kMaxSessionIdBytes = 128;

}  // namespace prom5::api
