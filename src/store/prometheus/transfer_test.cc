#include "store/prometheus/transfer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "io/file/file_system.h"
#include "store/prometheus/big_endian.h"
#include "store/prometheus/block.h"

namespace prom5::prometheus {

namespace {

constexpr TimeMs kBegin{1'700'000'000'000};
constexpr DurationMs kStep = DurationMs::seconds(15);

TimeMs at(size_t step) { return kBegin + DurationMs{kStep.ms * static_cast<int64_t>(step)}; }

/// Times and start timestamps of each series.
using Starts = std::map<std::string, std::vector<std::pair<TimeMs, TimeMs>>>;

/// A folder that goes away with the test.
struct Folder {
  std::string path = testing::TempDir() + "/importXXXXXX";

  Folder() { EXPECT_NE(mkdtemp(path.data()), nullptr); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
};

/// A data directory of Prometheus, and a place for what is imported from it. On disk, since blocks
/// are found as folders, which files in memory do not have.
struct House {
  Folder folder;
  io::PosixFileSystem files;
  const std::string theirs = folder.path + "/theirs";
  const std::string ours = folder.path + "/ours";
  Log log{LogLevel::Error, LogFormat::Logfmt, [](std::string_view) {}};
  tsdb::BlockSet blocks{files, ours + "/blocks", log};

  House() {
    EXPECT_TRUE(files.make_directories(theirs + "/wal"));
    EXPECT_TRUE(files.make_directories(theirs + "/wbl"));
    EXPECT_TRUE(files.make_directories(ours + "/blocks"));
    EXPECT_TRUE(blocks.open());
  }

  void add_block(const Labels& labels, const SampleColumns& samples, std::span<const TimeMs> starts,
                 uint64_t random = 1) {
    const auto writer = BlockWriter::create(files, theirs, kBegin, random).value();
    ASSERT_TRUE(writer->add(labels, samples, starts));
    ASSERT_TRUE(writer->finish());
  }

  /// A segment of a log with these records.
  void add_segment(std::string_view log_name, const std::vector<std::string>& records) {
    std::string out;
    for (const std::string& record : records) {
      out.push_back('\x01');  // whole, not compressed
      put_be(out, record.size(), 2);
      put_be(out, codec::crc32c(record), 4);
      out += record;
    }
    ASSERT_TRUE(files.write_atomically(fmt::format("{}/{}/00000000", theirs, log_name), out));
  }

  Starts import() {
    const auto done =
        import_directory(files, theirs, blocks, ours + "/imported", [](const auto&) {});
    EXPECT_TRUE(done) << done.error().message;
    if (!done) return {};
    EXPECT_EQ(done->damage, std::vector<std::string>());
    Starts out;
    for (const auto& block : blocks.blocks()) {
      for (uint32_t number = 0; number < block->info().series; ++number) {
        const auto series = block->series(number).value();
        const auto damaged = [](const Error& error) { ADD_FAILURE() << error.message; };
        tsdb::TimesCache times;
        SampleColumns samples;
        block->read({}, series, tsdb::Column::Samples, {}, times, damaged, samples);
        std::vector<TimeMs> starts;
        block->starts(series, damaged).of(samples.times, starts);
        starts.resize(samples.size(), kNoStart);
        auto& all = out[series.labels.to_string()];
        for (size_t i = 0; i < samples.size(); ++i) all.emplace_back(samples.times[i], starts[i]);
      }
    }
    return out;
  }
};

std::string series_record(uint64_t ref, std::string_view name) {
  std::string out = "\x01";
  put_be(out, ref, 8);
  codec::ByteWriter writer(out);
  writer.varint(1);
  writer.sized_bytes("__name__");
  writer.sized_bytes(name);
  return out;
}

/// A record with start timestamps, and one without.
std::string sample_record(uint64_t ref, TimeMs time, TimeMs start) {
  std::string out = "\x0b";
  codec::ByteWriter writer(out);
  writer.svarint(static_cast<int64_t>(ref));
  writer.svarint(time.ms);
  writer.svarint(start.ms);
  put_be(out, std::bit_cast<uint64_t>(1.5), 8);
  return out;
}

std::string plain_record(uint64_t ref, TimeMs time) {
  std::string out = "\x02";
  put_be(out, ref, 8);
  put_be(out, static_cast<uint64_t>(time.ms), 8);
  out += std::string(2, '\0');  // no differences
  put_be(out, std::bit_cast<uint64_t>(2.5), 8);
  return out;
}

}  // namespace

TEST(PrometheusImport, StartTimestampsOfBlocks) {
  House house;
  SampleColumns samples;
  std::vector<TimeMs> starts;
  Starts want;
  for (size_t i = 0; i < 500; ++i) {
    samples.times.push_back(at(i));
    samples.values.push_back(static_cast<double>(i % 7));
    // Two runs of a process, of the first of which nothing is known in the beginning.
    starts.push_back(i < 20 ? kNoStart : i < 300 ? at(10) : at(299));
    want[R"({__name__="a_total"})"].emplace_back(samples.times.back(), starts.back());
    want[R"({__name__="b_total"})"].emplace_back(samples.times.back(), starts.back());
    want[R"({__name__="c"})"].emplace_back(samples.times.back(), kNoStart);
  }
  house.add_block({{"__name__", "a_total"}}, samples, starts, 1);
  house.add_block({{"__name__", "c"}}, samples, {}, 3);
  samples.histograms.resize(samples.size(), std::make_shared<Histogram>());
  samples.values.assign(samples.size(), 0);
  house.add_block({{"__name__", "b_total"}}, samples, starts, 2);
  EXPECT_EQ(house.import(), want);
}

TEST(PrometheusImport, StartTimestampsOfTheLogs) {
  House house;
  house.add_segment("wal", {
                               series_record(7, "a_total"),
                               sample_record(7, at(0), at(0) - kStep),
                               sample_record(7, at(1), at(0) - kStep),
                               sample_record(7, at(4), at(3)),
                               plain_record(7, at(5)),
                               sample_record(7, at(6), at(3)),
                           });
  house.add_segment("wbl", {
                               sample_record(7, at(3), at(2)),
                               plain_record(7, at(2)),
                           });
  const Starts want = {{R"({__name__="a_total"})",
                        {{at(0), at(0) - kStep},
                         {at(1), at(0) - kStep},
                         {at(2), kNoStart},
                         {at(3), at(2)},
                         {at(4), at(3)},
                         {at(5), kNoStart},
                         {at(6), at(3)}}}};
  EXPECT_EQ(house.import(), want);
}

TEST(PrometheusImport, TimesThatCannotBeStartTimestampsAreNone) {
  House house;
  SampleColumns samples;
  samples.times = {at(0), at(1), at(2), at(3)};
  samples.values = {1, 2, 3, 4};
  const std::vector<TimeMs> starts = {{-1}, at(0), TimeMs::max(), TimeMs::min()};
  house.add_block({{"__name__", "a_total"}}, samples, starts);
  const Starts want = {{R"({__name__="a_total"})",
                        {{at(0), kNoStart}, {at(1), at(0)}, {at(2), kNoStart}, {at(3), kNoStart}}}};
  EXPECT_EQ(house.import(), want);
}

}  // namespace prom5::prometheus
