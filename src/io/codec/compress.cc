#include "io/codec/compress.h"

#include <snappy.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_decompressBound
#include <zstd.h>

#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace prom5::codec {

Result<std::string> snappy_decompress(std::string_view block, size_t max_bytes) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) {
    return fail(ErrorCode::BadData, "snappy: no valid length at the start of the body");
  }
  if (size > max_bytes) {
    return fail(ErrorCode::LimitExceeded, "snappy: body of {} bytes when decoded, limit {}", size,
                max_bytes);
  }
  std::string out;
  bool good = false;
  out.resize_and_overwrite(size, [&](char* to, size_t) {  // g++ 12 gives the capacity for the size
    good = snappy::RawUncompress(block.data(), block.size(), to);
    return size;
  });
  if (!good) return fail(ErrorCode::BadData, "snappy: corrupt input");
  return out;
}

Result<std::string> snappy_decompress_frames(std::string_view bytes, size_t max_bytes) {
  constexpr std::string_view kMagic("\xff\x06\x00\x00sNaPpY", 10);
  if (!bytes.starts_with(kMagic)) return snappy_decompress(bytes, max_bytes);
  constexpr size_t kChecksum = 4;
  std::string out;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return fail(ErrorCode::BadData, "snappy: a chunk is cut short");
    const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(bytes[i])); };
    const size_t type = at(0);
    const size_t length = at(1) | at(2) << 8 | at(3) << 16;
    bytes.remove_prefix(4);
    if (length > bytes.size()) return fail(ErrorCode::BadData, "snappy: a chunk is cut short");
    std::string_view chunk = bytes.substr(0, length);
    bytes.remove_prefix(length);
    const bool data = type <= 1;
    if (data && length < kChecksum) return fail(ErrorCode::BadData, "snappy: a chunk is too short");
    if (data) chunk.remove_prefix(kChecksum);
    if (type == 0) out += TRY(snappy_decompress(chunk, max_bytes - out.size()));
    if (type == 1) out += chunk;
    if (out.size() > max_bytes) {
      return fail(ErrorCode::LimitExceeded, "snappy: body passes {} bytes when decoded", max_bytes);
    }
    if (type >= 2 && type <= 0x7F) return fail(ErrorCode::BadData, "snappy: unknown chunk");
  }
  return out;
}

std::string_view snappy_compress(std::string_view bytes, std::string& room) {
  room.resize(std::max(room.size(), snappy::MaxCompressedLength(bytes.size())));
  size_t size = 0;
  snappy::RawCompress(bytes.data(), bytes.size(), room.data(), &size);
  return std::string_view(room).substr(0, size);
}

std::string snappy_compress(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

namespace {

struct InflateStream {
  z_stream z{};
  ~InflateStream() { inflateEnd(&z); }
};

// zlib's windowBits with 16 added reads and writes the gzip wrapper.
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = kZlibWindow + 16;

}  // namespace

Result<std::string> gzip_decompress(std::string_view bytes, size_t max_bytes) {
  InflateStream stream;
  if (inflateInit2(&stream.z, kGzipWindow) != Z_OK) {
    return fail(ErrorCode::Internal, "gzip: cannot start");
  }
  stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.z.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    stream.z.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.z.avail_out = buffer.size();
    const int status = inflate(&stream.z, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.z.avail_out);
    if (out.size() > max_bytes) {
      return fail(ErrorCode::LimitExceeded, "gzip: body passes {} bytes when decoded", max_bytes);
    }
    if (status == Z_STREAM_END) {
      if (stream.z.avail_in == 0) return out;
      if (inflateReset(&stream.z) != Z_OK) return fail(ErrorCode::Internal, "gzip: cannot go on");
      continue;  // another member follows
    }
    if (status != Z_OK) {
      return fail(ErrorCode::BadData, "gzip: corrupt or cut short after {} bytes", out.size());
    }
  }
}

namespace {

std::string deflate_whole(std::string_view bytes, int level, int window) {
  z_stream z{};
  CHECK(deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace

std::string gzip_compress(std::string_view bytes, int level) {
  return deflate_whole(bytes, level, kGzipWindow);
}

std::string zlib_compress(std::string_view bytes, int level) {
  return deflate_whole(bytes, level, kZlibWindow);
}

namespace {

/// A thread's context: setting one up takes longer than decoding a small frame.
ZSTD_DCtx* decompression_context() {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  CHECK(context != nullptr);
  return context.get();
}

}  // namespace

Result<void> zstd_decompress(std::string_view frame, size_t bytes, std::string& out) {
  // The least that a block of 128 KiB takes are four bytes: a size beyond that is damage, and shall
  // not be allocated.
  constexpr size_t kMostExpansion = (size_t{128} << 10) / 4;
  if (bytes / kMostExpansion > frame.size()) {
    return fail(ErrorCode::Corruption, "zstd: {} bytes cannot be in {}", bytes, frame.size());
  }
  out.resize(bytes);
  const size_t size = ZSTD_decompressDCtx(decompression_context(), out.data(), out.size(),
                                          frame.data(), frame.size());
  if (ZSTD_isError(size) != 0 || size != bytes) {
    return fail(ErrorCode::Corruption, "zstd: {}",
                ZSTD_isError(size) != 0 ? ZSTD_getErrorName(size) : "shorter than it says");
  }
  return {};
}

Result<std::string> zstd_decompress(std::string_view frame, size_t bytes) {
  std::string out;
  TRY(zstd_decompress(frame, bytes, out));
  return out;
}

Result<std::string> zstd_decompress_frame(std::string_view frame, size_t max_bytes) {
  const uint64_t bound = ZSTD_decompressBound(frame.data(), frame.size());
  if (bound == ZSTD_CONTENTSIZE_ERROR) return fail(ErrorCode::Corruption, "zstd: no frame");
  if (bound > max_bytes) {
    return fail(ErrorCode::LimitExceeded, "zstd: up to {} bytes when decoded, limit {}", bound,
                max_bytes);
  }
  std::string out(bound, '\0');
  const size_t size = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) {
    return fail(ErrorCode::Corruption, "zstd: {}", ZSTD_getErrorName(size));
  }
  out.resize(size);
  return out;
}

namespace {

/// Contexts for compression, as many as were ever in use at one time: one costs more to set up than
/// a small frame to compress, and some hundred kilobytes to keep.
class ZstdContexts {
 public:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  using Context = std::unique_ptr<ZSTD_CCtx, Free>;

  Context take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Context context = std::move(idle_.back());
        idle_.pop_back();
        return context;
      }
    }
    Context context(ZSTD_createCCtx());
    CHECK(context != nullptr);
    return context;
  }
  void give_back(Context context) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(context));
  }

 private:
  std::mutex mutex_;
  std::vector<Context> idle_;
};

}  // namespace

std::string zstd_compress(std::string_view bytes, int level) {
  static ZstdContexts contexts;
  ZstdContexts::Context context = contexts.take();
  std::string out;
  out.resize_and_overwrite(ZSTD_compressBound(bytes.size()), [&](char* to, size_t room) {
    const size_t size =
        ZSTD_compressCCtx(context.get(), to, room, bytes.data(), bytes.size(), level);
    CHECK(ZSTD_isError(size) == 0);
    return size;
  });
  // One that has seen large frames stays large.
  constexpr size_t kSmall = size_t{64} << 10;
  if (bytes.size() <= kSmall) contexts.give_back(std::move(context));
  return out;
}

}  // namespace prom5::codec
