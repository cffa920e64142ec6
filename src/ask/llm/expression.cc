#include "ask/llm/expression.h"

#include <algorithm>
#include <set>

#include "ask/catalogue/recipe_query.h"
#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::Binding;

constexpr DurationMs kShortestStep = DurationMs::seconds(30);

bool of_bytes(UnitKind kind) { return kind == UnitKind::Bytes; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// What a recipe's unit is called in the table of units.
std::optional<Unit> named_unit(std::string_view unit) {
  if (unit == "percent") return Unit::Percent;
  if (unit == "ratio") return Unit::Ratio;
  if (unit == "bytes") return Unit::Bytes;
  if (unit == "bytes_per_second") return Unit::BytesPerSecond;
  if (unit == "bits_per_second") return Unit::BitsPerSecond;
  if (unit == "seconds") return Unit::Seconds;
  if (unit == "per_second") return Unit::PerSecond;
  if (unit == "celsius") return Unit::Celsius;
  return std::nullopt;
}

/// How many of kind `to`'s base one of kind `from`'s base is; 0 where they do not convert.
double between(UnitKind from, UnitKind to) {
  if (from == to) return 1;
  if (from == UnitKind::BytesPerSecond && to == UnitKind::BitsPerSecond) return 8;
  if (from == UnitKind::BitsPerSecond && to == UnitKind::BytesPerSecond) return 0.125;
  if (from == UnitKind::Bytes && to == UnitKind::Bits) return 8;
  // "network in, in megabits" and "… in MB" are said of rates too.
  if (from == UnitKind::BytesPerSecond && of_bytes(to)) return 1;
  if (from == UnitKind::BytesPerSecond && to == UnitKind::Bits) return 8;
  return 0;
}

/// The counters themselves instead of their growth over `range`: "sum(rate(x[5m]))" becomes
/// "sum(x)".
std::string without_growth(std::string text, const std::string& range) {
  for (const std::string_view function : {"increase(", "rate("}) {
    for (size_t at = text.find(function); at != std::string::npos; at = text.find(function, at)) {
      const bool other = at > 0 && is_word_byte(text[at - 1]);  // "irate("
      const size_t first = at + function.size();
      const size_t end = text.find(range, first);
      if (other || end == std::string::npos || text.find(')', end) == std::string::npos) {
        at = first;
        continue;
      }
      text.erase(text.find(')', end), 1);
      text.erase(end, range.size());
      text.erase(at, function.size());
    }
  }
  return text;
}

}  // namespace

std::string join_words(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += separator;
    out += word;
  }
  return out;
}

std::string in_brackets(const std::string& promql) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < promql.size(); ++i) {
    const char c = promql[i];
    if (quoted && c == '\\') {
      ++i;  // an escaped quote ends nothing
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    const bool by = promql.compare(i, 4, " by ") == 0 || promql.compare(i, 2, " (") == 0 ||
                    (i >= 3 && promql.compare(i - 3, 4, " by ") == 0);
    if (depth == 0 && c == ' ' && !by) return "(" + promql + ")";
  }
  return promql;
}

DurationMs step_of(DurationMs window, int64_t points) {
  const int64_t seconds = std::max(window.ms / 1000 / points, kShortestStep.ms / 1000);
  for (const int64_t nice : {30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21'600, 86'400}) {
    if (nice >= seconds) return DurationMs::seconds(nice);
  }
  return DurationMs::days(7);
}

DurationMs chart_step(DurationMs window, int64_t points) {
  const int64_t least = std::max((window.ms + points - 1) / points, kLeastChartStep.ms);
  for (const int64_t nice : {5, 10, 15, 20, 30}) {
    if (nice * 1000 >= least) return DurationMs::seconds(nice);
  }
  constexpr int64_t kMinute = 60'000;
  return DurationMs::minutes((least + kMinute - 1) / kMinute);
}

std::string convert_unit(const std::string& promql, std::string_view from, Unit to,
                         std::string& unit) {
  const auto source = named_unit(from);
  if (!source || to == Unit::None) return promql;
  const UnitInfo& have = unit_info(*source);
  const UnitInfo& want = unit_info(to);
  const double factor = between(have.kind, want.kind) * have.factor / want.factor;
  if (factor == 0 || have.unit == want.unit) return promql;
  unit = want.symbol;
  if (factor >= 1) return in_brackets(promql) + " * " + codec::format_general(factor);
  const double divisor = want.factor / (between(have.kind, want.kind) * have.factor);
  return in_brackets(promql) + " / " + codec::format_general(divisor);
}

std::optional<double> in_unit(const Quantity& quantity, std::string_view unit) {
  const auto wanted = named_unit(unit);
  // "above 5" of a share is 5 %.
  if (quantity.unit == Unit::None && unit == "ratio" && quantity.value > 1) {
    return quantity.value / 100;
  }
  if (quantity.unit == Unit::None) return quantity.value;
  if (!wanted) {
    const UnitKind kind = unit_info(quantity.unit).kind;
    return kind == UnitKind::Count ? std::optional(quantity.value) : std::nullopt;
  }
  const UnitInfo& said = unit_info(quantity.unit);
  const UnitInfo& want = unit_info(*wanted);
  const double factor = between(said.kind, want.kind);
  if (factor == 0) return std::nullopt;
  return to_base(quantity.value, quantity.unit) * factor / want.factor;
}

Expression::Expression(const Subject& subject, const Reading& reading,
                       const catalogue::Snapshot& snapshot, const catalogue::Lexicon& lexicon)
    : subject_(subject),
      reading_(reading),
      snapshot_(snapshot),
      lexicon_(lexicon),
      metric_(snapshot.find(subject.recipe->needs.front())),
      filters_(subject.filters) {
  for (const std::string& kind : reading.by) {
    const std::string label =
        metric_ == nullptr ? "" : catalogue::label_of_kind(kind, *metric_, lexicon);
    if (label.empty()) {
      lost_kinds_.push_back(kind);
    } else if (std::find(asked_by_.begin(), asked_by_.end(), label) == asked_by_.end()) {
      asked_by_.push_back(label);
    }
  }
}

/// Whether the filters leave one series by what tells the subject's things apart.
bool Expression::is_single() const {
  if (metric_ == nullptr || subject_.recipe->by.empty()) return false;
  return std::all_of(
      subject_.recipe->by.begin(), subject_.recipe->by.end(), [&](const std::string& label) {
        const catalogue::LabelInfo* info = metric_->label(label);
        if (info == nullptr || info->values.size() == 1) return true;
        return std::any_of(filters_.begin(), filters_.end(), [&](size_t m) {
          const auto binding = catalogue::bind(reading_.mentions[m], *metric_, lexicon_);
          return binding && binding->label == label && binding->values.size() == 1 &&
                 !binding->negated;
        });
      });
}

bool Expression::is_bare() const {
  return subject_.recipe->promql == subject_.recipe->needs.front();
}

std::string Expression::matchers_of(const std::string& name) const {
  const catalogue::Metric* metric = snapshot_.find(name);
  if (metric == nullptr) return "";
  std::vector<Binding> bindings;
  for (const size_t m : filters_) {
    if (auto binding = catalogue::bind(reading_.mentions[m], *metric, lexicon_)) {
      if (contradicts(*binding) || says_already(*binding)) continue;
      bindings.push_back(std::move(*binding));
    }
  }
  return catalogue::to_matchers(std::move(bindings));
}

std::optional<Expression> Expression::without_attributes() const {
  Expression out = *this;
  std::erase_if(out.filters_, [&](size_t m) {
    const auto binding = catalogue::bind(reading_.mentions[m], *metric_, lexicon_);
    return binding && !is_naming_label(binding->label);
  });
  return out.filters_.size() < filters_.size() ? std::optional(out) : std::nullopt;
}

/// Whether the recipe's own text says the same, or in a ratio speaks of that very label: a share of
/// one status is not narrowed to it.
bool Expression::says_already(const Binding& binding) const {
  const std::string& text = subject_.recipe->promql;
  if (text.find(binding.label + "=~") != std::string::npos && text.find('/') != std::string::npos) {
    return true;
  }
  return !binding.negated && binding.values.size() == 1 &&
         text.find(binding.label + "=\"" + binding.values.front() + "\"") != std::string::npos;
}

bool Expression::contradicts(const Binding& binding) const {
  if (!binding.negated || binding.values.empty()) return false;
  const std::string own = binding.label + "=\"" + binding.values.front() + "\"";
  return subject_.recipe->promql.find(own) != std::string::npos;
}

bool Expression::inverted() const {
  if (metric_ == nullptr) return false;
  return std::any_of(filters_.begin(), filters_.end(), [&](size_t m) {
    const auto binding = catalogue::bind(reading_.mentions[m], *metric_, lexicon_);
    return binding && contradicts(*binding);
  });
}

std::vector<std::string> Expression::things() const {
  if (!asked_by_.empty()) return asked_by_;
  if (metric_ == nullptr) return {};
  if (!reading_.things.empty()) {
    const std::string label = catalogue::label_of_kind(reading_.things, *metric_, lexicon_);
    const auto& by = subject_.recipe->by;
    // "filesystems" are told apart by host and mount point.
    size_t together = 0;
    const auto* kinds = lexicon_.kind(lexicon_.canonical(reading_.things));
    for (const std::string& name : by) {
      const bool in =
          kinds != nullptr && std::find(kinds->begin(), kinds->end(), name) != kinds->end();
      together += in ? 1 : 0;
    }
    // The finest of the labels needs those above it: containers are of pods.
    if (!label.empty() && !by.empty() && label == by.back()) together = 2;
    // A share of several things together hides the one that is full.
    const bool share = subject_.recipe->unit == "percent" || subject_.recipe->unit == "ratio";
    const bool in_by = std::find(by.begin(), by.end(), label) != by.end();
    if (share && in_by && by.size() > 1 && !reading_.thresholds.empty()) together = 2;
    if (!label.empty() && together < 2 && metric_->label(label)->values.size() > 1) return {label};
  }
  std::vector<std::string> out;
  for (const std::string& label : subject_.recipe->by) {
    if (metric_->label(label) != nullptr) out.push_back(label);
  }
  return out;
}

/// The labels of which the question has several names: "staging versus production".
std::vector<std::string> Expression::named_by() const {
  std::vector<std::string> out;
  if (metric_ == nullptr) return out;
  std::vector<std::string> labels;
  for (const size_t m : filters_) {
    const auto binding = catalogue::bind(reading_.mentions[m], *metric_, lexicon_);
    if (!binding || binding->negated) continue;
    if (std::find(labels.begin(), labels.end(), binding->label) != labels.end() &&
        std::find(out.begin(), out.end(), binding->label) == out.end()) {
      out.push_back(binding->label);
    }
    labels.push_back(binding->label);
  }
  return out;
}

bool Expression::tells_names_apart() const { return asked_by_.empty() && !named_by().empty(); }

bool Expression::splits_things() const {
  if (reading_.things.empty() || metric_ == nullptr || subject_.recipe->unit != "per_second") {
    return false;
  }
  const std::string label = catalogue::label_of_kind(reading_.things, *metric_, lexicon_);
  return subject_.recipe->each && subject_.recipe->by == std::vector<std::string>{label};
}

Shape Expression::shape() const {
  Shape out;
  out.by = asked_by_.empty() ? named_by() : asked_by_;
  const bool numbered = [&] {
    // Numbers of partitions or cores are no names: the series stay as they are, but where the
    // recipe tells just those apart.
    if (reading_.things.empty() || metric_ == nullptr) return false;
    if (splits_things()) return false;
    const catalogue::LabelInfo* label = metric_->label(reading_.things);
    return label != nullptr && !label->values.empty() &&
           label->values.front().find_first_not_of("0123456789") == std::string::npos;
  }();
  if (out.by.empty() && numbered) return out;
  const bool lists = reading_.which || reading_.superlative || !reading_.thresholds.empty() ||
                     !reading_.things.empty();
  const bool counts = reading_.how_many && reading_.thresholds.empty() && !splits_things();
  if (out.by.empty() && lists && !counts) out.by = things();
  const bool sums_up = !reading_.aggregation.empty() && reading_.by.empty() && !lists;
  if (out.by.empty() && subject_.recipe->each && !sums_up && !reading_.how_many) out.by = things();
  out.total = out.by.empty();
  return out;
}

/// Whether each of the things has several series, one a partition: what is asked of it is of all
/// of them, unless one is named.
bool Expression::is_parted(const std::vector<std::string>& by) const {
  static const std::set<std::string_view> kParts = {"partition", "shard", "slot", "segment"};
  static const std::set<std::string_view> kDevices = {"device", "disk", "interface"};
  if (metric_ == nullptr || subject_.recipe->join.empty()) return false;
  const bool finer = std::ranges::any_of(by, [](const std::string& label) {
    return label == "mountpoint" || kDevices.contains(label);
  });
  return std::ranges::any_of(metric_->labels, [&](const catalogue::LabelInfo& label) {
    const bool part = kParts.contains(label.name) || (!finer && kDevices.contains(label.name));
    if (!part || label.values.size() < 2 || std::ranges::find(by, label.name) != by.end()) {
      return false;
    }
    return std::ranges::none_of(filters_, [&](size_t m) {
      const auto binding = catalogue::bind(reading_.mentions[m], *metric_, lexicon_);
      return binding && binding->label == label.name && !binding->negated;
    });
  });
}

std::string Expression::base(std::string_view recipe, const Shape& shape,
                             const std::vector<std::string>& by) const {
  catalogue::QueryParts parts;
  parts.matchers = [this](const std::string& name) { return matchers_of(name); };
  parts.by = by;
  parts.window = format_duration(shape.window);
  parts.quantile = reading_.quantile;
  parts.offset = shape.offset;
  std::string out = catalogue::compose(recipe, parts);
  if (shape.growth) replace_all(out, "rate(", "increase(");
  // "increase(x[5m])" of what is counted since ever is the counter itself.
  if (shape.since_ever) out = without_growth(std::move(out), "[" + parts.window + "]");
  return out;
}

std::string Expression::narrowed(std::string_view recipe, const Shape& shape) const {
  return base(recipe, shape, shape.by);
}

std::string Expression::promql(const Shape& shape) const {
  const catalogue::Recipe& recipe = *subject_.recipe;
  const bool mean = reading_.aggregation == "avg" && !recipe.mean.empty() && !reading_.quantile;
  const std::string& text = mean ? recipe.mean : recipe.promql;
  const std::string& asked = reading_.aggregation;
  Shape now = shape;
  // What is summed up over the whole time needs no second look at each moment of it.
  const bool windowed = text.find("[5m]") != std::string::npos;
  const bool steps = !shape.over_time.empty() && !(windowed && shape.over_time == "avg");
  if (steps) {
    now.window = DurationMs::minutes(5);
    now.offset = {};
    now.over_time.clear();
  }
  std::string out;
  if (catalogue::has_aggregation(text)) {
    const bool extreme = (asked == "max" || asked == "min") && shape.over_time.empty();
    if (extreme && !mean) {
      const std::string inner = base(text, now, recipe.by);
      out = asked + catalogue::by_clause(shape.by) + "(" + inner + ")";
    } else {
      out = base(text, now, shape.by);
    }
  } else {
    out = base(text, now, {});
    // Over time each series is looked at by itself.
    const bool own = !asked.empty() && shape.over_time.empty();
    const std::string& join = own ? asked : recipe.join;
    // Series told apart already are joined for nothing.
    const bool parted = !own && is_parted(shape.by.empty() ? recipe.by : shape.by);
    // "how many pods in production": a namespace is one, and its pods are many.
    const bool counts = reading_.how_many && !reading_.things.empty();
    const bool finer = metric_ != nullptr && (!shape.by.empty() || shape.total) &&
                       (shape.by != recipe.by || !asked_by_.empty() || parted) && !recipe.finding &&
                       !(is_single() && shape.total && !parted && !counts) &&
                       (shape.over_time.empty() || !asked_by_.empty() || parted);
    if (!join.empty() && (own ? shape.total || finer : finer)) {
      out = join + catalogue::by_clause(shape.by) + "(" + out + ")";
    }
  }
  if (!steps) return out;
  const std::string window = format_duration(shape.window);
  const std::string bare = is_bare() && out.find('(') == std::string::npos
                               ? ""
                               : ":" + format_duration(step_of(shape.window, 720));
  out = shape.over_time + "_over_time(" + (bare.empty() ? out : in_brackets(out)) + "[" + window +
        bare + "]";
  if (shape.offset.ms != 0) out += " offset " + format_duration(shape.offset);
  return out + ")";
}

std::string Expression::unit(const Shape& shape) const {
  const std::string& unit = subject_.recipe->unit;
  if (!shape.growth && !shape.since_ever) return unit;
  if (unit == "per_second") return "count";
  if (unit == "bytes_per_second") return "bytes";
  return unit;
}

}  // namespace prom5::llm
