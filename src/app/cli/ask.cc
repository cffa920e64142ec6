#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "app/cli/ask_proposal.h"
#include "app/cli/client.h"
#include "app/cli/command.h"
#include "app/cli/print_result.h"
#include "app/cli/terminal.h"
#include "ask/texts/languages.h"
#include "base/ascii.h"
#include "base/clock.h"

namespace prom5::cli {

namespace {

constexpr std::array kFlags = std::to_array<Flag>({
    {"url", FlagKind::Text, "http://127.0.0.1:9090", "The server to ask."},
    {"json", FlagKind::Switch, "false", "Print answers as JSON, a line each."},
    {"session", FlagKind::Text, "", "Go on in a conversation."},
    {"time", FlagKind::Text, "",
     "What \"now\" means: Unix seconds, RFC 3339, a date, or -5m; now when not given."},
});

constexpr size_t kChartHeight = 8;
constexpr size_t kMaxCharts = 4;
constexpr size_t kMaxQueries = 10;

constexpr std::string_view kDetails =
    "A line of a conversation is a question, or\n"
    "  NUMBER              asks what is suggested under it\n"
    "  :good               the last answer was right\n"
    "  :bad [CORRECTION]   it was not, and what would have been\n"
    "  :help               shows this\n"
    "  :quit               ends it, as Ctrl-D does\n"
    "\n"
    "With \"-\" the lines of standard input are a conversation; without a question one is held at "
    "a\n"
    "terminal.\n"
    "\n"
    "Questions are understood in English. Answers come in the language that LC_ALL, LC_MESSAGES "
    "or\n"
    "LANG name, where the server has it, else in English.\n"
    "\n"
    "Exit status: 0 when all was answered, 1 when something was refused or asked back, or the "
    "server\n"
    "could not be asked, 2 for wrong use. A conversation at a terminal ends with 0.\n";

/// What a line may be, in a language.
void print_help(const texts::TextCatalogue& words) {
  fmt::print("{}\n", words.say("command.line"));
  const std::pair<std::string_view, std::string> rows[] = {
      {"NUMBER", words.say("command.number")},
      {":good", words.say("command.good")},
      {":bad [CORRECTION]", words.say("command.bad")},
      {":help", words.say("command.help")},
      {":quit", words.say("command.quit")}};
  for (const auto& [command, meaning] : rows) fmt::print("  {:<18}  {}\n", command, meaning);
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : "";
}

/// The texts of a list; empty where there is none.
std::vector<std::string> texts_of(const Json& object, const char* name) {
  std::vector<std::string> out;
  for (const Json& text : object.value(name, Json::array())) {
    if (text.is_string()) out.push_back(text.get<std::string>());
  }
  return out;
}

bool is_answered(const Json& answer) {
  return !answer.contains("clarification") && !answer.contains("error");
}

/// Line by line, as nothing else may reach the terminal as it came.
void print_words(const std::string& text) {
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    fmt::print("{}\n", printable(std::string_view(text).substr(start, end - start)));
    start = end + 1;
  }
}

void print_evidence(const Json& answer) {
  size_t drawn = 0;
  for (const Json& evidence : answer.value("evidence", Json::array())) {
    const Json result = evidence.value("result", Json::object());
    const Json series = result.value("result", Json::array());
    const double step = evidence.value("step", 0.0);
    if (text_of(evidence, "mode") != "range" || text_of(result, "resultType") != "matrix" ||
        series.empty() || step <= 0) {
      continue;
    }
    if (drawn++ == kMaxCharts) return;
    fmt::print("\n");
    print_chart(series, {evidence.value("start", 0.0), evidence.value("end", 0.0), step},
                kChartHeight);
  }
}

/// The queries of an answer, each once, but for those that stand in the rule of a proposal.
std::vector<std::string> queries_of(const Json& answer) {
  std::vector<std::string> out;
  const Json proposals = answer.value("actions_proposed", Json::array());
  const auto add = [&](const std::string& promql) {
    const bool is_rule = std::ranges::any_of(
        proposals, [&](const Json& proposal) { return text_of(proposal, "expr") == promql; });
    if (!promql.empty() && !is_rule && std::ranges::find(out, promql) == out.end()) {
      out.push_back(promql);
    }
  };
  add(text_of(answer, "promql"));
  for (const Json& evidence : answer.value("evidence", Json::array())) {
    add(text_of(evidence, "promql"));
  }
  return out;
}

void print_answer(const Json& answer, const std::string& question) {
  print_words(text_of(answer, "reply"));
  const std::vector<std::string> queries = queries_of(answer);
  if (!queries.empty()) fmt::print("\n");
  for (size_t i = 0; i < queries.size() && i < kMaxQueries; ++i) {
    fmt::print("  {}\n", printable(queries[i]));
  }
  if (queries.size() > kMaxQueries) {
    fmt::print("  and {} more; --json has them\n", queries.size() - kMaxQueries);
  }
  for (const Json& proposal : answer.value("actions_proposed", Json::array())) {
    const std::string text = proposal_text(proposal, question);
    if (!text.empty()) fmt::print("\n");
    print_words(text);
  }
  print_evidence(answer);
}

/// The language of messages in this environment, by POSIX' order of its variables.
std::string own_language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* locale = std::getenv(name);
    if (locale != nullptr && *locale != '\0') return texts::tag_of_locale(locale);
  }
  return texts::tag_of_locale("C");
}

/// A conversation with a server.
class Conversation {
 public:
  explicit Conversation(const Flags& flags)
      : server_(flags.text("url")), session_(flags.text("session")), json_(flags.on("json")) {}

  /// All is asked as at this time.
  void ask_at(TimeMs time) { time_ = time; }

  /// Asks and prints. False for what was not answered.
  bool ask(const std::string& question) {
    Json body{{"message", question}};
    if (!session_.empty()) body["session_id"] = session_;
    if (time_) body["time"] = time_->as_seconds();
    const auto answer = post_json(server_, "/api/v5/agent/text", body, language_);
    if (!answer) {
      complain_of(answer.error(), server_);
      return false;
    }
    session_ = text_of(*answer, "session_id");
    suggestions_ = texts_of(*answer, "suggestions");
    if (json_) {
      fmt::print("{}\n", codec::dump_json(*answer));
    } else {
      print_answer(*answer, question);
      print_suggestions();
    }
    return is_answered(*answer);
  }

  /// One line of what a person typed. False for what was not answered.
  bool take(const std::string& line) {
    if (line == ":help") {
      print_help(words_);
      return true;
    }
    if (line == ":good") return judge("up", "");
    if (line == ":bad" || line.starts_with(":bad ")) {
      return judge("down", line.size() > 5 ? line.substr(5) : "");
    }
    if (line.starts_with(':')) {
      complain("there is no " + line + "; :help lists what there is", kWrongUse);
      return false;
    }
    size_t number = 0;
    const char* end = line.data() + line.size();
    const auto [read, error] = std::from_chars(line.data(), end, number);
    const bool chooses = error == std::errc() && read == end && !suggestions_.empty();
    if (!chooses) return ask(line);
    if (number < 1 || number > suggestions_.size()) {
      if (json_) return ask(line);
      fmt::print("{}\n", words_.say("command.not_offered", {{"number", std::to_string(number)},
                                                            {"count", suggestions_.size()}}));
      print_suggestions();
      return false;
    }
    const std::string question = suggestions_[number - 1];
    if (!json_) fmt::print("{}\n\n", printable(question));
    return ask(question);
  }

  [[nodiscard]] bool prints_json() const { return json_; }
  [[nodiscard]] const texts::TextCatalogue& words() const { return words_; }

 private:
  void print_suggestions() const {
    if (suggestions_.empty()) return;
    fmt::print("\n");
    for (size_t i = 0; i < suggestions_.size(); ++i) {
      fmt::print("  {}. {}\n", i + 1, printable(suggestions_[i]));
    }
  }

  bool judge(const char* verdict, const std::string& correction) {
    if (session_.empty()) {
      complain("there is no answer yet", kFailure);
      return false;
    }
    Json body{{"session_id", session_}, {"verdict", verdict}};
    if (!correction.empty()) body["correction"] = correction;
    const auto done = post_json(server_, "/api/v5/agent/feedback", body);
    if (!done) {
      complain_of(done.error(), server_);
      return false;
    }
    if (!json_) fmt::print("{}\n", words_.say("command.noted"));
    return true;
  }

  const std::string server_;
  std::string session_;
  const bool json_;
  std::optional<TimeMs> time_;
  const std::string language_ = own_language();
  const texts::TextCatalogue& words_ = texts::Languages::shipped().choose(language_);
  std::vector<std::string> suggestions_;
};

/// Lines of standard input until its end. False when one of them was not answered.
bool converse(Conversation& conversation, bool at_terminal) {
  bool all = true;
  bool first = true;
  const auto prompt = [&] {
    if (!at_terminal) return;
    fmt::print("{}> ", first ? "" : "\n");
    std::fflush(stdout);
  };
  prompt();
  for (std::string line; std::getline(std::cin, line); prompt()) {
    const std::string text(trimmed(line));
    if (text.empty()) continue;
    if (text == ":quit" || text == ":q") return all;
    // At a prompt they end what holds it; of lines that are read they are said to the assistant.
    if (at_terminal && (text == "exit" || text == "quit")) return all;
    if (!first && !conversation.prints_json() && !at_terminal) fmt::print("\n");
    first = false;
    all = conversation.take(text) && all;
    std::fflush(stdout);
  }
  if (at_terminal) fmt::print("\n");
  return all;
}

}  // namespace

const std::span<const Flag> kAskFlags = kFlags;

const std::string_view kAskDetails = kDetails;

int run_ask(const Flags& flags) {
  std::string question;
  for (const std::string& word : flags.arguments()) {
    question += (question.empty() ? "" : " ") + word;
  }
  Conversation conversation(flags);
  if (!flags.text("time").empty()) {
    const auto time = parse_when(flags.text("time"), SystemClock().now());
    if (!time) return complain("--time: " + time.error().message, kWrongUse);
    conversation.ask_at(*time);
  }
  if (question == "-") return converse(conversation, false) ? kGood : kFailure;
  if (!question.empty()) return conversation.ask(question) ? kGood : kFailure;
  if (::isatty(STDIN_FILENO) == 0) {
    return complain("ask needs a QUESTION; \"-\" reads them from standard input", kWrongUse);
  }
  print_help(conversation.words());
  converse(conversation, true);
  return kGood;
}

}  // namespace prom5::cli
