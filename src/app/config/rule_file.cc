#include "app/config/rule_file.h"

#include <set>

#include "app/config/template_check.h"
#include "io/codec/utf8.h"
#include "io/file/file_system.h"
#include "query/engine.h"

namespace prom5::config {

namespace {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

class RuleFileReader {
 public:
  explicit RuleFileReader(const std::string& file) : reader_(file) {}

  Result<std::vector<RuleGroup>> read(const YamlNode& root) {
    std::vector<RuleGroup> groups;
    std::set<std::string> names;
    const Read read_groups = [&](const YamlNode& node) {
      return reader_.sequence(node, "groups", [&](const YamlNode& entry) -> Result<void> {
        groups.push_back(TRY(read_group(entry)));
        if (names.insert(groups.back().name).second) return {};
        return reader_.error(entry, fmt::format("groupname: \"{}\" is repeated in the same file",
                                                groups.back().name));
      });
    };
    const std::vector<Key> keys = {{"groups", read_groups}};
    TRY(reader_.mapping(root, "a file of rules", keys));
    return groups;
  }

 private:
  Result<RuleGroup> read_group(const YamlNode& node) {
    RuleGroup group;
    const Read rules = [&](const YamlNode& n) {
      return reader_.sequence(n, "rules", [&](const YamlNode& entry) -> Result<void> {
        group.rules.push_back(TRY(read_rule(entry)));
        return {};
      });
    };
    const std::vector<Key> keys = {
        {"name", reader_.into(group.name)},
        {"interval", reader_.into(group.interval, YamlReader::Zero::Allowed)},
        {"query_offset", reader_.into(group.query_offset, YamlReader::Zero::Allowed)},
        {"limit", reader_.into(group.limit)},
        {"labels", texts_into(group.labels, "label")},
        {"rules", rules}};
    TRY(reader_.mapping(node, "a group", keys));
    TRY(reader_.required(node, "a group", {"name"}));
    return group;
  }

  /// `what` they are: labels may not be the metric's name.
  Read texts_into(NamedTexts& out, std::string_view what) {
    return [this, &out, what](const YamlNode& node) {
      return reader_.dictionary(
          node, what, [&](const YamlNode& name, const YamlNode& value) -> Result<void> {
            const bool bad = name.scalar.empty() || !codec::utf8_valid(name.scalar) ||
                             (what == "label" && name.scalar == "__name__");
            if (bad)
              return reader_.error(name, fmt::format("invalid {} name: {}", what, name.scalar));
            out.emplace_back(name.scalar, TRY(reader_.string(value)));
            return {};
          });
    };
  }

  /// Of an alert; those of a recording rule are texts.
  Result<void> check_templates(const YamlNode& node, const Rule& rule) const {
    for (const auto& [key, kind] : {std::pair{"labels", "label"}, {"annotations", "annotation"}}) {
      const YamlNode* texts = node.find(key);
      if (texts == nullptr) continue;
      for (const auto& [name, text] : texts->entries) {
        const auto good = check_template(text.scalar);
        if (good) continue;
        return reader_.error(text, fmt::format("alert \"{}\": {} \"{}\": template: {}", rule.alert,
                                               kind, name.scalar, good.error().message));
      }
    }
    return {};
  }

  Result<Rule> read_rule(const YamlNode& node) {
    Rule rule;
    const std::vector<Key> keys = {
        {"record", reader_.into(rule.record)},
        {"alert", reader_.into(rule.alert)},
        {"expr", reader_.into(rule.expr)},
        {"for", reader_.into(rule.hold, YamlReader::Zero::Allowed)},
        {"keep_firing_for", reader_.into(rule.keep_firing, YamlReader::Zero::Allowed)},
        {"labels", texts_into(rule.labels, "label")},
        {"annotations", texts_into(rule.annotations, "annotation")}};
    TRY(reader_.mapping(node, "a rule", keys));
    TRY(reader_.at_most_one(node, {"record", "alert"}));
    if (rule.record.empty() && rule.alert.empty()) {
      return reader_.error(node, "one of 'record' or 'alert' must be set");
    }
    TRY(reader_.required(node, "a rule", {"expr"}));
    if (auto parsed = query::parse_query(rule.expr); !parsed) {
      return reader_.error(*node.find("expr"),
                           "could not parse expression: " + parsed.error().message);
    }
    TRY(rule.record.empty() ? check_templates(node, rule) : check_recording(node, rule));
    return rule;
  }

  Result<void> check_recording(const YamlNode& node, const Rule& rule) const {
    for (const std::string_view name : {"annotations", "for", "keep_firing_for"}) {
      const YamlNode* value = node.find(name);
      if (value == nullptr || is_empty(*value) || value->scalar == "0s") continue;
      return reader_.error(*value, fmt::format("invalid field '{}' in recording rule", name));
    }
    if (!codec::utf8_valid(rule.record)) {
      return reader_.error(*node.find("record"), "invalid recording rule name");
    }
    if (rule.record.find_first_of("{}") != std::string::npos) {
      return reader_.error(*node.find("record"),
                           fmt::format("braces present in the recording rule name; should it be in "
                                       "expr?: {}",
                                       rule.record));
    }
    return {};
  }

  YamlReader reader_;
};

}  // namespace

Result<std::vector<RuleGroup>> parse_rule_file(std::string_view text, const std::string& file) {
  const auto root = codec::parse_yaml(text);
  if (!root) return fail(ErrorCode::BadData, "{}:{}", file, root.error().message);
  return RuleFileReader(file).read(*root);
}

Result<std::vector<RuleGroup>> load_rule_file(const std::string& file) {
  io::PosixFileSystem files;
  const auto text = files.read(file);
  if (!text) return fail(ErrorCode::BadData, "rule file: {}", text.error().message);
  return parse_rule_file(*text, file);
}

}  // namespace prom5::config
