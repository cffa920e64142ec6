#pragma once

#include <bit>
#include <cstdint>

#include "io/codec/bits.h"

namespace prom5::prometheus {

// The codes that Prometheus' chunks are made of (tsdb/docs/format/chunks.md, tsdb/chunkenc).

/// LEB128 in a stream of bits, not aligned.
void put_uvarint(codec::BitWriter& out, uint64_t v);
void put_varint(codec::BitWriter& out, int64_t v);
uint64_t get_uvarint(codec::BitReader& in);
int64_t get_varint(codec::BitReader& in);

/// Prefix codes of 1 to 72 bits.
void put_varbit_int(codec::BitWriter& out, int64_t v);
void put_varbit_uint(codec::BitWriter& out, uint64_t v);
int64_t get_varbit_int(codec::BitReader& in);
uint64_t get_varbit_uint(codec::BitReader& in);

/// The low `width` bits as a signed number of which the greatest power of two is positive.
int64_t signed_of(uint64_t bits, unsigned width);

/// A sequence of floats, each as its difference to the one before (Gorilla, VLDB 2015).
class XorWriter {
 public:
  void first(codec::BitWriter& out, double v);
  void next(codec::BitWriter& out, double v);

 private:
  uint64_t last_ = 0;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
  bool window_ = false;
};

/// Reads what XorWriter wrote.
class XorReader {
 public:
  double first(codec::BitReader& in);
  /// False when the bits are no such sequence.
  bool next(codec::BitReader& in, double& v);

 private:
  uint64_t last_ = 0;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
};

}  // namespace prom5::prometheus
