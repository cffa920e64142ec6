#include "collect/ingest/remote_write.h"
#include "io/codec/compress.h"
#include "store/memory_storage.h"

// Any body is answered: as it comes, and as the message inside a good snappy block, which random
// bytes would hardly ever make.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace prom5;
  MemoryStorage storage;
  MetricRegistry metrics;
  const SystemClock clock;
  ingest::RemoteWriteReceiver receiver(storage, {.max_body_bytes = size_t{1} << 20}, clock,
                                       metrics);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const bool wrap : {false, true}) {
    io::HttpRequest request;
    request.headers.add("Content-Type", "application/x-protobuf");
    request.body = wrap ? codec::snappy_compress(input) : std::string(input);
    const int status = receiver.handle(request).status;
    CHECK(status == 204 || status == 400 || status == 413);
  }
  return 0;
}
