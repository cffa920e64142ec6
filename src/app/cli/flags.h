#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace prom5::cli {

enum class FlagKind : uint8_t { Text, Switch, Duration, Size, Number, Real, List };

/// One flag of a command: a row here is all that parsing, help, documentation and
/// /api/v1/status/flags need.
struct Flag {
  std::string_view name;
  FlagKind kind = FlagKind::Text;
  std::string_view fallback;  ///< the value when it is not given; of a Switch "true" or "false"
  std::string_view help;
  /// Why the flag, which Prometheus has, does nothing here; empty: it does something. It is taken
  /// so that a command line need not change.
  std::string_view no_effect = {};
  /// The flag that this is a former name of: its value counts where that one is not given.
  std::string_view stands_for = {};
};

/// The values of one command's flags, checked, and its other arguments.
class Flags {
 public:
  /// Reads `--name=value`, `--name value`, `--switch` and `--no-switch`; "--" ends the flags.
  /// BadData naming the flag, with the nearest right one for an unknown one.
  static Result<Flags> parse(std::span<const Flag> known, std::span<const std::string> arguments);

  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] bool on(std::string_view name) const { return text(name) == "true"; }
  [[nodiscard]] DurationMs duration(std::string_view name) const;
  [[nodiscard]] uint64_t number(std::string_view name) const;  ///< of Number and Size
  [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;
  [[nodiscard]] bool given(std::string_view name) const { return given_.contains(name); }
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }

  /// Every flag and its value as text.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> all() const;

 private:
  Result<void> set(const Flag& flag, std::string value);

  std::span<const Flag> known_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::map<std::string, bool, std::less<>> given_;
  std::vector<std::string> arguments_;
};

/// "--name  help (default: …)" for each flag.
std::string flags_help(std::span<const Flag> flags);

/// "1GB", "512MiB" (both of 1024), or bytes.
Result<uint64_t> parse_size(std::string_view text);

}  // namespace prom5::cli
