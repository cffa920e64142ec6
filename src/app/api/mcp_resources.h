#pragma once

#include "app/api/mcp.h"
#include "query/engine.h"
#include "store/storage.h"

namespace prom5::api {

/// What clients of the Model Context Protocol may read: the catalogue of metrics, the active alerts
/// and the targets. Both arguments outlive the result.
std::vector<McpResource> mcp_resources(const Storage& storage, query::Engine& engine);

}  // namespace prom5::api
