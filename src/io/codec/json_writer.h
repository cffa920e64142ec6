#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prom5::codec {

/// Writes JSON text straight into a string, commas included. The caller keeps objects and arrays
/// balanced. Invalid UTF-8 becomes U+FFFD, as Go's encoder does.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view text);
  JsonWriter& integer(int64_t value);
  /// NaN and infinities have no JSON number and are written as null.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// Makes room for so many bytes more.
  void reserve(size_t bytes) { out_.reserve(out_.size() + bytes); }
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json);
  /// The same, for the caller to append it there.
  std::string& raw() {
    separate();
    return out_;
  }

  JsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool first_ = true;
};

/// `text` in double quotes with JSON's escapes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace prom5::codec
