#include "app/alertmanager_client.h"

#include <algorithm>
#include <memory>

#include "ask/catalogue/recipe_query.h"
#include "base/ascii.h"
#include "io/codec/json.h"

namespace prom5 {

namespace {

using config::AlertmanagerConfig;
using tools::SilenceInfo;

constexpr size_t kMaxBytes = size_t{8} << 20;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool flag_of(const Json& object, const char* name, bool otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::string matcher_text(const Json& matcher) {
  const bool equal = flag_of(matcher, "isEqual", true);
  const bool regex = flag_of(matcher, "isRegex", false);
  const char* op = regex ? (equal ? "=~" : "!~") : (equal ? "=" : "!=");
  return text_of(matcher, "name") + op + catalogue::quoted(text_of(matcher, "value"));
}

/// Null for one that has expired.
std::optional<SilenceInfo> read_silence(const Json& json) {
  if (!json.is_object() || !json.contains("status") || !json["status"].is_object()) {
    return std::nullopt;
  }
  SilenceInfo out;
  out.state = text_of(json["status"], "state");
  if (out.state == "expired") return std::nullopt;
  out.id = text_of(json, "id");
  out.created_by = text_of(json, "createdBy");
  out.comment = text_of(json, "comment");
  out.starts = parse_rfc3339(text_of(json, "startsAt")).value_or(TimeMs{});
  out.ends = parse_rfc3339(text_of(json, "endsAt")).value_or(TimeMs{});
  if (const auto matchers = json.find("matchers"); matchers != json.end()) {
    for (const Json& matcher : *matchers) {
      if (matcher.is_object()) out.matchers.push_back(matcher_text(matcher));
    }
  }
  return out;
}

Result<std::vector<SilenceInfo>> ask(io::HttpClient& http, const AlertmanagerConfig& config,
                                     const std::string& address, const ToolContext& context) {
  TRY(context.may_go_on());
  io::HttpClientRequest request;
  const std::string_view prefix = trimmed(config.path_prefix, "/");
  request.url = fmt::format("{}://{}{}{}/api/v2/silences", config.scheme, address,
                            prefix.empty() ? "" : "/", prefix);
  request.timeout_ms = config.timeout.ms;
  if (context.budget != nullptr) {
    request.timeout_ms = std::min(request.timeout_ms, context.budget->time_left().ms);
  }
  request.max_body_bytes = kMaxBytes;
  request.security = config.security;
  const auto canceled = std::make_shared<std::atomic<bool>>(false);
  request.canceled = canceled;
  const std::stop_callback on_stop(context.stop, [&] { canceled->store(true); });
  const std::string url = request.url;
  const io::HttpClientResponse response = TRY(http.send(std::move(request)));
  if (response.status != 200) {
    return fail(ErrorCode::Unavailable, "{} answers with status {}", url, response.status);
  }
  const Json list = TRY(codec::parse_json(response.body));
  if (!list.is_array()) return fail(ErrorCode::Unavailable, "{} gives no list", url);
  std::vector<SilenceInfo> out;
  for (const Json& json : list) {
    if (auto silence = read_silence(json)) out.push_back(*std::move(silence));
  }
  return out;
}

}  // namespace

tools::SilenceSource silences_of(io::HttpClient& http,
                                 std::function<std::vector<AlertmanagerConfig>()> configured) {
  return [&http, configured =
                     std::move(configured)](const ToolContext& context) -> Result<tools::Silences> {
    tools::Silences out;
    for (const AlertmanagerConfig& config : configured()) {
      std::optional<Error> failed;
      for (const std::string& address : config.addresses) {
        out.configured = true;
        auto list = ask(http, config, address, context);
        if (!list) {
          failed = list.error();
          continue;
        }
        failed.reset();
        std::ranges::move(*list, std::back_inserter(out.list));
        break;
      }
      if (failed) {
        return fail(ErrorCode::Unavailable, "no Alertmanager answers: {}", failed->message);
      }
    }
    return out;
  };
}

}  // namespace prom5
