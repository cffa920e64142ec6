#include <cstddef>
#include <cstdint>
#include <string>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "store/remote/read_message.h"

// Any answer is read or refused: as it comes, and as the message inside a good frame, whose
// checksum random bytes would hardly ever have. What is read ascends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  using namespace prom5::remote;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string framed;
  codec::ByteWriter writer(framed);
  writer.varint(size);
  const uint32_t crc = codec::crc32c(input);
  for (const int shift : {24, 16, 8, 0}) writer.u8(static_cast<uint8_t>(crc >> shift));
  writer.bytes(input);
  const auto read = [](ReadForm form, std::string_view message) {
    auto found = find_series(form, message, {.list_bytes = size_t{64} << 20});
    if (!found) return;
    arrange(*found, {{"region", "north"}});
    for (const ReadSeries& series : *found) {
      SampleColumns samples;
      for (const std::string_view part : series.parts) {
        const size_t before = samples.size();
        if (!decode_part(form, part, samples)) CHECK(samples.size() == before);
      }
      put_in_order(samples);
      CHECK(samples.values.size() == samples.size());
      CHECK(samples.histograms.empty() || samples.histograms.size() == samples.size());
      for (size_t i = 1; i < samples.size(); ++i) {
        CHECK(samples.times[i - 1] < samples.times[i]);
      }
    }
  };
  read(ReadForm::Sampled, input);
  read(ReadForm::Streamed, input);
  read(ReadForm::Streamed, framed);
  return 0;
}
