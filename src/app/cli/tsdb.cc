#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "app/api/parameters.h"
#include "app/cli/command.h"
#include "io/codec/number.h"
#include "query/engine.h"
#include "store/prometheus/transfer.h"
#include "store/tsdb/db.h"
#include "store/wal/wal.h"

namespace prom5::cli {

namespace {

constexpr Flag kPath = {"storage.tsdb.path", FlagKind::Text, "data/", "Directory of the database."};

constexpr std::array kPathOnly = std::to_array<Flag>({kPath});
constexpr std::array kSelection = std::to_array<Flag>({
    kPath,
    {"match", FlagKind::Text, "", "Selector of the series; none: all."},
    {"min-time", FlagKind::Text, "", "First time, as Unix seconds or RFC 3339; none: the oldest."},
    {"max-time", FlagKind::Text, "", "Last time, in the same forms; none: the newest."},
});

std::string data_path(const Flags& flags) {
  std::string path = flags.text("storage.tsdb.path");
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

int complain_of(const Error& error) {
  const bool busy = error.code == ErrorCode::Unavailable;
  return complain(error.message + (busy ? "; a server uses it: stop it, or work on a snapshot "
                                          "(POST /api/v1/admin/tsdb/snapshot)"
                                        : ""),
                  kFailure);
}

void print_progress(const std::string& line) { fmt::print(stderr, "{}\n", line); }

std::string utc(TimeMs time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(time.ms / 1000)));
}

/// A data directory with nobody else in it, opened for a command.
struct Database {
  io::PosixFileSystem files;
  SystemClock clock;
  MetricRegistry metrics;
  Log log{LogLevel::Warn, LogFormat::Logfmt,
          [](std::string_view line) { fmt::print(stderr, "{}", line); }};
  std::unique_ptr<tsdb::Db> db;

  Result<void> open(const Flags& flags) {
    tsdb::Options options;
    options.path = data_path(flags);
    options.retention = {};         // nothing goes because it was looked at
    TRY(files.size(options.path));  // or it would be created
    db = TRY(tsdb::Db::open(options, clock, files, metrics, log));
    return {};
  }

  [[nodiscard]] TimeRange range() const {
    TimeRange out = db->stats(0).range;
    for (const auto& block : db->blocks()) {
      out.start = std::min(out.start, block->info().range.start);
      out.end = std::max(out.end, block->info().range.end);
    }
    return out;
  }
};

/// The folders of blocks alone, locked.
struct Blocks {
  io::PosixFileSystem files;
  Log log{LogLevel::Warn, LogFormat::Logfmt,
          [](std::string_view line) { fmt::print(stderr, "{}", line); }};
  std::unique_ptr<io::FileLock> lock;
  std::unique_ptr<tsdb::BlockSet> set;
  std::unique_ptr<tsdb::Tiers> tiers;
  size_t damaged = 0;

  Result<void> open(const std::string& path) {
    TRY(files.make_directories(path + "/blocks"));
    lock = TRY(files.lock(path + "/lock"));
    set = std::make_unique<tsdb::BlockSet>(files, path + "/blocks", log);
    tiers = std::make_unique<tsdb::Tiers>(files, path + "/rollups", log);
    damaged = TRY(set->open()) + TRY(tiers->open());
    return {};
  }

  /// Of samples, then of each tier.
  [[nodiscard]] std::vector<tsdb::BlockSet*> all() const {
    std::vector<tsdb::BlockSet*> out = {set.get()};
    for (size_t tier = 0; tier < tsdb::kTiers; ++tier) out.push_back(&tiers->blocks(tier));
    return out;
  }
};

struct Selection {
  std::vector<Matcher> matchers;
  TimeRange range;
};

Result<Selection> selection(const Flags& flags, TimeRange all) {
  Selection out;
  out.range = all;
  if (const std::string& match = flags.text("match"); !match.empty()) {
    out.matchers = TRY(query::parse_series_selector(match));
  }
  if (!flags.text("min-time").empty()) {
    out.range.start = std::max(all.start, TRY(api::parse_time(flags.text("min-time"))));
  }
  if (!flags.text("max-time").empty()) {
    out.range.end = std::min(all.end, TRY(api::parse_time(flags.text("max-time"))));
  }
  return out;
}

int finish(const prometheus::TransferStats& stats, std::string_view what) {
  fmt::print("{}: {} blocks, {} series, {} samples\n", what, stats.blocks, stats.series,
             stats.samples);
  for (const std::string& damage : stats.damage) complain(damage, kFailure);
  return stats.damage.empty() ? kGood : kFailure;
}

}  // namespace

const std::span<const Flag> kTsdbFlags = kPathOnly;
const std::span<const Flag> kTsdbDumpFlags = kSelection;

int run_tsdb_import(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("tsdb import needs the DIRECTORY of a Prometheus", kWrongUse);
  }
  Blocks blocks;
  if (auto opened = blocks.open(data_path(flags)); !opened) return complain_of(opened.error());
  const auto stats =
      prometheus::import_directory(blocks.files, flags.arguments()[0], *blocks.set, print_progress);
  if (!stats) return complain_of(stats.error());
  // What came may lie in days that are summed up already.
  if (auto forgotten = blocks.tiers->forget_all_days(); !forgotten) {
    return complain_of(forgotten.error());
  }
  return finish(*stats, "imported");
}

int run_tsdb_export(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("tsdb export needs a DIRECTORY to write to", kWrongUse);
  }
  Database database;
  if (auto opened = database.open(flags); !opened) return complain_of(opened.error());
  const auto chosen = selection(flags, database.range());
  if (!chosen) return complain(chosen.error().message, kWrongUse);
  if (chosen->range.start > chosen->range.end) return complain("there are no samples", kFailure);
  std::random_device random;
  const auto stats = prometheus::export_blocks(
      database.files, *database.db, chosen->matchers, chosen->range, flags.arguments()[0],
      database.clock.now(), uint64_t{random()} << 32 | random(), print_progress);
  return stats ? finish(*stats, "exported") : complain_of(stats.error());
}

int run_tsdb_list(const Flags& flags) {
  Database database;
  if (auto opened = database.open(flags); !opened) return complain_of(opened.error());
  fmt::print("{:<10}{:<6}{:<21}{:<21}{:>10}{:>10}{:>12}{:>14}\n", "BLOCK", "TIER", "FIRST", "LAST",
             "DURATION", "SERIES", "SAMPLES", "BYTES");
  const auto print = [](const tsdb::BlockSet::Blocks& blocks, std::string_view tier) {
    for (const auto& block : blocks) {
      const tsdb::BlockInfo& info = block->info();
      const DurationMs span{(info.range.end - info.range.start).ms / 1000 * 1000};
      fmt::print("{:<10}{:<6}{:<21}{:<21}{:>10}{:>10}{:>12}{:>14}\n",
                 fmt::format("{:08}", block->number()), tier, utc(info.range.start),
                 utc(info.range.end), format_duration(span), info.series, info.samples,
                 block->size_bytes());
    }
  };
  print(database.db->blocks(), "-");
  for (size_t tier = 0; tier < tsdb::kTiers; ++tier) {
    print(database.db->tiers().blocks(tier).blocks(), tsdb::tier_name(tier));
  }
  const tsdb::HeadStats head = database.db->stats(0);
  if (head.range.start <= head.range.end) {
    fmt::print("{:<10}{:<6}{:<21}{:<21}{:>10}{:>10}\n", "head", "-", utc(head.range.start),
               utc(head.range.end), "", head.series);
  }
  return kGood;
}

int run_tsdb_dump(const Flags& flags) {
  Database database;
  if (auto opened = database.open(flags); !opened) return complain_of(opened.error());
  const auto chosen = selection(flags, database.range());
  if (!chosen) return complain(chosen.error().message, kWrongUse);
  const auto dump = [&]() -> Result<void> {
    const auto querier = TRY(database.db->querier(chosen->range));
    const auto set = TRY(querier->select(chosen->matchers));
    SampleColumns samples;
    while (set->next()) {
      TRY(set->read(samples));
      const std::string labels = set->labels().to_string();
      for (size_t i = 0; i < samples.size(); ++i) {
        const bool histogram = !samples.histograms.empty() && samples.histograms[i] != nullptr;
        fmt::print("{} {} {}\n", labels,
                   histogram ? samples.histograms[i]->to_string()
                             : codec::format_compact(samples.values[i]),
                   samples.times[i].ms);
      }
    }
    return {};
  };
  const auto done = dump();
  return done ? kGood : complain_of(done.error());
}

int run_tsdb_analyze(const Flags& flags) {
  Database database;
  if (auto opened = database.open(flags); !opened) return complain_of(opened.error());
  uint64_t bytes = 0;
  uint64_t samples = 0;
  for (const auto& block : database.db->blocks()) {
    bytes += block->size_bytes();
    samples += block->info().samples;
  }
  fmt::print("blocks: {}, {} samples in {} bytes", database.db->blocks().size(), samples, bytes);
  if (samples > 0) {
    fmt::print(", {:.3f} bytes a sample",
               static_cast<double>(bytes) / static_cast<double>(samples));
  }
  fmt::print("\n");
  constexpr size_t kShown = 10;
  std::map<std::string, uint64_t> by_metric;
  std::map<std::string, std::set<std::string, std::less<>>> values;
  const auto count = [&]() -> Result<void> {
    const auto querier = TRY(database.db->querier({}));
    const auto set = TRY(querier->select({}));
    while (set->next()) {
      ++by_metric[std::string(set->labels().get(kMetricName))];
      for (const LabelView label : set->labels()) {
        values[std::string(label.name)].emplace(label.value);
      }
    }
    return {};
  };
  if (const auto counted = count(); !counted) return complain_of(counted.error());
  std::vector<std::pair<uint64_t, std::string>> metrics;
  for (const auto& [name, n] : by_metric) metrics.emplace_back(n, name);
  std::vector<std::pair<uint64_t, std::string>> labels;
  for (const auto& [name, list] : values) labels.emplace_back(list.size(), name);
  const auto print = [&](std::string_view title, auto& list) {
    std::ranges::sort(list, std::greater<>());
    fmt::print("\n{}\n", title);
    for (size_t i = 0; i < std::min(list.size(), kShown); ++i) {
      fmt::print("{:>10}  {}\n", list[i].first, list[i].second);
    }
  };
  print("Series by metric name:", metrics);
  print("Values by label name:", labels);
  return kGood;
}

int run_tsdb_verify(const Flags& flags) {
  const std::string path = data_path(flags);
  Blocks blocks;
  if (auto opened = blocks.open(path); !opened) return complain_of(opened.error());
  size_t faults = blocks.damaged;
  for (const tsdb::BlockSet* set : blocks.all()) {
    for (const auto& block : set->blocks()) {
      const auto damage = block->verify();
      for (const Error& error : damage) complain(error.message, kFailure);
      faults += damage.size();
      fmt::print("block {}: {} series, {} samples, {}\n", block->path(), block->info().series,
                 block->info().samples,
                 damage.empty() ? "good" : fmt::format("{} damaged chunks", damage.size()));
    }
  }
  auto log = wal::read_wal(blocks.files, path + "/wal",
                           [](uint64_t, std::string_view) -> Result<void> { return {}; });
  if (!log && log.error().code == ErrorCode::NotFound) log = wal::WalReadStats{};  // a snapshot
  if (!log) return complain_of(log.error());
  fmt::print("log: {} segments, {} records, {} damaged places\n", log->segments, log->records,
             log->damaged);
  return faults + log->damaged == 0 ? kGood : kFailure;
}

int run_tsdb_repair(const Flags& flags) {
  Blocks blocks;
  if (auto opened = blocks.open(data_path(flags)); !opened) return complain_of(opened.error());
  size_t mended = 0;
  for (tsdb::BlockSet* set : blocks.all()) {
    const auto repaired = set->repair();
    if (!repaired) return complain_of(repaired.error());
    for (const std::string& line : *repaired) fmt::print("{}\n", line);
    mended += repaired->size();
  }
  fmt::print("{} blocks mended\n", mended);
  return kGood;
}

}  // namespace prom5::cli
