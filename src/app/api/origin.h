#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/codec/json.h"
#include "io/http/message.h"

namespace prom5::api {

/// Under which names, beside localhost and addresses, this server's own pages may be seen.
struct OwnNames {
  std::vector<std::string> names;
  /// All: a login that a browser was given for one name is not sent to another, so that a name
  /// which a stranger's DNS leads here opens nothing.
  bool any = false;
};

/// Whether a page of `origin` may speak to a server that was asked for as `host` (both as the
/// headers have them, `origin` not empty): only from localhost or from where the server itself is,
/// unless that is a name that is neither an address nor one of `own`.
bool is_trusted_origin(std::string_view origin, std::string_view host, const OwnNames& own);

/// Whether a request does, or learns by a way that CORS does not guard, what a stranger's page must
/// not: the WebSocket, MCP, and below /api/v5 all that is more than reading.
bool is_guarded(const io::HttpRequest& request);

/// The JSON in a request's body. UnsupportedMedia when the request says that it is plain text or a
/// form of several parts; a form's usual type passes, as curl sends it unasked. BadData for what is
/// no JSON.
Result<Json> json_body(const io::HttpRequest& request);

}  // namespace prom5::api
