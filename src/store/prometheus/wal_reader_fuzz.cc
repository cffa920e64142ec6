#include <cstddef>
#include <cstdint>

#include "store/prometheus/wal_reader.h"

// Any record of Prometheus' log is decoded or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  const auto record = prometheus::decode_wal_record({reinterpret_cast<const char*>(data), size});
  if (!record) CHECK(record.error().code == ErrorCode::Corruption);
  return 0;
}
