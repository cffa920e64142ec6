#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/cli/flags.h"
#include "base/error.h"
#include "base/time.h"
#include "io/codec/json.h"
#include "io/http/http_client.h"
#include "io/http/url.h"

namespace prom5::cli {

/// A request to a running server, with the user and password that its URL may name. BadData for
/// what is no URL.
Result<io::HttpClientRequest> request_to(const std::string& server, const std::string& path);

/// One request to a running server, for commands; its data. Error messages name the server.
/// `notes`, where given, gets a list of the answer's warnings and infos.
Result<Json> ask_api(const std::string& server, const std::string& path,
                     const io::Parameters& parameters, Json* notes = nullptr);
/// A time as a person writes it: Unix seconds, RFC 3339, a date, "now", "now-5m" or "-5m". BadData
/// says so.
Result<TimeMs> parse_when(std::string_view text, TimeMs now);
/// Adds those of the flags that are given, for the server to read. BadData names the flag.
Result<void> add_times(const Flags& flags, std::span<const std::string_view> names,
                       io::Parameters& parameters);

/// Says what went wrong with a request, and with which server where that is not said already;
/// returns the command's exit status.
int complain_of(const Error& error, const std::string& server);
/// Gets a JSON object. Errors as of ask_api().
Result<Json> get_json(const std::string& server, const std::string& path);
/// Posts a JSON document and gives the answer, an object. `languages`: the header Accept-Language;
/// empty: none. Errors as of ask_api().
Result<Json> post_json(const std::string& server, const std::string& path, const Json& body,
                       const std::string& languages = "");

}  // namespace prom5::cli
