#include "model/labels.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"
#include "model/quote.h"

namespace prom5 {

namespace {

void append_string(std::string& out, std::string_view text) {
  const size_t n = text.size();
  CHECK(n <= Labels::kMaxStringBytes);
  if (n < 255) {
    out += static_cast<char>(n);
  } else {
    out += static_cast<char>(255);
    out += static_cast<char>(n & 255);
    out += static_cast<char>((n >> 8) & 255);
    out += static_cast<char>(n >> 16);
  }
  out.append(text);
}

std::string_view read_string(const char*& at) {
  const auto* raw = reinterpret_cast<const unsigned char*>(at);
  size_t n = raw[0];
  size_t header = 1;
  if (n == 255) {
    n = raw[1] | static_cast<size_t>(raw[2]) << 8 | static_cast<size_t>(raw[3]) << 16;
    header = 4;
  }
  const std::string_view text(at + header, n);
  at += header + n;
  return text;
}

bool is_name(std::string_view name, bool colon) {
  if (name.empty()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = is_alpha(c) || c == '_' || (colon && c == ':');
    if (!letter && (i == 0 || !is_digit(c))) return false;
  }
  return true;
}

}  // namespace

LabelView Labels::Iterator::operator*() const {
  const char* at = at_;
  const std::string_view name = read_string(at);
  return {name, read_string(at)};
}

Labels::Iterator& Labels::Iterator::operator++() {
  read_string(at_);
  read_string(at_);
  return *this;
}

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> labels) {
  LabelsBuilder builder;
  for (const auto& [name, value] : labels) builder.set(name, value);
  *this = builder.build();
}

std::optional<Labels> Labels::from_ascending(std::span<const LabelView> labels) {
  Labels out;
  if (!out.assign_ascending(labels)) return std::nullopt;
  return out;
}

bool Labels::assign_ascending(std::span<const LabelView> labels) {
  size_t bytes = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].value.empty()) return false;
    if (i > 0 && labels[i].name <= labels[i - 1].name) return false;
    bytes += labels[i].name.size() + labels[i].value.size() + 8;
  }
  data_.clear();
  data_.reserve(bytes);
  for (const LabelView& label : labels) {
    append_string(data_, label.name);
    append_string(data_, label.value);
  }
  return true;
}

size_t Labels::size() const { return static_cast<size_t>(std::distance(begin(), end())); }

std::string_view Labels::get(std::string_view name) const {
  const char* at = data_.data();
  const char* const end = at + data_.size();
  while (at != end) {
    const std::string_view candidate = read_string(at);
    const std::string_view value = read_string(at);
    if (candidate == name) return value;
    if (candidate > name) break;
  }
  return {};
}

Labels Labels::without(std::string_view name) const {
  Labels out;
  out.data_.reserve(data_.size());
  out.assign_where(*this, [&](std::string_view n) { return n != name; });
  return out;
}

uint64_t Labels::hash() const { return XXH3_64bits(data_.data(), data_.size()); }

std::string Labels::to_string() const {
  std::string out = "{";
  for (const LabelView label : *this) {
    if (out.size() > 1) out += ", ";
    if (is_legacy_label_name(label.name)) {
      out += label.name;
    } else {
      append_quoted(out, label.name);
    }
    out += '=';
    append_quoted(out, label.value);
  }
  return out + "}";
}

std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  if (a.data_ == b.data_) return std::strong_ordering::equal;
  auto i = a.begin();
  auto j = b.begin();
  for (; i != a.end() && j != b.end(); ++i, ++j) {
    if (const auto order = *i <=> *j; order != 0) return order;
  }
  if (i == a.end() && j == b.end()) return std::strong_ordering::equal;
  return i == a.end() ? std::strong_ordering::less : std::strong_ordering::greater;
}

void LabelsBuilder::reset(const Labels& base) {
  labels_.clear();
  for (const LabelView label : base) labels_.emplace_back(label.name, label.value);
}

LabelsBuilder& LabelsBuilder::set(std::string_view name, std::string_view value) {
  if (value.empty()) return remove(name);
  // Doors refuse longer ones with a reason; what label functions join is cut off.
  name = name.substr(0, Labels::kMaxStringBytes);
  value = value.substr(0, Labels::kMaxStringBytes);
  for (auto& [n, v] : labels_) {
    if (n == name) {
      v = value;
      return *this;
    }
  }
  labels_.emplace_back(name, value);
  return *this;
}

LabelsBuilder& LabelsBuilder::remove(std::string_view name) {
  std::erase_if(labels_, [&](const auto& label) { return label.first == name; });
  return *this;
}

std::string_view LabelsBuilder::get(std::string_view name) const {
  for (const auto& [n, v] : labels_) {
    if (n == name) return v;
  }
  return {};
}

Labels LabelsBuilder::build() {
  std::sort(labels_.begin(), labels_.end());
  size_t total = 0;
  for (const auto& [name, value] : labels_) total += name.size() + value.size() + 2;
  Labels out;
  out.data_.reserve(total);
  for (const auto& [name, value] : labels_) {
    append_string(out.data_, name);
    append_string(out.data_, value);
  }
  return out;
}

bool is_legacy_label_name(std::string_view name) { return is_name(name, false); }
bool is_legacy_metric_name(std::string_view name) { return is_name(name, true); }

}  // namespace prom5
