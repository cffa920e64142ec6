#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/http/router.h"

namespace prom5::api {

/// The routes as an OpenAPI 3.1 document in JSON: paths, methods, path parameters and summaries;
/// and where openapi.yaml and openapi_v1.yaml have them, what they take and answer.
std::string describe_routes(const io::Router& router);

/// The same of the routes below /api/v1 alone, in YAML, as Prometheus has it there: paths begin
/// behind /api/v1. `version`: of OpenAPI; "3.2" and "3.2.0" give 3.2.0, all others 3.1.0.
std::string describe_v1_routes(const io::Router& router, std::string_view version);

/// GET /api/v1/openapi.yaml and /api/v5/openapi.json. They describe what the router has when they
/// are asked; it outlives them.
void add_openapi_routes(io::Router& router);

/// The routes below /api/v1 and those of our own (/api/v5, /ws, /mcp) that no file describes, as
/// "GET /path".
std::vector<std::string> undescribed_routes(const io::Router& router);

/// What the files describe, as "GET /path".
std::vector<std::string> described_routes();

/// The texts of openapi.yaml and openapi_v1.yaml, as the build put them into the program.
std::string_view openapi_yaml();
std::string_view openapi_v1_yaml();

}  // namespace prom5::api
