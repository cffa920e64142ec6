#include "store/remote/send_journal.h"

#include <array>
#include <charconv>

#include "io/codec/crc32c.h"

namespace prom5::remote {

namespace {

/// So many changes later the file is written anew.
constexpr size_t kMostLines = 10'000;

constexpr size_t kNumbers = 9;

std::string line_of(uint64_t meaning, size_t shards, size_t shard, const ShardState& s) {
  std::string line = fmt::format(
      "{} {} {} {} {} {} {} {} {}", shards, shard, s.acked.record.segment, s.acked.record.offset,
      s.acked.index, s.sent.record.segment, s.sent.record.offset, s.sent.index, meaning);
  return line + fmt::format(" {:08x}\n", codec::crc32c(line));
}

/// The numbers of a line whose checksum holds.
std::optional<std::array<uint64_t, kNumbers>> parse_line(std::string_view line) {
  const size_t sum = line.rfind(' ');
  if (sum == std::string_view::npos) return std::nullopt;
  if (line.substr(sum + 1) != fmt::format("{:08x}", codec::crc32c(line.substr(0, sum)))) {
    return std::nullopt;
  }
  std::array<uint64_t, kNumbers> out{};
  const char* at = line.data();
  const char* end = line.data() + sum;
  for (uint64_t& n : out) {
    const auto [next, error] = std::from_chars(at, end, n);
    if (error != std::errc()) return std::nullopt;
    at = next + (next < end ? 1 : 0);
  }
  return out;
}

}  // namespace

Result<std::vector<ShardState>> SendJournal::read() {
  const auto text = files_.read(path_);
  if (!text && text.error().code == ErrorCode::NotFound) return std::vector<ShardState>();
  if (!text) return std::unexpected(text.error());
  constexpr uint64_t kMostShards = 100'000;
  std::vector<ShardState> out;
  bool other_series = false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t newline = std::min(rest.find('\n'), rest.size());
    const auto n = parse_line(rest.substr(0, newline));
    rest.remove_prefix(std::min(newline + 1, rest.size()));
    if (!n || (*n)[0] > kMostShards || (*n)[1] >= (*n)[0]) continue;
    out.resize((*n)[0]);
    other_series = (*n)[8] != meaning_;
    out[(*n)[1]] = {{{(*n)[2], (*n)[3]}, static_cast<uint32_t>((*n)[4])},
                    {{(*n)[5], (*n)[6]}, static_cast<uint32_t>((*n)[7])}};
  }
  if (other_series) {
    Cursor least = out[0].acked;
    for (const ShardState& state : out) least = std::min(least, state.acked);
    out.assign(out.size(), ShardState{least, least});
  }
  return out;
}

Result<void> SendJournal::begin(const std::vector<ShardState>& shards) {
  std::string text;
  for (size_t i = 0; i < shards.size(); ++i) text += line_of(meaning_, shards.size(), i, shards[i]);
  TRY(files_.write_atomically(path_, text));
  // Whatever comes of opening it, the file has these shards now.
  shards_ = shards;
  lines_ = shards.size();
  file_.reset();
  file_ = TRY(files_.open_append(path_));
  return {};
}

Result<void> SendJournal::write(size_t shard, const ShardState& state) {
  shards_[shard] = state;
  if (file_ == nullptr || ++lines_ > kMostLines + shards_.size()) return begin(shards_);
  return file_->append(line_of(meaning_, shards_.size(), shard, state));
}

Result<void> remove_other_journals(io::FileSystem& files, const std::string& folder,
                                   const std::set<std::string>& kept) {
  const auto names = files.list(folder);
  if (!names && names.error().code == ErrorCode::NotFound) return {};
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name.ends_with(".journal") && !kept.contains(name)) TRY(files.remove(folder + "/" + name));
  }
  return {};
}

}  // namespace prom5::remote
