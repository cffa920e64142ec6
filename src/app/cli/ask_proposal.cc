#include "app/cli/ask_proposal.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/time.h"

namespace prom5::cli {

namespace {

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// An object's members that are texts; what comes from a server may be anything.
std::vector<std::pair<std::string, std::string>> texts_in(const Json& object, const char* name) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) return out;
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) out.emplace_back(key, value.get<std::string>());
  }
  return out;
}

std::string duration_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  const double seconds = found != object.end() && found->is_number() ? found->get<double>() : 0;
  constexpr double kMostSeconds = 1e9;
  if (!(seconds >= 0 && seconds <= kMostSeconds)) return "0s";
  return format_duration(DurationMs::seconds(std::llround(seconds)));
}

/// In double quotes, as YAML and matchers read it.
std::string quoted(const std::string& text) { return codec::dump_json(Json(text)); }

/// One word for a shell, whatever is in it.
std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string mapping(const Json& alert, const char* name) {
  std::string out;
  for (const auto& [key, value] : texts_in(alert, name)) {
    out += fmt::format("          {}: {}\n", key, quoted(value));
  }
  return out.empty() ? out : fmt::format("        {}:\n{}", name, out);
}

std::string rule_text(const Json& alert) {
  std::string out = "groups:\n  - name: proposed\n    rules:\n";
  out += fmt::format("      - alert: {}\n        expr: |-\n", text_of(alert, "alert"));
  const std::string expr = text_of(alert, "expr");
  for (size_t start = 0; start <= expr.size();) {
    const size_t end = std::min(expr.find('\n', start), expr.size());
    out += "          " + expr.substr(start, end - start) + "\n";
    start = end + 1;
  }
  out += fmt::format("        for: {}\n", duration_in(alert, "for_s"));
  return out + mapping(alert, "labels") + mapping(alert, "annotations");
}

std::string silence_text(const Json& silence, const std::string& question) {
  std::string out = "amtool silence add";
  const auto regex = silence.find("regex");
  for (const auto& [name, value] : texts_in(silence, "matchers")) {
    const bool pattern =
        regex != silence.end() && std::ranges::find(*regex, Json(name)) != regex->end();
    const char* op = pattern ? "=~" : "=";
    out += " " + shell_word(name + op + quoted(value));
  }
  // One that begins later: its end is told as well, as amtool counts durations from now.
  const std::string when =
      silence.contains("start")
          ? fmt::format("--start={} --end={}", shell_word(text_of(silence, "starts_at")),
                        shell_word(text_of(silence, "ends_at")))
          : "--duration=" + duration_in(silence, "duration_s");
  return fmt::format("{} {} --comment={}\n", out, when, shell_word(question));
}

}  // namespace

std::string proposal_text(const Json& proposal, const std::string& question) {
  if (!proposal.is_object()) return "";
  const std::string kind = text_of(proposal, "kind");
  if (kind == "alert") return rule_text(proposal);
  return kind == "silence" ? silence_text(proposal, question) : "";
}

}  // namespace prom5::cli
