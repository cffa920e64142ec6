#include "io/http/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <latch>

#include "base/loop_turn.h"
#include "base/mutex.h"

namespace prom5::io {

namespace {

/// A client's end of a connection.
class Client {
 public:
  explicit Client(uint16_t port) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // The socket API's way.
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { leave(); }

  void get(const std::string& path, const std::string& more = "") const {
    ask("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" + more);
  }
  void ask(const std::string& request) const {
    EXPECT_EQ(send(fd_, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
  }
  /// Everything until the server closes or `end` has come.
  [[nodiscard]] std::string read(std::string_view end = "\r\n\r\n!") const {
    std::string out;
    std::array<char, 4096> part;
    while (!out.ends_with(end)) {
      const ssize_t size = recv(fd_, part.data(), part.size(), 0);
      if (size <= 0) break;
      out.append(part.data(), static_cast<size_t>(size));
    }
    return out;
  }
  void leave() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

class HttpServerTest : public testing::Test {
 protected:
  void serve(HttpServer::Handler handler, HttpServerOptions options = {}) {
    options.listen_addresses = {"127.0.0.1:0"};
    server_ = HttpServer::open(options, std::move(handler), metrics_, log_).value();
    server_->start();
  }
  [[nodiscard]] uint16_t port() const { return server_->ports()[0]; }
  [[nodiscard]] size_t times_logged(std::string_view text) {
    const MutexLock lock(mutex_);
    return static_cast<size_t>(std::ranges::count_if(
        logged_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

  MetricRegistry metrics_;
  Mutex mutex_;
  std::vector<std::string> logged_ GUARDED_BY(mutex_);
  Log log_{LogLevel::Warn, LogFormat::Logfmt, [this](std::string_view line) {
             const MutexLock lock(mutex_);
             logged_.emplace_back(line);
           }};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AHandlerThatThrowsIsAnAnswer) {
  serve([](const HttpRequest&) -> HttpResponse { throw std::bad_alloc(); });
  const Client client(port());
  client.get("/");
  EXPECT_TRUE(client.read("internal error\n").starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(times_logged("bad_alloc"), 1U);
}

TEST_F(HttpServerTest, TargetsAsProxiesSendThemAreTaken) {
  serve([](const HttpRequest& request) {
    return HttpResponse::text(
        200, fmt::format("{} {} {}!", request.headers.get("Host"), request.path, request.query));
  });
  const auto is = [&](const std::string& target, const std::string& want) {
    const Client client(port());
    client.ask("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(client.read().ends_with("\r\n\r\n" + want)) << target;
  };
  is("/a?b=c", "h /a b=c!");
  is("http://other:9090/a/b?c=d", "other:9090 /a/b c=d!");
  is("HTTPS://other", "other / !");
  is("http://other?c=http://x", "other / c=http://x!");
  is("/a://b", "h /a://b !");
  is("http", "h http !");
}

TEST_F(HttpServerTest, ARequestNamesItsHostOnce) {
  serve([](const HttpRequest&) { return HttpResponse::text(200, "fine"); });
  const auto status = [&](const std::string& request) {
    const Client client(port());
    client.ask(request + "Connection: close\r\n\r\n");
    return client.read().substr(0, 12);
  };
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\r\n"), "HTTP/1.1 200");
  EXPECT_EQ(status("GET / HTTP/1.1\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\r\nHost: other\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET / HTTP/1.0\r\n"), "HTTP/1.1 200");
  EXPECT_EQ(status("GET / HTTP/1.0\r\nHost: h\r\nHost: other\r\n"), "HTTP/1.1 400");
}

TEST_F(HttpServerTest, OnlyOneExpectationIsUnderstood) {
  serve([](HttpRequest& request) { return HttpResponse::text(200, request.body); });
  const auto ask = [&](const std::string& expect, std::string_view end) {
    const Client client(port());
    client.ask("POST / HTTP/1.1\r\nHost: h\r\nExpect: " + expect + "\r\nContent-Length: 3\r\n\r\n");
    const std::string first = client.read(end);
    if (!first.starts_with("HTTP/1.1 100 ")) return first;
    client.ask("abc");
    return first + client.read("abc");
  };
  for (const char* expect :
       {"100-continue", "100-Continue", "more, 100-continue", "x 100-continue,y"}) {
    const std::string answer = ask(expect, "\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("abc")) << answer;
  }
  // Refused before the body, whose client may wait with it.
  for (const char* expect : {"magic", "100", "100-continued", "100-continue;x=y", ","}) {
    const std::string answer = ask(expect, "\n!");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 417 Expectation Failed\r\n")) << expect << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  }
}

TEST_F(HttpServerTest, FormsInPartsAreParameters) {
  serve([](HttpRequest& request) {
    std::string out;
    for (const auto& [name, value] : request.parameters) out += fmt::format("{}={};", name, value);
    return HttpResponse::text(200, out + request.form_error + "|");
  });
  const auto ask = [&](const std::string& method, const std::string& body) {
    const Client client(port());
    client.ask(
        fmt::format("{} /?a=url HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\nContent-Type: "
                    "multipart/form-data; boundary=b\r\n\r\n{}",
                    method, body.size(), body));
    const std::string answer = client.read("|");
    return answer.substr(answer.find("\r\n\r\n") + 4);
  };
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1&2\r\n";
  EXPECT_EQ(ask("POST", part + "--b--"), "a=url;a=1&2;|");
  EXPECT_EQ(ask("GET", part + "--b--"), "a=url;|");
  EXPECT_EQ(ask("POST", part), "a=url;multipart form: it ends without its closing boundary|");
}

TEST_F(HttpServerTest, AClientOfHttp10GetsAStreamWithoutChunks) {
  serve([](const HttpRequest&) {
    HttpResponse response;
    response.headers.add("Content-Type", "text/event-stream");
    response.stream = [](const std::shared_ptr<ResponseStream>& stream) {
      stream->write("data: 1\n\n");
      stream->write("");
      stream->write("data: 2\n\n");
      stream->close();
    };
    return response;
  });
  for (const std::string more : {"", "Connection: keep-alive\r\n"}) {
    const Client client(port());
    client.ask("GET /stream HTTP/1.0\r\nAccept-Encoding: gzip\r\n" + more + "\r\n");
    const std::string answer = client.read();  // its end is the connection's
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\ndata: 1\n\ndata: 2\n\n")) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("Transfer-Encoding"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("Content-Length"), std::string::npos) << answer;
  }
  const Client newer(port());
  newer.get("/stream");
  EXPECT_TRUE(newer.read("0\r\n\r\n").ends_with("\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"));
}

TEST_F(HttpServerTest, TheHeadOfAStreamHasNoBody) {
  serve([](const HttpRequest& request) {
    if (request.path != "/stream") return HttpResponse::text(200, "fine");
    HttpResponse response;
    response.stream = [](const std::shared_ptr<ResponseStream>& stream) {
      stream->write("body");
      stream->close();
    };
    return response;
  });
  const Client client(port());
  client.ask("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answers = client.read("fine");
  const size_t end = answers.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos) << answers;
  EXPECT_TRUE(answers.substr(end + 4).starts_with("HTTP/1.1 200 OK\r\n")) << answers;
}

TEST_F(HttpServerTest, AStreamThatThrowsIsCutOff) {
  serve([](const HttpRequest& request) {
    if (request.path != "/stream") return HttpResponse::text(200, "fine");
    HttpResponse response;
    response.stream = [](const std::shared_ptr<ResponseStream>& stream) {
      stream->write("begun");
      throw std::bad_alloc();
    };
    return response;
  });
  const Client client(port());
  client.get("/stream");
  const std::string answer = client.read();
  EXPECT_TRUE(answer.ends_with("\r\n5\r\nbegun\r\n")) << answer << ": not as if it were whole";
  EXPECT_EQ(times_logged("path=/stream err=std::bad_alloc"), 1U);
  const Client next(port());
  next.get("/");
  EXPECT_TRUE(next.read("fine").starts_with("HTTP/1.1 200 ")) << "the server goes on";
}

/// Whether a stop is requested once the client has left.
class Leaving : public HttpServerTest {
 protected:
  void until_stopped(const std::stop_token& stop) {
    begun_.count_down();
    std::promise<void> stopped;
    const std::stop_callback told(stop, [&] { stopped.set_value(); });
    stopped.get_future().wait();
    ended_.count_down();
  }

  std::latch begun_{1};
  std::latch ended_{1};
};

TEST_F(Leaving, EndsWhatAHandlerDoes) {
  serve([this](const HttpRequest& request) {
    until_stopped(request.stop);
    return HttpResponse::text(200, "");
  });
  Client client(port());
  client.get("/");
  begun_.wait();
  client.leave();
  ended_.wait();
}

TEST_F(Leaving, EndsWhatAStreamDoes) {
  serve([this](const HttpRequest& request) {
    HttpResponse response;
    response.stream = [this, stop = request.stop](const std::shared_ptr<ResponseStream>& stream) {
      until_stopped(stop);
      stream->close();
    };
    return response;
  });
  Client client(port());
  client.get("/");
  begun_.wait();
  client.leave();
  ended_.wait();
}

TEST_F(Leaving, IsSeenBehindWhatWasSentBefore) {
  serve([this](const HttpRequest& request) {
    until_stopped(request.stop);
    return HttpResponse::text(200, "");
  });
  Client client(port());
  client.get("/", "GET / HTTP/1.1\r\n");
  begun_.wait();
  client.leave();
  ended_.wait();
}

/// Requests to /long wait until they are let.
class LongRequests : public HttpServerTest {
 protected:
  void serve_some(HttpServerOptions options) {
    options.is_long = [](const HttpRequest& request) { return request.path == "/long"; };
    options.worker_threads = 1;
    options.long_worker_threads = 1;
    serve(
        [this](const HttpRequest& request) {
          if (request.path != "/long") return HttpResponse::text(200, "short");
          if (!begun_.try_wait()) begun_.count_down();
          let_.wait();
          return HttpResponse::text(200, "long");
        },
        options);
  }

  std::latch begun_{1};
  std::latch let_{1};
};

TEST_F(LongRequests, KeepNobodyElseWaiting) {
  serve_some({.max_queued_long_requests = 1});
  const Client first(port());
  const Client second(port());
  first.get("/long");
  begun_.wait();
  second.get("/long");
  const Client other(port());
  for (int i = 0; i < 3; ++i) {
    other.get("/short");
    EXPECT_TRUE(other.read("short").starts_with("HTTP/1.1 200 "));
  }
  let_.count_down();
  EXPECT_TRUE(first.read("long").ends_with("long"));
  EXPECT_TRUE(second.read("long").ends_with("long"));
}

TEST_F(LongRequests, AreTurnedAwayWhenThereIsNoRoom) {
  serve_some({.max_queued_long_requests = 0});
  const Client client(port());
  client.get("/long");
  const std::string answer = client.read("waiting\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("Retry-After: 5\r\n"), std::string::npos) << answer;
  let_.count_down();
}

TEST_F(LongRequests, DoNotWaitForEver) {
  serve_some({.max_long_wait_seconds = -1});
  const Client client(port());
  client.get("/long");
  EXPECT_TRUE(client.read("waiting\n").starts_with("HTTP/1.1 503 "));
  let_.count_down();
}

/// Requests begin on the one event loop; those to /long leave it and wait until they are let.
class LikelyShortRequests : public Leaving {
 protected:
  void serve_on_loop() {
    HttpServerOptions options;
    options.event_loops = 1;
    options.worker_threads = 1;
    options.is_likely_short = [](const HttpRequest&) { return true; };
    serve(
        [this](const HttpRequest& request) {
          if (request.path == "/stopped") {
            leave_event_loop();
            until_stopped(request.stop);
          }
          if (request.path == "/long") {
            leave_event_loop();
            let_.wait();
          }
          return HttpResponse::text(200, request.path.substr(1));
        },
        options);
  }

  std::latch let_{1};
};

TEST_F(LikelyShortRequests, ThatTurnOutLongKeepNobodyWaiting) {
  serve_on_loop();
  const Client first(port());   // has the loop's thread
  const Client second(port());  // has the worker
  const Client third(port());   // waits for the worker
  const Client other(port());
  first.get("/long");
  second.get("/long");
  third.get("/last");
  let_.count_down();
  EXPECT_TRUE(third.read("last").ends_with("last"));
  EXPECT_TRUE(first.read("long").ends_with("long"));
  EXPECT_TRUE(second.read("long").ends_with("long"));
  for (int i = 0; i < 100; ++i) {
    other.get("/short");
    EXPECT_TRUE(other.read("short").starts_with("HTTP/1.1 200 "));
    first.get("/long");
    EXPECT_TRUE(first.read("long").ends_with("long"));
  }
}

TEST_F(LikelyShortRequests, EndWhenTheirClientLeaves) {
  serve_on_loop();
  Client client(port());
  client.get("/stopped");
  begun_.wait();
  client.leave();
  ended_.wait();
}

TEST_F(LikelyShortRequests, EndWithTheServer) {
  serve_on_loop();
  const Client client(port());
  client.get("/stopped");
  begun_.wait();
  server_.reset();
  ended_.wait();
}

TEST_F(HttpServerTest, AStreamLeavesTheConnectionForTheNextRequest) {
  serve([](const HttpRequest& request) {
    if (request.path != "/stream") return HttpResponse::text(200, "fine");
    HttpResponse response;
    response.stream = [](const std::shared_ptr<ResponseStream>& stream) {
      stream->write("all");
      stream->close();
    };
    return response;
  });
  const Client client(port());
  for (int twice = 0; twice < 2; ++twice) {
    client.get("/stream");
    EXPECT_TRUE(client.read("0\r\n\r\n").ends_with("3\r\nall\r\n0\r\n\r\n"));
  }
  client.get("/");
  EXPECT_TRUE(client.read("fine").starts_with("HTTP/1.1 200 "));
}

}  // namespace

}  // namespace prom5::io
