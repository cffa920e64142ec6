#include <cstddef>
#include <cstdint>

#include "store/tsdb/record.h"

// Any payload of a log record is decoded or refused; what decodes is encoded and decoded the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  using namespace prom5::tsdb;
  const auto record = decode_record({reinterpret_cast<const char*>(data), size});
  if (!record) {
    CHECK(record.error().code == ErrorCode::Corruption);
    return 0;
  }
  std::string again;
  if (!record->series.empty()) encode_series(record->series, again);
  if (!record->samples.empty()) encode_samples(record->samples, again);
  if (!record->selections.empty()) encode_selections(record->selections, again);
  if (!record->starts.empty()) encode_starts(record->starts, again);
  encode_gone(record->gone_before, again);
  const auto second = decode_record(again);
  CHECK(second.has_value());
  CHECK(second->gone_before == record->gone_before);
  CHECK(second->samples.size() == record->samples.size());
  for (size_t i = 0; i < record->samples.size(); ++i) {
    CHECK(second->samples[i].ref == record->samples[i].ref);
    CHECK(second->samples[i].sample.time == record->samples[i].sample.time);
    CHECK(same_bits(second->samples[i].sample.value, record->samples[i].sample.value));
  }
  CHECK(second->selections.size() == record->selections.size());
  for (size_t i = 0; i < record->selections.size(); ++i) {
    CHECK(second->selections[i].matchers == record->selections[i].matchers);
    CHECK(second->selections[i].range == record->selections[i].range);
  }
  CHECK(second->starts.size() == record->starts.size());
  for (size_t i = 0; i < record->starts.size(); ++i) {
    CHECK(second->starts[i].ref == record->starts[i].ref);
    CHECK(second->starts[i].time == record->starts[i].time);
    CHECK(second->starts[i].start == record->starts[i].start);
    CHECK(second->starts[i].alone == record->starts[i].alone);
  }
  return 0;
}
