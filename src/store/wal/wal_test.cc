#include "store/wal/wal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/rng.h"
#include "io/file/memory_file_system.h"
#include "store/wal/segment.h"

namespace prom5::wal {

namespace {

using Options = WalWriter::Options;

struct Contents {
  std::vector<std::string> payloads;
  WalReadStats stats;
};

Contents read_all(io::FileSystem& files) {
  Contents out;
  out.stats = read_wal(files, "wal", [&](uint64_t, std::string_view payload) -> Result<void> {
                out.payloads.emplace_back(payload);
                return {};
              }).value();
  return out;
}

Result<void> put(WalWriter& wal, std::string_view payload, std::string definitions = "") {
  return wal.append({.definitions = [&](uint64_t) { return definitions; },
                     .payload = payload,
                     .written = [](uint64_t) {}});
}

std::string random_bytes(Rng& rng) {
  std::string out(1 + rng.below(200), '\0');
  for (char& c : out) c = static_cast<char>(rng.next());
  return out;
}

}  // namespace

TEST(Wal, RoundTripOverSegmentsAndReopens) {
  const uint64_t seed = 21;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  io::MemoryFileSystem files;
  std::vector<std::string> want;
  for (int life = 0; life < 3; ++life) {
    auto wal = WalWriter::open(files, "wal", Options{.segment_bytes = 500}).value();
    for (int i = 0; i < 30; ++i) {
      want.push_back(random_bytes(rng));
      ASSERT_TRUE(put(*wal, want.back()));
    }
  }
  const Contents got = read_all(files);
  EXPECT_EQ(got.payloads, want);
  EXPECT_EQ(got.stats.records, want.size());
  EXPECT_EQ(got.stats.damaged, 0U);
  EXPECT_GT(got.stats.segments, 3U);
}

TEST(Wal, DefinitionsComeTwiceBeforeTheirPayload) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*wal, "samples", "series"));
  ASSERT_TRUE(put(*wal, "more"));
  const std::vector<std::string> want = {"series", "series", "samples", "more"};
  EXPECT_EQ(read_all(files).payloads, want);
}

TEST(Wal, TornTailCostsOnlyTheLastRecord) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*wal, "first"));
  ASSERT_TRUE(put(*wal, "second"));
  wal.reset();
  const std::string path = "wal/" + segment_name(1);
  const std::string whole = files.read(path).value();
  const size_t first_ends = 12 + 5;
  for (size_t n = 0; n < whole.size(); ++n) {
    ASSERT_TRUE(files.write_atomically(path, whole.substr(0, n)));
    const Contents got = read_all(files);
    EXPECT_EQ(got.payloads.size(), n < first_ends ? 0U : 1U) << n;
    EXPECT_EQ(got.stats.damaged, n == 0 || n == first_ends ? 0U : 1U) << n;
  }
  auto next = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*next, "third"));
  EXPECT_EQ(read_all(files).payloads, (std::vector<std::string>{"first", "third"}));
}

TEST(Wal, EveryFlippedBitIsFoundAndCostsOneRecord) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  const std::vector<std::string> want = {"alpha", "beta", "gamma"};
  for (const std::string& p : want) ASSERT_TRUE(put(*wal, p));
  wal.reset();
  const std::string path = "wal/" + segment_name(1);
  const std::string good = files.read(path).value();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(files.write_atomically(path, bad));
    const Contents got = read_all(files);
    EXPECT_EQ(got.payloads.size(), 2U) << bit;
    EXPECT_EQ(got.stats.damaged, 1U) << bit;
    for (const std::string& p : got.payloads) {
      EXPECT_NE(std::find(want.begin(), want.end(), p), want.end()) << bit;
    }
  }
}

/// Pushed text that has the form of a record, and records of other places, are none where they
/// stand.
TEST(Wal, RecordsHoldAtTheirPlaceAlone) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*wal, "first"));
  std::string forged;
  encode("forged", {1, 0}, forged);
  ASSERT_TRUE(put(*wal, "a label value: " + forged));
  ASSERT_TRUE(put(*wal, "last"));
  wal.reset();
  const std::string path = "wal/" + segment_name(1);
  const std::string good = files.read(path).value();
  std::string bad = good;
  bad[kHeaderBytes + 5 + kHeaderBytes] ^= 1;
  ASSERT_TRUE(files.write_atomically(path, bad));
  EXPECT_EQ(read_all(files).payloads, (std::vector<std::string>{"first", "last"}));

  ASSERT_TRUE(files.write_atomically(path, good.substr(kHeaderBytes + 5)));
  EXPECT_TRUE(read_all(files).payloads.empty());
  ASSERT_TRUE(files.remove(path));
  ASSERT_TRUE(files.write_atomically("wal/" + segment_name(2), good));
  EXPECT_TRUE(read_all(files).payloads.empty());
}

TEST(Wal, PowerCutLosesNothingAcknowledged) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    io::FaultyFileSystem files;
    auto wal = WalWriter::open(files, "wal", Options{.segment_bytes = 700}).value();
    files.fail_from(1 + rng.below(60));
    std::vector<std::string> acknowledged;
    for (int i = 0; i < 40; ++i) {
      const std::string payload = random_bytes(rng);
      if (put(*wal, payload)) acknowledged.push_back(payload);
    }
    wal.reset();
    files.power_cut(seed);
    files.fail_from(0);
    const Contents got = read_all(files);
    for (const std::string& p : acknowledged) {
      EXPECT_NE(std::find(got.payloads.begin(), got.payloads.end(), p), got.payloads.end());
    }
    EXPECT_LE(got.payloads.size(), acknowledged.size() + 1);
  }
}

/// sync() makes everything appended so far durable, segments before the current one included.
TEST(Wal, BackgroundSyncCoversSegmentsLeftBehind) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    io::FaultyFileSystem files;
    const Options options{.segment_bytes = 100, .sync = WalWriter::Sync::Background};
    auto wal = WalWriter::open(files, "wal", options).value();
    std::vector<std::string> want;
    for (int i = 0; i < 10; ++i) {
      want.push_back(std::string(90, static_cast<char>('a' + i)));
      ASSERT_TRUE(put(*wal, want.back()));
    }
    ASSERT_GT(wal->current_segment(), 2U);
    ASSERT_TRUE(wal->sync());
    wal.reset();
    files.power_cut(seed);
    EXPECT_EQ(read_all(files).payloads, want);
  }
}

TEST(Wal, WritingGoesOnAfterAFailure) {
  io::FaultyFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*wal, "one"));
  files.fail_from(1);
  EXPECT_EQ(put(*wal, "two").error().code, ErrorCode::Io);
  files.fail_from(0);
  ASSERT_TRUE(put(*wal, "three"));
  EXPECT_EQ(read_all(files).payloads, (std::vector<std::string>{"one", "three"}));
}

namespace {

/// The first sync waits until two batches are written, and fails; later ones succeed, as fsync does
/// once the kernel has dropped the pages.
class FirstSyncFails final : public io::MemoryFileSystem {
 public:
  std::atomic<int> appends{0};

 private:
  Result<void> before(std::string_view operation, const std::string& path) override {
    if (operation == "write") {
      appends.fetch_add(1);
      appends.notify_all();
    }
    if (operation != "sync" || path == "wal" || failed_.exchange(true)) return {};
    for (int n = appends.load(); n < 2; n = appends.load()) appends.wait(n);
    return fail(ErrorCode::Io, "sync: Input/output error");
  }

  std::atomic<bool> failed_{false};
};

}  // namespace

TEST(Wal, AFailedSyncFailsAllThatItWasToCover) {
  FirstSyncFails files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> writers;
    for (const char* payload : {"one", "two"}) {
      writers.emplace_back([&, payload] {
        if (!put(*wal, payload)) refused.fetch_add(1);
      });
    }
  }
  EXPECT_EQ(refused.load(), 2);
  EXPECT_TRUE(put(*wal, "three"));
  EXPECT_EQ(wal->current_segment(), 2U) << "the file whose sync failed is written no more";
}

TEST(Wal, RemoveBeforeKeepsTheCurrentSegment) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", Options{.segment_bytes = 1}).value();
  for (const char* p : {"a", "b", "c"}) ASSERT_TRUE(put(*wal, p));
  EXPECT_EQ(wal->current_segment(), 3U);
  ASSERT_TRUE(wal->remove_before(2));
  EXPECT_EQ(read_all(files).payloads, (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(wal->remove_before(100));
  EXPECT_EQ(read_all(files).payloads, (std::vector<std::string>{"c"}));
  EXPECT_EQ(wal->total_bytes(), 13U);
}

TEST(Wal, AnErrorOfTheReaderNamesSegmentAndOffset) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*wal, "12345"));
  ASSERT_TRUE(put(*wal, "stop"));
  const auto got = read_wal(files, "wal", [](uint64_t, std::string_view p) -> Result<void> {
    if (p == "stop") return fail(ErrorCode::Corruption, "no");
    return {};
  });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error(), (Error{ErrorCode::Corruption, "wal segment 1, offset 17: no"}));
}

TEST(Wal, RemovedSegmentsStayGone) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    io::FaultyFileSystem files;
    auto wal = WalWriter::open(files, "wal", {}).value();
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(put(*wal, "x"));
      ASSERT_TRUE(wal->rotate());
    }
    ASSERT_TRUE(wal->remove_before(4));
    files.fail_from(1);
    wal.reset();
    files.power_cut(seed);
    EXPECT_EQ(list_segments(files, "wal").value(), (std::vector<uint64_t>{4, 5})) << seed;
  }
}

/// What could not be made durable is made so by the next removal.
TEST(Wal, RemovalsAreSyncedAgain) {
  io::FaultyFileSystem files;
  auto wal = WalWriter::open(files, "wal", {}).value();
  ASSERT_TRUE(put(*wal, "x"));
  ASSERT_TRUE(wal->rotate());
  files.fail_from(2);
  EXPECT_FALSE(wal->remove_before(2));
  files.fail_from(0);
  ASSERT_TRUE(wal->remove_before(2));
  const uint64_t before = files.changes();
  ASSERT_TRUE(wal->remove_before(2));
  EXPECT_EQ(files.changes(), before);
  for (uint64_t seed = 0; seed < 30; ++seed) {
    files.power_cut(seed);
    EXPECT_EQ(list_segments(files, "wal").value(), (std::vector<uint64_t>{2})) << seed;
  }
}

TEST(Wal, ARecordThatIsTooLongIsRefused) {
  io::MemoryFileSystem files;
  auto wal = WalWriter::open(files, "wal", Options{.max_record_bytes = 10}).value();
  ASSERT_TRUE(put(*wal, "0123456789", "0123456789"));
  EXPECT_EQ(put(*wal, "01234567890").error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(put(*wal, "x", "01234567890").error().code, ErrorCode::LimitExceeded);
  ASSERT_TRUE(put(*wal, "after"));
  const Contents got = read_all(files);
  EXPECT_EQ(got.payloads.back(), "after");
  EXPECT_EQ(got.payloads.size(), 4U);
  EXPECT_EQ(got.stats.damaged, 0U);
}

namespace {

/// A server removes a segment between the look at the folder and the look at the file.
class SegmentGoes final : public io::MemoryFileSystem {
 public:
  Result<std::shared_ptr<const io::MappedFile>> map(const std::string& path) override {
    static_cast<void>(remove("wal/" + segment_name(1)));
    return MemoryFileSystem::map(path);
  }
};

}  // namespace

TEST(Wal, ASegmentThatIsRemovedMeanwhileIsPassedOver) {
  SegmentGoes files;
  auto wal = WalWriter::open(files, "wal", Options{.segment_bytes = 1}).value();
  for (const char* p : {"a", "b"}) ASSERT_TRUE(put(*wal, p));
  EXPECT_EQ(read_all(files).payloads, (std::vector<std::string>{"b"}));
}

namespace {

/// One segment cannot be removed.
class SegmentSticks final : public io::FaultyFileSystem {
 public:
  Result<void> remove(const std::string& path) override {
    if (path == "wal/" + segment_name(1)) return fail(ErrorCode::Io, "remove {}: busy", path);
    return FaultyFileSystem::remove(path);
  }
};

}  // namespace

TEST(Wal, ASegmentThatStaysHoldsUpNoOther) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    SegmentSticks files;
    auto wal = WalWriter::open(files, "wal", Options{.segment_bytes = 1}).value();
    for (const char* p : {"a", "b", "c", "d"}) ASSERT_TRUE(put(*wal, p));
    ASSERT_TRUE(wal->remove_before(4));
    EXPECT_EQ(wal->total_bytes(), 13U);
    wal.reset();
    files.power_cut(seed);
    const Contents got = read_all(files);
    EXPECT_EQ(got.payloads, (std::vector<std::string>{"d"}));
    EXPECT_EQ(got.stats.damaged, 0U);
    EXPECT_EQ(list_segments(files, "wal").value(), (std::vector<uint64_t>{1, 4}));
  }
}

}  // namespace prom5::wal
