#include <cstddef>
#include <cstdint>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "store/tsdb/tombstones.h"

// Any bytes under a good checksum are decoded or refused; what decodes comes back the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  using namespace prom5::tsdb;
  std::string file = "PROM5TS2";
  file.append(reinterpret_cast<const char*>(data), size);
  const uint32_t crc = codec::crc32c(file);
  codec::ByteWriter(file).u32(crc);
  file += file;
  const auto tombstones = Tombstones::decode(file);
  if (!tombstones) {
    CHECK(tombstones.error().code == ErrorCode::Corruption);
    return 0;
  }
  const auto again = Tombstones::decode(tombstones->encode());
  CHECK(again.has_value() && *again == *tombstones);
  return 0;
}
