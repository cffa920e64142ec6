#include "io/http/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace prom5::io {

namespace {

/// A port that takes no connection: its queue is full and nobody empties it.
class FullPort {
 public:
  FullPort() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    EXPECT_EQ(bind(listener_, as_generic(), size), 0);
    EXPECT_EQ(listen(listener_, 0), 0);
    EXPECT_EQ(getsockname(listener_, as_generic(), &size), 0);
    for (int& fd : waiting_) {
      fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      connect(fd, as_generic(), size);  // it is on its way, or waits in vain: both are wanted
    }
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;
  ~FullPort() {
    for (const int fd : waiting_) close(fd);
    close(listener_);
  }
  [[nodiscard]] std::string url() const {
    return fmt::format("http://127.0.0.1:{}/", ntohs(address_.sin_port));
  }

 private:
  sockaddr* as_generic() { return reinterpret_cast<sockaddr*>(&address_); }  // the socket API's way

  int listener_ = -1;
  sockaddr_in address_{};
  std::array<int, 4> waiting_{};
};

}  // namespace

TEST(HttpClient, AConnectionHasATimeOutOfItsOwn) {
  FullPort port;
  const auto client = make_http_client("test");
  HttpClientRequest request;
  request.url = port.url();
  request.timeout_ms = 600'000;  // the test's own end would come first
  request.connect_timeout_ms = 50;
  const auto response = client->send(std::move(request));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::Timeout);
  EXPECT_NE(response.error().message.find("after 50 ms without a connection"), std::string::npos)
      << response.error().message;
}

}  // namespace prom5::io
