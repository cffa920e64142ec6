#include "store/remote/write_message.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "io/codec/compress.h"
#include "io/codec/protobuf.h"

namespace prom5::remote {

namespace {

constexpr size_t kMost = size_t{64} << 20;

/// A request as the messages of one series after the other, made the plain way.
std::string slowly(const std::vector<const OutItem*>& items) {
  std::string body;
  for (size_t i = 0; i < items.size();) {
    std::string series = items[i]->series->v1;
    const OutSeries* const of = items[i]->series;
    for (; i < items.size() && items[i]->series == of; ++i) {
      codec::ProtoWriter(series).bytes(2, encode_sample(items[i]->sample));
    }
    codec::ProtoWriter(body).bytes(1, series);
  }
  return body;
}

}  // namespace

TEST(RequestEncoder, PacksWhatThePlainWayWrites) {
  const uint64_t seed = 71;
  Rng rng(seed);
  RequestEncoder encoder(WriteMessage::V1);
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    std::vector<OutSeries> series(1 + rng.below(40));
    for (OutSeries& one : series) {
      LabelsBuilder labels;
      labels.set(kMetricName, rng.below(3) == 0 ? "a" : "node_cpu_seconds_total");
      for (size_t n = rng.below(6); n > 0; --n) {
        labels.set(fmt::format("label_{}", rng.below(6)),
                   std::string(rng.below(8) == 0 ? rng.below(400) : rng.below(10), 'v') +
                       std::to_string(rng.below(3)));
      }
      one.labels = labels.build();
      one.v1 = encode_labels_v1(one.labels);
    }
    std::vector<OutItem> items;
    for (size_t n = rng.below(200); n > 0; --n) {
      OutItem item;
      item.series = &series[rng.below(series.size())];
      // Zeros are left out of a message.
      item.sample = {TimeMs{rng.below(4) == 0 ? 0 : 1'700'000'000'000},
                     rng.below(3) == 0 ? 0 : static_cast<double>(rng.below(5))};
      items.push_back(std::move(item));
    }
    std::vector<const OutItem*> batch;
    for (const OutItem& item : items) batch.push_back(&item);
    const auto unpacked = codec::snappy_decompress(encoder.encode(batch), kMost);
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    ASSERT_EQ(*unpacked, slowly(batch));
  }
}

}  // namespace prom5::remote
