#include "collect/ingest/push_gateway.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/ascii.h"
#include "io/codec/base64.h"
#include "io/codec/compress.h"
#include "io/codec/json.h"
#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "model/exposition/protobuf_parser.h"
#include "model/exposition/text_parser.h"
#include "model/exposition/text_writer.h"

namespace prom5::ingest {

namespace {

using exposition::ProtobufParser;
using exposition::TextParser;

constexpr std::string_view kBase64 = "@base64";
constexpr std::string_view kPushTime = "push_time_seconds";
constexpr std::string_view kFailureTime = "push_failure_time_seconds";
constexpr DurationMs kWriteEvery = DurationMs::seconds(1);

Result<std::string> decode(std::string_view value) {
  while (value.ends_with('=')) value.remove_suffix(1);
  // The alphabet for URLs alone.
  const bool standard = value.find_first_of("+/") != std::string_view::npos;
  const auto bytes = standard ? std::nullopt : codec::base64_decode(value);
  if (!bytes || !codec::utf8_valid(*bytes)) {
    return fail(ErrorCode::BadData, "invalid base64 encoding: \"{}\"", value);
  }
  return *bytes;
}

/// "job/NAME/label/value/…" as labels. BadData for a path that names no group.
Result<std::map<std::string, std::string>> read_grouping(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t slash = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, slash));
    if (slash == path.size()) break;
    path.remove_prefix(slash + 1);
  }
  if (parts.size() % 2 != 0) {
    // A slash behind the job names nothing.
    if (parts.back().empty() && parts.size() == 3) {
      parts.pop_back();
    } else {
      return fail(ErrorCode::BadData, "odd number of components in the label string");
    }
  }
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < parts.size(); i += 2) {
    std::string_view name = parts[i];
    const bool encoded = name.ends_with(kBase64);
    if (encoded) name.remove_suffix(kBase64.size());
    if (!is_legacy_label_name(name) || name.starts_with("__")) {
      return fail(ErrorCode::BadData, "improper label name \"{}\"", name);
    }
    out[std::string(name)] = encoded ? TRY(decode(parts[i + 1])) : std::string(parts[i + 1]);
  }
  // What the path begins with is the job, whatever else is called so.
  const bool encoded = parts[0].ends_with(kBase64);
  const std::string job = encoded ? TRY(decode(parts[1])) : std::string(parts[1]);
  if (job.empty()) return fail(ErrorCode::BadData, "job name is required");
  out["job"] = job;
  return out;
}

MetricType of_text(std::string_view word) {
  return exposition::parse_text_type(word).value_or(MetricType::Unknown);
}

std::string_view type_word(MetricType type) {
  return type == MetricType::Unknown ? "untyped" : to_string(type);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return out;
}

/// Whether a sample of that name belongs to the family.
bool is_of(std::string_view name, std::string_view family, MetricType type) {
  if (!name.starts_with(family)) return false;
  const std::string_view rest = name.substr(family.size());
  if (rest.empty()) return true;
  const bool histogram = type == MetricType::Histogram && rest == "_bucket";
  const bool parts = type == MetricType::Histogram || type == MetricType::Summary;
  return histogram || (parts && (rest == "_sum" || rest == "_count"));
}

}  // namespace

PushGateway::PushGateway(Options options, io::FileSystem& files, const Clock& clock,
                         MetricRegistry& metrics, const Log& log)
    : options_(std::move(options)),
      files_(files),
      clock_(clock),
      log_(log),
      pushes_(metrics.counter("prom5_push_gateway_pushes_total", "Pushes of jobs.")),
      refused_(metrics.counter("prom5_push_gateway_refused_pushes_total",
                               "Pushes that could not be taken.")) {
  metrics.on_collect("prom5_push_gateway_groups", "Groups of pushed metrics.",
                     MetricRegistry::Type::Gauge, [this] {
                       const std::lock_guard lock(mutex_);
                       return static_cast<double>(groups_.size());
                     });
}

Result<std::unique_ptr<PushGateway>> PushGateway::open(Options options, io::FileSystem& files,
                                                       const Clock& clock, MetricRegistry& metrics,
                                                       const Log& log) {
  std::unique_ptr<PushGateway> out(new PushGateway(std::move(options), files, clock, metrics, log));
  TRY(out->read_file());
  out->keeping_ = std::jthread([raw = out.get()](const std::stop_token& stop) { raw->keep(stop); });
  return out;
}

PushGateway::~PushGateway() { keeping_ = {}; }

template <typename Parser>
Result<PushGateway::Families> PushGateway::read_families(Parser parser, TimeMs now) {
  using Entry = typename Parser::Entry;
  Families out;
  LabelsBuilder builder;
  std::string family;
  for (;;) {
    const Entry entry = TRY(parser.next());
    if (entry == Entry::End) break;
    if (entry == Entry::Family) {
      const exposition::PageFamily& told = parser.family();
      family = told.name;
      Family& of = out[family];
      if (told.types > (of.lines.empty() && !of.typed ? 1 : 0)) {
        return fail(ErrorCode::BadData,
                    "second TYPE line for metric name \"{}\", or TYPE reported after samples",
                    family);
      }
      of.typed = of.typed || told.types > 0;
      of.time = now;
      if (!told.metadata.help.empty()) of.help = told.metadata.help;
      if (told.types > 0) of.type = told.metadata.type;
      continue;
    }
    if (parser.time()) {
      return fail(ErrorCode::BadData, "pushed metrics must not have timestamps");
    }
    TRY(parser.labels(builder));
    const std::string name(builder.get(kMetricName));
    const auto known = out.find(family);
    if (known == out.end() || !is_of(name, family, known->second.type)) family = name;
    Family& of = out[family];
    of.time = now;
    of.lines.push_back(
        {.name = name, .labels = builder.remove(kMetricName).build(), .value = parser.value()});
  }
  // The times of pushes are ours to tell.
  std::erase_if(out, [](const auto& f) {
    return f.second.lines.empty() || f.first == kPushTime || f.first == kFailureTime;
  });
  return out;
}

/// "1.0" as "1", which is how the text format has borders.
void PushGateway::shorten_borders(Family& family) {
  for (Line& line : family.lines) {
    for (const std::string_view name : {"le", "quantile"}) {
      const std::string border(line.labels.get(name));
      if (!border.ends_with(".0")) continue;
      line.labels =
          LabelsBuilder(line.labels).set(name, border.substr(0, border.size() - 2)).build();
    }
  }
}

Result<PushGateway::Families> PushGateway::read_body(const io::HttpRequest& request) const {
  std::string body = request.body;
  const std::string_view coding = request.headers.get("Content-Encoding");
  if (equal_ignoring_case(coding, "gzip")) {
    body = TRY(codec::gzip_decompress(body, options_.max_body_bytes));
  } else if (equal_ignoring_case(coding, "snappy")) {
    body = TRY(codec::snappy_decompress_frames(body, options_.max_body_bytes));
  } else if (!coding.empty() && !equal_ignoring_case(coding, "identity")) {
    return fail(ErrorCode::UnsupportedMedia,
                "unsupported Content-Encoding \"{}\"; send gzip, snappy, or none",
                coding.substr(0, 200));
  }
  const std::string_view type = request.headers.get("Content-Type");
  const bool protobuf = type.starts_with("application/vnd.google.protobuf") &&
                        type.find("proto=io.prometheus.client.MetricFamily") != type.npos &&
                        type.find("encoding=delimited") != type.npos;
  const TimeMs now = clock_.now();
  if (protobuf) {
    Families families = TRY(read_families(ProtobufParser(body, {}), now));
    for (auto& [name, family] : families) shorten_borders(family);
    return families;
  }
  if (!body.empty() && !body.ends_with('\n')) {
    return fail(ErrorCode::BadData,
                "unexpected end of input stream: the last line must end in a newline (curl keeps "
                "it with --data-binary, and not with --data)");
  }
  return read_families(TextParser(body), now);
}

/// The group's labels win; a group without an instance has an empty one, so that the scrape does
/// not give it its own.
void PushGateway::add_grouping(const Grouping& grouping, Families& families) {
  for (auto& [name, family] : families) {
    for (Line& line : family.lines) {
      LabelsBuilder builder(line.labels);
      for (const auto& [label, value] : grouping) {
        builder.set(label, value);
        if (value.empty()) line.empty.push_back(label);
      }
      if (builder.get("instance").empty() && !grouping.contains("instance")) {
        line.empty.emplace_back("instance");
      }
      line.labels = builder.build();
    }
  }
}

/// Families have one type over all groups, series are there once, and no family is called as a part
/// of another.
Result<void> PushGateway::check(const Grouping& grouping, const Families& pushed,
                                bool replace) const {
  std::set<std::pair<std::string, Labels>> series;
  std::map<std::string, MetricType> types;
  const auto add = [&](const std::string& name, const Family& family) -> Result<void> {
    const auto [known, fresh] = types.try_emplace(name, family.type);
    if (!fresh && known->second != family.type) {
      return fail(ErrorCode::BadData, "metric \"{}\" is a {} here and a {} in another group", name,
                  type_word(family.type), type_word(known->second));
    }
    for (const Line& line : family.lines) {
      if (series.emplace(line.name, line.labels).second) continue;
      return fail(ErrorCode::BadData, "collected metric \"{}\" {} was collected before", line.name,
                  line.labels.to_string());
    }
    return {};
  };
  for (const auto& [other, group] : groups_) {
    for (const auto& [name, family] : group.families) {
      const bool goes = other == grouping && (replace || pushed.contains(name));
      if (!goes) TRY(add(name, family));
    }
  }
  for (const auto& [name, family] : pushed) TRY(add(name, family));
  for (const auto& [name, type] : types) {
    for (const std::string_view part : {"_bucket", "_count", "_sum"}) {
      const std::string whole = name + std::string(part);
      if (name != whole && types.contains(whole) && is_of(whole, name, type)) {
        return fail(ErrorCode::BadData,
                    "collected metric named \"{}\" collides with previously collected {} named "
                    "\"{}\"",
                    whole, type_word(type), name);
      }
    }
  }
  return {};
}

Result<void> PushGateway::push(const Grouping& grouping, const Result<Families>& pushed,
                               bool replace) {
  const std::lock_guard lock(mutex_);
  if (!groups_.contains(grouping) && groups_.size() >= options_.max_groups) {
    return fail(ErrorCode::LimitExceeded, "more than {} groups", options_.max_groups);
  }
  Result<void> good;
  Families families;
  if (pushed) {
    families = *pushed;
    add_grouping(grouping, families);
    good = check(grouping, families, replace);
  } else {
    good = std::unexpected(pushed.error());
  }
  Group& group = groups_[grouping];
  dirty_ = true;
  wake_.notify_one();
  if (!good) {
    group.failed = clock_.now();
    return good;
  }
  if (replace) group.families.clear();
  for (auto& [name, family] : families) group.families[name] = std::move(family);
  group.pushed = clock_.now();
  return {};
}

io::HttpResponse PushGateway::handle(const io::HttpRequest& request, std::string_view path) {
  const auto grouping = read_grouping(path);
  if (!grouping) return io::HttpResponse::text(400, grouping.error().message + "\n");
  io::HttpResponse done;
  if (request.method == "DELETE") {
    const std::lock_guard lock(mutex_);
    groups_.erase(*grouping);
    dirty_ = true;
    wake_.notify_one();
    done.status = 202;
    return done;
  }
  pushes_.add();
  const auto families = read_body(request);
  // What cannot be read at all leaves no trace in the group; what contradicts does.
  const bool timestamps =
      !families && families.error().message.find("timestamps") != std::string::npos;
  if (!families && !timestamps) {
    refused_.add();
    const bool unknown = families.error().code == ErrorCode::UnsupportedMedia;
    return io::HttpResponse::text(unknown ? 415 : 400, families.error().message + "\n");
  }
  if (auto pushed = push(*grouping, families, request.method == "PUT"); !pushed) {
    refused_.add();
    return io::HttpResponse::text(
        400, fmt::format("pushed metrics are invalid or inconsistent with existing metrics: {}\n",
                         pushed.error().message));
  }
  return done;
}

PushGateway::Families PushGateway::with_times(const Grouping& grouping, const Group& group) const {
  Families out = group.families;
  const auto add = [&](std::string_view name, const char* help, TimeMs time) {
    Family& family = out[std::string(name)];
    family.type = MetricType::Gauge;
    family.help = help;
    family.time = std::max(group.pushed, group.failed);
    family.lines = {{.name = std::string(name), .value = time.as_seconds()}};
    Families one;
    one[std::string(name)] = family;
    add_grouping(grouping, one);
    family.lines = one.begin()->second.lines;
  };
  add(kPushTime, "Last Unix time when changing this group in the Pushgateway succeeded.",
      group.pushed);
  add(kFailureTime, "Last Unix time when changing this group in the Pushgateway failed.",
      group.failed);
  return out;
}

std::string PushGateway::page() const {
  Families all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [grouping, group] : groups_) {
      for (auto& [name, family] : with_times(grouping, group)) {
        const auto [found, fresh] = all.try_emplace(name, family);
        if (fresh) continue;
        auto& lines = found->second.lines;
        lines.insert(lines.end(), family.lines.begin(), family.lines.end());
      }
    }
  }
  std::string out;
  exposition::TextWriter writer(out);
  for (const auto& [name, family] : all) {
    writer.family(name, family.help, family.type);
    for (const Line& line : family.lines) {
      std::vector<std::pair<std::string, std::string>> labels;
      for (const std::string& label : line.empty) labels.emplace_back(label, "");
      for (const LabelView label : line.labels) labels.emplace_back(label.name, label.value);
      writer.sample_with(line.name, labels, line.value);
    }
  }
  return out;
}

void PushGateway::write_family(codec::JsonWriter& json, const Family& family) {
  json.begin_object()
      .field("time_stamp", format_rfc3339(family.time))
      .field("type", upper(type_word(family.type)));
  if (!family.help.empty()) json.field("help", family.help);
  // The lines of one histogram or summary are one metric.
  const bool histogram = family.type == MetricType::Histogram;
  const bool parts = histogram || family.type == MetricType::Summary;
  std::vector<std::pair<Labels, std::vector<const Line*>>> metrics;
  for (const Line& line : family.lines) {
    LabelsBuilder labels(line.labels);
    if (parts) labels.remove(histogram ? "le" : "quantile");
    const Labels key = labels.build();
    const auto found = std::find_if(metrics.begin(), metrics.end(),
                                    [&](const auto& m) { return parts && m.first == key; });
    if (found == metrics.end()) {
      metrics.push_back({key, {&line}});
    } else {
      found->second.push_back(&line);
    }
  }
  json.key("metrics").begin_array();
  for (const auto& [labels, lines] : metrics) {
    json.begin_object().key("labels").begin_object();
    for (const std::string& label : lines[0]->empty) json.field(label, "");
    for (const LabelView label : labels) json.field(label.name, label.value);
    json.end_object();
    if (!parts) {
      json.field("value", codec::format_compact(lines[0]->value)).end_object();
      continue;
    }
    const std::string_view border = histogram ? "le" : "quantile";
    json.key(histogram ? "buckets" : "quantiles").begin_object();
    for (const Line* line : lines) {
      const std::string_view at = line->labels.get(border);
      if (!at.empty()) json.field(at, codec::format_compact(line->value));
    }
    json.end_object();
    for (const std::string_view part : {"_count", "_sum"}) {
      for (const Line* line : lines) {
        if (!line->labels.get(border).empty() || !line->name.ends_with(part)) continue;
        json.field(part.substr(1), codec::format_compact(line->value));
      }
    }
    json.end_object();
  }
  json.end_array().end_object();
}

io::HttpResponse PushGateway::api_metrics() const {
  std::string body;
  codec::JsonWriter json(body);
  json.begin_object().field("status", "success").key("data").begin_array();
  const std::lock_guard lock(mutex_);
  for (const auto& [grouping, group] : groups_) {
    json.begin_object().key("labels").begin_object();
    for (const auto& [name, value] : grouping) json.field(name, value);
    json.end_object();
    json.key("last_push_successful").boolean(group.pushed >= group.failed);
    for (const auto& [name, family] : with_times(grouping, group)) {
      json.key(name);
      write_family(json, family);
    }
    json.end_object();
  }
  json.end_array().end_object();
  return io::HttpResponse::json(200, std::move(body));
}

void PushGateway::wipe() {
  const std::lock_guard lock(mutex_);
  groups_.clear();
  dirty_ = true;
  wake_.notify_one();
}

/// Throws what the JSON library throws when something is missing or of another type.
void PushGateway::read_group(const Json& entry) {
  Grouping grouping;
  for (const auto& [name, value] : entry.at("labels").items()) grouping[name] = value;
  Group& group = groups_[grouping];
  group.pushed = {entry.at("pushed").get<int64_t>()};
  group.failed = {entry.at("failed").get<int64_t>()};
  for (const Json& f : entry.at("families")) {
    Family& family = group.families[f.at("name").get<std::string>()];
    family.help = f.at("help").get<std::string>();
    family.type = of_text(f.at("type").get<std::string>());
    family.time = {f.at("time").get<int64_t>()};
    for (const Json& l : f.at("lines")) {
      LabelsBuilder labels;
      for (const auto& [name, value] : l.at("labels").items()) {
        labels.set(name, value.get<std::string>());
      }
      family.lines.push_back(
          {.name = l.at("name").get<std::string>(),
           .labels = labels.build(),
           .empty = l.at("empty").get<std::vector<std::string>>(),
           .value = codec::parse_double(l.at("value").get<std::string>()).value_or(0)});
    }
  }
}

Result<void> PushGateway::read_file() {
  if (options_.persistence_file.empty()) return {};
  const auto text = files_.read(options_.persistence_file);
  if (!text && text.error().code == ErrorCode::NotFound) return {};
  if (!text) return std::unexpected(text.error());
  const auto json = codec::parse_json(*text);
  if (!json || !json->is_array()) {
    return fail(ErrorCode::BadData, "--push.persistence-file={}: it holds no pushed metrics",
                options_.persistence_file);
  }
  try {
    for (const Json& entry : *json) read_group(entry);
  } catch (const Json::exception& e) {
    return fail(ErrorCode::BadData, "--push.persistence-file={}: {}", options_.persistence_file,
                e.what());
  }
  return {};
}

void PushGateway::write_file() const {
  Json all = Json::array();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [grouping, group] : groups_) {
      Json entry;
      entry["labels"] = grouping;
      entry["pushed"] = group.pushed.ms;
      entry["failed"] = group.failed.ms;
      entry["families"] = Json::array();
      for (const auto& [name, family] : group.families) {
        Json f;
        f["name"] = name;
        f["help"] = family.help;
        f["type"] = std::string(type_word(family.type));
        f["time"] = family.time.ms;
        f["lines"] = Json::array();
        for (const Line& line : family.lines) {
          Json labels = Json::object();
          for (const LabelView label : line.labels) {
            labels[std::string(label.name)] = std::string(label.value);
          }
          f["lines"].push_back({{"name", line.name},
                                {"labels", std::move(labels)},
                                {"empty", line.empty},
                                {"value", codec::format_general(line.value)}});
        }
        entry["families"].push_back(std::move(f));
      }
      all.push_back(std::move(entry));
    }
  }
  if (auto written = files_.write_atomically(options_.persistence_file, codec::dump_json(all));
      !written) {
    log_.error("Pushed metrics could not be written", {{"err", written.error().message}});
  }
}

/// Writes what changed, at most so often, and once more at the end.
void PushGateway::keep(const std::stop_token& stop) {
  std::mutex quiet;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, stop, [this] { return dirty_; });
      if (!std::exchange(dirty_, false)) break;
    }
    if (!options_.persistence_file.empty()) write_file();
    std::unique_lock lock(quiet);
    std::condition_variable_any never;
    never.wait_for(lock, stop, std::chrono::milliseconds(kWriteEvery.ms), [] { return false; });
  }
  std::unique_lock lock(mutex_);
  const bool left = std::exchange(dirty_, false);
  lock.unlock();
  if (left && !options_.persistence_file.empty()) write_file();
}

}  // namespace prom5::ingest
