#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5::io {

/// One WebSocket frame (RFC 6455, section 5.2).
struct WebSocketFrame {
  enum Opcode : uint8_t { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

  Opcode opcode = Text;
  bool final = true;
  std::string payload;
};

/// Takes the first frame off `buffer`. Nothing when it is not complete yet. BadData when a client
/// breaks the protocol: unmasked, reserved bits, long or split control frames; LimitExceeded when
/// the payload is longer than `max_payload`.
Result<std::optional<WebSocketFrame>> take_client_frame(std::string& buffer, size_t max_payload);

/// A frame as a server sends it, unmasked.
std::string encode_server_frame(WebSocketFrame::Opcode opcode, std::string_view payload);

/// Whether a Sec-WebSocket-Key is 16 bytes in base64.
bool is_websocket_key(std::string_view key);

/// The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace prom5::io
