#include "collect/scrape/target.h"

#include <algorithm>

#include "io/http/url.h"

namespace prom5::scrape {

namespace {

constexpr std::string_view kParameterPrefix = "__param_";

std::string make_url(const LabelsBuilder& labels, const ScrapeOptions& options) {
  std::string out = fmt::format("{}://{}{}", labels.get("__scheme__"), labels.get("__address__"),
                                labels.get("__metrics_path__"));
  char separator = '?';
  const auto parameter = [&](std::string_view name, std::string_view value) {
    out += separator;
    out += io::percent_encode(name) + "=" + io::percent_encode(value);
    separator = '&';
  };
  // The first value of a parameter may have been changed by relabelling.
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : options.params) {
    const bool first = std::find(seen.begin(), seen.end(), name) == seen.end();
    seen.push_back(name);
    const std::string label = std::string(kParameterPrefix) + name;
    parameter(name, first ? labels.get(label) : std::string_view(value));
  }
  for (const auto& [name, value] : labels.labels()) {
    if (!name.starts_with(kParameterPrefix)) continue;
    const std::string_view bare = std::string_view(name).substr(kParameterPrefix.size());
    if (std::find(seen.begin(), seen.end(), bare) == seen.end()) parameter(bare, value);
  }
  return out;
}

void set_defaults(LabelsBuilder& labels, const ScrapeOptions& options) {
  const auto set_default = [&](std::string_view name, std::string_view value) {
    if (labels.get(name).empty()) labels.set(name, value);
  };
  set_default("job", options.job_name);
  set_default("__scheme__", options.scheme);
  set_default("__metrics_path__", options.metrics_path);
  set_default("__scrape_interval__", format_duration(options.interval));
  set_default("__scrape_timeout__", format_duration(options.timeout));
  set_default("__scrape_native_histograms__", options.native_histograms ? "true" : "false");
  set_default("__convert_classic_histograms_to_nhcb__",
              options.classic_to_custom_buckets ? "true" : "false");
  set_default("__always_scrape_classic_histograms__",
              options.always_classic_histograms ? "true" : "false");
  for (const auto& [name, value] : options.params) {
    set_default(std::string(kParameterPrefix) + name, value);
  }
}

}  // namespace

uint64_t Target::hash() const {
  LabelsBuilder builder(labels);
  return builder.set("__url__", url).build().hash();
}

namespace {

/// The target that the labels, after relabelling, make. BadData with what is wrong.
Result<Target> finish_target(LabelsBuilder& labels, const ScrapeOptions& options) {
  Target target;
  const std::string address(labels.get("__address__"));
  if (address.empty()) {
    return fail(ErrorCode::BadData, "it has no address: relabelling removed __address__");
  }
  if (address.find('/') != std::string::npos) {
    return fail(ErrorCode::BadData, "\"{}\" is not a valid hostname", address);
  }
  const auto interval = parse_duration(labels.get("__scrape_interval__"));
  const auto timeout = parse_duration(labels.get("__scrape_timeout__"));
  if (!interval || !timeout || interval->ms <= 0 || timeout->ms <= 0 || *timeout > *interval) {
    return fail(ErrorCode::BadData,
                "it has scrape interval \"{}\" and timeout \"{}\"; both must be positive and the "
                "timeout at most the interval",
                labels.get("__scrape_interval__"), labels.get("__scrape_timeout__"));
  }
  target.interval = *interval;
  target.timeout = *timeout;
  const auto flag = [&](std::string_view name, bool otherwise) {
    const std::string_view text = labels.get(name);
    return text == "true" || (text != "false" && otherwise);
  };
  target.native_histograms = flag("__scrape_native_histograms__", options.native_histograms);
  target.classic_to_custom_buckets =
      flag("__convert_classic_histograms_to_nhcb__", options.classic_to_custom_buckets);
  target.always_classic_histograms =
      flag("__always_scrape_classic_histograms__", options.always_classic_histograms);
  target.url = make_url(labels, options);
  TRY(io::parse_url(target.url));
  if (labels.get("instance").empty()) labels.set("instance", address);
  const auto all = labels.labels();
  for (const auto& [name, value] : all) {
    if (name.starts_with("__")) labels.remove(name);
  }
  target.labels = labels.build();
  return target;
}

}  // namespace

std::string describe_rule(std::string_view list, size_t place, const RelabelConfig& rule) {
  std::string sources;
  for (const std::string& name : rule.source_labels) {
    sources += fmt::format("{}{}", sources.empty() ? "" : ", ", name);
  }
  const std::string_view action = to_string(rule.action);
  const bool equal =
      rule.action == RelabelAction::KeepEqual || rule.action == RelabelAction::DropEqual;
  return equal ? fmt::format("{}[{}]: {} by {} and {}", list, place, action, sources,
                             rule.target_label)
               : fmt::format("{}[{}]: {} by {} matching \"{}\"", list, place, action, sources,
                             rule.regex ? rule.regex->pattern() : "(.*)");
}

TargetsOfGroup make_targets(const TargetGroup& group, const ScrapeOptions& options) {
  TargetsOfGroup out;
  for (const Labels& own : group.targets) {
    LabelsBuilder labels(group.labels);
    for (const LabelView label : own) labels.set(label.name, label.value);
    set_defaults(labels, options);
    Labels discovered = LabelsBuilder(labels).build();
    if (const auto by = relabel_until_dropped(options.relabel_configs, labels)) {
      out.dropped.push_back({options.job_name, std::move(discovered),
                             describe_rule("relabel_configs", *by, options.relabel_configs[*by])});
      continue;
    }
    auto target = finish_target(labels, options);
    if (!target) {
      out.dropped.push_back(
          {options.job_name, std::move(discovered), target.error().message, true});
      continue;
    }
    target->discovered = std::move(discovered);
    out.active.push_back(*std::move(target));
  }
  return out;
}

}  // namespace prom5::scrape
