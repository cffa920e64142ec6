#pragma once

#include "io/http/router.h"

namespace prom5::api {

/// Serves the embedded UI: its files, and index.html for every page of it. "/" answers a client
/// that asks for JSON with the program's name, version and links. Any thread.
io::HttpResponse serve_ui(const io::HttpRequest& request);

/// The path of a page or file of the UI.
bool is_ui_path(std::string_view path);

}  // namespace prom5::api
