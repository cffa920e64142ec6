#include "ask/llm/value_words.h"

#include <array>
#include <cmath>

#include "io/codec/number.h"

namespace prom5::llm {

using texts::TextCatalogue;

namespace {

std::string say_bytes(double value) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  // What would be rounded to 1024 is one of the next unit.
  while (std::fabs(value) >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", short_number(value), kUnits[unit]);
}

}  // namespace

std::string short_number(double value) {
  if (!std::isfinite(value)) return codec::format_fixed(value);
  if (value == 0) return "0";  // and not "-0"
  const double magnitude = std::fabs(value);
  if (magnitude != 0 && magnitude < 0.001) return fmt::format("{:.2g}", value);
  if (magnitude >= 1e15) return fmt::format("{:.3g}", value);
  // What rounding in a computation left beside a whole number is not said.
  const bool whole = std::fabs(value - std::round(value)) <= 1e-9 * magnitude;
  const int decimals = magnitude >= 100 || whole ? 0 : magnitude >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string say_seconds(double value, const TextCatalogue& texts) {
  if (value < 0) return "-" + say_seconds(-value, texts);
  if (value < 0.9995) return fmt::format("{} ms", short_number(value * 1000));
  if (value < 59.95) return fmt::format("{} s", short_number(value));
  if (value > 1e9) return texts.say("duration.beyond", {{"years", 30U}});
  const auto seconds = static_cast<int64_t>(std::round(value));
  const int64_t days = seconds / 86'400;
  const int64_t hours = seconds / 3600 % 24;
  const int64_t minutes = seconds / 60 % 60;
  if (days > 0) return fmt::format("{} d {} h", days, hours);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes);
  return fmt::format("{} min {} s", minutes, seconds % 60);
}

std::string say_value(double value, std::string_view unit, const TextCatalogue& texts) {
  if (!std::isfinite(value)) return codec::format_fixed(value);
  if (unit == "percent") return short_number(value) + " %";
  if (unit == "ratio") return short_number(value * 100) + " %";
  if (unit == "bytes") return say_bytes(value);
  if (unit == "bytes_per_second") return say_bytes(value) + "/s";
  if (unit == "bits_per_second") return short_number(value) + " bit/s";
  if (unit == "seconds") return say_seconds(value, texts);
  if (unit == "per_second") return short_number(value) + "/s";
  if (unit == "celsius") return short_number(value) + " °C";
  if (unit == "timestamp") {
    if (std::fabs(value) > 1e11) return short_number(value);  // no time that anybody means
    return format_rfc3339({static_cast<int64_t>(value * 1000)});
  }
  if (unit == "none" || unit == "count" || unit == "up" || unit == "flag")
    return short_number(value);
  return short_number(value) + " " + std::string(unit);
}

std::string say_time(TimeMs time, TimeMs now) {
  const std::string text = format_rfc3339(time);
  const std::string clock = text.substr(11, 5);
  return text.substr(0, 10) == format_rfc3339(now).substr(0, 10) ? clock
                                                                 : text.substr(0, 10) + " " + clock;
}

std::string say_second(TimeMs time, TimeMs now) {
  return say_time(time, now) + format_rfc3339(time).substr(16, 3);
}

}  // namespace prom5::llm
