#include "io/http/http_client.h"

#include <curl/curl.h>

#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <thread>

#include "base/mutex.h"

namespace prom5::io {

namespace {

/// Sockets kept open between requests: enough for thousands of targets.
constexpr long kMaxIdleConnections = 4096;
constexpr long kMaxRedirects = 10;

/// One request on its way.
struct Transfer {
  HttpClientRequest request;
  HttpClient::Completion completion;
  HttpClientResponse response;
  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  bool body_too_large = false;
  char error[CURL_ERROR_SIZE] = {};

  ~Transfer() {
    curl_slist_free_all(header_list);
    if (easy != nullptr) curl_easy_cleanup(easy);
  }
};

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t n = size * count;
  if (transfer.response.body.size() + n > transfer.request.max_body_bytes) {
    transfer.body_too_large = true;
    return 0;  // anything but n ends the transfer
  }
  transfer.response.body.append(data, n);
  return n;
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) transfer.response.headers = {};  // after a redirect: start over
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    transfer.response.headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  return size * count;
}

void set_security(CURL* easy, const HttpClientSecurity& s) {
  if (!s.user.empty() || !s.password.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, s.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, s.password.c_str());
  }
  if (!s.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, s.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // it replaces the system's, as in Prometheus
  }
  if (!s.certificate_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, s.certificate_file.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, s.key_file.c_str());
  }
  if (s.insecure_skip_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

void prepare(Transfer& t, const std::string& user_agent) {
  CURL* easy = t.easy = curl_easy_init();
  CHECK(easy != nullptr);
  const HttpClientRequest& r = t.request;
  curl_easy_setopt(easy, CURLOPT_URL, r.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // the environment's proxy is used only when asked for
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(r.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, r.follow_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
  if (r.accept_gzip) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  set_security(easy, r.security);
  for (const auto& [name, value] : r.headers.all()) {
    t.header_list = curl_slist_append(t.header_list, (name + ": " + value).c_str());
  }
  if (!r.security.authorization.empty()) {
    t.header_list =
        curl_slist_append(t.header_list, ("Authorization: " + r.security.authorization).c_str());
  }
  if (r.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r.method.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r.body.data());
    t.header_list = curl_slist_append(t.header_list, "Expect:");
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t.header_list);
}

Result<HttpClientResponse> outcome(Transfer& t, CURLcode code) {
  if (t.body_too_large) {
    return fail(ErrorCode::LimitExceeded, "body size limit exceeded: more than {} bytes",
                t.request.max_body_bytes);
  }
  const std::string reason = t.error[0] != '\0' ? t.error : curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(ErrorCode::Timeout, "{}: timed out after {} ms without a complete answer",
                t.request.url, t.request.timeout_ms);
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return fail(ErrorCode::BadData, "{}: {}", t.request.url, reason);
  }
  if (code != CURLE_OK) return fail(ErrorCode::Unavailable, "{}: {}", t.request.url, reason);
  long status = 0;
  curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
  t.response.status = static_cast<int>(status);
  curl_off_t bytes = 0;
  curl_easy_getinfo(t.easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
  t.response.wire_bytes = static_cast<size_t>(bytes);
  return std::move(t.response);
}

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(std::string user_agent) : user_agent_(std::move(user_agent)) {
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    CHECK(initialized == CURLE_OK);
    multi_ = curl_multi_init();
    CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  }

  ~CurlHttpClient() override {
    thread_.request_stop();
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }

  void start(HttpClientRequest request, Completion completion) override {
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->completion = std::move(completion);
    {
      const MutexLock lock(mutex_);
      waiting_.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi_);
  }

 private:
  void run(std::stop_token stop) {
    while (!stop.stop_requested()) {
      take_waiting();
      int running = 0;
      curl_multi_perform(multi_, &running);
      finish_done();
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    take_waiting();
    for (auto& [easy, transfer] : running_) {
      curl_multi_remove_handle(multi_, easy);
      transfer->completion(fail(ErrorCode::Canceled, "the HTTP client is stopping"));
    }
    running_.clear();
  }

  void take_waiting() {
    std::deque<std::unique_ptr<Transfer>> taken;
    {
      const MutexLock lock(mutex_);
      taken.swap(waiting_);
    }
    for (auto& transfer : taken) {
      prepare(*transfer, user_agent_);
      curl_multi_add_handle(multi_, transfer->easy);
      running_.emplace(transfer->easy, std::move(transfer));
    }
  }

  void finish_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      CURL* easy = message->easy_handle;
      curl_multi_remove_handle(multi_, easy);
      auto node = running_.extract(easy);
      Transfer& transfer = *node.mapped();
      transfer.completion(outcome(transfer, code));
    }
  }

  const std::string user_agent_;
  CURLM* multi_ = nullptr;
  std::map<CURL*, std::unique_ptr<Transfer>> running_;  // the thread's own
  Mutex mutex_;
  std::deque<std::unique_ptr<Transfer>> waiting_ GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace

Result<HttpClientResponse> HttpClient::send(HttpClientRequest request) {
  std::promise<Result<HttpClientResponse>> promise;
  auto answer = promise.get_future();
  start(std::move(request),
        [&](Result<HttpClientResponse> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

std::unique_ptr<HttpClient> make_http_client(std::string user_agent) {
  return std::make_unique<CurlHttpClient>(std::move(user_agent));
}

}  // namespace prom5::io
