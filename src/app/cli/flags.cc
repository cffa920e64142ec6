#include "app/cli/flags.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/spelling.h"
#include "io/codec/number.h"

namespace prom5::cli {

namespace {

const Flag* find(std::span<const Flag> flags, std::string_view name) {
  const auto found =
      std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.name == name; });
  return found == flags.end() ? nullptr : &*found;
}

std::unexpected<Error> unknown_flag(std::span<const Flag> known, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Flag& flag : known) names.push_back(flag.name);
  const std::string_view near = nearest(name, names);
  if (near.empty()) return fail(ErrorCode::BadData, "unknown flag --{}", name);
  return fail(ErrorCode::BadData, "unknown flag --{}; did you mean --{}?", name, near);
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 10> kUnits = {{
      {"", 0},
      {"B", 0},
      {"KB", 10},
      {"KiB", 10},
      {"MB", 20},
      {"MiB", 20},
      {"GB", 30},
      {"GiB", 30},
      {"TB", 40},
      {"TiB", 40},
  }};
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error == std::errc{}) {
    for (const auto& [name, shift] : kUnits) {
      if (unit == name && value <= UINT64_MAX >> shift) return value << shift;
    }
  }
  return fail(ErrorCode::BadData, "\"{}\" is not a size; write it like 512MB or 4GB", text);
}

Result<void> Flags::set(const Flag& flag, std::string value) {
  const auto bad = [&](const Error& error) {
    return fail(ErrorCode::BadData, "--{}: {}", flag.name, error.message);
  };
  switch (flag.kind) {
    case FlagKind::Duration:
      if (const auto parsed = parse_duration(value); !parsed) return bad(parsed.error());
      break;
    case FlagKind::Size: {
      const auto parsed = parse_size(value);
      if (!parsed) return bad(parsed.error());
      // Who writes 5 hardly means bytes, and a retention of 5 bytes would leave nothing.
      if (*parsed > 0 && value.find_first_not_of("0123456789") == std::string::npos) {
        return fail(ErrorCode::BadData,
                    "--{}: \"{}\" has no unit; expected a size with a unit, such as 512MB",
                    flag.name, value);
      }
      break;
    }
    case FlagKind::Number:
      if (value.empty() || value.size() > 18 ||
          value.find_first_not_of("0123456789") != std::string::npos) {
        return fail(ErrorCode::BadData, "--{}: \"{}\" is not a whole number", flag.name, value);
      }
      break;
    case FlagKind::Real:
      if (!codec::parse_double(value)) {
        return fail(ErrorCode::BadData, "--{}: \"{}\" is not a number", flag.name, value);
      }
      break;
    case FlagKind::Switch:
      if (value != "true" && value != "false") {
        return fail(ErrorCode::BadData, "--{}: \"{}\" is neither true nor false", flag.name, value);
      }
      break;
    case FlagKind::Text:
    case FlagKind::List: break;
  }
  std::vector<std::string>& values = values_[std::string(flag.name)];
  const bool first = given_.emplace(flag.name, true).second;
  if (flag.kind != FlagKind::List || first) values.clear();
  values.push_back(std::move(value));
  return {};
}

Result<Flags> Flags::parse(std::span<const Flag> known, std::span<const std::string> arguments) {
  Flags out;
  out.known_ = known;
  for (const Flag& flag : known) {
    auto& values = out.values_[std::string(flag.name)];
    if (flag.kind != FlagKind::List || !flag.fallback.empty()) values.emplace_back(flag.fallback);
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    if (argument == "--") {
      out.arguments_.insert(out.arguments_.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                            arguments.end());
      break;
    }
    if (!argument.starts_with("--") || argument.size() == 2) {
      out.arguments_.emplace_back(argument);
      continue;
    }
    argument.remove_prefix(2);
    const size_t equal = std::min(argument.find('='), argument.size());
    const std::string_view name = argument.substr(0, equal);
    const Flag* flag = find(known, name);
    if (flag == nullptr && name.starts_with("no-")) {
      flag = find(known, name.substr(3));
      if (flag != nullptr && flag->kind == FlagKind::Switch && equal == argument.size()) {
        TRY(out.set(*flag, "false"));
        continue;
      }
      flag = nullptr;
    }
    if (flag == nullptr) return unknown_flag(known, name);
    if (equal < argument.size()) {
      TRY(out.set(*flag, std::string(argument.substr(equal + 1))));
    } else if (flag->kind == FlagKind::Switch) {
      TRY(out.set(*flag, "true"));
    } else if (i + 1 < arguments.size()) {
      TRY(out.set(*flag, arguments[++i]));
    } else {
      return fail(ErrorCode::BadData, "--{} needs a value", name);
    }
  }
  for (const Flag& flag : known) {
    if (flag.stands_for.empty() || !out.given(flag.name) || out.given(flag.stands_for)) continue;
    out.values_.find(flag.stands_for)->second = out.values_.find(flag.name)->second;
  }
  return out;
}

const std::string& Flags::text(std::string_view name) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end() && !found->second.empty());
  return found->second.back();
}

DurationMs Flags::duration(std::string_view name) const { return *parse_duration(text(name)); }

uint64_t Flags::number(std::string_view name) const { return *parse_size(text(name)); }

const std::vector<std::string>& Flags::list(std::string_view name) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end());
  return found->second;
}

std::vector<std::pair<std::string, std::string>> Flags::all() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, values] : values_) {
    std::string joined;
    for (const std::string& value : values) joined += (joined.empty() ? "" : ",") + value;
    out.emplace_back(name, std::move(joined));
  }
  return out;
}

std::string flags_help(std::span<const Flag> flags) {
  std::string out;
  std::string without_effect;
  for (const Flag& flag : flags) {
    if (!flag.no_effect.empty()) {
      without_effect += fmt::format("  --{}\n        {}\n", flag.name, flag.no_effect);
      continue;
    }
    std::string head = fmt::format("  --{}", flag.name);
    if (flag.kind != FlagKind::Switch) head += "=…";
    out += head;
    out += "\n        ";
    out += flag.help;
    if (!flag.fallback.empty() && flag.kind != FlagKind::Switch) {
      out += fmt::format(" (default: {})", flag.fallback);
    }
    if (flag.kind == FlagKind::Switch && flag.fallback == "true") out += " (default: on)";
    out += '\n';
  }
  if (without_effect.empty()) return out;
  return out + "\ntaken without effect, so that a command line of Prometheus can stay:\n" +
         without_effect;
}

}  // namespace prom5::cli
