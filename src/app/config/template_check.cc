#include "app/config/template_check.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "app/config/template_lexer.h"
#include "base/spelling.h"

namespace prom5::config {

namespace {

using Kind = TemplateToken::Kind;

/// Go's own, and Prometheus' for alerts; `tmpl` is for pages of consoles alone.
constexpr std::array kFunctions = std::to_array<std::string_view>({
    "and",
    "args",
    "call",
    "eq",
    "externalURL",
    "first",
    "ge",
    "graphLink",
    "gt",
    "html",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "index",
    "js",
    "label",
    "le",
    "len",
    "lt",
    "match",
    "ne",
    "not",
    "now",
    "or",
    "parseDuration",
    "pathPrefix",
    "print",
    "printf",
    "println",
    "query",
    "reReplaceAll",
    "safeHtml",
    "slice",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "urlquery",
    "value",
});

/// Those that Prometheus sets before an alert's template, and Go everywhere.
constexpr std::array kVariables =
    std::to_array<std::string_view>({"$", "$labels", "$externalLabels", "$externalURL", "$value"});

/// Of parentheses in each other; Go's parser has no limit, and the stack has one.
constexpr int kMaxDepth = 100;

class TemplateCheck {
 public:
  Result<void> check(std::string_view text) {
    for (const TemplateAction& action : TRY(template_actions(text))) {
      action_ = &action;
      at_ = 0;
      TRY(take_action());
    }
    if (open_.empty()) return {};
    return fail_in_action(open_.back().action, "unexpected end of the text: {{end}} is missing");
  }

 private:
  /// What waits for its {{end}}.
  struct Open {
    std::string_view keyword;
    std::string_view action;
    size_t variables = 0;                      ///< how many were known before it
    std::vector<std::string_view> outer = {};  ///< those around a definition, which has its own
    bool has_else = false;
  };

  [[nodiscard]] const TemplateToken* peek() const {
    return at_ < action_->tokens.size() ? &action_->tokens[at_] : nullptr;
  }
  [[nodiscard]] bool is(Kind kind) const { return peek() != nullptr && peek()->kind == kind; }

  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const {
    return fail_in_action(action_->text, what);
  }
  [[nodiscard]] std::unexpected<Error> unexpected_in(std::string_view where) const {
    const TemplateToken* const token = peek();
    return error(token == nullptr ? fmt::format("unexpected end of the action in {}", where)
                                  : fmt::format("unexpected {} in {}", token->text, where));
  }

  Result<void> take_action() {
    if (!is(Kind::Keyword)) return pipeline("command", false);
    const std::string_view keyword = peek()->text;
    ++at_;
    if (keyword == "end") return take_end();
    if (keyword == "else") return take_else();
    if (keyword == "if" || keyword == "with" || keyword == "range") {
      const size_t variables = variables_.size();
      TRY(pipeline(keyword, false));
      open_.push_back({keyword, action_->text, variables});
      return {};
    }
    if (keyword == "break" || keyword == "continue") return take_break(keyword);
    return take_named(keyword);
  }

  Result<void> take_end() {
    if (peek() != nullptr) return unexpected_in("end");
    if (open_.empty()) return error("unexpected {{end}}: nothing is open that it could close");
    if (!open_.back().outer.empty()) variables_ = std::move(open_.back().outer);
    variables_.resize(open_.back().variables);
    open_.pop_back();
    return {};
  }

  Result<void> take_else() {
    const bool may = !open_.empty() && !open_.back().has_else &&
                     (open_.back().keyword == "if" || open_.back().keyword == "with" ||
                      open_.back().keyword == "range");
    if (!may) return error("unexpected {{else}}");
    Open& open = open_.back();
    if (peek() == nullptr) {
      open.has_else = true;
      return {};
    }
    // "else if" and "else with" share the end of what they are in.
    if (!is(Kind::Keyword) || peek()->text != open.keyword || open.keyword == "range") {
      return unexpected_in("else");
    }
    ++at_;
    return pipeline(open.keyword, false);
  }

  Result<void> take_break(std::string_view keyword) {
    if (peek() != nullptr) return unexpected_in(keyword);
    for (size_t i = open_.size(); i > 0; --i) {
      const std::string_view around = open_[i - 1].keyword;
      // What is behind {{else}} stands for a loop that had no turn.
      if (around == "range" && !open_[i - 1].has_else) return {};
      if (around == "define" || around == "block") break;
    }
    return error(fmt::format("{{{{{}}}}} outside {{{{range}}}}", keyword));
  }

  /// define, block and template, which have a name behind them.
  Result<void> take_named(std::string_view keyword) {
    if (keyword == "define" && !open_.empty()) {
      return error("unexpected {{define}}: it stands at the top level");
    }
    if (!is(Kind::String)) return unexpected_in(fmt::format("{} clause", keyword));
    ++at_;
    if (keyword == "template" && peek() == nullptr) return {};
    if (keyword != "define") TRY(pipeline(keyword, false));
    if (keyword == "template") return {};
    if (peek() != nullptr) return unexpected_in("define clause");
    open_.push_back({keyword, action_->text, variables_.size(), std::move(variables_)});
    variables_ = {"$"};  // another template, which knows nothing of this one
    return {};
  }

  /// Commands with pipes between them, up to the action's end or, `in_parentheses`, to the closing
  /// one, which is taken. `where` it is, for errors.
  Result<void> pipeline(std::string_view where, bool in_parentheses) {
    TRY(declarations(where));
    size_t commands = 0;
    for (;;) {
      const bool ended = in_parentheses ? is(Kind::CloseParen) : peek() == nullptr;
      if (ended) {
        if (commands == 0) return error(fmt::format("missing value for {}", where));
        if (in_parentheses) ++at_;
        return {};
      }
      const bool constant = is(Kind::Constant) || is(Kind::String) || is(Kind::Dot);
      if (commands > 0 && constant) {
        return error(fmt::format("non executable command in pipeline stage {}", commands + 1));
      }
      TRY(command(where));
      ++commands;
    }
  }

  /// "$x := …", "$x = …", and in a range "$key, $value := …".
  Result<void> declarations(std::string_view where) {
    size_t count = 0;
    while (is(Kind::Variable) && at_ + 1 < action_->tokens.size()) {
      const Kind behind = action_->tokens[at_ + 1].kind;
      if (behind != Kind::Assign && behind != Kind::Comma) {
        return count == 0 ? Result<void>() : unexpected_in(where);
      }
      variables_.push_back(peek()->text);
      at_ += 2;
      ++count;
      if (behind == Kind::Assign) return {};
      if (where != "range" || count > 1) {
        return error(fmt::format("too many declarations in {}", where));
      }
    }
    return count == 0 ? Result<void>() : error("range can only initialize variables");
  }

  /// Operands with spaces between them.
  Result<void> command(std::string_view where) {
    bool any = false;
    while (peek() != nullptr && !is(Kind::CloseParen)) {
      if (is(Kind::Pipe)) {
        if (!any) return unexpected_in(where);
        ++at_;
        return {};
      }
      if (any && !peek()->after_space) return unexpected_in("operand");
      TRY(operand(where));
      any = true;
    }
    return any ? Result<void>() : unexpected_in(where);
  }

  Result<void> operand(std::string_view where) {
    const TemplateToken& first = *peek();
    TRY(term(where));
    if (!is(Kind::Field) || peek()->after_space) return {};
    if (first.kind == Kind::Constant || first.kind == Kind::String || first.kind == Kind::Dot) {
      return error(fmt::format("unexpected . after term \"{}\"", first.text));
    }
    while (is(Kind::Field) && !peek()->after_space) ++at_;
    return {};
  }

  Result<void> term(std::string_view where) {
    const TemplateToken& token = *peek();
    switch (token.kind) {
      case Kind::Identifier: TRY(known_function(token.text)); break;
      case Kind::Variable:
        if (std::ranges::find(variables_, token.text) == variables_.end()) {
          return error(fmt::format("undefined variable \"{}\"{}", token.text,
                                   advice_on(token.text, variables_)));
        }
        break;
      case Kind::OpenParen: {
        if (++depth_ > kMaxDepth) return error("too many parentheses in each other");
        ++at_;
        TRY(pipeline("parenthesized pipeline", true));
        --depth_;
        return {};
      }
      case Kind::Constant:
      case Kind::String:
      case Kind::Dot:
      case Kind::Field: break;
      case Kind::Keyword:
      case Kind::CloseParen:
      case Kind::Pipe:
      case Kind::Comma:
      case Kind::Assign:
      case Kind::Other: return unexpected_in(where);
    }
    ++at_;
    return {};
  }

  [[nodiscard]] Result<void> known_function(std::string_view name) const {
    if (std::ranges::find(kFunctions, name) != kFunctions.end()) return {};
    return error(fmt::format("function \"{}\" not defined{}", name, advice_on(name, kFunctions)));
  }

  static std::string advice_on(std::string_view name, std::span<const std::string_view> known) {
    constexpr size_t kLongestName = 64;  // distances to a longer one take their time
    if (name.size() > kLongestName) return "";
    const std::string_view near = nearest(name, known);
    return near.empty() || near == "$" ? "" : fmt::format("; did you mean {}?", near);
  }

  const TemplateAction* action_ = nullptr;
  size_t at_ = 0;  ///< the token of the action that comes next
  int depth_ = 0;
  std::vector<Open> open_;
  std::vector<std::string_view> variables_{kVariables.begin(), kVariables.end()};
};

}  // namespace

Result<void> check_template(std::string_view text) { return TemplateCheck().check(text); }

}  // namespace prom5::config
