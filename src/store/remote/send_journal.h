#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/file/file_system.h"
#include "store/wal/follower.h"

namespace prom5::remote {

/// A place between two items of the log: behind the item `index` of the record at `record`.
struct Cursor {
  wal::Position record;
  uint32_t index = 0;

  friend auto operator<=>(const Cursor&, const Cursor&) = default;
};

/// How far a shard has come: what is up to `acked` is with the receiver or given up; what is
/// between that and `sent` is in one request, of which nobody knows whether it arrived.
struct ShardState {
  Cursor acked;
  Cursor sent;

  friend bool operator==(const ShardState&, const ShardState&) = default;
};

/// The states of a sender's shards, on disk, so that it goes on after a kill where it was. A change
/// is a line at the file's end. One thread.
class SendJournal {
 public:
  /// `meaning` tells which series a shard has, beside their number: the rules that make labels.
  SendJournal(io::FileSystem& files, std::string path, uint64_t meaning)
      : files_(files), path_(std::move(path)), meaning_(meaning) {}

  /// What was written last; empty without a journal. A line that is torn is passed over. When
  /// shards had other series, all begin where the one that lags most is.
  Result<std::vector<ShardState>> read();
  /// Begins anew with these shards.
  Result<void> begin(const std::vector<ShardState>& shards);
  Result<void> write(size_t shard, const ShardState& state);

 private:
  io::FileSystem& files_;
  const std::string path_;
  const uint64_t meaning_;
  std::vector<ShardState> shards_;
  std::unique_ptr<io::WritableFile> file_;
  size_t lines_ = 0;
};

/// Removes the journals in a folder whose names are not among `kept`: of senders that are not
/// configured any more, which would point into a log that has gone on without them. A folder that
/// is not there has none.
Result<void> remove_other_journals(io::FileSystem& files, const std::string& folder,
                                   const std::set<std::string>& kept);

}  // namespace prom5::remote
