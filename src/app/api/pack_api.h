#pragma once

#include <string>

#include "ask/agent.h"
#include "base/mutex.h"
#include "io/codec/json.h"
#include "io/file/file_system.h"
#include "io/http/router.h"

namespace prom5::api {

/// POST /api/v5/agent/pack: an operator teaches the assistant a synonym, what a correction says, or
/// a whole pack. It is written to the pack's file and counts from the next start on; nothing is
/// learned by itself. Any thread.
class PackApi {
 public:
  struct Options {
    std::string file;      ///< of the operator's pack; empty: there is no place for one
    bool enabled = false;  ///< whether --web.enable-admin-api is given
  };

  PackApi(const Agent& agent, io::FileSystem& files, Options options)
      : agent_(agent), files_(files), options_(std::move(options)) {}

  void add_routes(io::Router& router);

 private:
  Result<io::HttpResponse> learn(const io::HttpRequest& request) EXCLUDES(mutex_);
  [[nodiscard]] Result<std::string> changed(const std::string& yaml, const Json& body) const;
  [[nodiscard]] Result<std::string> from_feedback(const std::string& yaml, const Json& id) const;

  const Agent& agent_;
  io::FileSystem& files_;
  const Options options_;
  Mutex mutex_;  // of the file, from its reading to its writing
};

}  // namespace prom5::api
