#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/http/router.h"

namespace prom5::api {

/// The routes as an OpenAPI 3.1 document: paths, methods, path parameters and summaries; and where
/// openapi.yaml has them, what they take and answer.
std::string describe_routes(const io::Router& router);

/// The routes of our own (/api/v5, /ws, /mcp) that openapi.yaml does not describe, as "GET /path".
std::vector<std::string> undescribed_routes(const io::Router& router);

/// What openapi.yaml describes, as "GET /path".
std::vector<std::string> described_routes();

/// The text of openapi.yaml, as the build put it into the program.
std::string_view openapi_yaml();

}  // namespace prom5::api
