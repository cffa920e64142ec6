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
  for (const auto& [name, value] : options.params) {
    set_default(std::string(kParameterPrefix) + name, value);
  }
}

}  // namespace

uint64_t Target::hash() const {
  LabelsBuilder builder(labels);
  return builder.set("__url__", url).build().hash();
}

Result<TargetsOfGroup> make_targets(const TargetGroup& group, const ScrapeOptions& options) {
  TargetsOfGroup out;
  for (const Labels& own : group.targets) {
    LabelsBuilder labels(group.labels);
    for (const LabelView label : own) labels.set(label.name, label.value);
    set_defaults(labels, options);
    Target target;
    target.discovered = LabelsBuilder(labels).build();
    if (!relabel(options.relabel_configs, labels)) {
      out.dropped.push_back(std::move(target.discovered));
      continue;
    }
    const std::string address(labels.get("__address__"));
    if (address.empty()) {
      return fail(ErrorCode::BadData, "job {}: target {} has no address", options.job_name,
                  target.discovered.to_string());
    }
    const auto interval = parse_duration(labels.get("__scrape_interval__"));
    const auto timeout = parse_duration(labels.get("__scrape_timeout__"));
    if (!interval || !timeout || interval->ms <= 0 || timeout->ms <= 0 || *timeout > *interval) {
      return fail(ErrorCode::BadData,
                  "job {}: target {} has scrape interval \"{}\" and timeout \"{}\"; both must be "
                  "positive and the timeout at most the interval",
                  options.job_name, address, labels.get("__scrape_interval__"),
                  labels.get("__scrape_timeout__"));
    }
    target.interval = *interval;
    target.timeout = *timeout;
    target.url = make_url(labels, options);
    TRY(io::parse_url(target.url));
    if (labels.get("instance").empty()) labels.set("instance", address);
    const auto all = labels.labels();
    for (const auto& [name, value] : all) {
      if (name.starts_with("__")) labels.remove(name);
    }
    target.labels = labels.build();
    out.active.push_back(std::move(target));
  }
  return out;
}

}  // namespace prom5::scrape
