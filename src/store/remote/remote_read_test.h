#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/codec/compress.h"
#include "io/http/http_client.h"
#include "store/remote/read_message_test.h"

namespace prom5::remote {

/// Stands for servers, by URL: keeps what they are asked, and answers at once on the caller's
/// thread, or never. One thread.
class FakeServers final : public io::HttpClient {
 public:
  struct Answer {
    int status = 200;
    std::string content_type;
    std::string body;
    std::optional<Error> error;  ///< in the place of an answer
    bool never = false;
  };
  using Server = std::function<Answer(const io::HttpClientRequest&)>;

  void start(io::HttpClientRequest request, Completion completion) override {
    requests.push_back(request);
    requests.back().on_body = nullptr;  // it would hold the answer
    const Answer answer = servers.at(request.url)(request);
    if (answer.never) return;
    if (answer.error) return completion(std::unexpected(*answer.error));
    io::HttpClientResponse response;
    response.status = answer.status;
    response.headers.add("Content-Type", answer.content_type);
    if (answer.status == 200) {
      // In pieces, as from a network.
      for (size_t i = 0; i < answer.body.size(); i += 1000) {
        request.on_body(std::string_view(answer.body).substr(i, 1000));
      }
    } else {
      response.body = answer.body;
    }
    completion(std::move(response));
  }

  std::map<std::string, Server> servers;
  std::vector<io::HttpClientRequest> requests;
};

inline FakeServers::Answer answer_of(ReadForm form, const std::vector<AnsweredSeries>& series) {
  if (form == ReadForm::Sampled) {
    return {.content_type = "application/x-protobuf",
            .body = codec::snappy_compress(sampled_message(series))};
  }
  return {.content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
          .body = streamed_body(series, 2)};
}

/// What a request asks for. Fails the test's process when it is malformed.
inline ReadQuery query_of(const io::HttpClientRequest& request) {
  constexpr MatchType kTypes[] = {MatchType::Equal, MatchType::NotEqual, MatchType::Regex,
                                  MatchType::NotRegex};
  ReadQuery out;
  const auto message = codec::snappy_decompress(request.body, size_t{1} << 20);
  CHECK(message.has_value());
  const auto matcher = [&](std::string_view bytes) -> Result<void> {
    uint64_t type = 0;
    std::string name;
    std::string value;
    TRY(codec::each_field(bytes, [&](const codec::ProtoField& f) -> Result<void> {
      if (f.number == 1) type = f.bits;
      if (f.number == 2) name = f.bytes;
      if (f.number == 3) value = f.bytes;
      return {};
    }));
    out.matchers.push_back(TRY(Matcher::make(kTypes[type], name, value)));
    return {};
  };
  const auto read = codec::each_field(*message, [&](const codec::ProtoField& f) -> Result<void> {
    if (f.number != 1) return {};
    return codec::each_field(f.bytes, [&](const codec::ProtoField& g) -> Result<void> {
      if (g.number == 1) out.range.start = {g.as_int64()};
      if (g.number == 2) out.range.end = {g.as_int64()};
      return g.number == 3 ? matcher(g.bytes) : Result<void>();
    });
  });
  CHECK(read.has_value());
  return out;
}

}  // namespace prom5::remote
