#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/matcher.h"
#include "store/remote/options.h"
#include "store/storage.h"

namespace prom5::remote {

// What is sent to a server that is asked for samples, and what comes back.
//
//   request            snappy block of a prometheus.ReadRequest
//   sampled answer     snappy block of a prometheus.ReadResponse: a result of whole series
//   streamed answer    frames one after the other, each:
//     varint           length of the message
//     4 bytes          CRC-32C of the message, big-endian
//     message          prometheus.ChunkedReadResponse: a series, or a part of one, as chunks
//
// Source: prometheus.io/docs/prometheus/latest/querying/remote_read_api, prompb/remote.proto.

/// One question to one server.
struct ReadQuery {
  TimeRange range;
  std::vector<Matcher> matchers;
};

/// The request's body, which says that both answers are taken, and the streamed one rather.
std::string encode_read_request(const ReadQuery& query);

enum class ReadForm : uint8_t { Sampled, Streamed };

/// A series as it lies in an answer.
struct ReadSeries {
  Labels labels;
  /// Messages that hold its samples: prometheus.TimeSeries in the sampled form, prometheus.Chunk in
  /// the streamed one. They point into the answer.
  std::vector<std::string_view> parts;
};

struct ReadLimits {
  size_t frame_bytes = 50'000'000;
  /// What the list of series may take: an answer of many tiny ones is small on the wire.
  size_t list_bytes = SIZE_MAX;
};

/// The series of an answer, in its order. `message`: of the sampled form, decompressed.
/// Errors: BadData for what is malformed; Corruption for a frame that is cut short or has another
/// checksum; LimitExceeded.
Result<std::vector<ReadSeries>> find_series(ReadForm form, std::string_view message,
                                            const ReadLimits& limits);

/// Takes labels off, then puts series in order of their labels; of those with equal labels one is
/// left, with the parts of all.
void arrange(std::vector<ReadSeries>& series, const ExternalLabels& taken_off);

/// Appends the samples of one part in its own order; nothing on an error.
/// Errors: BadData and Corruption for damage, Execution for a histogram that breaks a rule,
/// LimitExceeded for a chunk that is larger than any.
Result<void> decode_part(ReadForm form, std::string_view part, SampleColumns& out);

/// Makes samples ascend by time. Servers that are no Prometheus may give them in any order, and
/// times twice: of these the first stays.
void put_in_order(SampleColumns& columns);

}  // namespace prom5::remote
