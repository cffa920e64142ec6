#include "io/http/websocket_frame.h"

#include <openssl/evp.h>

#include <array>

#include "io/codec/base64.h"

namespace prom5::io {

Result<std::optional<WebSocketFrame>> take_client_frame(std::string& buffer, size_t max_payload) {
  if (buffer.size() < 2) return std::nullopt;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(buffer[i]); };
  const uint8_t opcode = byte(0) & 0x0F;
  const bool control = opcode >= 8;
  WebSocketFrame frame;
  frame.final = (byte(0) & 0x80) != 0;
  if ((byte(0) & 0x70) != 0) return fail(ErrorCode::BadData, "websocket: reserved bits are set");
  if (opcode > 10 || (opcode > 2 && opcode < 8)) {
    return fail(ErrorCode::BadData, "websocket: unknown opcode {}", opcode);
  }
  if ((byte(1) & 0x80) == 0) return fail(ErrorCode::BadData, "websocket: frame is not masked");
  frame.opcode = static_cast<WebSocketFrame::Opcode>(opcode);
  uint64_t length = byte(1) & 0x7F;
  size_t header = 2;
  const size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (control && (extended != 0 || !frame.final)) {
    return fail(ErrorCode::BadData, "websocket: control frame is long or split");
  }
  if (buffer.size() < header + extended + 4) return std::nullopt;
  if (extended != 0) {
    length = 0;
    for (size_t i = 0; i < extended; ++i) length = length << 8 | byte(header + i);
    header += extended;
  }
  if (length > max_payload) {
    return fail(ErrorCode::LimitExceeded, "websocket: message of {} bytes, limit {}", length,
                max_payload);
  }
  const size_t mask = header;
  header += 4;
  if (buffer.size() < header + length) return std::nullopt;
  frame.payload = buffer.substr(header, length);
  for (size_t i = 0; i < length; ++i) {
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ buffer[mask + i % 4]);
  }
  buffer.erase(0, header + length);
  return frame;
}

std::string encode_server_frame(WebSocketFrame::Opcode opcode, std::string_view payload) {
  std::string out;
  out += static_cast<char>(0x80 | opcode);
  const size_t n = payload.size();
  if (n < 126) {
    out += static_cast<char>(n);
  } else {
    const int bytes = n <= 0xFFFF ? 2 : 8;
    out += static_cast<char>(bytes == 2 ? 126 : 127);
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(n >> (8 * i));
  }
  return out.append(payload);
}

bool is_websocket_key(std::string_view key) {
  constexpr size_t kKeyBytes = 16;
  const auto bytes = codec::base64_decode(key);
  return bytes && bytes->size() == kKeyBytes;
}

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> encoded{};
  const int n = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<size_t>(n)};
}

}  // namespace prom5::io
