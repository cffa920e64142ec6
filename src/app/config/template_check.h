#pragma once

#include <string_view>

#include "base/error.h"

namespace prom5::config {

/// Checks the template of a label or an annotation of an alert as Prometheus does when it loads a
/// file of rules: the syntax of each {{action}}, that if, range, with, define and block have their
/// end, that functions and variables are known. What only shows when an alert fires is not looked
/// at: types, and whether fields are there.
/// BadData with what is wrong and the action: `function "foo" not defined, in "{{ foo }}"`.
/// Source: Go text/template/parse, prometheus template/template.go.
Result<void> check_template(std::string_view text);

}  // namespace prom5::config
