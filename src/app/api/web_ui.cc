#include "app/api/web_ui.h"

#include <algorithm>
#include <array>

#include "app/api/api_v1.h"
#include "app/api/ui_assets.h"
#include "io/codec/compress.h"
#include "io/codec/json_writer.h"

namespace prom5::api {

namespace {

constexpr std::array kPages = std::to_array<std::string_view>(
    {"/", "/explore", "/ask", "/targets", "/service-discovery", "/query", "/graph"});

constexpr size_t kMaxAssetBytes = size_t{32} << 20;

const UiAsset* find_asset(std::string_view path) {
  const auto assets = ui_assets();
  const auto found =
      std::find_if(assets.begin(), assets.end(), [&](const UiAsset& a) { return a.path == path; });
  return found == assets.end() ? nullptr : &*found;
}

bool is_page(std::string_view path) {
  return std::find(kPages.begin(), kPages.end(), path) != kPages.end();
}

io::HttpResponse describe_server() {
  std::string body;
  codec::JsonWriter json(body);
  json.begin_object().field("name", "prom5").field("version", version());
  json.key("links").begin_object();
  for (const auto& [name, path] :
       {std::pair{"api", "/api/v1/query"}, std::pair{"ask", "/api/v5/query/natural"},
        std::pair{"metrics", "/metrics"}, std::pair{"ui", "/"}}) {
    json.field(name, path);
  }
  json.end_object().end_object();
  return io::HttpResponse::json(200, std::move(body));
}

}  // namespace

bool is_ui_path(std::string_view path) { return is_page(path) || find_asset(path) != nullptr; }

io::HttpResponse serve_ui(const io::HttpRequest& request) {
  const std::string_view accept = request.headers.get("Accept");
  if (request.path == "/" && accept.find("application/json") != std::string_view::npos &&
      accept.find("text/html") == std::string_view::npos) {
    return describe_server();
  }
  const UiAsset* asset = find_asset(is_page(request.path) ? "/index.html" : request.path);
  if (asset == nullptr) return io::HttpResponse::text(404, "404 page not found\n");
  io::HttpResponse response;
  response.headers.add("Content-Type", std::string(asset->content_type));
  // Names under /assets carry a hash of the content; the page itself is asked for each time.
  const bool immutable = asset->path.starts_with("/assets/");
  response.headers.add("Cache-Control",
                       immutable ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.add("X-Content-Type-Options", "nosniff");
  if (asset->content_type.starts_with("text/html")) {
    response.headers.add("Content-Security-Policy",
                         "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
                         "data:; connect-src 'self'; frame-ancestors 'none'");
  }
  if (request.headers.get("Accept-Encoding").find("gzip") != std::string_view::npos) {
    response.headers.add("Content-Encoding", "gzip");
    response.headers.add("Vary", "Accept-Encoding");
    response.body = asset->gzip;
  } else if (auto plain = codec::gzip_decompress(asset->gzip, kMaxAssetBytes)) {
    response.body = *std::move(plain);
  }
  return response;
}

}  // namespace prom5::api
