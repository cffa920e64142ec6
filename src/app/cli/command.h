#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/cli/flags.h"

namespace prom5::cli {

/// What a command ends with.
enum ExitCode : int { kGood = 0, kFailure = 1, kWrongUse = 2 };

/// One row of kCommands[]: "check config" is a command of two words.
struct Command {
  std::string_view name;
  std::string_view arguments;  ///< behind the flags, for the help: "FILE…"
  std::string_view summary;
  std::span<const Flag> flags;
  int (*run)(const Flags& flags);
  std::string_view details = {};  ///< what the help says beneath the flags, in whole lines
};

/// Every command, for the help and for generated documentation.
std::span<const Command> commands();

/// Finds the command that the words name, reads its flags and runs it. Of a command of two words
/// flags may stand before the second. Results go to standard output, everything else to standard
/// error.
int run_command(std::span<const std::string> words);

/// "prom5: <message>" on standard error; returns `code`.
int complain(std::string_view message, int code);

// The commands, one file each.
extern const std::span<const Flag> kServeFlags;
int run_serve(const Flags& flags);
extern const std::span<const Flag> kQueryFlags;
int run_query_instant(const Flags& flags);
extern const std::span<const Flag> kQueryRangeFlags;
int run_query_range(const Flags& flags);
extern const std::span<const Flag> kQuerySeriesFlags;
int run_query_series(const Flags& flags);
int run_query_labels(const Flags& flags);
extern const std::span<const Flag> kExplainFlags;
int run_explain(const Flags& flags);
extern const std::span<const Flag> kDoctorFlags;
int run_doctor(const Flags& flags);
extern const std::span<const Flag> kCheckConfigFlags;
int run_check_config(const Flags& flags);
extern const std::span<const Flag> kCheckMetricsFlags;
int run_check_metrics(const Flags& flags);
int run_check_rules(const Flags& flags);
int run_check_web_config(const Flags& flags);
extern const std::span<const Flag> kAskFlags;
extern const std::string_view kAskDetails;
int run_ask(const Flags& flags);
extern const std::span<const Flag> kAskFeedbackFlags;
int run_ask_feedback(const Flags& flags);
extern const std::span<const Flag> kAskLearnFlags;
extern const std::string_view kAskLearnDetails;
int run_ask_learn(const Flags& flags);
extern const std::span<const Flag> kMcpFlags;
int run_mcp(const Flags& flags);

extern const std::span<const Flag> kTsdbFlags;
extern const std::span<const Flag> kTsdbDumpFlags;
int run_tsdb_import(const Flags& flags);
int run_tsdb_export(const Flags& flags);
int run_tsdb_list(const Flags& flags);
int run_tsdb_dump(const Flags& flags);
int run_tsdb_analyze(const Flags& flags);
int run_tsdb_verify(const Flags& flags);
int run_tsdb_repair(const Flags& flags);

}  // namespace prom5::cli
