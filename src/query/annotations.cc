#include "query/annotations.h"

#include <fmt/core.h>

#include <algorithm>

namespace prom5::query {

namespace {

/// Prometheus' own bound on what a query can pile up.
constexpr size_t kMaxKept = 1000;
constexpr size_t kMaxText = 4096;  // labels, which texts quote, may be long

std::vector<std::string> cut(const std::vector<std::string>& list, std::string_view kind) {
  if (list.size() <= Annotations::kMaxShown) return list;
  std::vector<std::string> out(list.begin(), list.begin() + Annotations::kMaxShown);
  out.push_back(
      fmt::format("{} more {} annotations omitted", list.size() - Annotations::kMaxShown, kind));
  return out;
}

}  // namespace

void Annotations::add(std::vector<std::string>& list, std::string text) {
  if (text.size() > kMaxText) {
    text.resize(kMaxText);
    text += "…";
  }
  if (list.size() >= kMaxKept || std::find(list.begin(), list.end(), text) != list.end()) return;
  list.push_back(std::move(text));
}

std::vector<std::string> Annotations::shown_warnings() const { return cut(warnings_, "warning"); }
std::vector<std::string> Annotations::shown_infos() const { return cut(infos_, "info"); }

}  // namespace prom5::query
