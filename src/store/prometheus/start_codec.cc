#include "store/prometheus/start_codec.h"

#include <algorithm>

#include "model/sample.h"
#include "store/prometheus/bit_codec.h"

namespace prom5::prometheus {

namespace {

constexpr uint8_t kFirstKnown = 0x80;
constexpr uint8_t kChangeMask = 0x7F;

uint64_t bits_of(TimeMs time) { return static_cast<uint64_t>(time.ms); }

}  // namespace

StartWriter::StartWriter(std::span<const TimeMs> starts) : starts_(starts) {
  if (starts.empty()) return;
  if (starts[0] != kNoStart) header_ = kFirstKnown;
  const auto change = std::ranges::adjacent_find(starts, std::ranges::not_equal_to());
  size_t change_on = static_cast<size_t>(change - starts.begin()) + 1;
  if (change == starts.end()) change_on = starts.size();
  change_on = std::min<size_t>(change_on, kChangeMask);
  if (change_on < starts.size()) header_ |= static_cast<uint8_t>(change_on);
}

void StartWriter::put(codec::BitWriter& out, size_t sample, TimeMs time, TimeMs before) {
  if (sample == 0) {
    if (starts_[0] != kNoStart) {
      put_varint(out, static_cast<int64_t>(bits_of(time) - bits_of(starts_[0])));
    }
    return;
  }
  const size_t change_on = header_ & kChangeMask;
  if (change_on == 0 || sample < change_on) return;
  const uint64_t difference = bits_of(before) - bits_of(starts_[sample]);
  put_varbit_int(out, static_cast<int64_t>(difference - difference_));
  difference_ = difference;
}

void StartReader::set_header(uint8_t header) {
  first_known_ = (header & kFirstKnown) != 0;
  change_on_ = header & kChangeMask;
}

void StartReader::read(codec::BitReader& in, size_t sample, uint64_t time, uint64_t before) {
  if (sample == 0) {
    if (first_known_) start_ = time - static_cast<uint64_t>(get_varint(in));
  } else if (change_on_ > 0 && sample >= change_on_) {
    difference_ += static_cast<uint64_t>(get_varbit_int(in));
    start_ = before - difference_;
  }
  if (out_ != nullptr) out_->push_back({static_cast<int64_t>(start_)});
}

}  // namespace prom5::prometheus
