#pragma once

#include <span>
#include <string_view>

namespace prom5::api {

/// One file of the web UI, as the build put it into the program.
struct UiAsset {
  std::string_view path;  ///< "/index.html"
  std::string_view content_type;
  std::string_view gzip;  ///< the bytes, compressed
};

std::span<const UiAsset> ui_assets();

}  // namespace prom5::api
