#include "base/log.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "base/clock.h"
#include "base/loop_turn.h"

namespace prom5 {

namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"DEBUG", "INFO", "WARN", "ERROR"};

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

bool plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

void append_logfmt(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += ' ';
  out += key;
  out += '=';
  if (plain(value)) {
    out += value;
  } else {
    append_escaped(out, value);
  }
}

void append_json(std::string& out, std::string_view key, std::string_view value) {
  out += out.empty() ? '{' : ',';
  append_escaped(out, key);
  out += ':';
  append_escaped(out, value);
}

void write_stderr(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n <= 0) return;  // nowhere left to report to
    line.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

Log::Log(LogLevel level, LogFormat format) : Log(level, format, write_stderr) {}

Log::Log(LogLevel level, LogFormat format, Sink sink)
    : level_(level), format_(format), sink_(std::move(sink)) {}

void Log::debug(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::Debug, message, fields);
}
void Log::info(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::Info, message, fields);
}
void Log::warn(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::Warn, message, fields);
}
void Log::error(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::Error, message, fields);
}

void Log::write(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) const {
  if (level < level_) return;
  const bool json = format_ == LogFormat::Json;
  auto* const append = json ? append_json : append_logfmt;
  std::string line;
  append(line, "time", format_rfc3339(SystemClock().now()));
  append(line, "level", kLevelNames[static_cast<size_t>(level)]);
  append(line, "msg", message);
  for (const LogField& field : fields) append(line, field.key, field.value);
  line += json ? "}\n" : "\n";
  leave_event_loop();  // who reads the other end may be slow
  sink_(line);
}

}  // namespace prom5
