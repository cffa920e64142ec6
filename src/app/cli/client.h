#pragma once

#include <string>

#include "base/error.h"
#include "io/codec/json.h"
#include "io/http/url.h"

namespace prom5::cli {

/// One request to a running server, for commands; its data. Error messages name the server.
/// `notes`, where given, gets a list of the answer's warnings and infos.
Result<Json> ask_api(const std::string& server, const std::string& path,
                     const io::Parameters& parameters, Json* notes = nullptr);
/// Says what went wrong with a request, and with which server where that is not said already;
/// returns the command's exit status.
int complain_of(const Error& error, const std::string& server);
Result<Json> post_json(const std::string& server, const std::string& path, const Json& body);

}  // namespace prom5::cli
