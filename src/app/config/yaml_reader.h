#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/codec/yaml.h"
#include "io/http/http_client.h"

namespace prom5::config {

using codec::YamlNode;

/// How deep a configuration is looked at.
enum class Check : uint8_t {
  Whole,       ///< as a server does that is to run it: files that it names must be there
  SyntaxOnly,  ///< its text alone; what this version cannot do yet is noted, not refused
};

/// An error at a place: "prometheus.yml:12:5: …".
[[nodiscard]] std::unexpected<Error> fail_in(std::string_view file, const YamlNode& node,
                                             std::string_view message);

/// What is done with a value.
using Read = std::function<Result<void>(const YamlNode& value)>;

/// One key that a mapping may have.
struct Key {
  std::string_view name;
  Read read;
};

/// Reads values of one file; every error names file, line and column, and the fix where one is
/// known. Not thread-safe.
class YamlReader {
 public:
  explicit YamlReader(std::string file, Check check = Check::Whole)
      : file_(std::move(file)), check_(check) {}

  /// Reads a mapping by its keys. An unknown key is an error that offers the nearest right one, or
  /// says where it belongs.
  Result<void> mapping(const YamlNode& node, std::string_view what,
                       std::span<const Key> keys) const;
  /// Calls `item` for each entry; a null is an empty list.
  Result<void> sequence(const YamlNode& node, std::string_view what,
                        const std::function<Result<void>(const YamlNode&)>& item) const;
  /// Calls `entry` for each name of a mapping from names to values.
  Result<void> dictionary(
      const YamlNode& node, std::string_view what,
      const std::function<Result<void>(const YamlNode& name, const YamlNode& value)>& entry) const;

  /// An error when one of the names is missing or empty.
  Result<void> required(const YamlNode& node, std::string_view what,
                        std::initializer_list<std::string_view> names) const;
  /// An error when more than one is given; it stands at the second.
  Result<void> at_most_one(const YamlNode& node,
                           std::initializer_list<std::string_view> names) const;

  [[nodiscard]] Result<std::string> string(const YamlNode& node) const;
  [[nodiscard]] Result<bool> boolean(const YamlNode& node) const;
  [[nodiscard]] Result<uint64_t> count(const YamlNode& node) const;
  [[nodiscard]] Result<double> real(const YamlNode& node) const;
  /// A duration literal above zero, or also zero when `zero` says so.
  enum class Zero : uint8_t { Refused, Allowed };
  [[nodiscard]] Result<DurationMs> duration(const YamlNode& node, Zero zero = Zero::Refused) const;
  /// "64MB", "1GiB" (both of 1024), or 0.
  [[nodiscard]] Result<uint64_t> size(const YamlNode& node) const;
  [[nodiscard]] Result<std::vector<std::string>> strings(const YamlNode& node) const;
  /// An http or https URL with a host.
  [[nodiscard]] Result<std::string> url(const YamlNode& node) const;
  /// One of the words; the error offers the nearest.
  [[nodiscard]] Result<std::string> word(const YamlNode& node, std::string_view what,
                                         std::span<const std::string_view> words) const;
  /// A path, which starts at the folder of the configuration. The file must be there, when files
  /// are looked at.
  [[nodiscard]] Result<std::string> path(const YamlNode& node) const;
  /// The same for a file that need not be there.
  [[nodiscard]] Result<std::string> output_path(const YamlNode& node) const;

  // The same, put into a target.
  [[nodiscard]] Read into(std::string& target) const;
  [[nodiscard]] Read into(bool& target) const;
  [[nodiscard]] Read into(uint64_t& target) const;
  [[nodiscard]] Read into(DurationMs& target, Zero zero = Zero::Refused) const;
  [[nodiscard]] Read into(std::vector<std::string>& target) const;
  /// A secret that stands there.
  [[nodiscard]] Read into(io::Secret& target) const;
  /// The name of a file with a secret.
  [[nodiscard]] Read secret_file(io::Secret& target) const;
  [[nodiscard]] Read path_into(std::string& target) const;
  [[nodiscard]] Read url_into(std::string& target) const;
  [[nodiscard]] Read ignored() const;

  /// For what this version cannot do: an error, or a note where only the syntax is looked at.
  Result<void> not_yet(const YamlNode& node, std::string_view what,
                       std::string_view instead = "") const;
  /// The same for a switch that is on, a text or list that is not empty, a number above 0.
  [[nodiscard]] Read not_yet_unless_empty(std::string_view what) const;
  void note(const YamlNode& node, std::string_view message) const;
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  [[nodiscard]] std::unexpected<Error> error(const YamlNode& node, std::string_view message) const {
    return fail_in(file_, node, message);
  }
  /// "prometheus.yml:12:5"
  [[nodiscard]] std::string place(const YamlNode& node) const;
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] Check check() const { return check_; }

 private:
  std::string file_;
  Check check_;
  mutable std::vector<std::string> notes_;
};

bool is_empty(const YamlNode& node);

}  // namespace prom5::config
