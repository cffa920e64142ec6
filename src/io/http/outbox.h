#pragma once

// clang-format off
#include <utility> // Boost 1.81's headers use std::exchange without it
#include <boost/asio/any_io_executor.hpp>
// clang-format on
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "io/http/message.h"

namespace prom5::io {

/// Bytes on their way from any thread to a connection's event loop, bounded: a client that does not
/// read them closes it.
class Outbox {
 public:
  /// `wake` is called on the executor when there is something to send or nothing more to come.
  Outbox(boost::asio::any_io_executor executor, std::function<void()> wake)
      : executor_(std::move(executor)), wake_(std::move(wake)) {}

  /// False when it is closed, also by this.
  bool push(std::string bytes) EXCLUDES(mutex_);
  void close() EXCLUDES(mutex_);
  std::optional<std::string> pop() EXCLUDES(mutex_);
  /// Whether it is closed and empty.
  [[nodiscard]] bool closed() const EXCLUDES(mutex_);
  [[nodiscard]] size_t unsent() const EXCLUDES(mutex_);

 private:
  boost::asio::any_io_executor executor_;
  std::function<void()> wake_;
  mutable Mutex mutex_;
  std::deque<std::string> parts_ GUARDED_BY(mutex_);
  size_t unsent_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

/// A body whose length is not known, into an outbox. Any thread.
class StreamOutbox final : public ResponseStream {
 public:
  enum class Form : uint8_t {
    Chunks,  ///< the last one is empty
    Raw,     ///< the body ends with the connection, for HTTP/1.0
  };
  StreamOutbox(std::shared_ptr<Outbox> outbox, Form form)
      : outbox_(std::move(outbox)), form_(form) {}
  bool write(std::string bytes) override;
  [[nodiscard]] size_t unsent_bytes() const override { return outbox_->unsent(); }
  void close() override;
  /// Ends it without the mark of a body's end, so that the client knows that something is missing;
  /// in raw form there is no such mark.
  void cut();
  [[nodiscard]] bool is_cut() const { return cut_; }

 private:
  std::shared_ptr<Outbox> outbox_;  // shared: the writer may outlive the connection
  const Form form_;
  std::atomic<bool> cut_{false};
};

/// Frames of a WebSocket, into an outbox. Any thread.
class WebSocketOutbox final : public WebSocket {
 public:
  explicit WebSocketOutbox(std::shared_ptr<Outbox> outbox) : outbox_(std::move(outbox)) {}
  bool send(std::string text) override;
  bool ping() override;
  [[nodiscard]] size_t unsent_bytes() const override { return outbox_->unsent(); }
  void close() override;

 private:
  std::shared_ptr<Outbox> outbox_;  // shared: the handler may outlive the connection
};

}  // namespace prom5::io
