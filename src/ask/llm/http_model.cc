#include "ask/llm/http_model.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "ask/llm/model_security.h"
#include "ask/llm/prompt.h"
#include "base/rng.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr std::string_view kOutcomeNames[] = {
    "ok",        "rate_limited", "server_error", "client_error", "timeout",
    "transport", "malformed",    "too_large",    "canceled",     "breaker_open"};

constexpr std::string_view kRequests = "prom5_assistant_model_requests_total";
constexpr std::string_view kRequestsHelp =
    "Requests to the configured language model by how they ended.";
constexpr std::string_view kRedactions = "prom5_assistant_model_redactions_total";
constexpr std::string_view kRedactionsHelp =
    "Private values replaced in conversations before they were sent, by kind.";
constexpr std::string_view kTokens = "prom5_assistant_model_tokens_total";
constexpr std::string_view kTokensHelp = "Tokens that the language model says it read and wrote.";

/// Seconds, or a date; RFC 9110, 10.2.3. Milliseconds by a header of some clouds.
std::optional<DurationMs> retry_after(const io::Headers& headers, TimeMs now) {
  const auto bounded = [](double seconds) -> std::optional<DurationMs> {
    constexpr double kDay = 86'400;
    if (!std::isfinite(seconds)) return std::nullopt;
    return DurationMs{static_cast<int64_t>(std::clamp(seconds, 0.0, kDay) * 1000)};
  };
  const auto millis = codec::parse_double(headers.get("Retry-After-Ms"));
  if (millis) return bounded(*millis / 1000);
  const std::string text(headers.get("Retry-After"));
  if (text.empty()) return std::nullopt;
  if (const auto seconds = codec::parse_double(text)) return bounded(*seconds);
  std::tm date{};
  if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  return bounded(static_cast<double>(timegm(&date)) - now.as_seconds());
}

bool may_pass(int status) { return status == 408 || status == 429 || status >= 500; }

size_t bytes_of(const ChatTurn& turn) {
  size_t out = turn.text.size();
  for (const ChatCall& call : turn.calls) out += call.arguments.size() + call.tool.size();
  return out;
}

/// Makes a conversation fit: without the oldest turns before the question at `question`, then
/// without the oldest results.
void fit(std::vector<ChatTurn>& turns, size_t question, size_t max_bytes) {
  size_t bytes = 0;
  for (const ChatTurn& turn : turns) bytes += bytes_of(turn);
  size_t dropped = 0;
  while (dropped < question && bytes > max_bytes) bytes -= bytes_of(turns[dropped++]);
  turns.erase(turns.begin(), turns.begin() + static_cast<ptrdiff_t>(dropped));
  for (ChatTurn& turn : turns) {
    if (bytes <= max_bytes) return;
    if (turn.kind != ChatTurn::Kind::Tool) continue;
    bytes -= turn.text.size();
    turn.text = R"({"error":"this result is left out: all of them together are too large"})";
    bytes += turn.text.size();
  }
}

/// The turn that could not be used as the model said it, placeholders and all, and what is wrong
/// with it.
void append_correction(const ChatReply& reply, const Complaint& complaint, uint64_t corrected,
                       Scrubber& scrubber, std::vector<ChatTurn>& turns) {
  constexpr size_t kMadeUpIds = 90'000;  // apart from those of the conversation
  ChatTurn wrong{ChatTurn::Kind::Assistant, reply.text, {}, "", ""};
  std::vector<ChatTurn> answers;
  for (size_t i = 0; i < reply.calls.size(); ++i) {
    ChatCall call = reply.calls[i];
    // What is no JSON would be refused when it is sent back.
    const auto json = codec::parse_json(call.arguments);
    if (!json || !json->is_object()) call.arguments = "{}";
    if (call.id.empty()) call.id = fmt::format("call{:05}", kMadeUpIds + 20 * corrected + i);
    const std::string& fault = complaint.of_calls[i];
    const Json said{{"error", scrubber.scrub(fault.empty() ? complaint.text : fault)}};
    answers.push_back({ChatTurn::Kind::Tool, codec::dump_json(said), {}, call.id, call.tool});
    wrong.calls.push_back(std::move(call));
  }
  if (answers.empty()) answers.push_back({ChatTurn::Kind::User, complaint.text, {}, "", ""});
  turns.push_back(std::move(wrong));
  std::ranges::move(answers, std::back_inserter(turns));
}

}  // namespace

HttpModel::HttpModel(HttpModelOptions options, io::HttpClient& http, Clock& clock,
                     MetricRegistry& metrics, const Log& log)
    : options_(std::move(options)),
      http_(http),
      clock_(clock),
      log_(log),
      security_(model_security(options_.security, options_.api_key)),
      breaker_(options_.breaker_failures, options_.breaker_pause),
      retries_(metrics.counter("prom5_assistant_model_retries_total",
                               "Requests to the language model that were tried again.")),
      corrections_(metrics.counter("prom5_assistant_model_corrections_total",
                                   "Turns of the language model that were sent back to it.")),
      input_tokens_(metrics.counter(kTokens, kTokensHelp, {{"direction", "input"}})),
      output_tokens_(metrics.counter(kTokens, kTokensHelp, {{"direction", "output"}})),
      cost_(metrics.counter("prom5_assistant_model_cost_micros_total",
                            "Cost of the language model by the configured prices, in millionths "
                            "of their currency.")),
      breaker_state_(metrics.gauge("prom5_assistant_model_breaker_state",
                                   "Whether the language model is asked: 0 it is, 1 it is tried "
                                   "again, 2 it is not.")) {
  for (const std::string_view name : kOutcomeNames) {
    requests_.push_back(
        &metrics.counter(kRequests, kRequestsHelp, {{"outcome", std::string(name)}}));
  }
  for (size_t kind = 0; kind < Scrubber::kKinds; ++kind) {
    const auto name = std::string(to_string(static_cast<PrivateKind>(kind)));
    redactions_.push_back(&metrics.counter(kRedactions, kRedactionsHelp, {{"kind", name}}));
  }
}

Result<Reply> HttpModel::complete(std::span<const Message> conversation,
                                  std::span<const ToolSpec> tools, const ReplyLimits& limits) {
  Scrubber scrubber({.ip_addresses = !options_.send_ip_addresses}, {TRY(options_.api_key.read())});
  const TimeMs deadline = std::min(clock_.now() + options_.timeout, limits.deadline);
  Turn turn{to_turns(conversation, scrubber), offered_tools(tools), deadline, limits.stop};
  count_redactions(scrubber);
  uint64_t tokens = 0;
  for (uint64_t corrected = 0;; ++corrected) {
    const ChatReply reply = TRY(exchange(turn));
    tokens += reply.input_tokens + reply.output_tokens;
    auto read = read_reply(reply, conversation, tools, scrubber);
    if (auto* message = std::get_if<Message>(&read)) {
      return Reply{std::move(*message), tokens};
    }
    if (corrected == options_.max_corrections) break;
    corrections_.add();
    append_correction(reply, std::get<Complaint>(read), corrected, scrubber, turn.messages);
  }
  return fail(ErrorCode::Internal, "the language model {} gave no usable turn in {} tries",
              options_.model, options_.max_corrections + 1);
}

std::vector<ChatTurn> HttpModel::to_turns(std::span<const Message> conversation,
                                          Scrubber& scrubber) const {
  // All is looked at before anything is written: what one text gives away is hidden in the others.
  size_t last_question = 0;
  for (size_t i = 0; i < conversation.size(); ++i) {
    if (conversation[i].role == Role::User) last_question = i;
    scrubber.learn(conversation[i].text);
    for (const ToolCall& call : conversation[i].calls) scrubber.learn_json(call.arguments);
    if (conversation[i].role == Role::Tool) {
      tool_result_text("", conversation[i].content, options_.max_result_bytes, scrubber);
    }
  }
  std::vector<ChatTurn> out;
  size_t question_at = 0;
  for (size_t i = 0; i < conversation.size(); ++i) {
    const Message& message = conversation[i];
    if (i == last_question) question_at = out.size();
    ChatTurn& turn = out.emplace_back();
    if (message.role == Role::Tool) {
      turn.kind = ChatTurn::Kind::Tool;
      turn.call_id = message.call_id;
      for (const Message& before : conversation.first(i)) {
        for (const ToolCall& call : before.calls) {
          if (call.id == message.call_id) turn.tool = call.tool;
        }
      }
      turn.text = tool_result_text(turn.tool, message.content, options_.max_result_bytes, scrubber);
      continue;
    }
    turn.kind = message.role == Role::User ? ChatTurn::Kind::User : ChatTurn::Kind::Assistant;
    turn.text = scrubber.scrub(message.text);
    for (const ToolCall& call : message.calls) {
      turn.calls.push_back(
          {call.id, call.tool, codec::dump_json(scrubber.scrub_json(call.arguments))});
    }
  }
  fit(out, question_at, options_.max_request_bytes);
  out.insert(out.begin(), {ChatTurn::Kind::System, std::string(system_prompt()), {}, "", ""});
  return out;
}

Result<ChatReply> HttpModel::exchange(const Turn& turn) {
  bool changed = false;
  for (uint64_t tried = 0;;) {
    if (!breaker_.admit(clock_.now())) {
      requests_[static_cast<size_t>(Outcome::BreakerOpen)]->add();
      return fail(ErrorCode::Unavailable,
                  "the language model failed {} times; it is not asked until {}",
                  options_.breaker_failures, format_rfc3339(breaker_.open_until()));
    }
    Try done = try_once(turn);
    settle(done);
    if (done.outcome == Outcome::Ok) {
      count_usage(*done.reply);
      return std::move(done.reply);
    }
    if (done.again && !changed) {
      changed = true;
      continue;
    }
    const bool passing = done.outcome == Outcome::RateLimited ||
                         done.outcome == Outcome::ServerError ||
                         done.outcome == Outcome::Transport || done.outcome == Outcome::Malformed;
    if (!passing || tried == options_.max_retries) return std::move(done.reply);
    TRY(wait(turn, tried++, done));
    retries_.add();
  }
}

Result<void> HttpModel::wait(const Turn& turn, uint64_t tried, const Try& last) {
  const TimeMs now = clock_.now();
  DurationMs pause = options_.min_backoff * (int64_t{1} << std::min<uint64_t>(tried, 20));
  pause.ms = std::min(pause.ms, options_.max_backoff.ms);
  // Spread, so that those who failed together do not come again together.
  Rng rng(static_cast<uint64_t>(now.ms) * 31 + tried);
  pause.ms = static_cast<int64_t>(static_cast<double>(pause.ms) * (0.75 + rng.unit() / 2));
  if (last.retry_after) pause = *last.retry_after;
  if (now + pause >= turn.deadline) return std::unexpected(last.reply.error());
  if (!clock_.wait_until(now + pause, turn.stop)) {
    return fail(ErrorCode::Canceled, "the question was given up");
  }
  return {};
}

HttpModel::Try HttpModel::try_once(const Turn& turn) {
  const DurationMs left = turn.deadline - clock_.now();
  if (left.ms <= 0) {
    return {Outcome::Timeout,
            fail(ErrorCode::Timeout, "the language model gave no answer within {}",
                 format_duration(options_.timeout)),
            std::nullopt, false};
  }
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = chat_url(options_);
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Accept", options_.provider == Provider::OpenAi
                                    ? "text/event-stream, application/json"
                                    : "application/x-ndjson, application/json");
  request.body = chat_request(options_, turn.messages, turn.tools, limit_field_.load());
  request.timeout_ms = left.ms;
  request.connect_timeout_ms = std::min(options_.connect_timeout.ms, left.ms);
  request.max_body_bytes = options_.max_response_bytes;
  request.accept_compressed = false;
  request.security = security_;
  // Shared with the client, which looks at it while the request is on its way.
  const auto canceled = std::make_shared<std::atomic<bool>>(turn.stop.stop_requested());
  request.canceled = canceled;
  const std::stop_callback on_stop(turn.stop, [&] { canceled->store(true); });
  auto response = http_.send(std::move(request));
  return judge(std::move(response), canceled->load());
}

HttpModel::Try HttpModel::judge(Result<io::HttpClientResponse> response, bool stopped) {
  Try out;
  if (stopped || (!response && response.error().code == ErrorCode::Canceled)) {
    out.outcome = Outcome::Canceled;
    out.reply = fail(ErrorCode::Canceled, "the question was given up");
    return out;
  }
  if (!response) {
    const Error& error = response.error();
    out.reply = std::unexpected(error);
    switch (error.code) {
      case ErrorCode::Timeout: out.outcome = Outcome::Timeout; break;
      case ErrorCode::LimitExceeded: out.outcome = Outcome::TooLarge; break;
      case ErrorCode::BadData:
      case ErrorCode::Io: out.outcome = Outcome::ClientError; break;
      default: out.outcome = Outcome::Transport; break;
    }
    return out;
  }
  if (response->status != 200) {
    // A provider may repeat the key in what it says.
    const auto key = options_.api_key.read();
    const std::string said =
        Scrubber({}, {key ? *key : std::string()}).scrub(chat_error(response->body));
    out.outcome = response->status == 429      ? Outcome::RateLimited
                  : may_pass(response->status) ? Outcome::ServerError
                                               : Outcome::ClientError;
    out.retry_after = retry_after(response->headers, clock_.now());
    out.reply = fail(ErrorCode::Unavailable, "the language model answers with status {}{}{}",
                     response->status, said.empty() ? "" : ": ", said);
    if (response->status == 400 && limit_field_.load() == TokenLimitField::MaxTokens &&
        said.find("max_completion_tokens") != std::string::npos) {
      limit_field_.store(TokenLimitField::MaxCompletionTokens);
      out.again = true;
    }
    return out;
  }
  out.reply = parse_chat(options_.provider, response->body);
  out.outcome = out.reply ? Outcome::Ok : Outcome::Malformed;
  return out;
}

void HttpModel::settle(const Try& done) {
  requests_[static_cast<size_t>(done.outcome)]->add();
  const Breaker::State before = breaker_.state();
  if (done.outcome == Outcome::Ok) {
    breaker_.succeeded();
  } else if (done.outcome == Outcome::Canceled || done.again) {
    breaker_.undecided();
  } else {
    breaker_.failed(clock_.now());
  }
  const Breaker::State after = breaker_.state();
  breaker_state_.set(static_cast<double>(after));
  if (after == Breaker::State::Open && before != Breaker::State::Open) {
    log_.warn("language model is not asked for a while",
              {{"model", options_.model},
               {"pause", format_duration(options_.breaker_pause)},
               {"error", done.reply ? std::string() : done.reply.error().message}});
  }
}

void HttpModel::count_usage(const ChatReply& reply) {
  input_tokens_.add(reply.input_tokens);
  output_tokens_.add(reply.output_tokens);
  // A price for a million tokens is the price of one in millionths.
  const double cost = static_cast<double>(reply.input_tokens) * options_.price_input_per_million +
                      static_cast<double>(reply.output_tokens) * options_.price_output_per_million;
  cost_.add(static_cast<uint64_t>(std::llround(std::clamp(cost, 0.0, 1e15))));
}

void HttpModel::count_redactions(const Scrubber& scrubber) {
  for (size_t kind = 0; kind < Scrubber::kKinds; ++kind) {
    redactions_[kind]->add(scrubber.counts()[kind]);
  }
}

}  // namespace prom5::llm
