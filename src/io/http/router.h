#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/http/message.h"

namespace prom5::io {

/// What a path's placeholders stood for, in order.
using PathArguments = std::vector<std::string>;

/// Finds the handler for a method and path. Filled before the server starts; then any thread.
class Router {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&, const PathArguments&)>;

  /// `methods`: "GET", "GET|POST", …; a HEAD request goes where GET goes. `pattern`: a path, in
  /// which "{name}" stands for one segment, and "{name…}" at the end for all that are left.
  /// `summary`: one sentence for the API's description.
  void add(std::string methods, std::string pattern, std::string summary, Handler handler);

  /// Called after every request that found a route, with its pattern, the answer's status and how
  /// long its handler took; on the request's thread. Set before the server starts.
  using Observer = std::function<void(const std::string& pattern, int status, double seconds)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

  /// 404 for an unknown path, 405 with Allow for another method, 204 for OPTIONS; a path with
  /// slashes too many is sent to the one without them.
  HttpResponse route(const HttpRequest& request) const;

  struct Route {
    std::string methods;
    std::string pattern;
    std::string summary;
    Handler handler;
  };
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  HttpResponse elsewhere(const HttpRequest& request) const;

  std::vector<Route> routes_;
  Observer observer_;
};

}  // namespace prom5::io
