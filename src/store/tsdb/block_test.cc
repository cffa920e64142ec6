#include "store/tsdb/block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.h"
#include "io/file/memory_file_system.h"

namespace prom5::tsdb {

namespace {

using Model = std::map<Labels, SampleColumns>;

Labels random_labels(Rng& rng) {
  LabelsBuilder builder;
  builder.set(kMetricName, fmt::format("metric_{}", rng.below(4)));
  builder.set("instance", fmt::format("host-{}", rng.below(6)));
  if (rng.below(2) == 0) builder.set("mode", fmt::format("m{}", rng.below(3)));
  if (rng.below(3) == 0) builder.set("id", fmt::format("{}", rng.below(1000)));
  return builder.build();
}

SampleColumns random_samples(Rng& rng) {
  SampleColumns out;
  const bool some_histograms = rng.below(6) == 0;
  const size_t count = 1 + rng.below(700);
  TimeMs time{static_cast<int64_t>(rng.below(100'000))};
  for (size_t i = 0; i < count; ++i) {
    time = time + DurationMs{1 + static_cast<int64_t>(rng.below(20'000))};
    out.times.push_back(time);
    out.values.push_back(static_cast<double>(rng.below(1000)) / 8);
    if (!some_histograms) continue;
    out.histograms.resize(out.times.size());
    if (rng.below(2) == 0) continue;
    auto h = std::make_shared<Histogram>();
    h->sum = out.values.back();
    h->count = 3;
    h->positive_spans = {{static_cast<int32_t>(rng.below(5)), 2}};
    h->positive_counts = {1, 2};
    out.histograms.back() = std::move(h);
  }
  return out;
}

Model random_model(Rng& rng, size_t series) {
  Model model;
  while (model.size() < series) model.try_emplace(random_labels(rng), random_samples(rng));
  return model;
}

void write(io::FileSystem& files, const Model& model) {
  auto writer = BlockWriter::create(files, "b").value();
  for (const auto& [labels, samples] : model) ASSERT_TRUE(writer->add(labels, samples, {}));
  ASSERT_TRUE(writer->finish({.wal_segment = 7, .wal_until = {123}, .replaces = {3, 4}}));
}

void expect_same(const SampleColumns& got, const SampleColumns& want) {
  ASSERT_EQ(got.times, want.times);
  for (size_t i = 0; i < want.size(); ++i) {
    const bool histogram = !want.histograms.empty() && want.histograms[i];
    ASSERT_EQ(!got.histograms.empty() && got.histograms[i] != nullptr, histogram);
    if (histogram) {
      ASSERT_EQ(*got.histograms[i], *want.histograms[i]);
    } else {
      ASSERT_TRUE(same_bits(got.values[i], want.values[i]));
    }
  }
}

Result<SampleColumns> read_all(const Block& block, const Block::Series& series) {
  SampleColumns out;
  TimesCache times;
  for (const ChunkRef& chunk : series.chunks) TRY(block.read(chunk, times, out));
  return out;
}

Matcher random_matcher(Rng& rng) {
  constexpr std::string_view kNames[] = {kMetricName, "instance", "mode", "id", "absent"};
  constexpr std::string_view kValues[] = {
      "", "metric_1", "host-2", "m1", "m.*", ".+", "host-[0-3]", "metric_1|metric_3", "m0|", ".*"};
  const auto type = static_cast<MatchType>(rng.below(4));
  return Matcher::make(type, std::string(kNames[rng.below(std::size(kNames))]),
                       std::string(kValues[rng.below(std::size(kValues))]))
      .value();
}

}  // namespace

TEST(Block, GivesBackWhatWasWritten) {
  const uint64_t seed = 12;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (const size_t count : {1, 15, 16, 17, 100}) {
    io::MemoryFileSystem files;
    const Model model = random_model(rng, count);
    write(files, model);
    const auto block = Block::open(files, "b", 1);
    ASSERT_TRUE(block) << block.error().message;
    EXPECT_EQ((*block)->info().series, count);
    EXPECT_EQ((*block)->info().wal_segment, 7U);
    EXPECT_EQ((*block)->info().wal_until, TimeMs{123});
    EXPECT_EQ((*block)->info().replaces, (std::vector<uint64_t>{3, 4}));
    const auto ids = (*block)->select({}).value();
    ASSERT_EQ(ids.size(), count);
    auto want = model.begin();
    for (const uint32_t id : ids) {
      const auto series = (*block)->series(id).value();
      ASSERT_EQ(series.labels, want->first);
      expect_same(read_all(**block, series).value(), want->second);
      for (const ChunkRef& chunk : series.chunks) {
        EXPECT_GE(chunk.range.start, (*block)->info().range.start);
        EXPECT_LE(chunk.range.end, (*block)->info().range.end);
      }
      ++want;
    }
  }
}

TEST(Block, SelectsWhatTheMatchersSay) {
  const uint64_t seed = 5;
  Rng rng(seed);
  io::MemoryFileSystem files;
  const Model model = random_model(rng, 120);
  write(files, model);
  const auto block = Block::open(files, "b", 1).value();
  for (int i = 0; i < 2'000; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, selector {}", seed, i));
    std::vector<Matcher> matchers;
    for (uint64_t n = rng.below(4); n > 0; --n) matchers.push_back(random_matcher(rng));
    std::vector<Labels> want;
    for (const auto& [labels, samples] : model) {
      const bool all = std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& m) {
        return m.matches(labels.get(m.name()));
      });
      if (all) want.push_back(labels);
    }
    std::vector<Labels> got;
    const auto ids = block->select(matchers).value();
    for (const uint32_t id : ids) {
      got.push_back(block->series(id).value().labels);
    }
    ASSERT_EQ(got, want);
    std::set<std::string> names;
    std::set<std::string> ids_of;
    for (const Labels& labels : want) {
      for (const LabelView label : labels) names.emplace(label.name);
      if (labels.has("id")) ids_of.emplace(labels.get("id"));
    }
    ASSERT_EQ(block->label_names(matchers).value(), std::vector(names.begin(), names.end()));
    ASSERT_EQ(block->label_values("id", matchers).value(),
              std::vector(ids_of.begin(), ids_of.end()));
  }
  EXPECT_EQ(block->label_values("mode", {}).value(), (std::vector<std::string>{"m0", "m1", "m2"}));
  EXPECT_EQ(block->label_names({}).value(),
            (std::vector<std::string>{"__name__", "id", "instance", "mode"}));
  EXPECT_TRUE(block->label_values("absent", {}).value().empty());
}

TEST(Block, NoDamagedByteGivesAWrongValue) {
  const uint64_t seed = 8;
  Rng rng(seed);
  io::MemoryFileSystem files;
  const Model model = random_model(rng, 8);
  write(files, model);
  const std::string good = files.read("b").value();
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, flip {}", seed, i));
    const size_t at = rng.below(good.size());
    const auto bit = static_cast<char>(1 << rng.below(8));
    files.corrupt("b", [&](std::string& bytes) {
      bytes = good;
      bytes[at] ^= bit;
    });
    const auto block = Block::open(files, "b", 1);
    ASSERT_TRUE(block) << "there are two copies of the index";
    EXPECT_EQ((*block)->info().wal_until, TimeMs{123});
    EXPECT_EQ((*block)->verify().size(), 1U) << "every byte is covered by a checksum";
    auto want = model.begin();
    size_t damaged = 0;
    const auto ids = (*block)->select({}).value();
    for (const uint32_t id : ids) {
      const auto series = (*block)->series(id).value();
      ASSERT_EQ(series.labels, want->first);
      if (const auto samples = read_all(**block, series); samples) {
        expect_same(*samples, want->second);
      } else {
        EXPECT_EQ(samples.error().code, ErrorCode::Corruption);
        ++damaged;
      }
      ++want;
    }
    EXPECT_LE(damaged, 1U);
    EXPECT_EQ(want, model.end());
  }
}

TEST(Block, WithoutAnyIndexItIsRefused) {
  Rng rng(8);
  io::MemoryFileSystem files;
  write(files, random_model(rng, 8));
  const std::string good = files.read("b").value();
  const size_t spare = good.rfind("PROM5SPR");
  for (size_t at = spare; at < good.size(); at += 7) {
    files.corrupt("b", [&](std::string& bytes) {
      bytes = good;
      bytes[spare + (at - spare) % 40] ^= 1;  // both copies
      bytes[good.size() - 1 - (at % 90)] ^= 1;
    });
    const auto block = Block::open(files, "b", 1);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code, ErrorCode::Corruption);
  }
}

TEST(Block, CutShortIsRefused) {
  Rng rng(3);
  io::MemoryFileSystem files;
  const Model model = random_model(rng, 3);
  write(files, model);
  const std::string good = files.read("b").value();
  const size_t spare = good.rfind("PROM5SPR");
  for (size_t size = 0; size < good.size(); size += 1 + size / 8) {
    files.corrupt("b", [&](std::string& bytes) { bytes = good.substr(0, size); });
    const auto block = Block::open(files, "b", 1);
    if (block) {
      // Only the second index is cut.
      ASSERT_GT(size, spare);
      EXPECT_EQ((*block)->verify().size(), 1U);
      EXPECT_EQ((*block)->info().series, model.size());
      continue;
    }
    EXPECT_EQ(block.error().code, ErrorCode::Corruption);
  }
}

/// Where positions end, a block is refused: written all the same it could not be read, and those
/// that it replaces would be gone.
TEST(Block, WhatPositionsCannotTellIsRefused) {
  io::MemoryFileSystem files;
  SampleColumns samples;
  samples.times = {{1}, {2}};
  samples.values = {1, 2};
  const auto written = [&](uint64_t max_part_bytes, const std::string& value) {
    auto writer = BlockWriter::create(files, "b", max_part_bytes).value();
    for (char c = 'a'; c <= 'z'; ++c) {
      const Labels labels{{"__name__", "m"}, {"l", std::string(1, c) + value}};
      EXPECT_TRUE(writer->add(labels, samples, {}));
    }
    return writer->finish({});
  };
  EXPECT_TRUE(written(500, ""));
  EXPECT_EQ(written(500, std::string(30, 'x')).error().code, ErrorCode::LimitExceeded) << "labels";
  EXPECT_EQ(written(60, "").error().code, ErrorCode::LimitExceeded) << "series";
  EXPECT_EQ(written(20, "").error().code, ErrorCode::LimitExceeded);
}

}  // namespace prom5::tsdb
