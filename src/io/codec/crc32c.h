#pragma once

#include <cstdint>
#include <string_view>

namespace prom5::codec {

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in iSCSI and Prometheus' files.
/// Uses the processor's instruction where it has one. `before` is the checksum of the bytes that
/// these follow, so that parts need not lie side by side.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

/// The same by table alone: the slow twin for tests.
uint32_t crc32c_by_table(std::string_view bytes, uint32_t before = 0);

}  // namespace prom5::codec
