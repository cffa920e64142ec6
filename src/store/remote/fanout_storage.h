#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "store/remote/remote_read.h"

namespace prom5::remote {

/// The local storage, and what other servers add to its samples: what queries look at. Any thread.
///
/// Of a time that several have, the local sample stays, then that of the server that is configured
/// first. A server that does not answer costs a warning, not the query. What is written, and label
/// names, label values, metadata and exemplars, are local alone: the protocol has no question for
/// these. Prometheus says so in a warning on each of those answers, which tells nobody anything
/// new.
///
/// Without servers to ask, it gives out the local storage's own queriers.
class FanoutStorage final : public Storage {
 public:
  /// `local_from`: from when on the local samples are complete, as far as is known. Called for each
  /// query while there are servers.
  FanoutStorage(Storage& local, std::function<TimeMs()> local_from,
                const RemoteReader::Services& services);

  /// Replaces the servers; queries under way go on with those they began with. Not from two threads
  /// at a time.
  void apply(const std::vector<ReadOptions>& options, const ExternalLabels& external)
      EXCLUDES(mutex_);

  std::unique_ptr<Appender> appender() override { return local_.appender(); }
  Result<std::unique_ptr<Querier>> querier(TimeRange range) override EXCLUDES(mutex_);
  [[nodiscard]] bool asks_other_servers() const override { return any_; }
  ChangeHistory::Mark mark_changes() override { return local_.mark_changes(); }
  /// Nobody tells when the samples of other servers change: while there are any, all may have.
  [[nodiscard]] TimeMs changed_since(ChangeHistory::Mark mark) const override;
  [[nodiscard]] std::vector<SeriesExemplars> exemplars(
      TimeRange range, std::span<const std::vector<Matcher>> selectors) const override {
    return local_.exemplars(range, selectors);
  }
  [[nodiscard]] MetadataMap metadata() const override { return local_.metadata(); }

 private:
  using Readers = std::vector<std::shared_ptr<const RemoteReader>>;

  Storage& local_;
  const std::function<TimeMs()> local_from_;
  const RemoteReader::Services services_;
  std::atomic<bool> any_ = false;  ///< whether there may be servers: most have none
  /// Marks below it are from before the servers were others.
  std::atomic<ChangeHistory::Mark> marks_from_ = 0;
  mutable Mutex mutex_;
  std::shared_ptr<const Readers> readers_ GUARDED_BY(mutex_);  // shared with queries under way
};

}  // namespace prom5::remote
