#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/codec/yaml.h"

namespace prom5::config {

using codec::YamlNode;

/// An error at a place: "prometheus.yml:12:5: …".
[[nodiscard]] std::unexpected<Error> fail_in(std::string_view file, const YamlNode& node,
                                             std::string_view message);

/// One key that a mapping may have.
struct Key {
  std::string_view name;
  std::function<Result<void>(const YamlNode& value)> read;
};

/// Reads values of one file; every error names file, line and column.
class YamlReader {
 public:
  /// `reads_files`: whether files named in this one must be there.
  explicit YamlReader(std::string file, bool reads_files = true)
      : file_(std::move(file)), reads_files_(reads_files) {}

  /// Reads a mapping by its keys. An unknown key is an error that offers the nearest right one.
  Result<void> mapping(const YamlNode& node, std::string_view what,
                       std::span<const Key> keys) const;
  /// Calls `item` for each entry; a null is an empty list.
  Result<void> sequence(const YamlNode& node, std::string_view what,
                        const std::function<Result<void>(const YamlNode&)>& item) const;

  [[nodiscard]] Result<std::string> string(const YamlNode& node) const;
  [[nodiscard]] Result<bool> boolean(const YamlNode& node) const;
  [[nodiscard]] Result<uint64_t> count(const YamlNode& node) const;
  /// A duration literal above zero, or also zero when `zero` says so.
  enum class Zero : uint8_t { Refused, Allowed };
  [[nodiscard]] Result<DurationMs> duration(const YamlNode& node, Zero zero = Zero::Refused) const;
  /// "64MB", "1GiB" (both of 1024), or bytes.
  [[nodiscard]] Result<uint64_t> size(const YamlNode& node) const;
  [[nodiscard]] Result<std::vector<std::string>> strings(const YamlNode& node) const;

  [[nodiscard]] std::unexpected<Error> error(const YamlNode& node, std::string_view message) const {
    return fail_in(file_, node, message);
  }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] bool reads_files() const { return reads_files_; }

 private:
  std::string file_;
  bool reads_files_;
};

}  // namespace prom5::config
