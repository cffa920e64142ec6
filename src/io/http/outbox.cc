#include "io/http/outbox.h"

#include <fmt/core.h>

#include <boost/asio/post.hpp>

#include "io/http/websocket_frame.h"

namespace prom5::io {

namespace {

constexpr size_t kMaxUnsentBytes = size_t{8} << 20;

}  // namespace

bool Outbox::push(std::string bytes) {
  {
    const MutexLock lock(mutex_);
    if (closed_ || unsent_ + bytes.size() > kMaxUnsentBytes) {
      closed_ = true;
      return false;
    }
    unsent_ += bytes.size();
    parts_.push_back(std::move(bytes));
  }
  boost::asio::post(executor_, wake_);
  return true;
}

void Outbox::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  boost::asio::post(executor_, wake_);
}

std::optional<std::string> Outbox::pop() {
  const MutexLock lock(mutex_);
  if (parts_.empty()) return std::nullopt;
  std::string out = std::move(parts_.front());
  parts_.pop_front();
  unsent_ -= out.size();
  return out;
}

bool Outbox::closed() const {
  const MutexLock lock(mutex_);
  return closed_ && parts_.empty();
}

size_t Outbox::unsent() const {
  const MutexLock lock(mutex_);
  return unsent_;
}

bool StreamOutbox::write(std::string bytes) {
  if (bytes.empty()) return true;  // an empty chunk would end the body
  if (form_ == Form::Raw) return outbox_->push(std::move(bytes));
  const std::string head = fmt::format("{:x}\r\n", bytes.size());
  return outbox_->push(head + bytes + "\r\n");
}

void StreamOutbox::close() {
  if (form_ == Form::Chunks) outbox_->push("0\r\n\r\n");
  outbox_->close();
}

void StreamOutbox::cut() {
  cut_ = true;
  outbox_->close();
}

bool WebSocketOutbox::send(std::string text) {
  return outbox_->push(encode_server_frame(WebSocketFrame::Text, text));
}

bool WebSocketOutbox::ping() {
  return outbox_->push(encode_server_frame(WebSocketFrame::Ping, ""));
}

void WebSocketOutbox::close() {
  outbox_->push(encode_server_frame(WebSocketFrame::Close, "\x03\xE8"));  // 1000, normal
  outbox_->close();
}

}  // namespace prom5::io
