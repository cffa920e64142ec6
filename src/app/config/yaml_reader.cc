#include "app/config/yaml_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "base/ascii.h"
#include "base/spelling.h"
#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "io/file/file_system.h"
#include "io/http/url.h"

namespace prom5::config {

namespace {

std::string_view kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null: return "nothing";
    case YamlNode::Kind::Scalar: return "a single value";
    case YamlNode::Kind::Sequence: return "a list";
    case YamlNode::Kind::Mapping: return "a mapping";
  }
  return "nothing";
}

/// Where keys belong that are often written elsewhere, and what became of those that are gone.
struct Home {
  std::string_view key;
  std::string_view place;
};
constexpr std::array kHomes = std::to_array<Home>({
    {"targets", "it belongs into an entry of static_configs: \"static_configs: [{targets: […]}]\""},
    {"labels", "it belongs beside targets, into an entry of static_configs"},
    {"target_groups", "it is called static_configs now"},
    {"scrape_classic_histograms", "it is called always_scrape_classic_histograms now"},
    {"job_name", "it belongs into an entry of scrape_configs: \"- job_name: …\""},
    {"static_configs", "it belongs into an entry of scrape_configs"},
    {"relabel_configs", "it belongs into an entry of scrape_configs"},
    {"metric_relabel_configs", "it belongs into an entry of scrape_configs"},
    {"write_relabel_configs", "it belongs into an entry of remote_write"},
    {"alert_relabel_configs", "it belongs under alerting"},
    {"alertmanagers", "it belongs under alerting"},
    {"metrics_path", "it belongs into an entry of scrape_configs"},
    {"honor_labels", "it belongs into an entry of scrape_configs"},
    {"basic_auth", "it belongs into an entry of scrape_configs or remote_write"},
    {"scrape_interval", "it belongs under global or into an entry of scrape_configs"},
    {"scrape_timeout", "it belongs under global or into an entry of scrape_configs"},
    {"evaluation_interval", "it belongs under global"},
    {"external_labels", "it belongs under global"},
    {"query_log_file", "it belongs under global"},
    {"rule_files", "it belongs at the top level of the file"},
    {"remote_write", "it belongs at the top level of the file"},
    {"remote_read", "it belongs at the top level of the file"},
    {"scrape_configs", "it belongs at the top level of the file"},
    {"alerting", "it belongs at the top level of the file"},
    {"storage", "it belongs at the top level of the file"},
    {"tsdb", "it belongs under storage"},
    {"out_of_order_time_window", "it belongs under storage: tsdb"},
    {"max_exemplars", "it belongs under storage: exemplars"},
    {"insecure_skip_verify", "it belongs under tls_config"},
    {"ca_file", "it belongs under tls_config"},
    {"cert_file", "it belongs under tls_config"},
    {"key_file", "it belongs under tls_config"},
    {"username", "it belongs under basic_auth"},
    {"password", "it belongs under basic_auth"},
    {"password_file", "it belongs under basic_auth"},
    {"credentials", "it belongs under authorization"},
    {"credentials_file", "it belongs under authorization"},
    {"source_labels", "it belongs into an entry of relabel_configs"},
    {"target_label", "it belongs into an entry of relabel_configs"},
    {"regex", "it belongs into an entry of relabel_configs"},
    {"action", "it belongs into an entry of relabel_configs"},
    {"max_samples_per_send", "it belongs under queue_config"},
    {"max_shards", "it belongs under queue_config"},
    {"min_shards", "it belongs under queue_config"},
    {"capacity", "it belongs under queue_config"},
    {"batch_send_deadline", "it belongs under queue_config"},
    {"match", "it belongs under params, as \"match[]\""},
    {"match[]", "it belongs under params"},
    {"module", "it belongs under params"},
    {"names", "for kubernetes_sd_configs it belongs under namespaces"},
    {"own_namespace", "it belongs under namespaces"},
    {"promote_resource_attributes", "it belongs under otlp"},
    {"api_key", "it belongs under assistant"},
    {"api_key_file", "it belongs under assistant"},
    {"provider", "it belongs under assistant"},
    {"translation_strategy", "it belongs under otlp"},
    {"url", "it belongs into an entry of remote_write, remote_read or http_sd_configs"},
});

std::string advice_on(std::string_view name, std::span<const Key> keys) {
  for (const Home& home : kHomes) {
    if (home.key == name) return fmt::format("; {}", home.place);
  }
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  const std::string_view near = nearest(name, names);
  if (!near.empty()) return fmt::format("; did you mean \"{}\"?", near);
  constexpr size_t kFew = 12;
  if (names.size() > kFew) return "";
  return fmt::format("; known here: {}", fmt::join(names, ", "));
}

std::string_view variable_advice(std::string_view text) {
  if (text.find("{{") != text.npos) return "; templates are not filled in here";
  if (text.find('$') == text.npos) return "";
  return "; environment variables are expanded in external_labels only";
}

/// "15" is meant as 15 s, "1 h" as 1h, "1min" as 1m.
std::string duration_advice(std::string_view text) {
  if (const std::string_view advice = variable_advice(text); !advice.empty()) {
    return std::string(advice);
  }
  // "1.5m" is 1m30s.
  if (const size_t unit = text.find_first_not_of("0123456789."); unit != text.npos && unit > 0) {
    const auto number = codec::parse_double(text.substr(0, unit));
    const auto one = parse_duration(fmt::format("1{}", text.substr(unit)));
    if (number && one && text.find('.') != text.npos) {
      const DurationMs whole{static_cast<int64_t>(*number * static_cast<double>(one->ms))};
      return fmt::format("; numbers are whole: write \"{}\"", format_duration(whole));
    }
  }
  std::string tight;
  for (const char c : text) {
    if (c != ' ') tight += c;
  }
  const bool digits = !tight.empty() && tight.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return fmt::format("; add the unit: \"{}s\"", tight);
  struct Unit {
    std::string_view wrong;
    std::string_view right;
  };
  constexpr std::array<Unit, 16> kUnits = {{{"minutes", "m"},
                                            {"minute", "m"},
                                            {"mins", "m"},
                                            {"min", "m"},
                                            {"seconds", "s"},
                                            {"second", "s"},
                                            {"secs", "s"},
                                            {"sec", "s"},
                                            {"hours", "h"},
                                            {"hour", "h"},
                                            {"hrs", "h"},
                                            {"hr", "h"},
                                            {"days", "d"},
                                            {"day", "d"},
                                            {"weeks", "w"},
                                            {"week", "w"}}};
  const size_t unit = std::min(tight.find_first_not_of("0123456789"), tight.size());
  for (const Unit& u : kUnits) {
    if (std::string_view(tight).substr(unit) == u.wrong)
      tight.replace(unit, std::string::npos, u.right);
  }
  if (tight != text && parse_duration(tight)) return fmt::format("; write \"{}\"", tight);
  return "; write a number and a unit of ms, s, m, h, d, w or y, like \"15s\"";
}

}  // namespace

std::unexpected<Error> fail_in(std::string_view file, const YamlNode& node,
                               std::string_view message) {
  return fail(ErrorCode::BadData, "{}:{}:{}: {}", file, node.line, node.column, message);
}

Result<void> YamlReader::mapping(const YamlNode& node, std::string_view what,
                                 std::span<const Key> keys) const {
  if (node.kind == YamlNode::Kind::Null) return {};  // "tls_config:" with nothing behind
  if (node.kind != YamlNode::Kind::Mapping) {
    return error(node, fmt::format("{}: expected a mapping, found {}", what, kind_of(node)));
  }
  for (const auto& [name, value] : node.entries) {
    const Key* found = nullptr;
    for (const Key& key : keys) {
      if (key.name == name.scalar) found = &key;
    }
    if (found == nullptr) {
      return error(name, fmt::format("unknown key \"{}\" in {}{}", name.scalar, what,
                                     advice_on(name.scalar, keys)));
    }
    TRY(found->read(value));
  }
  return {};
}

Result<void> YamlReader::sequence(const YamlNode& node, std::string_view what,
                                  const std::function<Result<void>(const YamlNode&)>& item) const {
  if (node.kind == YamlNode::Kind::Null) return {};
  if (node.kind != YamlNode::Kind::Sequence) {
    const std::string fix =
        node.kind == YamlNode::Kind::Scalar
            ? fmt::format("write [{}] or begin each entry with \"- \"", node.scalar)
            : std::string("begin each entry with \"- \"");
    return error(node, fmt::format("{}: expected a list, found {}; {}", what, kind_of(node), fix));
  }
  for (const YamlNode& entry : node.items) TRY(item(entry));
  return {};
}

Result<std::string> YamlReader::string(const YamlNode& node) const {
  if (node.kind == YamlNode::Kind::Null) return std::string();
  if (node.kind != YamlNode::Kind::Scalar) {
    return error(node, fmt::format("expected a single value (a string), found {}{}", kind_of(node),
                                   node.kind == YamlNode::Kind::Mapping
                                       ? "; a value that begins with a brace must be in quotes"
                                       : ""));
  }
  if (!codec::utf8_valid(node.scalar)) return error(node, "the value is not valid UTF-8");
  return node.scalar;
}

Result<bool> YamlReader::boolean(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  // As YAML 1.1 has them, which Prometheus reads.
  for (const std::string_view yes :
       {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no :
       {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
    if (text == no) return false;
  }
  return error(node, fmt::format("expected true or false, found \"{}\"", text));
}

Result<uint64_t> YamlReader::count(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    return error(node, fmt::format("expected a whole number of at least 0, found \"{}\"{}", text,
                                   variable_advice(text)));
  }
  return value;
}

Result<DurationMs> YamlReader::duration(const YamlNode& node, Zero zero) const {
  const std::string text = TRY(string(node));
  const auto value = parse_duration(text);
  if (!value) {
    return error(node, fmt::format("{}{}", value.error().message, duration_advice(text)));
  }
  if (value->ms == 0 && zero == Zero::Refused) {
    return error(node, "the duration must be greater than 0");
  }
  return *value;
}

Result<uint64_t> YamlReader::size(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  constexpr std::array<std::pair<std::string_view, unsigned>, 13> kUnits = {{
      {"EiB", 60},
      {"PiB", 50},
      {"TiB", 40},
      {"GiB", 30},
      {"MiB", 20},
      {"KiB", 10},
      {"EB", 60},
      {"PB", 50},
      {"TB", 40},
      {"GB", 30},
      {"MB", 20},
      {"KB", 10},
      {"B", 0},
  }};
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (failure == std::errc{} && unit.empty() && value == 0) return value;
  if (failure == std::errc{}) {
    for (const auto& [name, shift] : kUnits) {
      if (unit == name && value <= UINT64_MAX >> shift) return value << shift;
    }
  }
  return error(node,
               fmt::format("expected a size with a unit of B, KB, MB, GB or TB like \"64MB\", "
                           "found \"{}\"",
                           text));
}

Result<std::vector<std::string>> YamlReader::strings(const YamlNode& node) const {
  std::vector<std::string> out;
  TRY(sequence(node, "list", [&](const YamlNode& item) -> Result<void> {
    out.push_back(TRY(string(item)));
    return {};
  }));
  return out;
}

Result<double> YamlReader::real(const YamlNode& node) const {
  const std::string text = TRY(string(node));
  const auto value = codec::parse_double(text);
  if (!value) return error(node, fmt::format("expected a number, found \"{}\"", text));
  return *value;
}

Result<void> YamlReader::dictionary(
    const YamlNode& node, std::string_view what,
    const std::function<Result<void>(const YamlNode& name, const YamlNode& value)>& entry) const {
  if (node.kind == YamlNode::Kind::Null) return {};
  if (node.kind != YamlNode::Kind::Mapping) {
    return error(node, fmt::format("{}: expected a mapping of names to values, \"name: value\", "
                                   "found {}",
                                   what, kind_of(node)));
  }
  for (const auto& [name, value] : node.entries) TRY(entry(name, value));
  return {};
}

Result<void> YamlReader::required(const YamlNode& node, std::string_view what,
                                  std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    const YamlNode* value = node.find(name);
    if (value == nullptr) {
      return error(node, fmt::format("{}: {} is missing; add \"{}: …\"", what, name, name));
    }
    const bool blank = value->kind == YamlNode::Kind::Scalar &&
                       value->scalar.find_first_not_of(" \t\r\n") == std::string::npos;
    if (blank || is_empty(*value)) {
      return error(*value, fmt::format("{}: {} is empty, and is needed", what, name));
    }
  }
  return {};
}

Result<void> YamlReader::at_most_one(const YamlNode& node,
                                     std::initializer_list<std::string_view> names) const {
  const YamlNode* first = nullptr;
  for (const auto& [name, value] : node.entries) {
    if (std::find(names.begin(), names.end(), name.scalar) == names.end()) continue;
    if (is_empty(value) || value.scalar.empty() == (value.kind == YamlNode::Kind::Scalar)) continue;
    if (first != nullptr) {
      return error(name, fmt::format("at most one of {} may be given: remove {} or {}",
                                     fmt::join(names, ", "), first->scalar, name.scalar));
    }
    first = &name;
  }
  return {};
}

Result<std::string> YamlReader::url(const YamlNode& node) const {
  std::string text = TRY(string(node));
  const auto parsed = io::parse_url(text);
  if (parsed) return text;
  const bool lacks_scheme = text.find("://") == std::string::npos;
  return error(node, parsed.error().message +
                         (lacks_scheme ? fmt::format("; write \"http://{}\"", text)
                                       : std::string("; it begins with http:// or https://")));
}

Result<std::string> YamlReader::word(const YamlNode& node, std::string_view what,
                                     std::span<const std::string_view> words) const {
  std::string text = TRY(string(node));
  if (std::find(words.begin(), words.end(), text) != words.end()) return text;
  std::string_view near = nearest(text, words);
  for (const std::string_view w : words) {
    if (equal_ignoring_case(w, text)) near = w;
  }
  return error(node, fmt::format("unknown {} \"{}\"{}; one of {}", what, text,
                                 near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near),
                                 fmt::join(words, ", ")));
}

Result<std::string> YamlReader::output_path(const YamlNode& node) const {
  std::filesystem::path given = TRY(string(node));
  if (!given.empty() && given.is_relative()) {
    given = std::filesystem::path(file_).parent_path() / given;
  }
  return given.string();
}

Result<std::string> YamlReader::path(const YamlNode& node) const {
  std::string out = TRY(output_path(node));
  if (out.empty() || check_ == Check::SyntaxOnly) return out;
  io::PosixFileSystem files;
  const auto size = files.size(out);
  if (size) return out;
  return error(node, size.error().code == ErrorCode::NotFound
                         ? fmt::format("the file {} does not exist", out)
                         : size.error().message);
}

namespace {

template <typename T, typename Value>
Read store_into(T& target, Value value) {
  return [&target, value](const YamlNode& node) -> Result<void> {
    target = TRY(value(node));
    return {};
  };
}

}  // namespace

Read YamlReader::into(std::string& target) const {
  return store_into(target, [this](const YamlNode& n) { return string(n); });
}
Read YamlReader::into(bool& target) const {
  return store_into(target, [this](const YamlNode& n) { return boolean(n); });
}
Read YamlReader::into(uint64_t& target) const {
  return store_into(target, [this](const YamlNode& n) { return count(n); });
}
Read YamlReader::into(DurationMs& target, Zero zero) const {
  return store_into(target, [this, zero](const YamlNode& n) { return duration(n, zero); });
}
Read YamlReader::into(std::vector<std::string>& target) const {
  return store_into(target, [this](const YamlNode& n) { return strings(n); });
}
Read YamlReader::into(io::Secret& target) const { return into(target.text); }
Read YamlReader::secret_file(io::Secret& target) const { return path_into(target.file); }
Read YamlReader::path_into(std::string& target) const {
  return store_into(target, [this](const YamlNode& n) { return path(n); });
}
Read YamlReader::url_into(std::string& target) const {
  return store_into(target, [this](const YamlNode& n) { return url(n); });
}
Read YamlReader::ignored() const {
  return [](const YamlNode&) -> Result<void> { return {}; };
}

std::string YamlReader::place(const YamlNode& node) const {
  return fmt::format("{}:{}:{}", file_, node.line, node.column);
}

void YamlReader::note(const YamlNode& node, std::string_view message) const {
  notes_.push_back(fmt::format("{}: {}", place(node), message));
}

Result<void> YamlReader::not_yet(const YamlNode& node, std::string_view what,
                                 std::string_view instead) const {
  const std::string message =
      fmt::format("{} is not supported by this version yet{}{}", what, instead.empty() ? "" : "; ",
                  instead.empty() ? "" : instead);
  if (check_ == Check::Whole) {
    return error(node, message + (instead.empty() ? "; remove it to start" : ""));
  }
  note(node, message);
  return {};
}

Read YamlReader::not_yet_unless_empty(std::string_view what) const {
  return [this, what](const YamlNode& node) -> Result<void> {
    const bool off =
        is_empty(node) || (node.kind == YamlNode::Kind::Scalar &&
                           (node.scalar.empty() || node.scalar == "0" || node.scalar == "false"));
    return off ? Result<void>() : not_yet(node, what);
  };
}

bool is_empty(const YamlNode& node) {
  return node.kind == YamlNode::Kind::Null ||
         (node.kind == YamlNode::Kind::Sequence && node.items.empty()) ||
         (node.kind == YamlNode::Kind::Mapping && node.entries.empty());
}

}  // namespace prom5::config
