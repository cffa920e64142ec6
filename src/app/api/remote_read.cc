#include "app/api/remote_read.h"

#include <algorithm>
#include <array>
#include <span>

#include "app/api/answer.h"
#include "io/codec/bytes.h"
#include "io/codec/compress.h"
#include "io/codec/crc32c.h"
#include "io/codec/protobuf.h"
#include "model/sample.h"
#include "store/prometheus/chunk.h"
#include "store/remote/write_message.h"

namespace prom5::api {

namespace {

using codec::ProtoField;
using codec::ProtoWriter;
using io::HttpRequest;
using io::HttpResponse;

constexpr size_t kMaxRequestBytes = size_t{32} << 20;
/// A message is one string in memory, here and at the client.
constexpr size_t kMaxMessageBytes = size_t{256} << 20;
/// Of a frame of chunks, as Prometheus has it.
constexpr size_t kFrameBytes = size_t{1} << 20;

struct Query {
  TimeRange range;
  std::vector<Matcher> matchers;
};

struct ReadRequest {
  std::vector<Query> queries;
  bool takes_chunks = false;
};

Result<Matcher> read_matcher(std::string_view message) {
  constexpr std::array kTypes = {MatchType::Equal, MatchType::NotEqual, MatchType::Regex,
                                 MatchType::NotRegex};
  uint64_t type = 0;
  std::string_view name;
  std::string_view value;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) type = f.bits;
    if (f.number == 2) name = f.bytes;
    if (f.number == 3) value = f.bytes;
    return {};
  }));
  if (type >= kTypes.size()) return fail(ErrorCode::BadData, "matcher of unknown type {}", type);
  return Matcher::make(kTypes[type], name, value);
}

Result<Query> read_query(std::string_view message) {
  Query out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.range.start = {f.as_int64()};
    if (f.number == 2) out.range.end = {f.as_int64()};
    if (f.number == 3) out.matchers.push_back(TRY(read_matcher(f.bytes)));
    return {};
  }));
  return out;
}

Result<ReadRequest> read_request(std::string_view message) {
  constexpr uint64_t kStreamedXorChunks = 1;
  ReadRequest out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 1) out.queries.push_back(TRY(read_query(f.bytes)));
    if (f.number != 2) return {};
    // Packed, or one field each.
    if (f.wire_type == 2) {
      out.takes_chunks = out.takes_chunks || f.bytes.find('\x01') != std::string_view::npos;
    } else {
      out.takes_chunks = out.takes_chunks || f.bits == kStreamedXorChunks;
    }
    return {};
  }));
  return out;
}

/// This server's labels are on everything it gives out, and so match what asks for them.
void leave_out_external(const RemoteRead::ExternalLabels& external,
                        std::vector<Matcher>& matchers) {
  std::erase_if(matchers, [&](const Matcher& m) {
    return m.type() == MatchType::Equal && std::ranges::any_of(external, [&](const auto& label) {
             return label.first == m.name() && label.second == m.value();
           });
  });
}

/// The labels as fields number 1 of a series.
std::string write_labels(const Labels& labels, const RemoteRead::ExternalLabels& external) {
  LabelsBuilder builder(labels);
  for (const auto& [name, value] : external) {
    if (!labels.has(name)) builder.set(name, value);
  }
  return remote::encode_labels_v1(builder.build());
}

/// The samples as fields 2 and 4 of a prometheus.TimeSeries.
void write_samples(const SampleColumns& samples, std::string& out) {
  ProtoWriter writer(out);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (!samples.histograms.empty() && samples.histograms[i]) {
      writer.bytes(4, remote::encode_histogram(*samples.histograms[i], samples.times[i]));
    } else {
      writer.bytes(2, remote::encode_sample({samples.times[i], samples.values[i]}));
    }
  }
}

/// One prometheus.ChunkedReadResponse after the other.
class Frames {
 public:
  explicit Frames(std::string& out) : out_(out) {}

  void add(const std::string& labels, const SampleColumns& samples, int64_t query) {
    std::string series = labels;
    const auto flush = [&] {
      std::string frame;
      ProtoWriter writer(frame);
      writer.bytes(1, series);
      writer.integer(2, query);
      codec::ByteWriter to(out_);
      to.varint(frame.size());
      const uint32_t crc = codec::crc32c(frame);
      for (const int shift : {24, 16, 8, 0}) to.u8(static_cast<uint8_t>(crc >> shift));
      to.bytes(frame);
      series = labels;
    };
    for (const prometheus::EncodedChunk& chunk : prometheus::encode_chunks(samples)) {
      std::string text;
      ProtoWriter fields(text);
      fields.integer(1, chunk.range.start.ms);
      fields.integer(2, chunk.range.end.ms);
      fields.number(3, static_cast<uint64_t>(chunk.encoding));
      fields.bytes(4, chunk.data);
      if (series.size() > labels.size() && series.size() + text.size() > kFrameBytes) flush();
      ProtoWriter(series).bytes(2, text);
    }
    flush();
  }

 private:
  std::string& out_;
};

}  // namespace

void RemoteRead::add_routes(io::Router& router) {
  router.add("POST", "/api/v1/read", "Samples for another server, by remote read.",
             [this](const HttpRequest& request, const io::PathArguments&) {
               requests_.add();
               auto response = answer(request);
               if (response) return *std::move(response);
               const Error& error = response.error();
               failed_.add();
               const bool too_much = error.code == ErrorCode::LimitExceeded;
               return HttpResponse::text(too_much ? 400 : http_error(error.code).status,
                                         error.message + "\n");
             });
}

Result<HttpResponse> RemoteRead::answer(const HttpRequest& request) const {
  const std::string message = TRY(codec::snappy_decompress(request.body, kMaxRequestBytes));
  ReadRequest asked = TRY(read_request(message));
  const ExternalLabels external = external_labels_();
  std::string body;
  Frames frames(body);
  uint64_t samples_written = 0;
  for (size_t n = 0; n < asked.queries.size(); ++n) {
    Query& query = asked.queries[n];
    leave_out_external(external, query.matchers);
    const auto querier = TRY(storage_.querier(query.range));
    querier->set_patience({request.stop});
    const auto set = TRY(querier->select(query.matchers, querier->tier({})));
    std::string result;
    SampleColumns samples;
    while (set->next()) {
      if (request.stop.stop_requested()) return fail(ErrorCode::Canceled, "the client is gone");
      TRY(set->read(samples));
      if (samples.size() == 0) continue;
      samples_written += samples.size();
      if (samples_written > max_samples_) {
        return fail(ErrorCode::LimitExceeded,
                    "exceeded sample limit ({}): ask for fewer series or a shorter time, or raise "
                    "--storage.remote.read-sample-limit",
                    max_samples_);
      }
      std::string series = write_labels(set->labels(), external);
      if (asked.takes_chunks) {
        frames.add(series, samples, static_cast<int64_t>(n));
      } else {
        write_samples(samples, series);
        ProtoWriter(result).bytes(1, series);
      }
      if (body.size() + result.size() > kMaxMessageBytes) {
        return fail(ErrorCode::LimitExceeded,
                    "the answer is larger than {} MB: ask for fewer series or a shorter time",
                    kMaxMessageBytes >> 20);
      }
    }
    if (!asked.takes_chunks) ProtoWriter(body).bytes(1, result);
  }
  HttpResponse response;
  if (asked.takes_chunks) {
    response.headers.set("Content-Type",
                         "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    response.body = std::move(body);
  } else {
    response.headers.set("Content-Type", "application/x-protobuf");
    response.headers.set("Content-Encoding", "snappy");
    response.body = codec::snappy_compress(body);
  }
  return response;
}

}  // namespace prom5::api
