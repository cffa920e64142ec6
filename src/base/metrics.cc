#include "base/metrics.h"

#include <algorithm>
#include <map>

namespace prom5 {

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
