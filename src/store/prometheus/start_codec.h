#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"
#include "io/codec/bits.h"

namespace prom5::prometheus {

// Start timestamps in Prometheus' chunks (tsdb/docs/format/chunks.md, tsdb/chunkenc/st.go), between
// the samples. A byte in the chunk's header says where there are any:
//
//   bit 7      the first sample has one
//   bits 6..0  the sample, counted from 0, from which on each has one; 0: none. Before it they are
//              as the first sample's. No number beyond 127 fits, so that from sample 127 on they
//              are always written.
//
// Behind the first sample stands its time minus the start, as a varint. Behind others stands the
// time of the sample before minus the start: as it is where the header points to, then as the
// change of that difference, both in the prefix codes of put_varbit_int().

/// Writes them. Lives as long as the encoding of one chunk.
class StartWriter {
 public:
  /// `starts`: of each sample of the chunk; kNoStart where it is not known.
  explicit StartWriter(std::span<const TimeMs> starts);

  [[nodiscard]] uint8_t header() const { return header_; }
  /// What belongs behind the sample; `before`: the time of the one before it, if there is one.
  void put(codec::BitWriter& out, size_t sample, TimeMs time, TimeMs before);

 private:
  const std::span<const TimeMs> starts_;
  uint8_t header_ = 0;
  uint64_t difference_ = 0;
};

/// Reads them. Without a header there are none, and get() does nothing.
class StartReader {
 public:
  /// `out`: gets the start timestamp of each sample if the chunk knows any. Null: nobody asks.
  explicit StartReader(std::vector<TimeMs>* out) : out_(out) {}

  void set_header(uint8_t header);
  /// What stands behind the sample; times as for StartWriter::put().
  void get(codec::BitReader& in, size_t sample, uint64_t time, uint64_t before) {
    if (first_known_ || change_on_ > 0) read(in, sample, time, before);
  }

 private:
  void read(codec::BitReader& in, size_t sample, uint64_t time, uint64_t before);

  std::vector<TimeMs>* const out_;
  bool first_known_ = false;
  size_t change_on_ = 0;
  uint64_t difference_ = 0;
  uint64_t start_ = 0;
};

}  // namespace prom5::prometheus
