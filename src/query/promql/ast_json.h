#pragma once

#include "io/codec/json_writer.h"
#include "query/promql/ast.h"

namespace prom5::promql {

/// The syntax tree in the form that Prometheus' /api/v1/parse_query gives to user interfaces.
/// Source: prometheus web/api/v1/translate_ast.go.
void write_ast(codec::JsonWriter& json, const Expr& expr);

}  // namespace prom5::promql
