// Pages as node_exporter has them, read for the first time and read again: bytes of page a second
// on one core.

#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "base/rng.h"
#include "io/codec/number.h"
#include "io/codec/protobuf.h"
#include "model/exposition/protobuf_parser.h"
#include "model/exposition/text_parser.h"

namespace prom5::exposition {
namespace {

struct Sample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

struct Family {
  std::string name;
  bool counter = false;
  std::vector<Sample> samples;
};

/// The shape of a page of node_exporter on a machine of 8 cores: its families with many series, and
/// those with one.
std::vector<Family> families() {
  Rng rng(7);
  std::vector<Family> out;
  const auto value = [&](bool counter) {
    return counter ? static_cast<double>(rng.below(1'000'000'000)) / 100
                   : static_cast<double>(rng.below(1'000'000'000));
  };
  const auto add = [&](std::string name, std::string_view label, size_t n, bool counter) {
    Family family{.name = "node_" + std::move(name), .counter = counter, .samples = {}};
    for (size_t i = 0; i < n; ++i) {
      Sample sample{.labels = {}, .value = value(counter)};
      if (!label.empty()) sample.labels.emplace_back(label, fmt::format("{}{}", label, i));
      family.samples.push_back(std::move(sample));
    }
    out.push_back(std::move(family));
  };
  Family cpu{.name = "node_cpu_seconds_total", .counter = true, .samples = {}};
  for (int core = 0; core < 8; ++core) {
    for (const char* mode :
         {"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"}) {
      cpu.samples.push_back(
          {.labels = {{"cpu", std::to_string(core)}, {"mode", mode}}, .value = value(true)});
    }
  }
  out.push_back(std::move(cpu));
  for (const char* what : {"receive", "transmit"}) {
    for (const char* unit : {"bytes", "packets", "errs", "drop", "fifo", "compressed"}) {
      add(fmt::format("network_{}_{}_total", what, unit), "device", 6, true);
    }
  }
  for (const char* what : {"reads_completed", "read_bytes", "read_time_seconds", "io_time_seconds",
                           "writes_completed", "written_bytes", "write_time_seconds"}) {
    add(fmt::format("disk_{}_total", what), "device", 8, true);
  }
  for (const char* what : {"avail_bytes", "files", "files_free", "free_bytes", "size_bytes"}) {
    add(fmt::format("filesystem_{}", what), "mountpoint", 8, false);
  }
  for (int i = 0; i < 120; ++i) add(fmt::format("vmstat_and_memory_number_{}", i), "", 1, false);
  add("scrape_collector_duration_seconds", "collector", 45, false);
  return out;
}

std::string text_page() {
  std::string out;
  for (const Family& f : families()) {
    out += fmt::format("# HELP {} What {} tells of the machine.\n# TYPE {} {}\n", f.name, f.name,
                       f.name, f.counter ? "counter" : "gauge");
    for (const Sample& s : f.samples) {
      out += f.name;
      std::string_view separator = "{";
      for (const auto& [name, value] : s.labels) {
        out += fmt::format("{}{}=\"{}\"", separator, name, value);
        separator = ",";
      }
      if (!s.labels.empty()) out += '}';
      out += ' ';
      codec::append_general(out, s.value);
      out += '\n';
    }
  }
  return out;
}

std::string protobuf_page() {
  std::string out;
  for (const Family& f : families()) {
    std::string family;
    codec::ProtoWriter writer(family);
    writer.bytes(1, f.name);
    writer.bytes(2, fmt::format("What {} tells of the machine.", f.name));
    writer.number(3, f.counter ? 0 : 1);
    for (const Sample& s : f.samples) {
      std::string metric;
      codec::ProtoWriter metric_writer(metric);
      for (const auto& [name, value] : s.labels) {
        std::string label;
        codec::ProtoWriter(label).bytes(1, name);
        codec::ProtoWriter(label).bytes(2, value);
        metric_writer.bytes(1, label);
      }
      std::string number;
      codec::ProtoWriter(number).real(1, s.value);
      metric_writer.bytes(f.counter ? 3 : 2, number);
      writer.bytes(4, metric);
    }
    codec::ByteWriter(out).sized_bytes(family);
  }
  return out;
}

struct Text {
  using Parser = TextParser;
  static std::string page() { return text_page(); }
  static Parser parser(const std::string& page) { return Parser(page); }
};

struct Protobuf {
  using Parser = ProtobufParser;
  static std::string page() { return protobuf_page(); }
  static Parser parser(const std::string& page) { return {page, {}}; }
};

/// With no page before: entries and values, and labels where they are asked for, as they are of a
/// target's first page.
template <typename Format, bool kLabels>
void read_first(benchmark::State& state) {
  using Entry = TextParser::Entry;
  const std::string page = Format::page();
  LabelsBuilder labels;
  for (auto _ : state) {
    auto parser = Format::parser(page);
    for (auto entry = parser.next(); *entry != Entry::End; entry = parser.next()) {
      if (kLabels && *entry == Entry::Sample) (void)parser.labels(labels);
      benchmark::DoNotOptimize(parser.value());
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(page.size() * state.iterations()));
}

template <typename Format>
void read_labels(benchmark::State& state) {
  read_first<Format, true>(state);
}
template <typename Format>
void read_values(benchmark::State& state) {
  read_first<Format, false>(state);
}

/// As of each page but a target's first.
template <typename Format>
void read_again(benchmark::State& state) {
  using Entry = TextParser::Entry;
  const std::string page = Format::page();
  std::vector<std::string> texts;
  auto first = Format::parser(page);
  for (auto entry = first.next(); *entry != Entry::End; entry = first.next()) {
    texts.emplace_back(first.text());
  }
  for (auto _ : state) {
    auto parser = Format::parser(page);
    for (const std::string& text : texts) {
      parser.expect(text);
      (void)parser.next();
      if (!parser.is_as_expected()) state.SkipWithError("another line was expected");
      benchmark::DoNotOptimize(parser.value());
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(page.size() * state.iterations()));
}

BENCHMARK(read_labels<Text>);
BENCHMARK(read_values<Text>);
BENCHMARK(read_again<Text>);
BENCHMARK(read_labels<Protobuf>);
BENCHMARK(read_values<Protobuf>);
BENCHMARK(read_again<Protobuf>);

}  // namespace
}  // namespace prom5::exposition
