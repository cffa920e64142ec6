#pragma once

#include <string>

#include "io/http/router.h"

namespace prom5::api {

/// The routes as an OpenAPI 3.1 document: paths, methods, path parameters and summaries.
std::string describe_routes(const io::Router& router);

}  // namespace prom5::api
