#include "io/codec/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "io/codec/base64.h"

namespace prom5::codec {

namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxNodes = 1'000'000;

struct Converter {
  size_t nodes = 0;
  YAML::Mark last_scalar;  ///< the one that begins last in the text

  Result<YamlNode> convert(const YAML::Node& in, int depth) {
    YamlNode out;
    out.line = in.Mark().line + 1;
    out.column = in.Mark().column + 1;
    if (depth > kMaxDepth || ++nodes > kMaxNodes) {
      return fail(ErrorCode::BadData, "{}:{}: document nests too deep or is too large", out.line,
                  out.column);
    }
    switch (in.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: break;
      case YAML::NodeType::Scalar:
        out.kind = YamlNode::Kind::Scalar;
        if (in.Mark().pos > last_scalar.pos) last_scalar = in.Mark();
        out.scalar = in.Scalar();
        out.quoted = in.Tag() == "!";
        if (in.Tag() == "tag:yaml.org,2002:binary") {
          auto bytes = base64_decode(out.scalar);
          if (!bytes) {
            return fail(ErrorCode::BadData, "{}:{}: !!binary needs base64", out.line, out.column);
          }
          out.scalar = *std::move(bytes);
        }
        break;
      case YAML::NodeType::Sequence:
        out.kind = YamlNode::Kind::Sequence;
        for (const YAML::Node& item : in) out.items.push_back(TRY(convert(item, depth + 1)));
        break;
      case YAML::NodeType::Map: TRY(convert_mapping(in, depth, out)); break;
    }
    return out;
  }

  Result<void> convert_mapping(const YAML::Node& in, int depth, YamlNode& out) {
    out.kind = YamlNode::Kind::Mapping;
    std::optional<YamlNode> merged;
    std::unordered_set<std::string> known;  // a list of many keys would be gone through for each
    for (const auto& entry : in) {
      YamlNode key = TRY(convert(entry.first, depth + 1));
      const bool merge = key.scalar == "<<" && !key.quoted;
      if (merge ? merged.has_value() : !known.insert(key.scalar).second) {
        return fail(ErrorCode::BadData, "{}:{}: key \"{}\" is given twice", key.line, key.column,
                    key.scalar);
      }
      YamlNode value = TRY(convert(entry.second, depth + 1));
      if (merge) {
        merged = std::move(value);
      } else {
        out.entries.push_back({std::move(key), std::move(value)});
      }
    }
    return merged ? merge_into(out, known, *std::move(merged)) : Result<void>();
  }

  /// What the mapping has of its own, `known` by its keys, stays, and of what is merged the first
  /// (yaml.org/type/merge.html).
  static Result<void> merge_into(YamlNode& out, std::unordered_set<std::string>& known,
                                 YamlNode merged) {
    std::vector<YamlNode> sources;
    if (merged.kind == YamlNode::Kind::Sequence) {
      sources = std::move(merged.items);
    } else {
      sources.push_back(std::move(merged));
    }
    for (YamlNode& source : sources) {
      if (source.kind != YamlNode::Kind::Mapping) {
        return fail(ErrorCode::BadData,
                    "{}:{}: \"<<\" merges a mapping or a list of mappings, like *name of one",
                    source.line, source.column);
      }
      for (YamlNode::Entry& entry : source.entries) {
        if (known.insert(entry.key.scalar).second) out.entries.push_back(std::move(entry));
      }
    }
    return {};
  }
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [k, v] : entries) {
    if (k.scalar == key) return &v;
  }
  return nullptr;
}

namespace {

std::string_view without_indent(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

/// "key:value", where the colon needs a space behind it.
bool lacks_space_after_colon(std::string_view line) {
  const std::string_view text = without_indent(line);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
  const bool word = text.find_first_of(" \"'{[#/") > colon;
  return word && text[colon + 1] != ' ' && text[colon + 1] != '/';
}

bool lacks_space_after_dash(std::string_view line) {
  const std::string_view text = without_indent(line);
  return text.size() > 1 && text[0] == '-' && text[1] != ' ' && text[1] != '-';
}

/// What people usually did where the parser only says what it ran into.
std::string_view likely_cause(std::string_view text, const YAML::Exception& e) {
  std::string_view line;
  std::string_view before;  // the line above that is not blank
  for (int number = 0; number <= e.mark.line && !text.empty(); ++number) {
    if (text.starts_with("<<<<<<< ") || text.starts_with(">>>>>>> ")) {
      return "; a git merge left its conflict markers in the file: remove them";
    }
    if (text.starts_with('\t')) return "; indent with spaces, not with tabs";
    if (!without_indent(line).empty()) before = line;
    line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  const auto says = [&](std::string_view what) { return e.msg.find(what) != std::string::npos; };
  if (says("anchor")) return "; put a value that begins with * or & into quotes";
  if (lacks_space_after_dash(line) || lacks_space_after_dash(before)) {
    return "; write a space after the dash that begins an entry of a list";
  }
  if (lacks_space_after_colon(before)) return "; write a space after the colon: \"key: value\"";
  if (says("illegal map value")) {
    const size_t first = line.find(": ");
    if (first != std::string_view::npos && line.find(": ", first + 2) != std::string_view::npos) {
      return "; put a value that holds a colon into quotes";
    }
    return "; its indentation does not fit the line above: align the keys of a mapping";
  }
  if (says("end of sequence not found") || says("end of map not found")) {
    return "; its indentation does not fit the lines above (align keys in one column), or a quote "
           "or a bracket further up is not closed";
  }
  return says("not found") ? "; a quote or a bracket further up may not be closed" : "";
}

/// Notes where the last scalar begins, of a document that need not be whole.
class LastScalar final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    mark_ = mark;
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  [[nodiscard]] const YAML::Mark& mark() const { return mark_; }

 private:
  YAML::Mark mark_;
};

/// Whether the last scalar of a text, up to the text's end, is a quote without one. yaml-cpp sees
/// that by itself only where the text ends within a line.
bool is_open_quote(std::string_view scalar) {
  // Else it is no quote, or the text is not in UTF-8 and the place is another.
  if (scalar.empty() || std::string_view("\"'!&").find(scalar[0]) == std::string_view::npos) {
    return false;
  }
  try {
    YAML::Load(std::string(scalar) + "\n#");
  } catch (const YAML::Exception& e) {
    return e.msg == YAML::ErrorMsg::EOF_IN_SCALAR;
  }
  return false;
}

/// Where the last scalar of a text begins that is refused for what it lacks at its end.
YAML::Mark last_scalar(std::string_view text) {
  LastScalar last;
  try {
    std::istringstream in(std::string(text) + "\n");
    YAML::Parser(in).HandleNextDocument(last);
  } catch (const YAML::Exception&) {  // brackets are open
  }
  return last.mark();
}

std::unexpected<Error> open_quote(const YAML::Mark& mark, std::string_view scalar) {
  const size_t found = scalar.find_first_of("\"'");  // behind a tag or an anchor
  const char quote = found == std::string_view::npos ? '"' : scalar[found];
  return fail(ErrorCode::BadData,
              "{}:{}: the quote {} that opens here is not closed; write another {} where the value "
              "ends",
              mark.line + 1, mark.column + 1, quote, quote);
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text) {
  const auto from = [&](const YAML::Mark& mark) {
    return text.substr(std::min<size_t>(static_cast<size_t>(mark.pos), text.size()));
  };
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    Converter converter;
    YamlNode out = TRY(converter.convert(root, 0));
    const YAML::Mark& last = converter.last_scalar;
    if (is_open_quote(from(last))) return open_quote(last, from(last));
    return out;
  } catch (const YAML::Exception& e) {
    if (from(e.mark).empty()) {
      const YAML::Mark last = last_scalar(text);
      if (is_open_quote(from(last))) return open_quote(last, from(last));
    }
    return fail(ErrorCode::BadData, "{}:{}: {}{}", e.mark.line + 1, e.mark.column + 1, e.msg,
                likely_cause(text, e));
  }
}

}  // namespace prom5::codec
