#include "ask/catalogue/catalogue.h"

#include <algorithm>
#include <set>

#include "ask/catalogue/concept.h"
#include "base/ascii.h"

namespace prom5::catalogue {

namespace {

constexpr DurationMs kFreshFor = DurationMs::seconds(30);
constexpr DurationMs kFreshForTheMissing = DurationMs::seconds(3);

/// What had samples in this time before the question can be asked about: what fell silent today is
/// asked for more than anything else.
constexpr DurationMs kLooksBack = DurationMs::hours(24);

/// Questions this near to each other look at the same data.
constexpr DurationMs kSameTime = DurationMs::minutes(15);

/// What a value may be called beside its own text: a host without its port, a site without scheme
/// and path.
std::vector<std::string> names_of(std::string_view value) {
  if (value == "/") return {"root"};
  std::vector<std::string> out{fold(value)};
  std::string_view rest = value;
  if (const size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
    rest = rest.substr(0, rest.find('/'));
    out.push_back(fold(rest));
    out.push_back(fold(rest.substr(0, rest.find('.'))));
  }
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos && colon > 0) {
    out.push_back(fold(rest.substr(0, colon)));
  }
  return out;
}

}  // namespace

std::string fold(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alnum(c)) out += to_lower(c);
  }
  return out;
}

std::string_view family_of(std::string_view name) {
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

MetricType guess_type(std::string_view name) {
  if (name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") ||
      name.ends_with("_bucket")) {
    return MetricType::Counter;
  }
  return MetricType::Gauge;
}

const LabelInfo* Metric::label(std::string_view wanted) const {
  const auto found =
      std::lower_bound(labels.begin(), labels.end(), wanted,
                       [](const LabelInfo& l, std::string_view n) { return l.name < n; });
  return found != labels.end() && found->name == wanted ? &*found : nullptr;
}

bool Metric::has(std::string_view label_name, std::string_view value) const {
  const LabelInfo* found = label(label_name);
  return found != nullptr &&
         (found->cut || std::binary_search(found->values.begin(), found->values.end(), value));
}

const Metric* Snapshot::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &metrics_[found->second];
}

std::span<const uint32_t> Snapshot::with_word(std::string_view word) const {
  const auto found = by_word_.find(word);
  return found == by_word_.end() ? std::span<const uint32_t>() : found->second;
}

std::span<const Place> Snapshot::places(std::string_view folded) const {
  const auto found = places_.find(std::string(folded));
  return found == places_.end() ? std::span<const Place>() : found->second;
}

/// Collects what a pass over all series finds.
class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(const Lexicon& lexicon) : lexicon_(lexicon) {}

  void add(const Labels& labels) {
    const std::string_view name = labels.get(kMetricName);
    if (name.empty()) return;
    if (current_ == nullptr || current_name_ != name) {
      current_name_ = name;
      current_ = &found_[current_name_];
    }
    ++current_->series;
    for (const LabelView label : labels) {
      if (label.name == kMetricName) continue;
      Values& values = current_->labels.try_emplace(std::string(label.name)).first->second;
      if (values.last == label.value) continue;  // series come in order of their labels
      values.last = label.value;
      if (values.seen.size() >= Snapshot::kMaxValues) {
        values.cut = values.cut || !values.seen.contains(values.last);
      } else {
        values.seen.insert(values.last);
      }
    }
  }

  std::shared_ptr<const Snapshot> build(const Storage::MetadataMap& metadata) {
    auto out = std::make_shared<Snapshot>();
    for (auto& [name, gathered] : found_) {
      Metric metric;
      metric.name = name;
      metric.series = gathered.series;
      describe(metric, metadata);
      for (auto& [label, values] : gathered.labels) {
        LabelInfo info{label, {values.seen.begin(), values.seen.end()}, values.cut};
        std::sort(info.values.begin(), info.values.end());
        ++out->labels_[label];
        index_values(*out, info);
        metric.labels.push_back(std::move(info));
      }
      index_words(*out, metric);
      out->metrics_.push_back(std::move(metric));
    }
    for (const Metric& metric : out->metrics_) {
      out->by_name_.emplace(metric.name, static_cast<uint32_t>(out->by_name_.size()));
    }
    return out;
  }

 private:
  struct Values {
    std::unordered_set<std::string> seen;
    std::string last;
    bool cut = false;
  };
  struct Gathered {
    size_t series = 0;
    std::map<std::string, Values, std::less<>> labels;
  };

  static void describe(Metric& metric, const Storage::MetadataMap& metadata) {
    metric.type = guess_type(metric.name);
    auto known = metadata.find(metric.name);
    if (known == metadata.end()) known = metadata.find(family_of(metric.name));
    if (known == metadata.end() || known->second.empty()) return;
    metric.help = known->second.front().help;
    metric.unit = known->second.front().unit;
    // A series of a histogram is a counter in itself.
    const bool part = known->first != metric.name;
    const MetricType type = known->second.front().type;
    if (!part && type != MetricType::Unknown) metric.type = type;
  }

  void index_words(Snapshot& out, Metric& metric) {
    metric.words = lexicon_.words_of_name(metric.name);
    const auto place = static_cast<uint32_t>(out.metrics_.size());
    std::set<std::string> all(metric.words.begin(), metric.words.end());
    for (std::string& word : lexicon_.words_of_text(metric.help)) all.insert(std::move(word));
    for (const std::string& word : all) out.by_word_[word].push_back(place);
  }

  void index_values(Snapshot& out, const LabelInfo& info) {
    if (info.name == "le" || info.name == "quantile") return;
    for (const std::string& value : info.values) {
      if (!indexed_.insert(info.name + '\xff' + value).second) continue;
      std::vector<std::string> names = names_of(value);
      // "complete" names "completed"; but "down" says how things are, and names no job "dead".
      if (value.find_first_of("-_.:/ ") == std::string::npos) {
        std::string form = fold(lexicon_.canonical(value));
        if (form != "down" && form != "up") names.push_back(std::move(form));
      }
      for (const std::string& name : names) {
        if (name.empty()) continue;
        std::vector<Place>& places = out.places_[name];
        const Place place{info.name, value};
        if (std::find(places.begin(), places.end(), place) == places.end()) {
          places.push_back(place);
        }
      }
      for (size_t dash = value.find_first_of("-_"); dash != std::string::npos;
           dash = value.find_first_of("-_", dash + 1)) {
        out.leads_.insert(fold(std::string_view(value).substr(0, dash)));
      }
    }
  }

  const Lexicon& lexicon_;
  std::map<std::string, Gathered, std::less<>> found_;
  std::string current_name_;
  Gathered* current_ = nullptr;
  std::unordered_set<std::string> indexed_;
};

Catalogue::Catalogue(Storage& storage, const Lexicon& lexicon, const Clock& clock)
    : storage_(storage), lexicon_(lexicon), clock_(clock) {
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Catalogue::~Catalogue() {
  worker_.request_stop();
  wake_.notify_all();
}

Result<std::shared_ptr<const Snapshot>> Catalogue::learn(TimeMs at) {
  const auto querier = TRY(storage_.querier({at - kLooksBack, at}));
  const Matcher any = TRY(Matcher::make(MatchType::NotEqual, kMetricName, ""));
  const auto set = TRY(querier->select({&any, 1}));
  SnapshotBuilder builder(lexicon_);
  while (set->next()) builder.add(set->labels());
  std::shared_ptr<const Snapshot> snapshot = builder.build(storage_.metadata());
  const MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& e) { return std::abs((e.at - at).ms) < kSameTime.ms; });
  entries_.insert(entries_.begin(), Entry{at, clock_.now(), snapshot});
  if (entries_.size() > kMaxEntries) entries_.pop_back();
  return snapshot;
}

std::shared_ptr<const Snapshot> Catalogue::known(TimeMs at, DurationMs fresh_for) {
  const MutexLock lock(mutex_);
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (std::abs((entries_[i].at - at).ms) >= kSameTime.ms) continue;
    std::rotate(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(i),
                entries_.begin() + static_cast<ptrdiff_t>(i) + 1);
    if (clock_.now() - entries_[0].loaded >= fresh_for) {
      if (fresh_for < kFreshFor) return nullptr;
      refresh_wanted_ = true;
      refresh_at_ = at;
      wake_.notify_all();
    }
    return entries_[0].snapshot;
  }
  return nullptr;
}

Result<std::shared_ptr<const Snapshot>> Catalogue::snapshot(TimeMs at) {
  if (auto found = known(at, kFreshFor)) return found;
  const MutexLock lock(learning_);
  if (auto found = known(at, kFreshFor)) return found;
  return learn(at);
}

Result<std::shared_ptr<const Snapshot>> Catalogue::fresh_snapshot(TimeMs at) {
  const MutexLock lock(learning_);
  if (auto found = known(at, kFreshForTheMissing)) return found;
  return learn(at);
}

void Catalogue::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    TimeMs at;
    {
      mutex_.lock();
      wake_.wait(mutex_, stop, [&] { return refresh_wanted_; });
      refresh_wanted_ = false;
      at = refresh_at_;
      mutex_.unlock();
    }
    if (stop.stop_requested()) return;
    const MutexLock lock(learning_);
    // What failed is tried again at the next question, which then has the older snapshot.
    static_cast<void>(learn(at));
  }
}

bool is_available(const Recipe& recipe, const Snapshot& snapshot) {
  return std::all_of(recipe.needs.begin(), recipe.needs.end(),
                     [&](const std::string& name) { return snapshot.find(name) != nullptr; }) &&
         std::all_of(recipe.requires_label.begin(), recipe.requires_label.end(),
                     [&](const auto& entry) {
                       const Metric* metric = snapshot.find(entry.first);
                       return metric != nullptr && metric->label(entry.second) != nullptr;
                     });
}

}  // namespace prom5::catalogue
