#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace prom5 {

namespace {

/// The lines of a histogram: buckets count what is in those below them, too.
void add_points(const ClassicHistogram& histogram, const MetricLabels& labels,
                std::vector<MetricRegistry::Point>& out) {
  uint64_t count = 0;
  for (size_t bucket = 0; bucket <= histogram.bounds().size(); ++bucket) {
    count += histogram.count(bucket);
    const bool last = bucket == histogram.bounds().size();
    MetricLabels own = labels;
    own.emplace_back("le", last ? "+Inf" : fmt::format("{}", histogram.bounds()[bucket]));
    out.push_back({std::move(own), static_cast<double>(count), "_bucket"});
  }
  out.push_back({labels, histogram.sum(), "_sum"});
  out.push_back({labels, static_cast<double>(count), "_count"});
}

}  // namespace

MetricRegistry::Entry& MetricRegistry::entry(std::string_view name, std::string_view help,
                                             Type type, MetricLabels labels) {
  for (Entry& e : entries_) {
    if (e.name != name || e.labels != labels) continue;
    e.hidden = false;
    return e;
  }
  Entry& e = entries_.emplace_back();
  e.name = name;
  e.help = help;
  e.type = type;
  e.labels = std::move(labels);
  return e;
}

Counter& MetricRegistry::counter(std::string_view name, std::string_view help,
                                 MetricLabels labels) {
  const MutexLock lock(mutex_);
  return entry(name, help, Type::Counter, std::move(labels)).counter;
}

Gauge& MetricRegistry::gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  const MutexLock lock(mutex_);
  return entry(name, help, Type::Gauge, std::move(labels)).gauge;
}

ClassicHistogram& MetricRegistry::histogram(std::string_view name, std::string_view help,
                                            std::vector<double> bounds, MetricLabels labels) {
  const MutexLock lock(mutex_);
  Entry& e = entry(name, help, Type::Histogram, std::move(labels));
  if (e.histogram == nullptr) e.histogram = std::make_unique<ClassicHistogram>(std::move(bounds));
  return *e.histogram;
}

void MetricRegistry::hide(std::string_view name, const MetricLabels& labels) {
  const MutexLock lock(mutex_);
  for (Entry& e : entries_) {
    if (e.name == name && e.labels == labels) e.hidden = true;
  }
}

void MetricRegistry::on_collect(std::string_view name, std::string_view help, Type type,
                                std::function<double()> read, MetricLabels labels) {
  const MutexLock lock(mutex_);
  entry(name, help, type, std::move(labels)).read = std::move(read);
}

std::vector<MetricRegistry::Family> MetricRegistry::collect() const {
  // The readers are copied out first: a callback may take locks of its own.
  struct Pending {
    const Entry* entry;
    std::function<double()> read;
  };
  std::vector<Pending> pending;
  {
    const MutexLock lock(mutex_);
    for (const Entry& e : entries_) {
      if (!e.hidden) pending.push_back({&e, e.read});
    }
  }
  std::map<std::string, Family, std::less<>> families;
  for (const Pending& p : pending) {
    Family& family = families[p.entry->name];
    family.name = p.entry->name;
    family.help = p.entry->help;
    family.type = p.entry->type;
    if (p.entry->histogram != nullptr) {
      add_points(*p.entry->histogram, p.entry->labels, family.points);
      continue;
    }
    double value = 0;
    if (p.read) {
      value = p.read();
    } else if (p.entry->type == Type::Counter) {
      value = static_cast<double>(p.entry->counter.value());
    } else {
      value = p.entry->gauge.value();
    }
    family.points.push_back({p.entry->labels, value});
  }
  std::vector<Family> out;
  out.reserve(families.size());
  for (auto& [name, family] : families) out.push_back(std::move(family));
  return out;
}

}  // namespace prom5
