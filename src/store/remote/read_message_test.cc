#include "store/remote/read_message_test.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "io/codec/compress.h"
#include "store/remote/read_message.h"
#include "store/tsdb/columns.h"

namespace prom5::remote {

namespace {

std::shared_ptr<const Histogram> histogram(double count, bool floats) {
  auto h = std::make_shared<Histogram>();
  h->schema = 2;
  h->zero_threshold = 0.5;
  h->zero_count = 1;
  h->positive_spans = {{0, 2}, {3, 1}};
  h->positive_counts = {count, 2, floats ? 0.5 : 3};
  h->count = 1 + count + 2 + h->positive_counts[2];
  h->sum = count * 1.5;
  return h;
}

SampleColumns random_samples(Rng& rng, size_t most) {
  SampleColumns out;
  TimeMs time{1'700'000'000'000 + static_cast<int64_t>(rng.below(100'000))};
  const uint64_t kind = rng.below(3);
  for (size_t n = rng.below(most); n > 0; --n) {
    time = time + DurationMs{1 + static_cast<int64_t>(rng.below(60'000))};
    const bool is_float = kind == 0 || (kind == 1 && rng.below(2) == 0);
    if (is_float) {
      tsdb::push(out, time, rng.below(20) == 0 ? kStale : rng.unit(), nullptr);
    } else {
      auto h = histogram(static_cast<double>(rng.below(100)), rng.below(2) == 0);
      const double sum = h->sum;
      tsdb::push(out, time, sum, std::move(h));
    }
  }
  return out;
}

void expect_same(const SampleColumns& got, const SampleColumns& want) {
  ASSERT_EQ(got.times, want.times);
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(is_histogram(got, i), is_histogram(want, i)) << i;
    ASSERT_TRUE(same_bits(got.values[i], want.values[i])) << i;
    if (!is_histogram(want, i)) continue;
    Histogram a = *got.histograms[i];
    Histogram b = *want.histograms[i];
    a.reset_hint = b.reset_hint = CounterResetHint::Unknown;
    ASSERT_EQ(a, b) << i;
  }
}

SampleColumns read_all(ReadForm form, const ReadSeries& series) {
  SampleColumns out;
  for (const std::string_view bytes : series.parts) {
    const auto read = decode_part(form, bytes, out);
    EXPECT_TRUE(read) << read.error().message;
  }
  put_in_order(out);
  return out;
}

ErrorCode code_of(ReadForm form, std::string_view message, const ReadLimits& limits = {}) {
  const auto found = find_series(form, message, limits);
  return found ? ErrorCode::Internal : found.error().code;
}

AnsweredSeries three_samples(const Labels& labels) {
  AnsweredSeries out{labels, {}};
  for (int64_t t = 1; t <= 3; ++t) tsdb::push(out.samples, {t * 1000}, 0.25, nullptr);
  return out;
}

}  // namespace

TEST(ReadMessage, RequestSaysRangeMatchersAndForms) {
  const ReadQuery query{
      {{-5}, {1'700'000'000'000}},
      {Matcher::equal("__name__", "up"), Matcher::make(MatchType::NotEqual, "a", "").value(),
       Matcher::make(MatchType::Regex, "job", "x|y").value(),
       Matcher::make(MatchType::NotRegex, "job", "z.*").value()}};
  const auto message = codec::snappy_decompress(encode_read_request(query), 1 << 20);
  ASSERT_TRUE(message);
  std::vector<int64_t> times;
  std::vector<std::string> matchers;
  std::vector<uint64_t> forms;
  const auto read = codec::each_field(*message, [&](const codec::ProtoField& f) -> Result<void> {
    if (f.number == 2) forms.push_back(f.bits);
    if (f.number != 1) return {};
    return codec::each_field(f.bytes, [&](const codec::ProtoField& g) -> Result<void> {
      if (g.number == 1 || g.number == 2) times.push_back(g.as_int64());
      if (g.number != 3) return {};
      std::string text;
      TRY(codec::each_field(g.bytes, [&](const codec::ProtoField& h) -> Result<void> {
        text += h.wire_type == 0 ? std::to_string(h.bits) : "/" + std::string(h.bytes);
        return {};
      }));
      matchers.push_back(text);
      return {};
    });
  });
  ASSERT_TRUE(read);
  EXPECT_EQ(times, (std::vector<int64_t>{-5, 1'700'000'000'000}));
  EXPECT_EQ(matchers,
            (std::vector<std::string>{"0/__name__/up", "1/a/", "2/job/x|y", "3/job/z.*"}));
  EXPECT_EQ(forms, (std::vector<uint64_t>{1, 0}));  // chunks rather than samples
}

TEST(ReadMessage, BothFormsGiveWhatWasWritten) {
  const uint64_t seed = 29;
  Rng rng(seed);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    std::vector<AnsweredSeries> series;
    for (size_t n = rng.below(6); n > 0; --n) {
      series.push_back(
          {{{"__name__", "m"}, {"n", std::to_string(n + 10)}}, random_samples(rng, 600)});
    }
    for (const ReadForm form : {ReadForm::Sampled, ReadForm::Streamed}) {
      const std::string message = form == ReadForm::Sampled
                                      ? sampled_message(series)
                                      : streamed_body(series, 1 + rng.below(3));
      auto found = find_series(form, message, {});
      ASSERT_TRUE(found) << found.error().message;
      arrange(*found, {});
      ASSERT_EQ(found->size(), series.size());
      for (size_t i = 0; i < series.size(); ++i) {
        const AnsweredSeries& want = series[series.size() - 1 - i];  // written in falling order
        ASSERT_EQ((*found)[i].labels, want.labels);
        expect_same(read_all(form, (*found)[i]), want.samples);
      }
    }
  }
}

TEST(ReadMessage, FramesThatAreDamagedOrCutShortAreRefused) {
  const std::string first = streamed_body({three_samples({{"a", "1"}})});
  const std::string body = first + streamed_body({three_samples({{"a", "2"}})});
  ASSERT_TRUE(find_series(ReadForm::Streamed, body, {}));
  EXPECT_TRUE(find_series(ReadForm::Streamed, "", {}).value().empty());
  for (size_t n = 1; n < body.size(); ++n) {
    if (n == first.size()) continue;  // the end of a frame
    EXPECT_EQ(code_of(ReadForm::Streamed, body.substr(0, n)), ErrorCode::Corruption) << n;
  }
  for (size_t bit = 0; bit < body.size() * 8; ++bit) {
    std::string broken = body;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(find_series(ReadForm::Streamed, broken, {})) << bit;
  }
}

TEST(ReadMessage, LimitsHold) {
  const std::string body = streamed_body({three_samples({{"a", "1"}})});
  EXPECT_EQ(code_of(ReadForm::Streamed, body, {.frame_bytes = 10}), ErrorCode::LimitExceeded);
  // Told by its length alone, however much of it is there.
  EXPECT_EQ(code_of(ReadForm::Streamed, "\xff\xff\xff\xff\x0f"), ErrorCode::LimitExceeded);
  EXPECT_EQ(code_of(ReadForm::Streamed, body, {.list_bytes = 50}), ErrorCode::LimitExceeded);
  std::string of_nothing;
  for (int n = 0; n < 1000; ++n) codec::ProtoWriter(of_nothing).bytes(1, "");
  std::string many;
  codec::ProtoWriter(many).bytes(1, of_nothing);
  EXPECT_TRUE(find_series(ReadForm::Sampled, many, {}));
  EXPECT_EQ(code_of(ReadForm::Sampled, many, {.list_bytes = 10'000}), ErrorCode::LimitExceeded);
  std::string series;
  for (int n = 0; n <= static_cast<int>(Labels::kMaxLabels); ++n) {
    series += encode_labels_v1({{fmt::format("l{}", n), "v"}});
  }
  std::string message;
  codec::ProtoWriter(message).bytes(1, series);
  EXPECT_EQ(code_of(ReadForm::Streamed, frame(message)), ErrorCode::LimitExceeded);
}

TEST(ReadMessage, AnswersToOtherQuestionsAreRefused) {
  std::string message;
  codec::ProtoWriter(message).integer(2, 1);
  EXPECT_EQ(code_of(ReadForm::Streamed, frame(message)), ErrorCode::BadData);
  const std::string one = sampled_message({three_samples({{"a", "1"}})});
  EXPECT_TRUE(find_series(ReadForm::Sampled, one, {}));
  EXPECT_EQ(code_of(ReadForm::Sampled, one + one), ErrorCode::BadData);
  EXPECT_EQ(code_of(ReadForm::Sampled, ""), ErrorCode::BadData);
  EXPECT_EQ(code_of(ReadForm::Sampled, one.substr(0, one.size() - 1)), ErrorCode::BadData);
  std::string nameless;
  codec::ProtoWriter(nameless).bytes(1, std::string("\x0a\x02\x12\x00", 4));
  EXPECT_FALSE(find_series(ReadForm::Streamed, frame(nameless), {}));
}

TEST(ReadMessage, ArrangeTakesLabelsOffSortsAndJoins) {
  const std::string_view part = "p";
  std::vector<ReadSeries> series = {{{{"a", "2"}, {"region", "north"}}, {part}},
                                    {{{"a", "1"}, {"region", "south"}}, {part, part}},
                                    {{{"a", "2"}}, {part}},
                                    {{{"region", "east"}}, {}}};
  arrange(series, {{"region", "north"}, {"zone", "z"}});
  ASSERT_EQ(series.size(), 3);
  EXPECT_EQ(series[0].labels, Labels());
  EXPECT_EQ(series[1].labels, Labels({{"a", "1"}}));
  EXPECT_EQ(series[1].parts.size(), 2);
  EXPECT_EQ(series[2].labels, Labels({{"a", "2"}}));
  EXPECT_EQ(series[2].parts.size(), 2);
}

TEST(ReadMessage, SamplesInAnyOrderAscend) {
  AnsweredSeries series{{{"a", "1"}}, {}};
  series.samples.times = {{30}, {10}, {20}, {10}, {20}};
  series.samples.values = {3, 1, 2, 4, 5};
  SampleColumns out;
  ASSERT_TRUE(decode_part(ReadForm::Sampled, time_series(series), out));
  EXPECT_EQ(out.times, series.samples.times);
  put_in_order(out);
  EXPECT_EQ(out.times, (std::vector<TimeMs>{{10}, {20}, {30}}));
  EXPECT_EQ(out.values, (std::vector<double>{1, 2, 3}));
}

TEST(ReadMessage, NothingIsLeftOfAPartThatIsDamaged) {
  SampleColumns out = three_samples({}).samples;
  std::string part = time_series(three_samples({{"a", "1"}}));
  codec::ProtoWriter(part).bytes(4, "\x0a");
  EXPECT_FALSE(decode_part(ReadForm::Sampled, part, out));
  EXPECT_EQ(out.times, three_samples({}).samples.times);
  EXPECT_EQ(out.values.size(), 3);
  EXPECT_TRUE(out.histograms.empty());
}

TEST(ReadMessage, ChunksThatAreNoneAreRefused) {
  SampleColumns out;
  const auto samples = three_samples({{"a", "1"}}).samples;
  prometheus::EncodedChunk chunk = prometheus::encode_chunks(samples)[0];
  ASSERT_TRUE(decode_part(ReadForm::Streamed, chunk_message(chunk), out));
  EXPECT_EQ(out.times, samples.times);
  const auto refused = [&](uint64_t type, const std::string& data) {
    out = samples;
    std::string message;
    codec::ProtoWriter(message).number(3, type);
    codec::ProtoWriter(message).bytes(4, data);
    return !decode_part(ReadForm::Streamed, message, out) && out.times == samples.times;
  };
  EXPECT_TRUE(refused(0, chunk.data));
  EXPECT_TRUE(refused(9, chunk.data));
  EXPECT_TRUE(refused(257, chunk.data));  // 1, were it cut to a byte
  EXPECT_TRUE(refused(1, chunk.data.substr(0, chunk.data.size() - 2)));
  EXPECT_TRUE(refused(1, ""));
  EXPECT_TRUE(refused(1, chunk.data + std::string(size_t{1} << 20, '\0')));
}

TEST(ReadMessage, ChunksWithStartTimestampsAreTaken) {
  auto samples = three_samples({{"a", "1"}}).samples;
  const std::vector<TimeMs> starts(samples.size(), TimeMs{5});
  for (const bool histograms : {false, true}) {
    if (histograms) samples.histograms.resize(samples.size(), std::make_shared<Histogram>());
    for (const prometheus::EncodedChunk& chunk : prometheus::encode_chunks(samples, starts)) {
      EXPECT_GE(chunk.encoding, prometheus::Encoding::Xor2);
      SampleColumns out;
      ASSERT_TRUE(decode_part(ReadForm::Streamed, chunk_message(chunk), out));
      EXPECT_EQ(out.times, samples.times);
      EXPECT_EQ(out.histograms.empty(), !histograms);
    }
  }
}

}  // namespace prom5::remote
