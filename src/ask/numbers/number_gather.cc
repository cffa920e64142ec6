#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "ask/numbers/number_check.h"
#include "ask/numbers/number_text.h"
#include "base/time.h"
#include "io/codec/number.h"

namespace prom5::numbers {

namespace {

/// Points in time are told from other numbers by their size: 1973 to 5138.
constexpr double kFirstTime = 1e8;
constexpr double kLastTime = 1e11;
constexpr double kLongestForecast = 3.3e9;  // seconds
constexpr double kFilling = 300;            // seconds: the built-in model's window of rates

/// What a series has to say, whatever its length.
struct Summary {
  double first = NAN;
  double last = NAN;
};

double value_of(const Json& point) {
  if (!point.is_array() || point.size() != 2 || !point[1].is_string()) return NAN;
  return codec::parse_double(point[1].get_ref<const std::string&>()).value_or(NAN);
}

class Gatherer {
 public:
  NumberEvidence take(std::span<const Message> turns) {
    size_t begin = 0;
    for (size_t i = 0; i < turns.size(); ++i) {
      if (turns[i].content.is_object() && turns[i].content.contains("restart")) begin = i;
    }
    if (!turns.empty()) {
      now_ = turns.front().time;
      add_time(now_.as_seconds());
      add_sentence(turns.front().text);
    }
    for (const Message& turn : turns.subspan(begin)) {
      if (turn.role == Role::Tool && turn.content.is_object() && turn.content.contains("error")) {
        failed_.insert(turn.call_id);
      }
    }
    for (const Message& turn : turns.subspan(begin)) {
      for (const ToolCall& call : turn.calls) {
        if (!failed_.contains(call.id)) add_arguments(call.arguments);
      }
      if (turn.role == Role::Tool) add_result(turn.content);
      if (turn.role == Role::Assistant && !is_built_in(turn.content)) note_conversions(turn.calls);
      if (turn.role == Role::Assistant && is_built_in(turn.content)) add_plan(turn.content);
    }
    compare_series();
    std::ranges::sort(out_.values);
    std::ranges::sort(out_.counts);
    std::ranges::sort(out_.times);
    std::ranges::sort(out_.said, {}, &NumberEvidence::Said::value);
    return std::move(out_);
  }

 private:
  /// A plan is the built-in model's own; what a model on the network says proves nothing.
  static bool is_built_in(const Json& content) {
    if (!content.is_object()) return false;
    const auto model = content.find("model");
    return model == content.end() || *model == "built-in";
  }

  /// A model on the network names no unit of its queries, which may have any then.
  void note_conversions(const std::vector<ToolCall>& calls) {
    for (const ToolCall& call : calls) {
      if (!call.arguments.is_object()) continue;
      const auto promql = call.arguments.find("promql");
      if (promql == call.arguments.end() || !promql->is_string()) continue;
      const auto& text = promql->get_ref<const std::string&>();
      out_.converted = out_.converted || calculates(text);
    }
  }

  /// Whether a query divides or multiplies; what is in quotes does neither.
  static bool calculates(std::string_view promql) {
    char quote = 0;
    for (size_t i = 0; i < promql.size(); ++i) {
      const char c = promql[i];
      if (quote != 0) {
        if (c == '\\' && quote != '`') ++i;
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'' || c == '`') {
        quote = c;
      } else if (c == '/' || c == '*') {
        return true;
      }
    }
    return false;
  }

  void add_value(double value) {
    if (std::isfinite(value)) out_.values.push_back(std::fabs(value));
  }

  void add_time(double seconds) {
    if (seconds >= kFirstTime && seconds <= kLastTime) {
      out_.times.push_back(static_cast<int64_t>(std::floor(seconds)));
    }
  }

  /// A number of which it is not known whether it is a value, a time or how long something takes.
  void add_number(double value) {
    add_value(value);
    add_time(value);
    if (value > 0 && value < kLongestForecast) {
      add_time(static_cast<double>(now_.ms + static_cast<int64_t>(value * 1000)) / 1000);
    }
  }

  void add_sentence(std::string_view text) {
    out_.text.append(text).push_back('\n');
    collect_numbers(text, out_.said);
  }

  /// A name may be a number, and then is one only as it stands there.
  void add_string(const std::string& text) {
    if (text.find(' ') != std::string::npos) {
      add_sentence(text);
    } else {
      out_.text.append(text).push_back('\n');
    }
  }

  void add_count(size_t count) { out_.counts.push_back(static_cast<double>(count)); }

  void add_arguments(const Json& json) {
    if (json.is_number()) {
      add_number(json.get<double>());
    } else if (json.is_string()) {
      add_sentence(json.get_ref<const std::string&>());
    } else if (json.is_structured()) {  // anything else has itself as its only item
      for (const Json& item : json) add_arguments(item);
    }
  }

  void add_plan(const Json& content) {
    for (const char* name : {"subject", "promql", "queries", "window", "explanation", "start",
                             "end", "step", "action"}) {
      const auto found = content.find(name);
      if (found != content.end()) add_arguments(*found);
    }
    if (const auto unit = content.find("unit"); unit != content.end() && unit->is_string()) {
      out_.units.push_back(unit_name(unit->get_ref<const std::string&>()));
    }
    const auto action = content.find("action");
    if (action == content.end() || !action->is_object()) return;
    for (const auto& [name, value] : action->items()) {
      const bool is_duration = name.ends_with("_s") && value.is_number();
      if (!is_duration) continue;
      out_.text += format_duration({static_cast<int64_t>(value.get<double>() * 1000)}) + "\n";
    }
  }

  void add_result(const Json& json) {
    if (json.is_number()) {
      add_number(json.get<double>());
    } else if (json.is_string()) {
      add_string(json.get_ref<const std::string&>());
    } else if (json.is_array()) {
      add_count(json.size());
      count_members(json);
      for (const Json& item : json) add_result(item);
    } else if (json.is_object()) {
      if (json.contains("resultType") && json.contains("result")) add_query(json["result"]);
      for (const auto& [name, value] : json.items()) {
        if (name == "result") continue;
        out_.text.append(name).push_back('\n');
        add_result(value);
        const bool is_count = name == "total" || name == "count" || name == "series" ||
                              name == "beyond_total" || name == "never_total";
        if (is_count && value.is_number()) out_.counts.push_back(value.get<double>());
      }
    }
  }

  /// How many items of a list have something that others lack, as series with a trend.
  void count_members(const Json& list) {
    std::map<std::string, size_t> counts;
    for (const Json& item : list) {
      if (!item.is_object()) return;
      for (const auto& [name, value] : item.items()) ++counts[name];
    }
    for (const auto& [name, count] : counts) {
      if (count != list.size()) add_count(count);
    }
  }

  void add_query(const Json& result) {
    series_of_queries_.emplace_back();
    if (!result.is_array()) {
      add_result(result);
      return;
    }
    if (result.size() == 2 && result[0].is_number()) {  // a scalar
      const double value = value_of(result);
      add_number(value);
      series_of_queries_.back()[""] = {value, value};
      return;
    }
    size_t zeros = 0;
    size_t finite = 0;
    size_t in_future = 0;
    for (const Json& series : result) {
      if (!series.is_object()) continue;
      const Summary summary = add_series(series);
      zeros += summary.last == 0 ? 1 : 0;
      finite += std::isfinite(summary.last) ? 1 : 0;
      in_future += summary.last >= 0 && summary.last < kLongestForecast ? 1 : 0;
    }
    for (const size_t count : {result.size(), zeros, result.size() - zeros, finite, in_future}) {
      add_count(count);
    }
  }

  Summary add_series(const Json& series) {
    std::string key;
    if (const auto metric = series.find("metric"); metric != series.end()) {
      for (const auto& [name, value] : metric->items()) {
        if (!value.is_string()) continue;
        key += name + "=" + value.get_ref<const std::string&>() + "\n";
      }
    }
    out_.text += key;
    Summary out;
    if (const auto value = series.find("value"); value != series.end()) {
      out.first = out.last = value_of(*value);
      add_number(out.last);
    } else if (const auto values = series.find("values");
               values != series.end() && values->is_array() && !values->empty()) {
      out = add_range(*values);
    }
    series_of_queries_.back().emplace(std::move(key), out);
    return out;
  }

  Summary add_range(const Json& values) {
    const Json* lowest = nullptr;
    const Json* highest = nullptr;
    double low = NAN;
    double high = NAN;
    double sum = 0;
    for (const Json& point : values) {
      const double value = value_of(point);
      sum += value;
      if (lowest == nullptr || value < low) low = value, lowest = &point;
      if (highest == nullptr || value > high) high = value, highest = &point;
    }
    const Summary out{value_of(values.front()), value_of(values.back())};
    for (const double value :
         {out.first, out.last, low, high, sum / static_cast<double>(values.size()), high - low}) {
      add_number(value);
    }
    for (const Json* point : {&values.front(), &values.back(), lowest, highest}) {
      if (point->is_array() && (*point)[0].is_number()) add_time((*point)[0].get<double>());
    }
    add_change(out.last, out.first);
    add_filled(values);
    return out;
  }

  /// A rate's course is told without its beginning, while its window fills.
  void add_filled(const Json& values) {
    if (!values.front().is_array() || !values.front()[0].is_number()) return;
    const double from = values.front()[0].get<double>() + kFilling;
    double low = NAN;
    double high = NAN;
    for (const Json& point : values) {
      if (!point.is_array() || !point[0].is_number() || point[0].get<double>() < from) continue;
      const double value = value_of(point);
      if (std::isnan(low)) add_value(value);
      low = std::fmin(low, value);
      high = std::fmax(high, value);
    }
    add_value(low);
    add_value(high);
  }

  void add_change(double now, double then) {
    add_value(now - then);
    if (then != 0) add_value((now / then - 1) * 100);
  }

  /// Of each two queries what has the same labels.
  void compare_series() {
    for (size_t a = 0; a < series_of_queries_.size(); ++a) {
      for (size_t b = a + 1; b < series_of_queries_.size(); ++b) {
        for (const auto& [key, one] : series_of_queries_[a]) {
          const auto other = series_of_queries_[b].find(key);
          if (other == series_of_queries_[b].end()) continue;
          add_change(one.last, other->second.last);
          add_change(other->second.last, one.last);
        }
      }
    }
  }

  NumberEvidence out_;
  TimeMs now_;
  std::set<std::string> failed_;  // calls
  std::vector<std::map<std::string, Summary>> series_of_queries_;
};

}  // namespace

NumberEvidence gather_numbers(std::span<const Message> turns) { return Gatherer().take(turns); }

}  // namespace prom5::numbers
