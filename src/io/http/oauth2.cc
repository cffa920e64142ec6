#include "io/http/oauth2.h"

#include <algorithm>
#include <chrono>

#include "io/codec/json.h"
#include "io/http/url.h"

namespace prom5::io {

namespace {

/// A token is not used in its last seconds, so that it does not end on its way.
constexpr int64_t kMarginMs = 10'000;
constexpr size_t kMaxAnswerBytes = size_t{1} << 20;

int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string key_of(const OAuth2Options& o) {
  std::string key =
      o.token_url + '\n' + o.client_id + '\n' + o.client_secret.text + '\n' + o.client_secret.file;
  for (const std::string& scope : o.scopes) key += '\n' + scope;
  for (const auto& [name, value] : o.endpoint_params) key += '\n' + name + '=' + value;
  return key;
}

std::string form_of(const OAuth2Options& o) {
  std::string scopes;
  for (const std::string& scope : o.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  std::string body = "grant_type=client_credentials";
  const auto add = [&](std::string_view name, std::string_view value) {
    body += '&' + percent_encode(name) + '=' + percent_encode(value);
  };
  if (!scopes.empty()) add("scope", scopes);
  for (const auto& [name, value] : o.endpoint_params) add(name, value);
  return body;
}

struct Granted {
  std::string authorization;
  int64_t lasts_ms = 0;
};

Result<Granted> read_token(const std::string& url, const Result<HttpClientResponse>& answer) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::Unavailable, "no OAuth2 token from {}: {}", without_password(url), why);
  };
  if (!answer) return refuse(answer.error().message);
  if (answer->status != 200) {
    return refuse(fmt::format("HTTP status {} {}", answer->status, reason_phrase(answer->status)));
  }
  const auto json = codec::parse_json(answer->body);
  if (!json || !json->is_object()) return refuse("the answer is no JSON object");
  const auto token = json->find("access_token");
  if (token == json->end() || !token->is_string() || token->get<std::string>().empty()) {
    return refuse("the answer has no access_token");
  }
  const auto lasts = json->find("expires_in");
  // Without a time it is taken for the shortest that is usual.
  const double seconds = lasts != json->end() && lasts->is_number() ? lasts->get<double>() : 60;
  return Granted{"Bearer " + token->get<std::string>(),
                 static_cast<int64_t>(std::clamp(seconds, 0.0, 1e9) * 1000)};
}

}  // namespace

OAuth2Client::OAuth2Client(std::unique_ptr<HttpClient> next) : next_(std::move(next)) {}

void OAuth2Client::start(HttpClientRequest request, Completion completion) {
  if (!request.security || !request.security->oauth2) {
    next_->start(std::move(request), std::move(completion));
    return;
  }
  const std::shared_ptr<const HttpClientSecurity> security = request.security;
  const std::string key = key_of(*security->oauth2);
  Waiting waiting{std::move(request), std::move(completion)};
  std::string authorization;
  bool first = false;
  {
    const MutexLock lock(mutex_);
    Token& token = tokens_[key];
    if (!token.authorization.empty() && steady_ms() < token.ends_ms) {
      authorization = token.authorization;
    } else {
      token.waiting.push_back(std::move(waiting));
      first = !std::exchange(token.asked_for, true);
    }
  }
  if (!authorization.empty()) {
    send_with(authorization, std::move(waiting));
  } else if (first) {
    ask(key, *security->oauth2);
  }
}

void OAuth2Client::ask(const std::string& key, const OAuth2Options& options) {
  HttpClientRequest request;
  request.method = "POST";
  request.url = options.token_url;
  request.max_body_bytes = kMaxAnswerBytes;
  request.accept_compressed = false;
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  auto security = std::make_shared<HttpClientSecurity>();
  security->user.text = percent_encode(options.client_id);
  security->tls = options.tls;
  security->proxy = options.proxy;
  const auto secret = options.client_secret.read();
  if (!secret) {
    take(key, options.token_url, std::unexpected(secret.error()));
    return;
  }
  security->password.text = percent_encode(*secret);
  request.security = std::move(security);
  request.body = form_of(options);
  next_->start(std::move(request),
               [this, key, url = options.token_url](Result<HttpClientResponse> answer) {
                 take(key, url, std::move(answer));
               });
}

void OAuth2Client::take(const std::string& key, const std::string& url,
                        Result<HttpClientResponse> answer) {
  const auto granted = read_token(url, answer);
  std::vector<Waiting> waiting;
  {
    const MutexLock lock(mutex_);
    Token& token = tokens_[key];
    token.asked_for = false;
    waiting.swap(token.waiting);
    token.authorization = granted ? granted->authorization : "";
    if (granted) token.ends_ms = steady_ms() + granted->lasts_ms - kMarginMs;
  }
  const bool canceled = !answer && answer.error().code == ErrorCode::Canceled;
  for (Waiting& one : waiting) {
    if (granted) {
      send_with(granted->authorization, std::move(one));
    } else {
      one.completion(std::unexpected(canceled ? answer.error() : granted.error()));
    }
  }
}

void OAuth2Client::send_with(const std::string& authorization, Waiting waiting) {
  waiting.request.headers.set("Authorization", authorization);
  next_->start(std::move(waiting.request), std::move(waiting.completion));
}

}  // namespace prom5::io
