#include "model/exposition/page_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "io/codec/number.h"
#include "model/exposition/protobuf_parser.h"

namespace prom5::exposition {

namespace {

/// An error of line `line`; of no place where the format has no lines.
std::unexpected<Error> fail_on(size_t line, std::string_view what) {
  if (line == 0) return fail(ErrorCode::BadData, "{}", what);
  return fail(ErrorCode::BadData, "line {}: {}", line, what);
}

/// ", first in line 7"
std::string first_in(size_t line) {
  return line == 0 ? std::string() : fmt::format(", first in line {}", line);
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \t\r"));
  text.remove_prefix(word.size());
  return word;
}

/// Of the line that begins where `at` points to, counted on from where it was called last.
class LineCounter {
 public:
  explicit LineCounter(std::string_view page) : page_(page) {}

  size_t line_of(const char* at) {
    const auto end = static_cast<size_t>(at - page_.data());
    line_ += static_cast<size_t>(std::count(page_.begin() + static_cast<ptrdiff_t>(counted_),
                                            page_.begin() + static_cast<ptrdiff_t>(end), '\n'));
    counted_ = end;
    return line_;
  }

 private:
  const std::string_view page_;
  size_t counted_ = 0;
  size_t line_ = 1;
};

/// The page's last line when it has no end; 0: it has one.
size_t unended_line(std::string_view page) {
  if (page.empty() || page.ends_with('\n')) return 0;
  return LineCounter(page).line_of(page.data() + page.size());
}

/// A number in a label that says which part of its family a series is.
Result<double> number_in(const Labels& series, std::string_view label, size_t line) {
  const std::string_view text = series.get(label);
  if (text.empty()) {
    return fail_on(line, fmt::format("{}: the label {} is missing", series.to_string(), label));
  }
  if (const auto number = codec::parse_double(text)) return *number;
  return fail_on(line, fmt::format("{}: \"{}\" is no number in its label {}", series.to_string(),
                                   text, label));
}

/// The first line that ends in CR LF, which the text format does not know; 0: none.
size_t carriage_return_line(std::string_view page) {
  size_t at = page.find("\r\n");
  if (at == std::string_view::npos && page.ends_with('\r')) at = page.size();
  if (at == std::string_view::npos) return 0;
  return LineCounter(page).line_of(page.data() + at);
}

}  // namespace

Result<void> PageCheck::take_comment(Family& family, std::string_view name, std::string_view text,
                                     size_t line) {
  text.remove_prefix(std::min(text.find('#') + 1, text.size()));
  const std::string_view word = take_word(text);
  if (word == "TYPE") {
    if (family.type_line > 0) {
      return fail_on(line, fmt::format("second TYPE line for metric name \"{}\"{}", name,
                                       first_in(family.type_line)));
    }
    if (family.has_samples) {
      return fail_on(line, fmt::format("TYPE reported after samples of \"{}\"{}", name,
                                       first_in(family.sample_line)));
    }
    family.type_line = line;
    return {};
  }
  take_word(text);
  // One without a text tells nothing, for Prometheus' tools neither.
  if (word != "HELP" || take_word(text).empty()) return {};
  if (family.help_line > 0) {
    return fail_on(line, fmt::format("second HELP line for metric name \"{}\"{}", name,
                                     first_in(family.help_line)));
  }
  family.help_line = line;
  return {};
}

Result<void> PageCheck::take_family(const PageFamily& family, std::string_view text, size_t line) {
  Family& known = families_[family.name];
  if (text.empty() && (known.type || known.has_samples)) {
    return fail(ErrorCode::BadData, "metric family \"{}\" is there twice", family.name);
  }
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    TRY(take_comment(known, family.name, text.substr(0, end), line));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  if (family.types > 0) known.type = family.metadata.type;
  return {};
}

/// The name of the family that a sample of this name is of.
std::string_view PageCheck::family_of(std::string_view name) const {
  if (families_.contains(name)) return name;
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (!name.ends_with(suffix)) continue;
    const std::string_view front = name.substr(0, name.size() - suffix.size());
    const auto found = families_.find(front);
    if (found == families_.end()) continue;
    const bool histogram = found->second.type == MetricType::Histogram;
    const bool summary = found->second.type == MetricType::Summary && suffix != "_bucket";
    if (histogram || summary) return front;
  }
  return name;
}

Result<void> PageCheck::take_sample(const Labels& series, double value, std::optional<TimeMs> time,
                                    size_t line) {
  std::string key(series.bytes());
  if (time) key += fmt::format("@{}", time->ms);
  if (const auto [known, fresh] = seen_.emplace(std::move(key), line); !fresh) {
    return fail_on(line,
                   fmt::format("{} is there twice{}", series.to_string(), first_in(known->second)));
  }
  const std::string_view name = series.get(kMetricName);
  const std::string_view base = family_of(name);
  Family& family = families_[std::string(base)];
  if (!std::exchange(family.has_samples, true)) family.sample_line = line;
  if (family.type == MetricType::Histogram) {
    return take_histogram_sample(series, name.substr(base.size()), value, time, line);
  }
  if (family.type != MetricType::Summary || name != base) return {};
  TRY(number_in(series, "quantile", line));
  return {};
}

Result<void> PageCheck::take_histogram_sample(const Labels& series, std::string_view part,
                                              double value, std::optional<TimeMs> time,
                                              size_t line) {
  if (part != "_bucket" && part != "_count") return {};
  std::optional<double> border;
  if (part == "_bucket") {
    border = TRY(number_in(series, "le", line));
    if (std::isnan(*border)) {
      return fail_on(line, fmt::format("{}: \"{}\" is no number in its label le",
                                       series.to_string(), series.get("le")));
    }
  }
  const std::string_view name = series.get(kMetricName);
  LabelsBuilder builder(series);
  if (border) builder.remove("le");
  builder.set(kMetricName, name.substr(0, name.size() - part.size()));
  const Labels labels = builder.build();
  std::string key(labels.bytes());
  if (time) key += fmt::format("@{}", time->ms);
  const auto [place, fresh] = group_places_.emplace(std::move(key), groups_.size());
  if (fresh) groups_.push_back({.name = labels.to_string()});
  Group& group = groups_[place->second];
  if (border) {
    group.buckets.push_back({*border, value, line});
    if (!group.count) group.line = line;
  } else {
    group.count = value;
    group.line = line;
  }
  return {};
}

Result<void> PageCheck::check_group(const Group& group) {
  std::vector<Bucket> buckets = group.buckets;
  std::ranges::sort(buckets, {}, [](const Bucket& b) { return std::pair(b.border, b.line); });
  for (size_t i = 1; i < buckets.size(); ++i) {
    const Bucket& before = buckets[i - 1];
    const Bucket& bucket = buckets[i];
    if (bucket.border == before.border) {
      return fail_on(bucket.line,
                     fmt::format("{}: the bucket le=\"{}\" is there twice{}", group.name,
                                 codec::format_general(bucket.border), first_in(before.line)));
    }
    if (bucket.value < before.value) {
      return fail_on(
          bucket.line,
          fmt::format("{}: the bucket le=\"{}\" is less than the one before it: {} "
                      "after {}; buckets are cumulative",
                      group.name, codec::format_general(bucket.border),
                      codec::format_general(bucket.value), codec::format_general(before.value)));
    }
  }
  if (buckets.empty()) return {};  // a sum and a count tell something, too
  if (!std::isinf(buckets.back().border) || buckets.back().border < 0) {
    return fail_on(group.line, fmt::format("{}: the bucket le=\"+Inf\" is missing", group.name));
  }
  const double all = buckets.back().value;
  const bool both_nan = std::isnan(all) && group.count && std::isnan(*group.count);
  if (group.count && *group.count != all && !both_nan) {
    return fail_on(group.line, fmt::format("{}: the count is {}, the bucket le=\"+Inf\" has {}; "
                                           "they must be the same",
                                           group.name, codec::format_general(*group.count),
                                           codec::format_general(all)));
  }
  return {};
}

Result<void> PageCheck::end() const {
  for (const Group& group : groups_) TRY(check_group(group));
  return {};
}

Result<size_t> check_text_page(std::string_view page) {
  if (const size_t line = carriage_return_line(page); line > 0) {
    return fail_on(
        line,
        "the line ends in CR LF, which Prometheus' parser does not take for the end of a line");
  }
  using Entry = TextParser::Entry;
  TextParser parser(page);
  LabelsBuilder labels;
  LineCounter counter(page);
  PageCheck check;
  size_t samples = 0;
  for (;;) {
    const auto entry = TRY(parser.next());
    if (entry == Entry::End) break;
    const size_t line = counter.line_of(parser.text().data());
    if (entry == Entry::Family) {
      TRY(check.take_family(parser.family(), parser.text(), line));
      continue;
    }
    ++samples;
    TRY(parser.labels(labels));
    TRY(check.take_sample(labels.build(), parser.value(), parser.time(), line));
  }
  // A scrape takes such a line, whose rest may have been lost on the way.
  if (const size_t line = unended_line(page); line > 0) {
    return fail_on(line, "the last line does not end in a newline");
  }
  TRY(check.end());
  return samples;
}

Result<size_t> check_protobuf_page(std::string_view page) {
  using Entry = ProtobufParser::Entry;
  ProtobufParser parser(page, {.native_histograms = true, .always_classic = true});
  LabelsBuilder labels;
  PageCheck check;
  size_t samples = 0;
  for (;;) {
    const auto entry = TRY(parser.next());
    if (entry == Entry::End) break;
    if (entry == Entry::Family) {
      TRY(check.take_family(parser.family(), "", 0));
      continue;
    }
    ++samples;
    TRY(parser.labels(labels));
    TRY(check.take_sample(labels.build(), parser.value(), parser.time(), 0));
  }
  TRY(check.end());
  return samples;
}

}  // namespace prom5::exposition
