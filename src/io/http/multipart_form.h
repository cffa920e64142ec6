#pragma once

#include <string_view>

#include "base/error.h"
#include "io/http/url.h"

namespace prom5::io {

/// Whether a Content-Type is that of a form in parts, whatever stands behind its semicolon.
bool is_multipart_form(std::string_view content_type);

/// multipart/form-data (RFC 7578), as `curl -F` and scripts send it:
///
///     anything, mostly nothing           (the preamble)
///     --BOUNDARY CRLF                    (the first may open the body)
///     Content-Disposition: form-data; name="query" CRLF
///     other fields CRLF
///     CRLF
///     the value's bytes, as they are
///     CRLF --BOUNDARY CRLF               (the next part), or
///     CRLF --BOUNDARY--                  (the end; what follows is passed over)
///
/// Spaces and tabs may follow a boundary. As in Go, which Prometheus' clients know: the values in
/// their order; files and parts without a name are left out; and a form that is cut off or
/// malformed gives nothing of it.
///
/// content_type: with the parameter `boundary`, of 1 to 70 bytes.
/// Errors: BadData for what is no such form; LimitExceeded for more than 1000 parts or a body of
/// more than 32 MiB.
/// Takes time linear in the body. Pure; any thread.
Result<Parameters> parse_multipart_form(std::string_view content_type, std::string_view body);

}  // namespace prom5::io
