#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/codec/number.h"
#include "model/quote.h"
#include "query/promql/ast.h"
#include "query/promql/functions.h"

namespace prom5::promql {

namespace {

std::string print_duration_seconds(double seconds) {
  const bool negative = seconds < 0;
  const DurationMs duration{static_cast<int64_t>(std::round(std::fabs(seconds) * 1000))};
  return (negative ? "-" : "") + format_duration(duration);
}

std::string label_list(const std::vector<std::string>& labels) {
  std::string out;
  for (const std::string& label : labels) {
    if (!out.empty()) out += ", ";
    out += is_legacy_label_name(label) ? label : quoted(label);
  }
  return out;
}

std::string print_at(const TimeModifiers& time) {
  switch (time.at) {
    case AtKind::None: return "";
    case AtKind::Time: return fmt::format(" @ {:.3f}", time.at_time.as_seconds());
    case AtKind::Start: return " @ start()";
    case AtKind::End: return " @ end()";
  }
  return "";
}

std::string print_offset(const TimeModifiers& time) {
  if (time.offset_expr) return " offset " + print(*time.offset_expr);
  if (time.offset.ms == 0) return "";
  return " offset " + format_duration(time.offset);
}

std::string_view print_extended(ExtendedRange extended) {
  switch (extended) {
    case ExtendedRange::None: return "";
    case ExtendedRange::Anchored: return " anchored";
    case ExtendedRange::Smoothed: return " smoothed";
  }
  return "";
}

std::string print_selector(const VectorSelector& selector) {
  std::vector<std::string> matchers;
  for (const Matcher& m : selector.matchers) {
    const bool is_name = m.name() == kMetricName && m.type() == MatchType::Equal &&
                         m.value() == selector.name && !m.value().empty();
    if (!is_name) matchers.push_back(m.to_string());
  }
  std::sort(matchers.begin(), matchers.end());
  std::string out = selector.name;
  if (!matchers.empty()) out += fmt::format("{{{}}}", fmt::join(matchers, ","));
  return out;
}

std::string print_matching(const Binary& binary) {
  if (!binary.matching) return "";
  const VectorMatching& m = *binary.matching;
  std::string out;
  const bool grouped =
      m.cardinality == Cardinality::ManyToOne || m.cardinality == Cardinality::OneToMany;
  if (!m.labels.empty() || m.on || grouped) {
    out += fmt::format(" {} ({})", m.on ? "on" : "ignoring", label_list(m.labels));
  }
  if (grouped) {
    out += fmt::format(" group_{} ({})", m.cardinality == Cardinality::ManyToOne ? "left" : "right",
                       label_list(m.include));
  }
  if (m.fill_left && m.fill_right && *m.fill_left == *m.fill_right) {
    return out + fmt::format(" fill ({})", codec::format_compact(*m.fill_left));
  }
  if (m.fill_left) out += fmt::format(" fill_left ({})", codec::format_compact(*m.fill_left));
  if (m.fill_right) out += fmt::format(" fill_right ({})", codec::format_compact(*m.fill_right));
  return out;
}

/// "sum by (job) ", before the parenthesis.
std::string print_head(const Aggregate& a) {
  std::string out(spelling(a.op));
  if (a.without) {
    out += fmt::format(" without ({}) ", label_list(a.grouping));
  } else if (!a.grouping.empty()) {
    out += fmt::format(" by ({}) ", label_list(a.grouping));
  }
  return out;
}

/// "[1h:5m] offset 1m"
std::string print_suffix(const Subquery& s) {
  const std::string range = s.range_expr ? print(*s.range_expr) : format_duration(s.range);
  std::string step;
  if (s.step_expr)
    step = print(*s.step_expr);
  else if (s.step.ms != 0)
    step = format_duration(s.step);
  return fmt::format("[{}:{}]{}{}", range, step, print_at(s.time), print_offset(s.time));
}

/// "+ on (job) group_left ()": an operator with all that stands between it and its right side.
std::string print_operator(const Binary& b) {
  return fmt::format("{}{}{}", spelling(b.op), b.return_bool ? " bool" : "", print_matching(b));
}

struct Printer {
  std::string operator()(const NumberLiteral& n) const {
    return n.duration ? print_duration_seconds(n.value) : codec::format_fixed(n.value);
  }
  std::string operator()(const StringLiteral& s) const { return quoted(s.value); }
  std::string operator()(const DurationExpr& d) const {
    std::string out;
    switch (d.op) {
      case TokenType::Step: out = "step()"; break;
      case TokenType::Range: out = "range()"; break;
      case TokenType::MinOf:
      case TokenType::MaxOf:
        out = fmt::format("{}({}, {})", spelling(d.op), print(*d.left), print(*d.right));
        break;
      default:
        if (d.left) {
          out = fmt::format("{} {} {}", print(*d.left), spelling(d.op), print(*d.right));
        } else {
          out = (d.op == TokenType::Sub ? "-" : "") + print(*d.right);
        }
    }
    return d.wrapped ? "(" + out + ")" : out;
  }
  std::string operator()(const VectorSelector& s) const {
    return print_selector(s) + print_at(s.time) + std::string(print_extended(s.extended)) +
           print_offset(s.time);
  }
  std::string operator()(const MatrixSelector& m) const {
    const VectorSelector& s = *m.vector->as<VectorSelector>();
    const std::string range = m.range_expr ? print(*m.range_expr) : format_duration(m.range);
    return fmt::format("{}[{}]{}{}{}", print_selector(s), range, print_extended(s.extended),
                       print_at(s.time), print_offset(s.time));
  }
  std::string operator()(const Subquery& s) const { return print(*s.expr) + print_suffix(s); }
  std::string operator()(const Call& call) const {
    std::vector<std::string> arguments;
    for (const ExprPtr& argument : call.arguments) arguments.push_back(print(*argument));
    return fmt::format("{}({})", call.function->info.name, fmt::join(arguments, ", "));
  }
  std::string operator()(const Aggregate& a) const {
    return fmt::format("{}({}{})", print_head(a),
                       a.parameter ? print(*a.parameter) + ", " : std::string(), print(*a.expr));
  }
  std::string operator()(const Binary& b) const {
    return fmt::format("{} {} {}", print(*b.left), print_operator(b), print(*b.right));
  }
  std::string operator()(const Unary& u) const {
    return std::string(spelling(u.op)) + print(*u.expr);
  }
  std::string operator()(const Paren& p) const { return "(" + print(*p.expr) + ")"; }
};

/// What is longer than this stands on several lines.
constexpr size_t kMaxLine = 100;

/// Takes from `room` the least that printing the expression takes; false when there is not enough.
bool may_fit(const Expr& expr, size_t& room) {
  size_t least = 1;
  if (const auto* string = expr.as<StringLiteral>()) least = string->value.size();
  if (const auto* selector = expr.as<VectorSelector>()) {
    least = selector->name.size();
    for (const Matcher& m : selector->matchers) {
      if (selector->name.empty() || m.name() != kMetricName) least += m.value().size();
    }
  }
  if (const auto* aggregate = expr.as<Aggregate>()) {
    for (const std::string& label : aggregate->grouping) least += label.size();
  }
  if (least > room) return false;
  room -= least;
  return std::ranges::all_of(children(expr),
                             [&](const Expr* inner) { return may_fit(*inner, room); });
}

/// Breaks what does not fit on a line, each level two spaces further in.
struct PrettyPrinter {
  size_t level;

  [[nodiscard]] std::string indent() const { return std::string(2 * level, ' '); }
  [[nodiscard]] std::string inner(const Expr& expr) const;

  std::string operator()(const Aggregate& a) const {
    const std::string parameter = a.parameter ? inner(*a.parameter) + ",\n" : "";
    return fmt::format("{}{}(\n{}{}\n{})", indent(), print_head(a), parameter, inner(*a.expr),
                       indent());
  }
  std::string operator()(const Binary& b) const {
    return fmt::format("{}\n{}{}\n{}", inner(*b.left), indent(), print_operator(b),
                       inner(*b.right));
  }
  std::string operator()(const Call& call) const {
    std::vector<std::string> arguments;
    for (const ExprPtr& argument : call.arguments) arguments.push_back(inner(*argument));
    return fmt::format("{}{}(\n{}\n{})", indent(), call.function->info.name,
                       fmt::join(arguments, ",\n"), indent());
  }
  std::string operator()(const Paren& p) const {
    return fmt::format("{}(\n{}\n{})", indent(), inner(*p.expr), indent());
  }
  std::string operator()(const Subquery& s) const {
    return pretty_at(*s.expr, level) + print_suffix(s);
  }
  std::string operator()(const Unary& u) const {
    const std::string operand = pretty_at(*u.expr, level);
    return indent() + std::string(spelling(u.op)) +
           operand.substr(std::min(operand.find_first_not_of(' '), operand.size()));
  }
  std::string operator()(const auto& leaf) const { return indent() + Printer{}(leaf); }

  static std::string pretty_at(const Expr& expr, size_t level) {
    // Printed whole at each level, a deep and long expression would take the square of its length.
    size_t room = kMaxLine;
    if (!may_fit(expr, room)) return std::visit(PrettyPrinter{level}, expr.node);
    std::string line = print(expr);
    if (line.size() > kMaxLine) return std::visit(PrettyPrinter{level}, expr.node);
    // The reference leaves out the spaces before a subquery that fits on its line.
    if (expr.as<Subquery>() != nullptr) return line;
    return PrettyPrinter{level}.indent() + line;
  }
};

std::string PrettyPrinter::inner(const Expr& expr) const { return pretty_at(expr, level + 1); }

}  // namespace

std::string print(const Expr& expr) { return std::visit(Printer{}, expr.node); }

std::string pretty(const Expr& expr) { return PrettyPrinter::pretty_at(expr, 0); }

const Expr& unwrap(const Expr& expr) {
  const Expr* at = &expr;
  while (const Paren* paren = at->as<Paren>()) at = paren->expr.get();
  return *at;
}

ValueType type_of(const Expr& expr) {
  struct TypeOf {
    ValueType operator()(const NumberLiteral&) const { return ValueType::Scalar; }
    ValueType operator()(const StringLiteral&) const { return ValueType::String; }
    ValueType operator()(const DurationExpr&) const { return ValueType::Scalar; }
    ValueType operator()(const VectorSelector&) const { return ValueType::InstantVector; }
    ValueType operator()(const MatrixSelector&) const { return ValueType::RangeVector; }
    ValueType operator()(const Subquery&) const { return ValueType::RangeVector; }
    ValueType operator()(const Call& call) const { return call.function->info.result; }
    ValueType operator()(const Aggregate&) const { return ValueType::InstantVector; }
    ValueType operator()(const Binary& b) const {
      return type_of(*b.left) == ValueType::Scalar && type_of(*b.right) == ValueType::Scalar
                 ? ValueType::Scalar
                 : ValueType::InstantVector;
    }
    ValueType operator()(const Unary& u) const { return type_of(*u.expr); }
    ValueType operator()(const Paren& p) const { return type_of(*p.expr); }
  };
  return std::visit(TypeOf{}, expr.node);
}

}  // namespace prom5::promql
