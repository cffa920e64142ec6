#pragma once

#include <string>

#include "query/promql/ast.h"

namespace prom5::promql {

/// What the expression computes, as an English noun phrase: "the sum, for each job, of the growth
/// per second of http_requests_total over 5m". What is very long is cut.
std::string in_words(const Expr& expr);

/// Matchers as a clause: `where job is "api" and code matches 5..`; empty when there is none. The
/// one for the metric name is left out.
std::string where_clause(const VectorSelector& selector);

}  // namespace prom5::promql
