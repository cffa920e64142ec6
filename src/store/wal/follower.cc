#include "store/wal/follower.h"

#include <algorithm>

namespace prom5::wal {

namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

}  // namespace

Result<bool> Follower::fill() {
  const std::string path = directory_ + "/" + segment_name(position_.segment);
  const bool same = buffer_segment_ == position_.segment && position_.offset >= buffer_offset_ &&
                    position_.offset <= buffer_offset_ + buffer_.size();
  if (same) {
    buffer_.erase(0, position_.offset - buffer_offset_);
  } else {
    buffer_.clear();
  }
  buffer_segment_ = position_.segment;
  buffer_offset_ = position_.offset;
  auto more = files_.read_at(path, buffer_offset_ + buffer_.size(), kReadBytes);
  if (!more && more.error().code == ErrorCode::NotFound) return false;
  if (!more) return std::unexpected(more.error());
  buffer_ += *more;
  return !more->empty();
}

/// Goes on to the next segment that is there. The one that is being written is the last: as long as
/// there is none behind it, what is missing may still come.
Result<bool> Follower::next_segment() {
  const std::vector<uint64_t> segments = TRY(list_segments(files_, directory_));
  const auto next = std::upper_bound(segments.begin(), segments.end(), position_.segment);
  if (next == segments.end()) return false;
  if (position_.segment > 0) missed_segments_ += *next - position_.segment - 1;
  position_ = {*next, 0};
  return true;
}

Result<std::optional<Follower::Record>> Follower::next() {
  for (;;) {
    const bool here = buffer_segment_ == position_.segment && position_.offset >= buffer_offset_ &&
                      position_.offset <= buffer_offset_ + buffer_.size();
    const std::string_view rest =
        here ? std::string_view(buffer_).substr(position_.offset - buffer_offset_)
             : std::string_view();
    if (const auto payload = intact_record(rest, position_)) {
      Record record{position_, position_, *payload};
      record.end.offset += kHeaderBytes + payload->size();
      position_ = record.end;
      return record;
    }
    // The record may be longer than what is in the buffer.
    if (TRY(fill())) continue;
    // All is read that is there. In a segment that is over, what is not intact is damage.
    const auto segments = TRY(list_segments(files_, directory_));
    const bool last = segments.empty() || position_.segment >= segments.back();
    // What is not whole may be taken back, where writing failed, and written anew.
    const auto whole = record_bytes(buffer_);
    if (!last || !whole || *whole > buffer_.size()) buffer_.clear();
    if (last) return std::nullopt;
    // Nothing is written to it any more.
    while (TRY(fill())) {
    }
    if (intact_record(buffer_, position_)) continue;
    if (const size_t next = find_record(buffer_, 1, position_); next < buffer_.size()) {
      position_.offset = buffer_offset_ + next;
      continue;
    }
    if (!TRY(next_segment())) return std::nullopt;
  }
}

Result<Position> end_of_log(io::FileSystem& files, const std::string& directory) {
  const auto segments = TRY(list_segments(files, directory));
  if (segments.empty()) return Position{};
  return Position{segments.back(),
                  TRY(files.size(directory + "/" + segment_name(segments.back())))};
}

}  // namespace prom5::wal
