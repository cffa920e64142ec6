#include "io/http/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <map>
#include <system_error>
#include <thread>

#include "base/ascii.h"
#include "base/loop_turn.h"
#include "base/mutex.h"
#include "io/codec/compress.h"
#include "io/file/file_system.h"
#include "io/http/oauth2.h"
#include "io/http/url.h"

namespace prom5::io {

namespace {

/// Sockets kept open between requests: enough for thousands of targets.
constexpr long kMaxIdleConnections = 4096;
constexpr long kMaxRedirects = 10;
/// Handles that are kept for the next requests.
constexpr size_t kMaxIdleHandles = 64;
/// Of all headers of an answer together; libcurl bounds each.
constexpr size_t kMaxHeaderBytes = size_t{1} << 20;

/// Of all bodies that are on their way or not used yet, together. Beyond it bodies that have a good
/// share of it are given up, so that many at once cannot fill the memory.
constexpr size_t kMaxBytesInFlight = size_t{96} << 20;
constexpr size_t kGoodShare = size_t{8} << 20;

/// What a body takes of it; counted by the transfer, given back when the answer goes.
class Share {
 public:
  explicit Share(std::atomic<size_t>& total) : total_(total) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { total_ -= bytes_; }
  /// False when the body must be given up.
  bool add(size_t bytes) {
    bytes_ += bytes;
    return (total_ += bytes) <= kMaxBytesInFlight || bytes_ <= kGoodShare;
  }

 private:
  std::atomic<size_t>& total_;
  size_t bytes_ = 0;
};

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using EasyHandle = std::unique_ptr<CURL, EasyDeleter>;

using StringList = std::unique_ptr<curl_slist, ListDeleter>;

void append(StringList& list, const std::string& text) {
  list.reset(curl_slist_append(list.release(), text.c_str()));
}

/// One request on its way.
struct Transfer {
  HttpClientRequest request;
  HttpClient::Completion completion;
  HttpClientResponse response;
  EasyHandle easy_handle;
  CURL* easy = nullptr;  ///< that one
  StringList headers;
  StringList proxy_headers;
  StringList connect_to;
  size_t header_bytes = 0;
  bool body_too_large = false;
  bool headers_too_large = false;
  bool bad_length = false;
  bool too_many_in_flight = false;
  std::shared_ptr<Share> share;
  char error[CURL_ERROR_SIZE] = {};
};

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t n = size * count;
  if (transfer.request.on_body) {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
      transfer.request.on_body({data, n});
      return n;
    }
  }
  if (transfer.response.body.size() + n > transfer.request.max_body_bytes) {
    transfer.body_too_large = true;
    return 0;  // anything but n ends the transfer
  }
  if (!transfer.share->add(n)) {
    transfer.too_many_in_flight = true;
    return 0;
  }
  transfer.response.body.append(data, n);
  return n;
}

bool is_length(std::string_view text) {
  constexpr size_t kMostDigits = 18;
  while (text.ends_with(' ')) text.remove_suffix(1);
  return !text.empty() && text.size() <= kMostDigits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.headers_too_large = true;
    return 0;
  }
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) transfer.response.headers = {};  // after a redirect: start over
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    // libcurl takes the digits that it finds, and a page that is cut for a whole one.
    if (equal_ignoring_case(line.substr(0, colon), "Content-Length") && !is_length(value)) {
      transfer.bad_length = true;
      return 0;
    }
    transfer.response.headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  return size * count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<Transfer*>(user);
  return transfer.request.canceled->load() ? 1 : 0;
}

void set_blob(CURL* easy, CURLoption option, const std::string& text) {
  if (text.empty()) return;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): libcurl copies and does not write.
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

long ssl_version(const TlsClientOptions& tls) {
  constexpr std::array<long, 5> kLowest = {CURL_SSLVERSION_DEFAULT, CURL_SSLVERSION_TLSv1_0,
                                           CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2,
                                           CURL_SSLVERSION_TLSv1_3};
  constexpr std::array<long, 5> kHighest = {
      CURL_SSLVERSION_MAX_NONE, CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1,
      CURL_SSLVERSION_MAX_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_3};
  return kLowest[static_cast<size_t>(tls.min_version)] |
         kHighest[static_cast<size_t>(tls.max_version)];
}

/// The name in the URL is what TLS asks for and verifies, so it becomes the wanted one, while the
/// connection and the Host header stay with the URL's own.
void set_server_name(Transfer& t, const std::string& name) {
  const auto url = parse_url(t.request.url);
  if (!url) return;
  const std::string host =
      url->host.find(':') == std::string::npos ? url->host : "[" + url->host + "]";
  const std::string port =
      !url->port.empty() ? url->port : std::string(url->scheme == "https" ? "443" : "80");
  append(t.connect_to, fmt::format("{}:{}:{}:{}", name, port, host, port));
  append(t.headers, "Host: " + url->authority());
  curl_easy_setopt(t.easy, CURLOPT_CONNECT_TO, t.connect_to.get());
  const std::string renamed = fmt::format("{}://{}:{}{}", url->scheme, name, port, url->target);
  curl_easy_setopt(t.easy, CURLOPT_URL, renamed.c_str());
}

void set_tls(Transfer& t, const TlsClientOptions& tls) {
  CURL* easy = t.easy;
  if (!tls.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
  set_blob(easy, CURLOPT_CAINFO_BLOB, tls.ca);
  if (!tls.ca_file.empty() || !tls.ca.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // it replaces the system's, as in Prometheus
  }
  if (!tls.certificate_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.certificate_file.c_str());
  }
  set_blob(easy, CURLOPT_SSLCERT_BLOB, tls.certificate);
  if (!tls.key_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key_file.c_str());
  set_blob(easy, CURLOPT_SSLKEY_BLOB, tls.key);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, ssl_version(tls));
  // A session that is resumed is not verified again, by files that may have changed since.
  curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (!tls.server_name.empty()) set_server_name(t, tls.server_name);
  if (tls.insecure_skip_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

Result<void> set_proxy(Transfer& t, const ProxyOptions& proxy) {
  if (proxy.from_environment) return {};  // what libcurl does when nothing is said
  curl_easy_setopt(t.easy, CURLOPT_PROXY, proxy.url.c_str());
  if (proxy.url.empty()) return {};
  curl_easy_setopt(t.easy, CURLOPT_NOPROXY, proxy.no_proxy.c_str());
  for (const auto& [name, secret] : proxy.connect_headers) {
    append(t.proxy_headers, name + ": " + TRY(secret.read()));
  }
  curl_easy_setopt(t.easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  curl_easy_setopt(t.easy, CURLOPT_PROXYHEADER, t.proxy_headers.get());
  return {};
}

/// A header's value may hold no line break: what follows it would be a header of its own.
Result<void> add_secret_header(Transfer& t, const std::string& name, const std::string& value) {
  if (value.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorCode::BadData, "the value of header {} has a line break", name);
  }
  // libcurl drops a header that ends with its colon; with a semicolon it is sent empty.
  append(t.headers, value.empty() ? name + ";" : name + ": " + value);
  return {};
}

Result<void> set_security(Transfer& t, const HttpClientSecurity& s) {
  CURL* easy = t.easy;
  if (!s.user.empty() || !s.password.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, TRY(s.user.read()).c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, TRY(s.password.read()).c_str());
  }
  if (!s.credentials.empty()) {
    TRY(add_secret_header(t, "Authorization",
                          s.authorization_type + " " + TRY(s.credentials.read())));
  }
  for (const auto& [name, secret] : s.headers) {
    TRY(add_secret_header(t, name, TRY(secret.read())));
  }
  set_tls(t, s.tls);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, s.follow_redirects ? 1L : 0L);
  return set_proxy(t, s.proxy);
}

void set_limits(Transfer& t) {
  CURL* easy = t.easy;
  const HttpClientRequest& r = t.request;
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(r.timeout_ms));
  if (r.connect_timeout_ms > 0) {
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(r.connect_timeout_ms));
  }
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  if (r.canceled) {
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &t);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  }
}

Result<void> prepare(Transfer& t, const std::string& user_agent) {
  CURL* easy = t.easy;
  const HttpClientRequest& r = t.request;
  curl_easy_setopt(easy, CURLOPT_URL, r.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
  set_limits(t);
  if (!r.unix_socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, r.unix_socket.c_str());
  }
  if (r.accept_compressed) append(t.headers, "Accept-Encoding: gzip, zstd");
  static const HttpClientSecurity kNothingSpecial;
  TRY(set_security(t, r.security ? *r.security : kNothingSpecial));
  for (const auto& [name, value] : r.headers.all()) append(t.headers, name + ": " + value);
  if (r.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r.method.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r.body.data());
    append(t.headers, "Expect:");
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t.headers.get());
  return {};
}

/// What keeps a peer from answering in time: nobody may be there, or it may be slow.
std::unexpected<Error> timed_out(const Transfer& t, std::string_view place) {
  curl_off_t resolved = 0;
  curl_off_t connected = 0;
  long sent = 0;  // a connection that was there already may have no time
  curl_easy_getinfo(t.easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
  curl_easy_getinfo(t.easy, CURLINFO_CONNECT_TIME_T, &connected);
  curl_easy_getinfo(t.easy, CURLINFO_REQUEST_SIZE, &sent);
  std::string_view missing = "a complete answer";
  int64_t limit_ms = t.request.timeout_ms;
  if (connected == 0 && sent == 0) {
    missing = resolved == 0 ? "an address for the name" : "a connection";
    const int64_t connect_ms = t.request.connect_timeout_ms;
    if (connect_ms > 0 && (limit_ms == 0 || connect_ms < limit_ms)) limit_ms = connect_ms;
  }
  return fail(ErrorCode::Timeout, "{}: timed out after {} ms without {}", place, limit_ms, missing);
}

std::string reason_of(const Transfer& t, CURLcode code) {
  std::string reason = t.error[0] != '\0' ? t.error : curl_easy_strerror(code);
  if (code != CURLE_COULDNT_CONNECT) return reason;
  long number = 0;
  curl_easy_getinfo(t.easy, CURLINFO_OS_ERRNO, &number);
  // libcurl says that it could not connect, and leaves out why.
  const std::string why =
      number == 0 ? std::string() : std::generic_category().message(static_cast<int>(number));
  // Of a socket's path it says a host and port that nobody asked for.
  if (!t.request.unix_socket.empty()) return why.empty() ? "cannot connect to this socket" : why;
  return why.empty() ? reason : reason + ": " + why;
}

Result<HttpClientResponse> outcome(Transfer& t, CURLcode code) {
  const std::string url =
      t.request.unix_socket.empty() ? without_secrets(t.request.url) : t.request.unix_socket;
  if (t.body_too_large) {
    return fail(ErrorCode::LimitExceeded, "body size limit exceeded: more than {} bytes",
                t.request.max_body_bytes);
  }
  if (t.too_many_in_flight) {
    return fail(ErrorCode::LimitExceeded,
                "body size limit exceeded: {} bytes of large answers are waiting already",
                kMaxBytesInFlight);
  }
  if (t.bad_length) {
    return fail(ErrorCode::Unavailable, "{}: malformed Content-Length", url);
  }
  // Out of memory is what libcurl says of one header that passes its limit.
  if (t.headers_too_large || code == CURLE_OUT_OF_MEMORY) {
    return fail(ErrorCode::LimitExceeded, "the answer's headers are larger than {} bytes",
                kMaxHeaderBytes);
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) return fail(ErrorCode::Canceled, "given up by the caller");
  if (code == CURLE_OPERATION_TIMEDOUT) return timed_out(t, url);
  const std::string reason = reason_of(t, code);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return fail(ErrorCode::BadData, "{}: {}", url, reason);
  }
  if (code != CURLE_OK) return fail(ErrorCode::Unavailable, "{}: {}", url, reason);
  long status = 0;
  curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
  t.response.status = static_cast<int>(status);
  long redirects = 0;
  curl_easy_getinfo(t.easy, CURLINFO_REDIRECT_COUNT, &redirects);
  if (const char* end = nullptr; redirects > 0) {
    curl_easy_getinfo(t.easy, CURLINFO_EFFECTIVE_URL, &end);
    t.response.redirected_to = end == nullptr ? "" : without_password(end);
  }
  t.response.max_body_bytes = t.request.max_body_bytes;
  t.response.held = t.share;
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
    transfer->share = std::make_shared<Share>(in_flight_);
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
      transfer->easy_handle = take_handle();
      transfer->easy = transfer->easy_handle.get();
      if (auto prepared = prepare(*transfer, user_agent_); !prepared) {
        transfer->completion(std::unexpected(prepared.error()));
        continue;
      }
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
      // A failed one may keep the cause of its failure.
      if (code == CURLE_OK && idle_.size() < kMaxIdleHandles) {
        curl_easy_reset(easy);
        idle_.push_back(std::move(transfer.easy_handle));
      }
    }
  }

  EasyHandle take_handle() {
    if (idle_.empty()) {
      EasyHandle fresh(curl_easy_init());
      CHECK(fresh != nullptr);
      return fresh;
    }
    EasyHandle used = std::move(idle_.back());
    idle_.pop_back();
    return used;
  }

  const std::string user_agent_;
  /// The process's: answers may live longer than their client.
  static inline std::atomic<size_t> in_flight_{0};
  CURLM* multi_ = nullptr;
  std::map<CURL*, std::unique_ptr<Transfer>> running_;  // the thread's own
  std::vector<EasyHandle> idle_;                        // likewise; with buffers that are there
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
  leave_event_loop();
  auto response = answer.get();
  if (response) TRY(response->decode());
  return response;
}

Result<void> HttpClientResponse::decode() {
  const std::string_view coding = headers.get("Content-Encoding");
  if (coding.empty() || coding == "identity") return {};
  if (body.empty()) return {};
  const bool gzip = coding == "gzip" || coding == "x-gzip";
  if (!gzip && coding != "zstd") {
    return fail(ErrorCode::BadData, "Content-Encoding \"{}\" was not asked for",
                coding.substr(0, 100));
  }
  auto decoded = gzip ? codec::gzip_decompress(body, max_body_bytes)
                      : codec::zstd_decompress_frame(body, max_body_bytes);
  if (!decoded && decoded.error().code == ErrorCode::LimitExceeded) {
    return fail(ErrorCode::LimitExceeded, "body size limit exceeded: more than {} bytes",
                max_body_bytes);
  }
  if (!decoded) return std::unexpected(decoded.error());
  body = *std::move(decoded);
  headers.set("Content-Encoding", "identity");
  return {};
}

Result<std::string> Secret::read() const {
  if (file.empty()) return text;
  PosixFileSystem files;
  auto content = files.read(file);
  if (!content) return std::unexpected(std::move(content).error());
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  const auto first = std::find_if_not(content->begin(), content->end(), is_blank);
  const auto last = std::find_if_not(content->rbegin(), content->rend(), is_blank).base();
  return first < last ? std::string(first, last) : std::string();
}

std::unique_ptr<HttpClient> make_http_client(std::string user_agent) {
  return std::make_unique<OAuth2Client>(std::make_unique<CurlHttpClient>(std::move(user_agent)));
}

}  // namespace prom5::io
