#include "ask/catalogue/recipe_query.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "io/codec/number.h"
#include "model/labels.h"

namespace prom5::catalogue {

namespace {

const std::set<std::string_view>& aggregations() {
  static const std::set<std::string_view> names = {"sum",   "avg",    "max",    "min",
                                                   "count", "stddev", "stdvar", "group"};
  return names;
}

const std::set<std::string_view>& keywords() {
  static const std::set<std::string_view> names = {
      "and", "or",         "unless",      "bool", "by",  "without",  "on",    "inf",
      "nan", "group_left", "group_right", "Inf",  "NaN", "ignoring", "offset"};
  return names;
}

bool begins_name(char c) { return is_alpha(c) || c == '_' || c == ':'; }
bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }
bool in_name(char c) { return begins_name(c) || is_digit(c); }

/// Goes through a recipe once and tells its sink what it meets.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// `text` that stands for itself; `call` a function or aggregation before its bracket; `metric`
  /// a selector with what is in its braces and brackets.
  struct Sink {
    std::function<void(std::string_view)> text;
    std::function<void(std::string_view name, bool in_quantile)> call;
    std::function<void(std::string_view name, std::string_view braces, std::string_view range)>
        metric;
  };

  void run(const Sink& sink) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_quote(c)) {
        sink.text(take_string());
      } else if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        sink.text(take_while([](char d) { return in_name(d) || d == '.'; }));
      } else if (begins_name(c)) {
        word(sink);
      } else {
        if (c == '(') open_.push_back(std::exchange(pending_, {}));
        if (c == ')' && !open_.empty()) open_.pop_back();
        sink.text(text_.substr(at_++, 1));
      }
    }
  }

 private:
  void word(const Sink& sink) {
    const std::string_view name = take_while(in_name);
    const size_t after = std::min(text_.find_first_not_of(' ', at_), text_.size());
    const bool bracket = after < text_.size() && text_[after] == '(';
    const std::string_view rest = text_.substr(after);
    if (aggregations().contains(name) &&
        (rest.starts_with("by ") || rest.starts_with("by(") || rest.starts_with("without"))) {
      sink.text(name);  // it has its own grouping
      return;
    }
    if (keywords().contains(name)) {
      sink.text(name);
      // The labels after "on" and its like are no metrics.
      if (bracket && name != "and" && name != "or" && name != "unless") {
        sink.text(take_until(')'));
      }
      return;
    }
    if (bracket) {
      pending_ = name;
      sink.call(name, in_quantile());
      return;
    }
    const std::string_view braces = take_pair('{', '}');
    sink.metric(name, braces, take_pair('[', ']'));
  }

  [[nodiscard]] bool in_quantile() const {
    return std::find(open_.begin(), open_.end(), "histogram_quantile") != open_.end();
  }

  template <typename Belongs>
  std::string_view take_while(Belongs belongs) {
    const size_t start = at_;
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  std::string_view take_until(char last) {
    const size_t start = at_;
    at_ = std::min(text_.find(last, at_), text_.size() - 1) + 1;
    return text_.substr(start, at_ - start);
  }
  std::string_view take_string() {
    const size_t start = at_++;
    while (at_ < text_.size() && text_[at_] != text_[start]) at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, text_.size());
    return text_.substr(start, at_ - start);
  }
  /// What stands between the two, when `open` comes next.
  std::string_view take_pair(char open, char close) {
    if (at_ >= text_.size() || text_[at_] != open) return {};
    const size_t start = ++at_;
    while (at_ < text_.size() && text_[at_] != close) {
      if (is_quote(text_[at_])) {
        take_string();
      } else {
        ++at_;
      }
    }
    const std::string_view inside = text_.substr(start, at_ - start);
    if (at_ < text_.size()) ++at_;
    return inside;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string_view pending_;            // the function whose bracket comes next
  std::vector<std::string_view> open_;  // the functions that we are inside of
};

constexpr std::string_view kQuantileIs = "quantile=\"";

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string quoted(std::string_view text) { return '"' + escaped(text) + '"'; }

std::string by_clause(const std::vector<std::string>& labels) {
  std::string out;
  for (const std::string& label : labels) {
    out += out.empty() ? " by (" : ", ";
    out += is_legacy_label_name(label) ? label : quoted(label);
  }
  return out.empty() ? out : out + ") ";
}

std::string_view summary_quantile(std::string_view recipe) {
  std::string_view found;
  Scanner(recipe).run({[](std::string_view) {}, [](std::string_view, bool) {},
                       [&](std::string_view, std::string_view braces, std::string_view) {
                         const size_t at = braces.find(kQuantileIs);
                         if (at == std::string_view::npos) return;
                         found = braces.substr(at + kQuantileIs.size());
                         found = found.substr(0, found.find('"'));
                       }});
  return found;
}

std::string compose(std::string_view recipe, const QueryParts& parts) {
  std::string out;
  bool quantile_comes = false;
  Scanner::Sink sink;
  sink.text = [&](std::string_view text) {
    const bool number = is_digit(text[0]) || (text[0] == '.' && text.size() > 1);
    if (quantile_comes && number) {
      quantile_comes = false;
      if (parts.quantile) {
        out += codec::format_general(*parts.quantile);
        return;
      }
    }
    out += text;
  };
  sink.call = [&](std::string_view name, bool in_quantile) {
    out += name;
    if (name == "histogram_quantile") quantile_comes = true;
    if (!aggregations().contains(name)) return;
    std::vector<std::string> labels = parts.by;
    if (in_quantile) labels.insert(labels.begin(), "le");
    out += by_clause(labels);
  };
  sink.metric = [&](std::string_view name, std::string_view braces, std::string_view range) {
    const std::string added = parts.matchers ? parts.matchers(std::string(name)) : "";
    out += name;
    if (!braces.empty() || !added.empty()) {
      out += "{";
      const size_t quantile = braces.find(kQuantileIs);
      if (parts.quantile && quantile != std::string_view::npos) {
        const size_t value = quantile + kQuantileIs.size();
        out += braces.substr(0, value);
        out += codec::format_general(*parts.quantile);
        out += braces.substr(std::min(braces.find('"', value), braces.size()));
      } else {
        out += braces;
      }
      if (!braces.empty() && !added.empty()) out += ",";
      out += added + "}";
    }
    if (!range.empty()) out += "[" + (range == "5m" ? parts.window : std::string(range)) + "]";
    if (parts.offset.ms != 0) out += " offset " + format_duration(parts.offset);
  };
  Scanner(recipe).run(sink);
  return out;
}

std::vector<std::string> metrics_in(std::string_view recipe) {
  std::vector<std::string> out;
  Scanner(recipe).run({[](std::string_view) {}, [](std::string_view, bool) {},
                       [&](std::string_view name, std::string_view, std::string_view) {
                         if (std::find(out.begin(), out.end(), name) == out.end()) {
                           out.emplace_back(name);
                         }
                       }});
  return out;
}

bool has_aggregation(std::string_view recipe) {
  bool found = false;
  Scanner(recipe).run(
      {[](std::string_view) {},
       [&](std::string_view name, bool) { found = found || aggregations().contains(name); },
       [](std::string_view, std::string_view, std::string_view) {}});
  return found;
}

}  // namespace prom5::catalogue
