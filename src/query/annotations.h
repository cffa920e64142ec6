#pragma once

#include <string>
#include <vector>

namespace prom5::query {

/// Warnings and notes beside a result. Each text once.
class Annotations {
 public:
  static constexpr size_t kMaxShown = 10;

  void warn(std::string text) { add(warnings_, std::move(text)); }
  void inform(std::string text) { add(infos_, std::move(text)); }

  [[nodiscard]] size_t count() const { return warnings_.size() + infos_.size(); }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  [[nodiscard]] const std::vector<std::string>& infos() const { return infos_; }

  /// At most kMaxShown, with a line for what was left out.
  [[nodiscard]] std::vector<std::string> shown_warnings() const;
  [[nodiscard]] std::vector<std::string> shown_infos() const;

 private:
  static void add(std::vector<std::string>& list, std::string text);

  std::vector<std::string> warnings_;
  std::vector<std::string> infos_;
};

}  // namespace prom5::query
