#include "ask/catalogue/mention.h"

#include <algorithm>
#include <array>

#include "ask/catalogue/recipe_query.h"

namespace prom5::catalogue {

namespace {

/// Labels by how readily a bare name means their value.
constexpr std::array<std::string_view, 24> kLabelOrder = {
    "service",  "env",     "alertname", "job",           "container",  "deployment",
    "database", "datname", "region",    "consumergroup", "topic",      "instance",
    "node",     "host",    "namespace", "pod",           "mountpoint", "device",
    "status",   "code",    "method",    "path",          "type",       "state"};

constexpr std::array<std::string_view, 6> kStatusLabels = {
    "status", "code", "status_code", "http_response_status_code", "response_code", "http_status"};

int rank_of(std::string_view label) {
  const auto found = std::find(kLabelOrder.begin(), kLabelOrder.end(), label);
  return static_cast<int>(kLabelOrder.end() - found);
}

/// Bonus for a label that the word beside the mention speaks of.
int kind_bonus(const std::string& kind, std::string_view label, const Lexicon& lexicon) {
  if (kind.empty()) return 0;
  if (kind == label) return 200;
  const auto* labels = lexicon.kind(kind);
  if (labels == nullptr) return 0;
  const auto found = std::find(labels->begin(), labels->end(), label);
  return found == labels->end() ? 0 : 100 - static_cast<int>(found - labels->begin());
}

void better(std::optional<Binding>& best, Binding candidate) {
  if (!best || candidate.strength > best->strength) best = std::move(candidate);
}

/// Whether a name begins with the prefix as a word of its own: "payment-1:8080", "db-01", "web2".
bool begins_with_word(std::string_view value, std::string_view prefix) {
  if (value.size() <= prefix.size() || fold(value.substr(0, prefix.size())) != prefix) return false;
  const char next = value[prefix.size()];
  return next == '-' || next == '_' || next == '.' || (next >= '0' && next <= '9');
}

/// "db" for hosts db-01 and db-02; "payment" for the pods of a deployment.
std::optional<Binding> bind_prefix(const Mention& mention, const Metric& metric,
                                   const Lexicon& lexicon) {
  std::optional<Binding> best;
  for (const std::string& prefix : mention.prefixes) {
    for (const std::string_view name :
         {"pod", "instance", "node", "host", "hostname", "nodename", "container", "device"}) {
      const LabelInfo* label = metric.label(name);
      if (label == nullptr) continue;
      // Pods and containers are called after what they belong to; of hosts it must be said.
      const bool host = name != "pod" && name != "container";
      if (host && kind_bonus(mention.kind, name, lexicon) == 0 && !mention.places.empty()) continue;
      std::string found;
      for (const std::string& value : label->values) {
        if (begins_with_word(value, prefix)) found = value.substr(0, prefix.size() + 1);
        if (!found.empty()) break;
      }
      if (found.empty()) continue;
      const bool dash = found.back() < '0' || found.back() > '9';
      Binding binding{label->name, {}, "", mention.negated, 0};
      binding.regex = dash ? escaped_regex(found) + ".*"
                           : escaped_regex(found.substr(0, found.size() - 1)) + "[0-9].*";
      binding.strength = rank_of(label->name) / 2 + kind_bonus(mention.kind, label->name, lexicon);
      better(best, std::move(binding));
    }
  }
  return best;
}

}  // namespace

std::string escaped_regex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string label_of_kind(const std::string& kind, const Metric& metric, const Lexicon& lexicon) {
  if (metric.label(kind) != nullptr) return kind;
  const auto* labels = lexicon.kind(kind);
  if (labels == nullptr) labels = lexicon.kind(lexicon.canonical(kind));
  if (labels == nullptr) return "";
  // A label with one value for all tells nothing apart, if there is another.
  std::string only;
  for (const std::string& name : *labels) {
    const LabelInfo* label = metric.label(name);
    if (label == nullptr) continue;
    if (label->values.size() > 1) return name;
    if (only.empty() && (name == labels->front() || labels->size() == 1)) only = name;
  }
  return only;
}

std::optional<Binding> bind(const Mention& mention, const Metric& metric, const Lexicon& lexicon) {
  std::optional<Binding> best;
  if (!mention.regex.empty()) {
    for (const std::string_view name : kStatusLabels) {
      if (metric.label(name) == nullptr) continue;
      return Binding{std::string(name), {}, mention.regex, mention.negated, 50};
    }
    return std::nullopt;
  }
  for (const Place& place : mention.places) {
    if (!metric.has(place.label, place.value)) continue;
    if (!mention.label.empty() && mention.label != place.label) continue;
    const int strength = rank_of(place.label) + kind_bonus(mention.kind, place.label, lexicon) + 1;
    if (best && best->label == place.label) {
      best->values.push_back(place.value);
    } else {
      better(best, {place.label, {place.value}, "", mention.negated, strength});
    }
  }
  if (auto prefix = bind_prefix(mention, metric, lexicon)) better(best, std::move(*prefix));
  return best;
}

std::string to_matchers(std::vector<Binding> bindings) {
  // Several names for one label are alternatives; what is excluded is excluded each for itself.
  std::string out;
  std::vector<bool> done(bindings.size());
  for (size_t i = 0; i < bindings.size(); ++i) {
    if (done[i]) continue;
    const Binding& first = bindings[i];
    std::vector<std::string> patterns;
    bool plain = true;
    size_t values = 0;
    for (size_t k = i; k < bindings.size(); ++k) {
      const Binding& b = bindings[k];
      if (done[k] || b.label != first.label || b.negated != first.negated) continue;
      done[k] = true;
      plain = plain && b.regex.empty();
      values += b.values.size();
      for (const std::string& value : b.values) patterns.push_back(escaped_regex(value));
      if (b.values.empty()) patterns.push_back(b.regex);
    }
    out += out.empty() ? "" : ",";
    out += is_legacy_label_name(first.label) ? first.label : quoted(first.label);
    if (plain && values == 1) {
      out += (first.negated ? "!=" : "=") + quoted(first.values.front());
      continue;
    }
    std::sort(patterns.begin(), patterns.end());
    patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
    std::string pattern;
    for (const std::string& p : patterns) pattern += (pattern.empty() ? "" : "|") + p;
    out += (first.negated ? "!~" : "=~") + quoted(pattern);
  }
  return out;
}

}  // namespace prom5::catalogue
