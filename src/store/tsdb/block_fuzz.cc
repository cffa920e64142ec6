#include <cstddef>
#include <cstdint>

#include "io/codec/bytes.h"
#include "io/codec/crc32c.h"
#include "io/file/memory_file_system.h"
#include "store/tsdb/block.h"
#include "store/tsdb/block_format.h"

// Any bytes under good checksums are a block that is refused or can be read without harm.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  using namespace prom5::tsdb;
  if (size < 10) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // The first byte says how much of it is chunks, the second how many series there are.
  const size_t chunks = static_cast<uint8_t>(input[0]) % (size - 2);
  std::string file(kBlockMagic);
  file += input.substr(2, chunks);
  const std::string_view index = input.substr(2 + chunks);
  std::string footer;
  codec::ByteWriter writer(footer);
  writer.u64(file.size());
  writer.u64(index.size());
  for (const uint64_t number :
       {uint64_t{0}, uint64_t{1000}, uint64_t{data[1]}, uint64_t{5}, uint64_t{0}, uint64_t{0}}) {
    writer.u64(number);
  }
  writer.u32(codec::crc32c(index));
  writer.u32(codec::crc32c(footer));
  writer.bytes(kBlockMagic);
  file += index;
  file += footer;
  io::MemoryFileSystem files;
  CHECK(files.write_atomically("b", file).has_value());
  const auto block = Block::open(files, "b", 1);
  if (!block) {
    CHECK(block.error().code == ErrorCode::Corruption);
    return 0;
  }
  static_cast<void>((*block)->verify());
  static_cast<void>((*block)->window_ends(DurationMs::days(1)));
  const Matcher some = Matcher::make(MatchType::Regex, "a", "b.*").value();
  static_cast<void>((*block)->select({&some, 1}));
  if (const auto names = (*block)->label_names({&some, 1})) {
    for (const std::string& name : *names) {
      static_cast<void>((*block)->label_values(name, {&some, 1}));
    }
  }
  return 0;
}
