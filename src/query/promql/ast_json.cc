#include "query/promql/ast_json.h"

#include "io/codec/number.h"
#include "query/promql/functions.h"

namespace prom5::promql {

namespace {

using codec::JsonWriter;

/// The types' names in Go's source, which are shorter than those of error texts.
std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::None: return "none";
    case ValueType::Scalar: return "scalar";
    case ValueType::InstantVector: return "vector";
    case ValueType::RangeVector: return "matrix";
    case ValueType::String: return "string";
  }
  return "none";
}

std::string_view cardinality_name(Cardinality cardinality) {
  switch (cardinality) {
    case Cardinality::OneToOne: return "one-to-one";
    case Cardinality::ManyToOne: return "many-to-one";
    case Cardinality::OneToMany: return "one-to-many";
    case Cardinality::ManyToMany: return "many-to-many";
  }
  return "one-to-one";
}

void write_child(JsonWriter& json, std::string_view key, const ExprPtr& child) {
  json.key(key);
  if (child) {
    write_ast(json, *child);
  } else {
    json.null();
  }
}

void write_duration(JsonWriter& json, std::string_view key, const ExprPtr& expr) {
  json.key(key);
  if (!expr) {
    json.null();
  } else if (const auto* number = expr->as<NumberLiteral>()) {
    json.begin_object()
        .field("type", "numberLiteral")
        .field("val", codec::format_fixed(number->value))
        .key("duration")
        .boolean(number->duration)
        .end_object();
  } else {
    write_ast(json, *expr);
  }
}

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
  json.key(key).begin_array();
  for (const std::string& name : names) json.string(name);
  json.end_array();
}

void write_time(JsonWriter& json, const TimeModifiers& time) {
  json.key("offset").integer(time.offset.ms);
  write_duration(json, "offsetExpr", time.offset_expr);
  json.key("timestamp");
  if (time.at == AtKind::Time) {
    json.integer(time.at_time.ms);
  } else {
    json.null();
  }
  json.key("startOrEnd");
  if (time.at == AtKind::Start) {
    json.string("start");
  } else if (time.at == AtKind::End) {
    json.string("end");
  } else {
    json.null();
  }
}

void write_selector(JsonWriter& json, const VectorSelector& selector) {
  json.field("name", selector.name).key("matchers").begin_array();
  for (const Matcher& m : selector.matchers) {
    json.begin_object()
        .field("name", m.name())
        .field("value", m.value())
        .field("type", to_string(m.type()))
        .end_object();
  }
  json.end_array();
  write_time(json, selector.time);
  json.key("anchored").boolean(selector.extended == ExtendedRange::Anchored);
  json.key("smoothed").boolean(selector.extended == ExtendedRange::Smoothed);
}

void write_matching(JsonWriter& json, const std::optional<VectorMatching>& matching) {
  json.key("matching");
  if (!matching) {
    json.null();
    return;
  }
  json.begin_object().field("card", cardinality_name(matching->cardinality));
  write_names(json, "labels", matching->labels);
  json.key("on").boolean(matching->on);
  write_names(json, "include", matching->include);
  json.key("fillValues").begin_object();
  const auto fill = [&](std::string_view side, const std::optional<double>& value) {
    json.key(side);
    if (value) {
      json.number(*value);
    } else {
      json.null();
    }
  };
  fill("lhs", matching->fill_left);
  fill("rhs", matching->fill_right);
  json.end_object().end_object();
}

// One for each kind of node: everything between the braces.

void write(JsonWriter& json, const NumberLiteral& n) {
  json.field("type", "numberLiteral").field("val", codec::format_fixed(n.value));
}

void write(JsonWriter& json, const StringLiteral& n) {
  json.field("type", "stringLiteral").field("val", n.value);
}

void write(JsonWriter& json, const DurationExpr& n) {
  json.field("type", "durationExpr").field("op", spelling(n.op));
  write_duration(json, "lhs", n.left);
  write_duration(json, "rhs", n.right);
  json.key("wrapped").boolean(n.wrapped);
}

void write(JsonWriter& json, const VectorSelector& n) {
  json.field("type", "vectorSelector");
  write_selector(json, n);
}

void write(JsonWriter& json, const MatrixSelector& n) {
  json.field("type", "matrixSelector").key("range").integer(n.range.ms);
  write_duration(json, "rangeExpr", n.range_expr);
  write_selector(json, *n.vector->as<VectorSelector>());
}

void write(JsonWriter& json, const Subquery& n) {
  json.field("type", "subquery");
  write_child(json, "expr", n.expr);
  json.key("range").integer(n.range.ms);
  write_duration(json, "rangeExpr", n.range_expr);
  json.key("step").integer(n.step.ms);
  write_duration(json, "stepExpr", n.step_expr);
  write_time(json, n.time);
}

void write(JsonWriter& json, const Call& n) {
  const query::FunctionInfo& info = n.function->info;
  json.field("type", "call").key("func").begin_object().field("name", info.name);
  json.key("argTypes").begin_array();
  for (const ValueType type : info.arguments) json.string(type_name(type));
  json.end_array().key("variadic").integer(info.variadic);
  json.field("returnType", type_name(info.result)).end_object();
  json.key("args").begin_array();
  for (const ExprPtr& argument : n.arguments) write_ast(json, *argument);
  json.end_array();
}

void write(JsonWriter& json, const Aggregate& n) {
  json.field("type", "aggregation").field("op", spelling(n.op));
  write_child(json, "expr", n.expr);
  write_child(json, "param", n.parameter);
  write_names(json, "grouping", n.grouping);
  json.key("without").boolean(n.without);
}

void write(JsonWriter& json, const Binary& n) {
  json.field("type", "binaryExpr").field("op", spelling(n.op));
  write_child(json, "lhs", n.left);
  write_child(json, "rhs", n.right);
  write_matching(json, n.matching);
  json.key("bool").boolean(n.return_bool);
}

void write(JsonWriter& json, const Unary& n) {
  json.field("type", "unaryExpr").field("op", spelling(n.op));
  write_child(json, "expr", n.expr);
}

void write(JsonWriter& json, const Paren& n) {
  json.field("type", "parenExpr");
  write_child(json, "expr", n.expr);
}

}  // namespace

void write_ast(JsonWriter& json, const Expr& expr) {
  json.begin_object();
  std::visit([&](const auto& node) { write(json, node); }, expr.node);
  json.end_object();
}

}  // namespace prom5::promql
