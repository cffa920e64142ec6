#include "ask/agent/question_run.h"

#include <algorithm>

#include "ask/numbers/number_check.h"
#include "base/ascii.h"

namespace prom5::agent {

namespace {

/// What a token is worth where a model does not count them.
constexpr uint64_t kBytesPerToken = 4;

TimeMs from_seconds(double seconds) { return {static_cast<int64_t>(seconds * 1000)}; }

bool says_restart(const Message& message) {
  return message.content.is_object() && message.content.contains("restart");
}

/// Whether a model on the network said this, which names itself.
bool is_from_network(const Message& message) {
  if (!message.content.is_object()) return false;
  const auto model = message.content.find("model");
  return model != message.content.end() && *model != "built-in";
}

Answer::Refusal refusal_of(const Json& error) {
  return {error.value("code", ""), error.value("message", ""),
          error.value("suggestions", std::vector<std::string>{})};
}

/// What the final turn says, as an Answer without its evidence.
Answer to_answer(const Message& message) {
  // A model that says nothing at the end has found nothing to say.
  static const Json kNothing = Json::object();
  const Json& content = message.content.is_object() ? message.content : kNothing;
  Answer answer;
  answer.intent = content.value("intent", "");
  answer.confidence = content.value("confidence", 0.0);
  answer.text = message.text;
  answer.model = content.value("model", "");
  answer.fallback_reason = content.value("fallback_reason", "");
  if (content.contains("clarification")) {
    const Json& c = content["clarification"];
    answer.clarification = {c.value("question", ""),
                            c.value("options", std::vector<std::string>{})};
    answer.suggestions = answer.clarification->options;
    return answer;
  }
  if (content.contains("error")) {
    answer.refusal = refusal_of(content["error"]);
    answer.suggestions = answer.refusal->suggestions;
    return answer;
  }
  answer.promql = content.value("promql", "");
  if (content.contains("queries")) {
    for (const Json& query : content["queries"])
      answer.queries.push_back(query.value("promql", ""));
  }
  answer.unit = content.value("unit", "none");
  answer.explanation = content.value("explanation", "");
  answer.alternatives = content.value("alternatives", std::vector<std::string>{});
  answer.suggestions = content.value("suggestions", std::vector<std::string>{});
  if (content.contains("action")) answer.action = content["action"];
  return answer;
}

/// The range that is shown is that of the query which the answer names: a model may have looked
/// around before it found that.
void show_range(Answer& answer) {
  if (answer.evidence.empty()) return;
  const auto named = std::ranges::find(answer.evidence, answer.promql, &Evidence::promql);
  const Evidence& shown = named == answer.evidence.end() ? answer.evidence.front() : *named;
  answer.range = shown.range;
  answer.start = shown.start;
  answer.end = shown.end;
  answer.step = shown.step;
}

std::string used_up(Limit limit, const Budgets& budgets, const texts::TextCatalogue& texts) {
  const std::string name(to_string(limit));
  switch (limit) {
    case Limit::Steps:
      return texts.say("budget.steps", {{"limit", budgets.steps}, {"budget", name}});
    case Limit::Time:
      return texts.say("budget.time", {{"limit", format_duration(budgets.time)}, {"budget", name}});
    case Limit::Samples:
      return texts.say("budget.samples", {{"limit", budgets.samples}, {"budget", name}});
    case Limit::Tokens:
      return texts.say("budget.tokens", {{"limit", budgets.tokens}, {"budget", name}});
  }
  return "";
}

}  // namespace

Toolbox::Toolbox(const std::vector<Tool*>& tools) {
  for (Tool* tool : tools) {
    specs.push_back(tool->spec());
    by_name.emplace(specs.back().name, tool);
  }
}

QuestionRun::QuestionRun(const RunNeeds& needs, const texts::TextCatalogue& texts,
                         std::vector<Message> history, const Question& question,
                         const Follower& follower, TimeMs deadline)
    : needs_(needs),
      texts_(texts),
      question_(question),
      follower_(follower),
      budget_(needs.clock, deadline, needs.budgets.samples),
      turns_(std::move(history)),
      first_(turns_.size()) {
  turns_.push_back(
      {Role::User, question.text, {}, {}, {}, question.time, std::string(texts.language())});
}

Result<Answer> QuestionRun::run() {
  while (true) {
    if (question_.stop.stop_requested()) {
      return fail(ErrorCode::Canceled, "the question was given up");
    }
    if (const auto limit = exhausted()) return give_up(*limit);
    Reply reply = TRY(ask_model());
    ++steps_;
    // Another model has taken over: what the first one found is not what its answer rests on.
    if (says_restart(reply.message)) {
      found_.clear();
      shown_.clear();
    }
    turns_.push_back(std::move(reply.message));
    const size_t calls = turns_.size() - 1;
    if (turns_[calls].calls.empty()) return finish();
    for (size_t i = 0; i < turns_[calls].calls.size(); ++i) {
      if (question_.stop.stop_requested() || exhausted()) break;
      const ToolCall call = turns_[calls].calls[i];  // the turns move when one is added
      call_tool(call);
    }
  }
}

Result<Reply> QuestionRun::ask_model() {
  const ReplyLimits limits{question_.stop, needs_.clock.now() + budget_.time_left()};
  auto reply = needs_.model.complete(turns_, needs_.tools.specs, limits);
  if (reply) count_tokens(*reply);
  return reply;
}

void QuestionRun::count_tokens(const Reply& reply) {
  if (reply.tokens > 0 || !is_from_network(reply.message)) {
    tokens_ += reply.tokens;
    return;
  }
  const auto size_of = [](const Message& turn) {
    uint64_t bytes = turn.text.size();
    if (turn.role == Role::Tool) bytes += codec::dump_json(turn.content).size();
    for (const ToolCall& call : turn.calls) bytes += codec::dump_json(call.arguments).size();
    return bytes;
  };
  for (; measured_ < turns_.size(); ++measured_) bytes_ += size_of(turns_[measured_]);
  tokens_ += (bytes_ + size_of(reply.message)) / kBytesPerToken;
}

void QuestionRun::call_tool(const ToolCall& call) {
  Message message;
  message.role = Role::Tool;
  message.call_id = call.id;
  message.time = question_.time;
  const auto tool = needs_.tools.by_name.find(call.tool);
  if (tool == needs_.tools.by_name.end()) {
    message.content = {{"error", "there is no tool called " + call.tool}};
    turns_.push_back(std::move(message));
    return;
  }
  if (follower_.step) follower_.step(call);
  auto result =
      tool->second->call(call.arguments, {question_.time, question_.stop, &budget_, &shown_});
  needs_.metrics.count_tool_call(call.tool, !result.has_value());
  if (!result) {
    message.content = {{"error", result.error().message}};
  } else {
    const auto promql =
        call.arguments.is_object() ? call.arguments.find("promql") : call.arguments.end();
    if (result->contains("resultType") && promql != call.arguments.end() && promql->is_string()) {
      found_.push_back({turns_.size(), promql->get<std::string>()});
    }
    message.content = *std::move(result);
  }
  turns_.push_back(std::move(message));
}

std::optional<Limit> QuestionRun::exhausted() const {
  if (steps_ >= needs_.budgets.steps) return Limit::Steps;
  if (budget_.time_left().ms <= 0) return Limit::Time;
  if (budget_.turned_away()) return Limit::Samples;
  if (tokens_ > needs_.budgets.tokens) return Limit::Tokens;
  return std::nullopt;
}

Answer QuestionRun::give_up(Limit limit) {
  needs_.metrics.count_exhausted(limit);
  const std::string name(to_string(limit));
  needs_.log.warn(
      "a question was given up, as a budget is used up",
      {{"budget", name}, {"samples", budget_.samples()}, {"steps", steps_}, {"tokens", tokens_}});
  Answer answer;
  answer.intent = "refuse";
  answer.refusal = {"budget_" + name, used_up(limit, needs_.budgets, texts_), {}};
  answer.language = texts_.language();
  answer.text = answer.refusal->message;
  return answer;
}

Answer QuestionRun::finish() {
  Answer answer = to_answer(turns_.back());
  if (!is_from_network(turns_.back())) answer.language = texts_.language();
  if (answer.clarification || answer.refusal) return answer;
  check_numbers(answer);
  answer.evidence = take_evidence();
  show_range(answer);
  std::ranges::move(shown_, std::back_inserter(answer.evidence));
  if (answer.text.empty() && !turns_.back().text.empty()) {
    answer.text = numbers::evidence_table(answer.evidence, texts_);
    answer.language = texts_.language();
  }
  return answer;
}

/// What must not be said is taken out; an empty text means that nothing is left.
void QuestionRun::check_numbers(Answer& answer) {
  if (std::ranges::none_of(answer.text, is_digit)) return;
  const auto of_question = std::span(turns_).subspan(first_);
  const numbers::NumberEvidence evidence = numbers::gather_numbers(of_question);
  const texts::NumberWords& words = texts_.number_words();
  const std::vector<std::string> unfounded =
      numbers::unfounded_numbers(answer.text, evidence, words);
  if (unfounded.empty()) return;
  needs_.metrics.count_unfounded(unfounded.size());
  needs_.log.warn("an answer has a number that the tools did not give; it is not shown",
                  {{"number", unfounded.front()},
                   {"intent", answer.intent},
                   {"model", answer.model.empty() ? "built-in" : answer.model}});
  answer.text = is_from_network(turns_.back())
                    ? ""
                    : numbers::founded_sentences(answer.text, evidence, words);
}

std::vector<Evidence> QuestionRun::take_evidence() {
  std::vector<Evidence> out;
  out.reserve(found_.size());
  for (Found& found : found_) {
    Json& result = turns_[found.turn].content;
    Evidence e;
    e.promql = std::move(found.promql);
    e.start = from_seconds(result.value("start", 0.0));
    e.end = from_seconds(result.value("end", 0.0));
    e.step = DurationMs{from_seconds(result.value("step", 0.0)).ms};
    e.range = e.step.ms > 0;
    // Nobody reads the turn any more.
    e.result = {{"resultType", std::move(result["resultType"])},
                {"result", std::move(result["result"])}};
    out.push_back(std::move(e));
  }
  return out;
}

Json QuestionRun::take_frame() {
  Json& content = turns_.back().content;
  if (turns_.back().role != Role::Assistant || !content.is_object()) return {};
  const auto frame = content.find("frame");
  return frame == content.end() ? Json() : std::move(*frame);
}

}  // namespace prom5::agent
