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
#include "store/prometheus/openmetrics_import.h"
#include "store/prometheus/transfer.h"
#include "store/tsdb/db.h"
#include "store/wal/wal.h"

namespace prom5::cli {

namespace {

constexpr Flag kPath = {"storage.tsdb.path", FlagKind::Text, "data/", "Directory of the database."};

constexpr std::array kPathOnly = std::to_array<Flag>({kPath});
constexpr std::array kSelection = std::to_array<Flag>({
    kPath,
    {"match", FlagKind::List, "", "Selector of the series, may be given several times; none: all."},
    {"min-time", FlagKind::Text, "",
     "First time, as Unix seconds or milliseconds or RFC 3339; none: the oldest."},
    {"max-time", FlagKind::Text, "", "Last time, in the same forms; none: the newest."},
});

/// Of the flag, or of the argument at `at`, as promtool takes it.
std::string data_path(const Flags& flags, size_t at = 0) {
  std::string path =
      flags.arguments().size() > at ? flags.arguments()[at] : flags.text("storage.tsdb.path");
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

/// What --storage.tsdb.retention.time is when nothing is said.
constexpr DurationMs kUsualRetention = DurationMs::days(15);

void print_progress(const std::string& line) { fmt::print(stderr, "{}\n", line); }

std::string utc(TimeMs time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(time.ms / 1000)));
}

/// An empty variable of a script must not mean the root directory.
Result<void> check_path(const std::string& path) {
  if (!path.empty()) return {};
  return fail(ErrorCode::BadData, "--storage.tsdb.path is empty: name a directory");
}

/// A data directory, opened to be read; a server may use it meanwhile.
struct Database {
  io::PosixFileSystem files;
  SystemClock clock;
  MetricRegistry metrics;
  Log log{LogLevel::Warn, LogFormat::Logfmt,
          [](std::string_view line) { fmt::print(stderr, "{}", line); }};
  std::unique_ptr<tsdb::Db> db;

  Result<void> open(const std::string& path) {
    TRY(check_path(path));
    tsdb::Options options;
    options.path = path;
    options.read_only = true;
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

/// The folders of blocks alone.
struct Blocks {
  io::PosixFileSystem files;
  Log log{LogLevel::Warn, LogFormat::Logfmt,
          [](std::string_view line) { fmt::print(stderr, "{}", line); }};
  std::unique_ptr<io::FileLock> lock;
  std::unique_ptr<tsdb::BlockSet> set;
  std::unique_ptr<tsdb::Tiers> tiers;
  size_t damaged = 0;

  /// To be changed: locked, and made when there is none.
  Result<void> open_for_change(const std::string& path) {
    TRY(check_path(path));
    TRY(tsdb::check_data_directory(files, path));
    TRY(files.make_directories(path + "/blocks"));
    lock = TRY(files.lock(path + "/lock"));
    return open(path, tsdb::Access::ReadWrite);
  }
  Result<void> open_for_reading(const std::string& path) {
    TRY(check_path(path));
    TRY(tsdb::check_data_directory(files, path));
    TRY(files.list(path + "/blocks"));
    return open(path, tsdb::Access::ReadOnly);
  }

  /// Of samples, then of each tier.
  [[nodiscard]] std::vector<tsdb::BlockSet*> all() const {
    std::vector<tsdb::BlockSet*> out = {set.get()};
    for (size_t tier = 0; tier < tsdb::kTiers; ++tier) out.push_back(&tiers->blocks(tier));
    return out;
  }

 private:
  Result<void> open(const std::string& path, tsdb::Access access) {
    set = std::make_unique<tsdb::BlockSet>(files, path + "/blocks", log);
    tiers = std::make_unique<tsdb::Tiers>(files, path + "/rollups", log);
    damaged = TRY(set->open(access)) + TRY(tiers->open(access));
    return {};
  }
};

struct Selection {
  std::vector<std::vector<Matcher>> selectors;  ///< one at least
  TimeRange range;
};

/// Seconds beyond the year 5000 are milliseconds, as promtool takes them.
Result<TimeMs> parse_time(const std::string& text) {
  constexpr TimeMs kFar{int64_t{100'000'000'000} * 1000};
  const TimeMs time = TRY(api::parse_time(text));
  return time >= kFar ? TimeMs{time.ms / 1000} : time;
}

Result<Selection> selection(const Flags& flags, TimeRange all) {
  Selection out;
  out.range = all;
  for (const std::string& match : flags.list("match")) {
    if (match.empty()) continue;
    out.selectors.push_back(TRY(query::parse_series_selector(match)));
  }
  if (out.selectors.empty()) out.selectors.emplace_back();
  if (!flags.text("min-time").empty()) {
    out.range.start = std::max(all.start, TRY(parse_time(flags.text("min-time"))));
  }
  if (!flags.text("max-time").empty()) {
    out.range.end = std::min(all.end, TRY(parse_time(flags.text("max-time"))));
  }
  return out;
}

int finish(const prometheus::TransferStats& stats, std::string_view what) {
  fmt::print("{}: {} blocks, {} series, {} samples\n", what, stats.blocks, stats.series,
             stats.samples);
  for (const std::string& damage : stats.damage) complain(damage, kFailure);
  return stats.damage.empty() ? kGood : kFailure;
}

/// Whether anything is missing in what a querier gave; says what.
int tell_warnings(const Querier& querier) {
  const std::vector<std::string> warnings = querier.warnings();
  for (const std::string& warning : warnings) complain(warning, kFailure);
  return warnings.empty() ? kGood : kFailure;
}

}  // namespace

const std::span<const Flag> kTsdbFlags = kPathOnly;
const std::span<const Flag> kTsdbDumpFlags = kSelection;

int run_tsdb_import(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("tsdb import needs the DIRECTORY of a Prometheus, or an OpenMetrics FILE",
                    kWrongUse);
  }
  const std::string& from = flags.arguments()[0];
  Blocks blocks;
  // Before anything is made.
  if (!blocks.files.size(from) && !blocks.files.list(from)) {
    return complain(from + ": there is no such file or directory, or it cannot be read", kFailure);
  }
  // A Prometheus that runs on it would go on writing behind us.
  std::unique_ptr<io::FileLock> theirs;
  if (blocks.files.size(from + "/lock")) {
    auto locked = blocks.files.lock(from + "/lock");
    if (!locked) {
      return complain(from + " is in use by a running Prometheus: stop it first", kFailure);
    }
    theirs = *std::move(locked);
  }
  const std::string path = data_path(flags, 1);
  if (auto opened = blocks.open_for_change(path); !opened) return complain_of(opened.error());
  const bool is_file = blocks.files.size(from) && !blocks.files.list(from);
  const auto stats =
      is_file ? prometheus::import_openmetrics(blocks.files, from, *blocks.set, print_progress)
              : prometheus::import_directory(blocks.files, from, *blocks.set, path + "/imported",
                                             print_progress);
  if (!stats) return complain_of(stats.error());
  // What came may lie in days that are summed up already.
  if (stats->range.start <= stats->range.end) {
    if (auto forgotten = blocks.tiers->forget_days(stats->range); !forgotten) {
      return complain_of(forgotten.error());
    }
  }
  const TimeMs keeps_from = SystemClock().now() - kUsualRetention;
  if (stats->samples > 0 && stats->range.start < keeps_from) {
    fmt::print(stderr,
               "note: the oldest samples are of {}: a server keeps {} unless "
               "--storage.tsdb.retention.time says more\n",
               utc(stats->range.start), format_duration(kUsualRetention));
  }
  return finish(*stats, "imported");
}

int run_tsdb_export(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("tsdb export needs a DIRECTORY to write to", kWrongUse);
  }
  const std::string& target = flags.arguments()[0];
  Database database;
  if (auto names = database.files.list(target); names && !names->empty()) {
    return complain(target + " is not empty: name a new directory", kWrongUse);
  }
  if (auto opened = database.open(data_path(flags, 1)); !opened) return complain_of(opened.error());
  const auto chosen = selection(flags, database.range());
  if (!chosen) return complain(chosen.error().message, kWrongUse);
  if (chosen->range.start > chosen->range.end) return complain("there are no samples", kFailure);
  std::random_device random;
  const auto stats = prometheus::export_blocks(database.files, *database.db, chosen->selectors,
                                               chosen->range, target, database.clock.now(),
                                               uint64_t{random()} << 32 | random(), print_progress);
  if (!stats) return complain_of(stats.error());
  const int done = finish(*stats, "exported");
  return stats->blocks > 0 ? done : complain("no sample matches", kFailure);
}

int run_tsdb_list(const Flags& flags) {
  Database database;
  if (auto opened = database.open(data_path(flags)); !opened) return complain_of(opened.error());
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

namespace {

void print_samples(const std::string& labels, const SampleColumns& samples) {
  for (size_t i = 0; i < samples.size(); ++i) {
    const bool histogram = !samples.histograms.empty() && samples.histograms[i] != nullptr;
    fmt::print(
        "{} {} {}\n", labels,
        histogram ? samples.histograms[i]->to_string() : codec::format_compact(samples.values[i]),
        samples.times[i].ms);
  }
}

}  // namespace

int run_tsdb_dump(const Flags& flags) {
  Database database;
  if (auto opened = database.open(data_path(flags)); !opened) return complain_of(opened.error());
  const auto chosen = selection(flags, database.range());
  if (!chosen) return complain(chosen.error().message, kWrongUse);
  const auto dump = [&]() -> Result<int> {
    const auto querier = TRY(database.db->querier(chosen->range));
    SampleColumns samples;
    for (const auto& matchers : chosen->selectors) {
      const auto set = TRY(querier->select(matchers));
      while (set->next()) {
        TRY(set->read(samples));
        print_samples(set->labels().to_string(), samples);
      }
    }
    return tell_warnings(*querier);
  };
  const auto done = dump();
  return done ? *done : complain_of(done.error());
}

int run_tsdb_analyze(const Flags& flags) {
  Database database;
  if (auto opened = database.open(data_path(flags)); !opened) return complain_of(opened.error());
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
  if (auto opened = blocks.open_for_reading(path); !opened) return complain_of(opened.error());
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
  const std::string path = data_path(flags);
  if (auto there = blocks.files.list(path + "/blocks"); !there) return complain_of(there.error());
  if (auto opened = blocks.open_for_change(path); !opened) return complain_of(opened.error());
  tsdb::BlockSet::Repair all;
  for (tsdb::BlockSet* set : blocks.all()) {
    const auto repaired = set->repair();
    if (!repaired) return complain_of(repaired.error());
    for (const std::string& line : repaired->lines) fmt::print("{}\n", line);
    all.mended += repaired->mended;
    all.lost += repaired->lost;
    all.left += repaired->left;
  }
  fmt::print("{} blocks mended, {} lost, {} left alone\n", all.mended, all.lost, all.left);
  return all.lost + all.left == 0 ? kGood : kFailure;
}

}  // namespace prom5::cli
