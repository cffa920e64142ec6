#include "query/promql/words.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "io/codec/utf8.h"
#include "model/labels.h"
#include "model/quote.h"
#include "query/promql/functions.h"

namespace prom5::promql {

namespace {

/// $1 to $5 stand for arguments, $r for the length of a range.
struct Phrase {
  std::string_view function;
  std::string_view words;
};
constexpr std::array kPhrases = std::to_array<Phrase>({
    {"abs", "the absolute value of $1"},
    {"absent", "1 if there is no $1, and nothing otherwise"},
    {"absent_over_time", "1 if there was no $1 during $r, and nothing otherwise"},
    {"avg_over_time", "the mean over $r of $1"},
    {"ceil", "$1, rounded up"},
    {"changes", "how often $1 changed during $r"},
    {"clamp", "$1, limited to between $2 and $3"},
    {"clamp_max", "$1, limited to at most $2"},
    {"clamp_min", "$1, limited to at least $2"},
    {"count_over_time", "the number of samples during $r of $1"},
    {"delta", "the change over $r of $1"},
    {"deriv", "the slope per second over $r of $1"},
    {"exp", "e to the power of $1"},
    {"first_over_time", "the oldest value within $r of $1"},
    {"floor", "$1, rounded down"},
    {"histogram_avg", "the mean of the observations in $1"},
    {"histogram_count", "the number of observations in $1"},
    {"histogram_fraction", "the share of observations between $1 and $2 in $3"},
    {"histogram_quantile", "the $1-quantile, estimated from the buckets in $2"},
    {"histogram_sum", "the sum of the observations in $1"},
    {"idelta", "the last change within $r of $1"},
    {"increase", "the growth over $r of $1"},
    {"info", "$1, with the labels of its info series"},
    {"irate", "the growth per second between the last two samples within $r of $1"},
    {"label_join", "$1, with labels joined into $2"},
    {"label_replace", "$1, with the label $2 made from $4"},
    {"last_over_time", "the newest value within $r of $1"},
    {"ln", "the natural logarithm of $1"},
    {"max_of", "the greater of $1 and $2"},
    {"max_over_time", "the greatest value during $r of $1"},
    {"min_of", "the smaller of $1 and $2"},
    {"min_over_time", "the smallest value during $r of $1"},
    {"predict_linear", "what $1 will be in $2 seconds, if it goes on as during the last $r"},
    {"present_over_time", "1 for each series that had a sample during $r, of $1"},
    {"quantile_over_time", "the $1-quantile of the values during $r of $2"},
    {"rate", "the growth per second over $r of $1"},
    {"resets", "how often the counter was reset during $r, of $1"},
    {"round", "$1, rounded"},
    {"scalar", "the single value of $1"},
    {"sgn", "the sign of $1"},
    {"sort", "$1, smallest first"},
    {"sort_desc", "$1, greatest first"},
    {"sqrt", "the square root of $1"},
    {"stddev_over_time", "the standard deviation during $r of $1"},
    {"stdvar_over_time", "the variance during $r of $1"},
    {"sum_over_time", "the sum of all samples during $r of $1"},
    {"time", "the time in seconds since 1970"},
    {"timestamp", "the time of the newest sample of $1"},
    {"vector", "$1"},
});

struct OperatorWords {
  TokenType op;
  std::string_view words;
};
constexpr std::array kOperators = std::to_array<OperatorWords>({
    {TokenType::Add, "plus"},
    {TokenType::Sub, "minus"},
    {TokenType::Mul, "times"},
    {TokenType::Div, "divided by"},
    {TokenType::Mod, "modulo"},
    {TokenType::Pow, "to the power of"},
    {TokenType::Atan2, "as the angle (atan2) with"},
    {TokenType::Equal, "equal to"},
    {TokenType::NotEqual, "different from"},
    {TokenType::Less, "less than"},
    {TokenType::LessEqual, "at most"},
    {TokenType::Greater, "greater than"},
    {TokenType::GreaterEqual, "at least"},
    {TokenType::TrimUpper, "without observations above"},
    {TokenType::TrimLower, "without observations below"},
    {TokenType::And, "where there is also"},
    {TokenType::Unless, "where there is no"},
    {TokenType::Or, "or, where there is none,"},
});

constexpr std::array kAggregations = std::to_array<OperatorWords>({
    {TokenType::Sum, "the sum"},
    {TokenType::Avg, "the mean"},
    {TokenType::Count, "the number of series"},
    {TokenType::Min, "the smallest"},
    {TokenType::Max, "the greatest"},
    {TokenType::Group, "1 for each group"},
    {TokenType::Stddev, "the standard deviation"},
    {TokenType::Stdvar, "the variance"},
    {TokenType::Topk, "the $k greatest"},
    {TokenType::Bottomk, "the $k smallest"},
    {TokenType::Quantile, "the $k-quantile"},
    {TokenType::CountValues, "the number of series with each value"},
    {TokenType::Limitk, "any $k"},
    {TokenType::LimitRatio, "a share of $k"},
});

template <typename Table>
std::string_view words_of(const Table& table, TokenType op) {
  const auto found = std::ranges::find(table, op, &OperatorWords::op);
  return found == table.end() ? spelling(op) : found->words;
}

/// Longer explanations help nobody, and parts of parts would make them grow without bound.
constexpr size_t kMaxWords = 2000;

std::string shortened(std::string text) {
  if (text.size() <= kMaxWords) return text;
  text.resize(codec::utf8_front(text, kMaxWords).size());
  return text + "…";
}

/// Fills a phrase in one pass: `word_for` gives what stands for the letter behind a "$".
template <typename WordFor>
std::string filled(std::string_view phrase, WordFor word_for) {
  std::string out;
  for (size_t i = 0; i < phrase.size(); ++i) {
    if (phrase[i] == '$' && i + 1 < phrase.size()) {
      out += word_for(phrase[++i]);
    } else {
      out += phrase[i];
    }
  }
  return out;
}

std::string shift_words(const TimeModifiers& time) {
  std::string out;
  if (time.offset_expr) {
    out += " at an offset of " + print(*time.offset_expr);
  } else if (time.offset.ms > 0) {
    out += fmt::format(" {} earlier", format_duration(time.offset));
  } else if (time.offset.ms < 0) {
    out += fmt::format(" {} later", format_duration(DurationMs{-time.offset.ms}));
  }
  switch (time.at) {
    case AtKind::None: break;
    case AtKind::Time: out += " at " + format_rfc3339(time.at_time); break;
    case AtKind::Start: out += " at the query's start"; break;
    case AtKind::End: out += " at the query's end"; break;
  }
  return out;
}

std::string selector_words(const VectorSelector& selector) {
  std::string name = selector.name;
  for (const Matcher& m : selector.matchers) {
    if (name.empty() && m.name() == kMetricName && m.type() == MatchType::Equal) name = m.value();
  }
  const std::string where = where_clause(selector);
  return (name.empty() ? "all series" : name) + (where.empty() ? "" : " " + where) +
         shift_words(selector.time);
}

/// "5m", or the duration expression as it is written.
std::string range_words(DurationMs range, const ExprPtr& expr) {
  return expr ? print(*expr) : format_duration(range);
}

std::string call_words(const Call& call) {
  const auto row = std::ranges::find(kPhrases, call.function->info.name, &Phrase::function);
  if (row == kPhrases.end()) {
    std::string out = fmt::format("{}(", call.function->info.name);
    for (const ExprPtr& argument : call.arguments) {
      out += (out.ends_with('(') ? "" : ", ") + in_words(*argument);
    }
    return out + ")";
  }
  return filled(row->words, [&](char letter) -> std::string {
    for (size_t i = 0; letter == 'r' && i < call.arguments.size(); ++i) {
      const Expr& argument = unwrap(*call.arguments[i]);
      if (const auto* matrix = argument.as<MatrixSelector>()) {
        return range_words(matrix->range, matrix->range_expr);
      }
      if (const auto* subquery = argument.as<Subquery>()) {
        return range_words(subquery->range, subquery->range_expr);
      }
    }
    const auto i = static_cast<size_t>(letter - '1');
    if (i >= call.arguments.size()) return {};
    const Expr& argument = unwrap(*call.arguments[i]);
    const auto* matrix = argument.as<MatrixSelector>();
    return in_words(matrix == nullptr ? argument : *matrix->vector);
  });
}

std::string aggregate_words(const Aggregate& node) {
  std::string out = filled(words_of(kAggregations, node.op), [&](char) {
    return node.parameter ? in_words(*node.parameter) : std::string();
  });
  if (!node.grouping.empty()) {
    out += fmt::format(", {} {},", node.without ? "over" : "for each",
                       fmt::join(node.grouping, " and "));
  }
  return out + " of " + in_words(*node.expr);
}

std::string matching_words(const VectorMatching& matching) {
  if (!matching.on && matching.labels.empty()) return "";
  if (matching.on && matching.labels.empty()) return " (any with any)";
  return fmt::format(" (paired by {}{})", matching.on ? "" : "all labels but ",
                     fmt::join(matching.labels, " and "));
}

std::string binary_words(const Binary& node) {
  // An aggregation goes on with "of": what stands behind it would belong to its inside.
  const auto side = [](const Expr& expr) {
    const bool open =
        unwrap(expr).as<Aggregate>() != nullptr || unwrap(expr).as<Binary>() != nullptr;
    const std::string words = in_words(unwrap(expr));
    return open ? "(" + words + ")" : words;
  };
  const std::string left = side(*node.left);
  const std::string right = side(*node.right);
  const std::string_view words = words_of(kOperators, node.op);
  const std::string matching = node.matching ? matching_words(*node.matching) : "";
  if (is_comparison(node.op)) {
    return node.return_bool
               ? fmt::format("whether (1 or 0) {} is {} {}{}", left, words, right, matching)
               : fmt::format("{}, where that is {} {}{}", left, words, right, matching);
  }
  return fmt::format("{} {} {}{}", left, words, right, matching);
}

}  // namespace

std::string where_clause(const VectorSelector& selector) {
  std::string out;
  bool named = !selector.name.empty();
  for (const Matcher& m : selector.matchers) {
    if (m.name() == kMetricName && m.type() == MatchType::Equal && (named || out.empty())) {
      named = true;
      continue;
    }
    out += out.empty() ? "where " : " and ";
    switch (m.type()) {
      case MatchType::Equal: out += fmt::format("{} is {}", m.name(), quoted(m.value())); break;
      case MatchType::NotEqual:
        out += fmt::format("{} is not {}", m.name(), quoted(m.value()));
        break;
      case MatchType::Regex: out += fmt::format("{} matches {}", m.name(), m.value()); break;
      case MatchType::NotRegex:
        out += fmt::format("{} does not match {}", m.name(), m.value());
        break;
    }
  }
  return out;
}

namespace {

std::string words_for(const Expr& expr) {
  if (const auto* selector = expr.as<VectorSelector>()) return selector_words(*selector);
  if (const auto* matrix = expr.as<MatrixSelector>()) {
    return fmt::format("all samples within {} of {}",
                       range_words(matrix->range, matrix->range_expr), in_words(*matrix->vector));
  }
  if (const auto* subquery = expr.as<Subquery>()) {
    const std::string every = subquery->step.ms > 0 || subquery->step_expr
                                  ? " every " + range_words(subquery->step, subquery->step_expr)
                                  : "";
    return fmt::format("({}, evaluated{}){}", in_words(*subquery->expr),
                       every.empty() ? " again and again" : every, shift_words(subquery->time));
  }
  if (const auto* call = expr.as<Call>()) return call_words(*call);
  if (const auto* aggregate = expr.as<Aggregate>()) return aggregate_words(*aggregate);
  if (const auto* binary = expr.as<Binary>()) return binary_words(*binary);
  if (const auto* unary = expr.as<Unary>()) {
    return (unary->op == TokenType::Sub ? "minus " : "") + in_words(*unary->expr);
  }
  if (const auto* paren = expr.as<Paren>()) return in_words(*paren->expr);
  return print(expr);
}

}  // namespace

std::string in_words(const Expr& expr) { return shortened(words_for(expr)); }

}  // namespace prom5::promql
