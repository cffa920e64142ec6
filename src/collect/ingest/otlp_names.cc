#include "collect/ingest/otlp_names.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "io/codec/utf8.h"

namespace prom5::ingest {

namespace {

struct Unit {
  std::string_view from;
  std::string_view to;
};

constexpr std::array kUnits = std::to_array<Unit>({{"d", "days"},
                                                   {"h", "hours"},
                                                   {"min", "minutes"},
                                                   {"s", "seconds"},
                                                   {"ms", "milliseconds"},
                                                   {"us", "microseconds"},
                                                   {"ns", "nanoseconds"},
                                                   {"By", "bytes"},
                                                   {"KiBy", "kibibytes"},
                                                   {"MiBy", "mebibytes"},
                                                   {"GiBy", "gibibytes"},
                                                   {"TiBy", "tibibytes"},
                                                   {"KBy", "kilobytes"},
                                                   {"MBy", "megabytes"},
                                                   {"GBy", "gigabytes"},
                                                   {"TBy", "terabytes"},
                                                   {"m", "meters"},
                                                   {"V", "volts"},
                                                   {"A", "amperes"},
                                                   {"J", "joules"},
                                                   {"W", "watts"},
                                                   {"g", "grams"},
                                                   {"Cel", "celsius"},
                                                   {"Hz", "hertz"},
                                                   {"1", ""},
                                                   {"%", "percent"}});

constexpr std::array kPerUnits = std::to_array<Unit>({{"s", "second"},
                                                      {"m", "minute"},
                                                      {"h", "hour"},
                                                      {"d", "day"},
                                                      {"w", "week"},
                                                      {"mo", "month"},
                                                      {"y", "year"}});

std::string mapped(std::span<const Unit> units, std::string_view unit) {
  for (const Unit& u : units) {
    if (u.from == unit) return std::string(u.to);
  }
  return std::string(unit);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct UnitSuffixes {
  std::string main;
  std::string per;  ///< "per_second"
};

UnitSuffixes suffixes_of(std::string_view unit) {
  UnitSuffixes out;
  const size_t slash = std::min(unit.find('/'), unit.size());
  const auto usable = [](std::string_view part) {
    return !part.empty() && part.find_first_of("{}") == std::string_view::npos;
  };
  const std::string_view main = trim(unit.substr(0, slash));
  if (usable(main)) out.main = mapped(kUnits, main);
  const std::string_view per =
      slash == unit.size() ? std::string_view() : trim(unit.substr(slash + 1));
  if (usable(per)) out.per = "per_" + mapped(kPerUnits, per);
  return out;
}

bool is_letter_or_digit(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Of what a metric's name may have, the parts between everything else.
std::vector<std::string> tokens_of(std::string_view name, bool underscores) {
  std::vector<std::string> out;
  bool open = false;
  for (const char32_t c : codec::utf8_code_points(name)) {
    if (!is_letter_or_digit(c) && c != ':' && !(underscores && c == '_')) {
      open = false;
      continue;
    }
    if (!open) out.emplace_back();
    open = true;
    out.back() += static_cast<char>(c);
  }
  return out;
}

std::string join(const std::vector<std::string>& tokens) {
  std::string out;
  for (const std::string& token : tokens) out += (out.empty() ? "" : "_") + token;
  return out;
}

/// A unit in the old character set, without underscores that repeat or begin it.
std::string clean(std::string_view unit) {
  std::string out;
  for (const char32_t c : codec::utf8_code_points(unit)) {
    const bool good = is_letter_or_digit(c) || c == ':';
    if (good) out += static_cast<char>(c);
    if (!good && !out.empty() && !out.ends_with('_')) out += '_';
  }
  return out;
}

void cut_last(std::string& text, char c) {
  if (text.ends_with(c)) text.pop_back();
}

bool has(const std::vector<std::string>& tokens, std::string_view token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

bool is_counter(const OtlpMetric& metric) {
  return metric.kind == OtlpKind::Sum && metric.monotonic;
}

std::string escaped_with_suffixes(const OtlpMetric& metric) {
  std::vector<std::string> tokens = tokens_of(metric.name, false);
  UnitSuffixes unit = suffixes_of(metric.unit);
  std::string main = clean(unit.main);
  std::string per = clean(unit.per);
  if (has(tokens, main)) main.clear();
  cut_last(per, '_');
  if (per == "per" || has(tokens, per)) per.clear();
  if (!per.empty()) cut_last(main, '_');
  for (const std::string& part : {main, per}) {
    if (!part.empty()) tokens.push_back(part);
  }
  const auto move_to_end = [&](const char* word) {
    std::erase(tokens, word);
    tokens.emplace_back(word);
  };
  if (is_counter(metric)) move_to_end("total");
  if (metric.unit == "1" && metric.kind == OtlpKind::Gauge) move_to_end("ratio");
  return join(tokens);
}

/// Cuts a suffix and the character before it.
bool cut_suffix(std::string& name, std::string_view suffix) {
  if (!name.ends_with(suffix) || name.size() <= suffix.size() + 1) return false;
  name.resize(name.size() - suffix.size() - 1);
  return true;
}

std::string utf8_with_suffixes(const OtlpMetric& metric) {
  std::string name = metric.name;
  const bool ratio = metric.unit == "1" && metric.kind == OtlpKind::Gauge;
  if (ratio) cut_suffix(name, "ratio");
  if (is_counter(metric)) cut_suffix(name, "total");
  const UnitSuffixes unit = suffixes_of(metric.unit);
  if (!unit.per.empty()) cut_suffix(name, unit.per);
  if (!unit.main.empty() && !name.ends_with(unit.main)) name += "_" + unit.main;
  if (!unit.per.empty()) name += "_" + unit.per;
  if (is_counter(metric)) name += "_total";
  if (ratio) name += "_ratio";
  return name;
}

bool only_underscores(std::string_view name) {
  return name.find_first_not_of('_') == std::string_view::npos;
}

}  // namespace

Result<std::string> otlp_metric_name(const OtlpMetric& metric, OtlpTranslation translation) {
  std::string name = metric.name;
  switch (translation) {
    case OtlpTranslation::UnderscoreEscapingWithSuffixes:
      name = escaped_with_suffixes(metric);
      break;
    case OtlpTranslation::UnderscoreEscapingWithoutSuffixes:
      name = join(tokens_of(metric.name, true));
      break;
    case OtlpTranslation::NoUtf8EscapingWithSuffixes: name = utf8_with_suffixes(metric); break;
    case OtlpTranslation::NoTranslation: break;
  }
  if (!keeps_utf8(translation) && !name.empty() && name[0] >= '0' && name[0] <= '9') {
    name.insert(0, "_");
  }
  if (name.empty() || (name != metric.name && only_underscores(name))) {
    return fail(ErrorCode::BadData, "metric \"{}\": nothing is left of its name", metric.name);
  }
  if (!codec::utf8_valid(name)) return fail(ErrorCode::BadData, "a metric's name is not UTF-8");
  return name;
}

Result<std::string> otlp_label_name(std::string_view name, const OtlpOptions& options) {
  if (name.empty()) return fail(ErrorCode::BadData, "the name of an attribute is empty");
  std::string out;
  if (keeps_utf8(options.translation)) {
    out = name;
  } else {
    const bool preserve = options.label_name_preserve_multiple_underscores;
    const bool reserved =
        !preserve && name.size() >= 4 && name.starts_with("__") && name.ends_with("__");
    for (const char32_t c :
         codec::utf8_code_points(reserved ? name.substr(2, name.size() - 4) : name)) {
      if (is_letter_or_digit(c)) {
        out += static_cast<char>(c);
      } else if (preserve || !out.ends_with('_')) {
        out += '_';
      }
    }
    if (reserved) out = "__" + out + "__";
    if (out[0] >= '0' && out[0] <= '9') {
      out.insert(0, "key_");
    } else if (options.label_name_underscore_sanitization && out.starts_with('_') &&
               !out.starts_with("__")) {
      out.insert(0, "key");
    }
  }
  if (only_underscores(out)) {
    return fail(ErrorCode::BadData, "attribute \"{}\": its name has underscores alone", name);
  }
  return out;
}

std::string otlp_unit(std::string_view unit) {
  const UnitSuffixes suffixes = suffixes_of(unit);
  const std::string main = clean(suffixes.main);
  const std::string per = clean(suffixes.per);
  std::string out = main + (main.empty() || per.empty() ? "" : "_") + per;
  cut_last(out, '_');
  return out;
}

}  // namespace prom5::ingest
