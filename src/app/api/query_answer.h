#pragma once

#include <string_view>

#include "io/http/message.h"
#include "query/engine_request.h"

namespace prom5::api {

inline constexpr std::string_view kTruncated = "results truncated due to limit";

/// A query's answer as Prometheus' API has it. One of many points is written while it is sent, and
/// each series is let go of when it is written, so that memory holds it once.
/// `limit`: of series; 0: none. `with_stats`: what the query cost is told, too.
io::HttpResponse query_answer(query::QueryResult result, size_t limit, bool with_stats);

}  // namespace prom5::api
