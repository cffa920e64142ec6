#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"

namespace prom5::config {

/// A word of a template's action.
struct TemplateToken {
  enum class Kind : uint8_t {
    Identifier,
    Keyword,
    Constant,  ///< a number, a character, true, false or nil
    String,
    Dot,
    Field,  ///< ".Labels", with its dot
    Variable,
    OpenParen,
    CloseParen,
    Pipe,
    Comma,
    Assign,  ///< := or =
    Other,
  };
  Kind kind = Kind::Other;
  std::string_view text;
  bool after_space = false;
};

/// One {{action}} of a template; a comment is none.
struct TemplateAction {
  std::string_view text;  ///< with its braces
  std::vector<TemplateToken> tokens;
};

/// The actions of a template in their order. Views point into the text.
/// BadData for what no action can be made of, as `check_template` has it.
Result<std::vector<TemplateAction>> template_actions(std::string_view text);

/// An error at an action, which may be long.
std::unexpected<Error> fail_in_action(std::string_view action, std::string_view what);

}  // namespace prom5::config
