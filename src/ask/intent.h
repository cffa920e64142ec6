#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace prom5 {

/// What kind of answer a question wants.
enum class Intent : uint8_t {
  Query,
  Status,
  Trend,
  Top,
  Compare,
  Forecast,
  Alert,
  Silence,
  Correlate,
  Anomaly,
  Explain,
  List,
  Clarify,
  Refuse,
};

/// As the API and conversations say them, in the order of `Intent`.
inline constexpr std::array kIntents = std::to_array<std::string_view>(
    {"query", "status", "trend", "top", "compare", "forecast", "alert", "silence", "correlate",
     "anomaly", "explain", "list", "clarify", "refuse"});

constexpr std::string_view to_string(Intent intent) {
  return kIntents[static_cast<size_t>(intent)];
}

constexpr std::optional<Intent> intent_of(std::string_view name) {
  const auto found = std::ranges::find(kIntents, name);
  if (found == kIntents.end()) return std::nullopt;
  return static_cast<Intent>(found - kIntents.begin());
}

}  // namespace prom5
