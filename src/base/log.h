#pragma once

#include <fmt/core.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace prom5 {

enum class LogLevel : uint8_t { Debug, Info, Warn, Error };
enum class LogFormat : uint8_t { Logfmt, Json };

/// One key and its value, already text. Secrets never become one.
struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <typename T>
    requires std::integral<T> || std::floating_point<T>
  LogField(std::string_view k, T v) : key(k), value(fmt::format("{}", v)) {}
};

/// Structured log: one event, one line on stderr, a constant message, values as fields.
/// Any thread; a line is one write(2), so lines of several threads never mix.
class Log {
 public:
  using Sink = std::function<void(std::string_view line)>;

  Log(LogLevel level, LogFormat format);
  /// For tests: lines go to `sink` instead of stderr.
  Log(LogLevel level, LogFormat format, Sink sink);

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const;

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const;

  LogLevel level_;
  LogFormat format_;
  Sink sink_;
};

}  // namespace prom5
