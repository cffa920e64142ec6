#pragma once

#include "base/metrics.h"
#include "io/http/router.h"

namespace prom5::api {

/// GET /api/v1/status/self_metrics: what /metrics tells, as JSON, each family in protobuf's JSON
/// form of io.prometheus.client.MetricFamily. The parameter metric_name_pattern, a regular
/// expression that is matched as a whole, chooses families. The registry outlives the router.
void add_self_metrics_route(io::Router& router, const MetricRegistry& metrics);

}  // namespace prom5::api
