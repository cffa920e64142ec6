#include "ask/llm/intent.h"

#include <algorithm>
#include <array>

namespace prom5::llm {

namespace {

/// Words that ask for a kind of answer wherever they stand. One row a word; the first intent that
/// a question has a word of is taken, in the order of the table.
struct Cue {
  Intent intent;
  std::string_view word;
};

constexpr auto kCues = std::to_array<Cue>({
    {Intent::Silence, "silence"},
    {Intent::Silence, "silenced"},
    {Intent::Silence, "mute"},
    {Intent::Silence, "snooze"},
    {Intent::Silence, "suppress"},
    {Intent::Silence, "hush"},
    {Intent::Silence, "unmute"},
    {Intent::Silence, "quiet"},
    {Intent::Silence, "maintenance"},
    {Intent::Silence, "inhibit"},
    {Intent::Silence, "muted"},
    {Intent::Silence, "silencing"},
    {Intent::Silence, "muting"},
    {Intent::Silence, "shush"},
    {Intent::Correlate, "correlate"},
    {Intent::Correlate, "correlates"},
    {Intent::Correlate, "correlated"},
    {Intent::Correlate, "correlation"},
    {Intent::Correlate, "correlations"},
    {Intent::Correlate, "relationship"},
    {Intent::Correlate, "relation"},
    {Intent::Correlate, "related"},
    {Intent::Correlate, "relate"},
    {Intent::Correlate, "coincide"},
    {Intent::Correlate, "tandem"},
    {Intent::Correlate, "correlating"},
    {Intent::Correlate, "association"},
    {Intent::Correlate, "dependency"},
    {Intent::Correlate, "connected"},
    {Intent::Correlate, "linked"},
    {Intent::Anomaly, "anomaly"},
    {Intent::Anomaly, "anomalies"},
    {Intent::Anomaly, "anomalous"},
    {Intent::Anomaly, "unusual"},
    {Intent::Anomaly, "strange"},
    {Intent::Anomaly, "strangely"},
    {Intent::Anomaly, "weird"},
    {Intent::Anomaly, "odd"},
    {Intent::Anomaly, "oddly"},
    {Intent::Anomaly, "abnormal"},
    {Intent::Anomaly, "abnormally"},
    {Intent::Anomaly, "outlier"},
    {Intent::Anomaly, "outliers"},
    {Intent::Anomaly, "suspicious"},
    {Intent::Anomaly, "normal"},
    {Intent::Anomaly, "normally"},
    {Intent::Anomaly, "unexpected"},
    {Intent::Anomaly, "irregular"},
    {Intent::Anomaly, "irregularities"},
    {Intent::Anomaly, "deviating"},
    {Intent::Anomaly, "fishy"},
    {Intent::Anomaly, "atypical"},
    {Intent::Anomaly, "misbehaving"},
    {Intent::Anomaly, "unusually"},
    {Intent::Anomaly, "anomalously"},
    {Intent::Anomaly, "deviates"},
    {Intent::Anomaly, "weirdly"},
    {Intent::Anomaly, "misbehave"},
    {Intent::Anomaly, "odds"},
    {Intent::Anomaly, "funny"},
    {Intent::Anomaly, "spiking"},
    {Intent::Anomaly, "spiky"},
    {Intent::Explain, "why"},
    {Intent::Explain, "explain"},
    {Intent::Explain, "cause"},
    {Intent::Explain, "causes"},
    {Intent::Explain, "causing"},
    {Intent::Explain, "caused"},
    {Intent::Explain, "reason"},
    {Intent::Explain, "diagnose"},
    {Intent::Explain, "investigate"},
    {Intent::Explain, "troubleshoot"},
    {Intent::Explain, "culprit"},
    {Intent::Explain, "meaning"},
    {Intent::Explain, "describe"},
    {Intent::Explain, "rootcause"},
    {Intent::Explain, "definition"},
    {Intent::Explain, "debug"},
    {Intent::Explain, "responsible"},
    {Intent::Forecast, "predict"},
    {Intent::Forecast, "forecast"},
    {Intent::Forecast, "predicted"},
    {Intent::Forecast, "prediction"},
    {Intent::Forecast, "projected"},
    {Intent::Forecast, "projection"},
    {Intent::Forecast, "forecasted"},
    {Intent::Forecast, "extrapolate"},
    {Intent::Forecast, "predicting"},
    {Intent::Forecast, "project"},
    {Intent::Forecast, "eta"},
    {Intent::Forecast, "expected"},
    {Intent::Forecast, "runway"},
    {Intent::Forecast, "exhausted"},
    {Intent::Forecast, "exhaust"},
    {Intent::Forecast, "exhaustion"},
    {Intent::Compare, "compare"},
    {Intent::Compare, "compared"},
    {Intent::Compare, "versus"},
    {Intent::Compare, "vs"},
    {Intent::Compare, "comparison"},
    {Intent::Compare, "against"},
    {Intent::Compare, "difference"},
    {Intent::Compare, "comparing"},
    {Intent::Compare, "differ"},
    {Intent::Trend, "graph"},
    {Intent::Trend, "plot"},
    {Intent::Trend, "trend"},
    {Intent::Trend, "chart"},
    {Intent::Trend, "trends"},
    {Intent::Trend, "timeline"},
    {Intent::Trend, "history"},
    {Intent::Trend, "evolution"},
    {Intent::Trend, "draw"},
    {Intent::Trend, "trending"},
    {Intent::Trend, "evolved"},
    {Intent::Trend, "visualize"},
    {Intent::Trend, "visualise"},
    {Intent::Trend, "graphed"},
    {Intent::Trend, "curve"},
    {Intent::Trend, "develop"},
    {Intent::Trend, "developed"},
    {Intent::Trend, "development"},
    {Intent::Trend, "evolve"},
    {Intent::Trend, "historical"},
});

/// Words that are of an intent only with others.
constexpr auto kMoreCues = std::to_array<std::string_view>({
    "notify",   "notification", "page",       "warn",       "ping",      "tell",       "alert",
    "alarm",    "alerts",       "create",     "set",        "setup",     "add",        "raise",
    "trigger",  "let",          "know",       "state",      "happen",    "happened",   "happening",
    "wrong",    "behave",       "behaving",   "behaved",    "spot",      "detect",     "detected",
    "move",     "moves",        "follow",     "follows",    "together",  "impact",     "affect",
    "affects",  "effect",       "influence",  "influences", "depend",    "depends",    "go",
    "goes",     "going",        "grow",       "grew",       "grown",     "growth",     "growing",
    "increase", "increased",    "increasing", "decrease",   "decreased", "decreasing", "rise",
    "rose",     "risen",        "rising",     "fall",       "fell",      "fallen",     "falling",
    "change",   "changed",      "changes",    "run",        "till",      "until",      "reach",
    "exceed",   "exceeds",      "exceeded",   "stop",       "pause",     "disable",    "done",
    "look",     "looks",        "stable",     "between",    "climb",     "climbed",    "climbing",
    "jump",     "jumped",       "spike",      "spiked",     "spikes",    "spiking",    "rule",
    "severity", "priority",     "level",      "emergency",  "urgent",    "analyze",    "analyse",
    "analysis", "keep",         "watch",      "same",       "instead",   "also",       "dip",
    "dipped",   "surge",        "surged",     "degraded",   "degrade",   "regress",    "regression",
    "worse",    "better",       "shrink",     "shrunk",     "higher",    "lower",      "more",
    "less",     "fewer",        "out",        "soon",       "happens",   "begin",      "began",
    "started",  "incident",     "outage",     "on-call",    "oncall",    "paging",     "bother",
    "noise",    "noisy",        "planned",    "work",       "deploy",    "deployed",   "release",
    "released", "rollout",      "upgrade",    "patching",   "window",    "become",     "becomes",
    "get",      "gets",         "got",        "turn",       "turns",     "stay",       "stays",
    "last",     "behaviour",    "behavior",   "during",     "while",     "when",       "whenever",
    "if",       "once",         "email",      "mail",       "slack",     "sms",        "someone",
    "team",     "me",           "us",         "please",     "like",      "cross",      "crosses",
    "crossing", "breach",       "breaches",   "pass",       "passes",    "surpass",    "surpasses",
    "sudden",   "suddenly",     "today",      "creeping",   "shrinking", "leaking",    "emptying",
    "piling",   "accumulating", "declining",  "sinking",    "dropping",  "heading",
});

/// Words that send word to somebody or quiet it, and name things where nobody is to be told.
constexpr auto kTelling = std::to_array<std::string_view>(
    {"wake", "ring", "buzz", "nudge", "poke", "shout", "scream", "yell", "holler", "inform",
     "remind", "aware", "hide", "shut", "ack", "acknowledge", "acknowledged"});

constexpr auto all_cues = [] {
  std::array<std::string_view, kCues.size() + kMoreCues.size() + kTelling.size()> out{};
  size_t at = 0;
  for (const Cue& cue : kCues) out[at++] = cue.word;
  for (const std::string_view word : kMoreCues) out[at++] = word;
  for (const std::string_view word : kTelling) out[at++] = word;
  return out;
}();

std::optional<Intent> cue_of(const Reading& r, Intent intent) {
  for (const Cue& cue : kCues) {
    if (cue.intent == intent && r.says(cue.word)) return intent;
  }
  return std::nullopt;
}

/// "stop paging me", "no more alerts": the word for stopping stands before what is to stop. "alert
/// when no orders come in" stops nothing.
bool stops_telling(const Reading& r) {
  constexpr size_t kNear = 4;
  const auto& tokens = r.tokens;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!is_any_of(tokens[i].text, {"stop", "pause", "disable", "no", "ignore", "dont", "not",
                                    "hold", "without", "kill", "turn"})) {
      continue;
    }
    for (size_t k = i + 1; k < std::min(tokens.size(), i + 1 + kNear); ++k) {
      if (is_any_of(tokens[k].text, {"paging", "alerting", "notifying", "alerts", "notifications",
                                     "bothering", "bother", "pages", "alert", "page", "pinging",
                                     "alarms", "warnings", "notify"})) {
        return true;
      }
    }
  }
  return false;
}

/// "the disk alert", "HighErrorRate": alerts are written so, and little else.
bool names_an_alert(const Reading& r) {
  return r.says_any({"alert", "alerts", "alarm", "alarms", "warning", "warnings"}) ||
         std::ranges::any_of(r.tokens, [](const Token& token) {
           const std::string& word = token.written;
           const size_t small = word.find_first_of("abcdefghijklmnopqrstuvwxyz");
           return small == 1 && word.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 2) < word.size();
         });
}

bool wants_silence(const Reading& r) {
  if (r.says_any({"status", "list"}) || r.says_phrase({"which", "silences"})) return false;
  if (cue_of(r, Intent::Silence) && !r.says_phrase({"active", "silences"})) {
    // "the cluster is quiet" says nothing about alerts.
    if (r.says("quiet") && !r.says_any({"alert", "alerts", "keep", "be", "warning", "warnings"})) {
      return false;
    }
    return !r.says("maintenance") ||
           r.says_any({"alert", "alerts", "page", "paging", "silence", "mute", "notifications",
                       "bother", "noise"}) ||
           r.hold || r.ahead || r.window;
  }
  const bool lasts = r.hold || r.ahead;
  const bool quiets = r.says("pause") || r.says_phrase({"shut", "up"}) ||
                      r.says_phrase({"shut", "it", "up"}) || r.says_phrase({"shut", "them", "up"});
  const bool hides =
      r.says_any({"hide", "ack", "acknowledge", "acknowledged"}) && names_an_alert(r);
  if ((quiets || hides) && lasts) return true;
  return stops_telling(r) && (lasts || r.says_any({"until", "till", "stop", "pause"}));
}

/// "what is silenced", "list the silences", "is HighCpu muted?"
bool wants_silences(const Reading& r) {
  return r.says_any({"silences", "silenced", "muted"}) &&
         r.says_any({"which", "what", "list", "show", "have", "exist", "there", "any", "all", "is",
                     "are", "active", "who"});
}

/// "which rules are there for disks", but not "create an alert rule".
bool wants_rules(const Reading& r) {
  return r.says_any({"rules", "rule"}) &&
         r.says_any({"which", "what", "list", "show", "have", "exist", "there", "any", "all"}) &&
         !r.says_any({"create", "make", "write", "propose", "add", "when", "if"});
}

/// Where the condition of "wake me when …" begins; the number of tokens where there is none.
size_t condition_at(const Reading& r) {
  for (size_t i = 0; i < r.tokens.size(); ++i) {
    if (is_any_of(r.tokens[i].text, {"when", "if", "whenever", "once"})) return i;
  }
  return r.tokens.size();
}

/// "wake me", "shout if", "let us know", "drop me a line": somebody is to be told.
bool tells_somebody(const Reading& r) {
  const auto& tokens = r.tokens;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!is_any_of(tokens[i].text,
                   {"tell",   "ping",   "wake",  "message", "email", "mail",   "text", "call",
                    "ring",   "buzz",   "nudge", "poke",    "shout", "scream", "yell", "holler",
                    "inform", "remind", "warn",  "send",    "drop",  "shoot"})) {
      continue;
    }
    const std::string& next = tokens[i + 1].text;
    // "when orders drop if …" tells nobody.
    const bool thrown = is_any_of(tokens[i].text, {"send", "drop", "shoot", "text", "message"});
    if (thrown && !is_any_of(next, {"me", "us", "a", "an", "the"})) continue;
    if (is_any_of(next, {"me", "us", "someone", "somebody", "everyone", "if", "when", "whenever",
                         "once", "up"})) {
      return true;
    }
    // "ping the on-call", "send a message"
    const bool called = is_any_of(tokens[i].text, {"ping", "call", "wake", "text", "email"});
    const bool sent = i + 2 < tokens.size() &&
                      is_any_of(tokens[i + 2].text, {"alert", "alarm", "notification", "message",
                                                     "mail", "email", "page", "ping", "warning"});
    if ((called && next == "the") || sent) return true;
  }
  return r.says_phrase({"let", "me", "know"}) || r.says_phrase({"let", "us", "know"}) ||
         r.says_phrase({"i", "want", "to", "know"}) || r.says_phrase({"heads", "up"});
}

bool wants_alert(const Reading& r) {
  if (asks_for_alerts(r)) return false;
  const bool asks =
      r.says_any({"which", "what", "why", "how", "are", "is", "list", "any", "show"}) &&
      !r.says_any({"when", "if", "notify", "create", "whenever", "once"});
  if (asks && r.says_any({"firing", "alerts", "fire", "active", "pending", "triggered"}))
    return false;
  if (r.says("why") || r.says_any({"cause", "causing", "caused"})) return false;
  const bool names_it =
      pages_somebody(r) || r.says_any({"alert", "alarm", "notify", "notification", "warn",
                                       "alerting", "alarms", "alerted", "notified"});
  const bool condition = r.says_any({"when", "if", "whenever", "once", "should", "as", "case"}) ||
                         !r.thresholds.empty();
  if (names_it && (condition || !asks)) return true;
  const size_t when = condition_at(r);
  if (when == r.tokens.size()) return false;
  // "warning when any host …", "create a rule that fires when …"
  const bool heads = when == 1 && is_any_of(r.tokens[0].text, {"warning", "info", "critical"});
  const bool rule = r.says("rule") && r.says_any({"create", "make", "write", "add", "define",
                                                  "need", "want", "propose"});
  return heads || rule || tells_somebody(r);
}

bool wants_explanation(const Reading& r) {
  if (cue_of(r, Intent::Explain)) {
    return !r.says("describe") || r.says_any({"metric", "query", "what", "alert"}) ||
           !r.expression.empty() || r.tokens.size() <= 3;
  }
  const bool what_does = r.says("what") && r.says_any({"mean", "measure", "measures", "means",
                                                       "represent", "represents", "tell"});
  if (!r.expression.empty() && r.says("what") &&
      r.says_any({"does", "compute", "computes", "do"})) {
    return true;
  }
  return what_does || r.says_phrase({"what", "happened"}) || r.says_phrase({"going", "wrong"}) ||
         r.says_phrase({"went", "wrong"}) || r.says_phrase({"how", "come"}) ||
         r.says_phrase({"to", "blame"}) || r.says_phrase({"due", "to"}) ||
         r.says_phrase({"what", "made"}) || r.says_phrase({"what", "broke"}) ||
         r.says_phrase({"behind", "the"}) || r.says_phrase({"what", "drives"});
}

/// "if this goes on", and with a time ahead "at the current pace".
bool goes_on_like_this(const Reading& r) {
  const bool pace = r.says_phrase({"this", "pace"}) || r.says_phrase({"current", "pace"}) ||
                    r.says_phrase({"at", "this", "rate"}) ||
                    r.says_phrase({"at", "the", "current", "rate"}) ||
                    r.says_phrase({"at", "current", "rate"});
  const bool on = r.says_phrase({"goes", "on", "like"}) || r.says_phrase({"if", "this", "goes"}) ||
                  r.says_phrase({"if", "it", "continues"}) || r.says_phrase({"continues", "like"});
  return on || (pace && r.ahead);
}

bool wants_forecast(const Reading& r) {
  if (cue_of(r, Intent::Forecast)) return true;
  const bool future =
      r.says_any({"will", "gonna", "going", "until", "till", "before"}) || r.ahead.has_value();
  const bool ends = r.says_any({"full",    "fill",   "fills", "exhausted", "out",     "reach",
                                "reaches", "hit",    "hits",  "exceed",    "run",     "runs",
                                "empty",   "grow",   "be",    "end",       "need",    "saturate",
                                "exceeds", "become", "look",  "last",      "filling", "limit"});
  if (r.says("will") && (ends || r.ahead)) return true;
  if (r.says_phrase({"when", "will"})) return true;
  if (r.says("when") && r.says_any({"full", "exhausted", "empty"})) return true;
  if (r.says_phrase({"how", "much", "time"}) && future) return true;
  if (r.says_phrase({"going", "to"}) && ends && (r.ahead || r.says("when"))) return true;
  if (r.says_phrase({"how", "long"}) && future && ends) return true;
  if (r.says_phrase({"how", "soon"}) || r.says_phrase({"run", "out"}) ||
      r.says_phrase({"running", "out"}) || r.says_phrase({"runs", "out"})) {
    return true;
  }
  if (!r.ahead) return goes_on_like_this(r);
  // "one hour from now"; what expires within a month is a list.
  const bool then = r.says_phrase({"from", "now"}) || goes_on_like_this(r);
  const bool expires = r.says_any({"expire", "expires", "expiring", "expiry", "expiration", "due"});
  return (then && !expires) || (r.says_any({"in", "within", "by", "next"}) && ends);
}

bool wants_correlation(const Reading& r) {
  if (cue_of(r, Intent::Correlate)) {
    if (r.says("connected") || r.says("linked") || r.says("related")) {
      return r.says_any({"to", "with", "between"}) && !r.says_any({"clients", "many", "currently"});
    }
    return true;
  }
  if (r.says("moved") && r.says_any({"metrics", "what", "else", "which"})) return true;
  if (r.says_any({"link", "links", "connection", "tie"}) && r.says("between") && r.says("and")) {
    return true;
  }
  if (r.says_phrase({"what", "else"})) return true;
  if (r.says_any({"move", "moves", "moving", "goes", "go", "rise", "rises", "track", "tracks",
                  "hand", "follow", "follows"}) &&
      r.says_any({"with", "together", "hand", "along", "follow", "follows", "track", "tracks"})) {
    return r.says_any({"does", "do", "together", "hand", "whether", "and"});
  }
  if (r.says_any({"affect", "affects", "impact", "impacts", "influence", "influences", "effect"})) {
    return true;
  }
  if (r.says_phrase({"at", "the", "same", "time", "as"}) || r.says_phrase({"depend", "on"}) ||
      r.says_phrase({"depends", "on"}) || r.says_phrase({"in", "step"})) {
    return true;
  }
  // "did orders drop when payment got slow": two changes in one sentence.
  const bool changes = r.says_any({"drop", "fall", "rise", "increase", "decrease", "grow", "go",
                                   "climb", "spike", "dip", "suffer", "change", "jump"});
  return r.says_any({"did", "does", "do"}) && changes &&
         r.says_any({"when", "while", "as", "because", "whenever"});
}

bool wants_comparison(const Reading& r) {
  if (r.shift) return true;
  if (cue_of(r, Intent::Compare)) return true;
  const bool changed =
      r.says_any({"grow",      "grown",  "grew",    "increase", "increased", "rise",   "risen",
                  "rose",      "drop",   "dropped", "fall",     "fallen",    "fell",   "decrease",
                  "decreased", "change", "changed", "climb",    "climbed",   "shrink", "shrunk",
                  "jump",      "jumped", "went",    "gone"});
  const bool asks = r.says_any({"did", "has", "have", "how", "is"});
  if (r.says_any({"growth", "change"}) && (r.window || r.range)) return true;
  return changed && asks && (r.window || r.range || r.point || r.says("since"));
}

bool wants_status(const Reading& r) {
  if (asks_how_things_are(r)) return true;
  const bool codes = r.says_phrase({"status", "code"}) || r.says_phrase({"status", "codes"});
  const bool asks = !r.tokens.empty() && is_any_of(r.tokens[0].text, {"is", "are"});
  if (asks && r.says_any({"responding", "responsive", "answering", "available"})) return true;
  if (r.says_any({"health", "healthy", "state", "alive", "ok", "okay", "reachable"}) ||
      (r.says("status") && !codes)) {
    return true;
  }
  const bool splits = r.says_any({"break", "drill"}) || r.says_phrase({"broken", "down"});
  if (splits && r.says("down")) return false;
  const bool bad = r.says_any({"down", "offline", "dead", "broken", "unhealthy", "unreachable",
                               "failing", "problems", "issues", "wrong"});
  if (r.says("how") && r.says("doing")) return true;
  return bad || (r.says("up") && r.says_any({"is", "are", "all", "everything", "still"})) ||
         r.says_phrase({"firing"}) || r.says_phrase({"can", "we"});
}

bool changes_something(const Reading& r) {
  static constexpr std::array kVerbs = {
      "delete",   "remove", "restart", "reboot",    "kill",      "drop",      "shutdown",  "wipe",
      "purge",    "erase",  "scale",   "deploy",    "truncate",  "uninstall", "terminate", "evict",
      "rollback", "reset",  "format",  "overwrite", "destroy",   "stop",      "disable",   "cordon",
      "drain",    "patch",  "upgrade", "redeploy",  "provision", "fix",       "change",    "update",
      "install",  "resize", "clear",   "flush",     "run",       "execute",   "ban",       "block",
      "turn",     "write",  "set",     "switch",    "move",      "edit",      "rename",    "buy",
      "order",    "grant",  "revoke",  "shut"};
  // Only as an order: at the beginning, or after what one begins an order with.
  size_t i = 0;
  while (i < r.tokens.size() &&
         (r.tokens[i].text == "please" || r.tokens[i].text == "can" || r.tokens[i].text == "you" ||
          r.tokens[i].text == "could" || r.tokens[i].text == "just" || r.tokens[i].text == "now" ||
          r.tokens[i].text == "hey" || r.tokens[i].text == "prometheus" ||
          r.tokens[i].text == "go" || r.tokens[i].text == "ahead" || r.tokens[i].text == "and" ||
          r.tokens[i].text == "i" || r.tokens[i].text == "want" || r.tokens[i].text == "to" ||
          r.tokens[i].text == "would" || r.tokens[i].text == "ok" || r.tokens[i].text == "then")) {
    ++i;
  }
  if (i >= r.tokens.size()) return false;
  if (std::ranges::find(r.values, i, &SpokenValue::at) != r.values.end()) return false;
  const std::string& verb = r.tokens[i].text;
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end()) return false;
  const std::string next = i + 1 < r.tokens.size() ? r.tokens[i + 1].text : "";
  // "order the hosts by load"
  if (verb == "order" && r.says("by") && is_any_of(next, {"the", "all", "our", "my", "by"})) {
    return false;
  }
  if (verb == "set") return next != "up" && !r.says_any({"alert", "alarm", "threshold", "limit"});
  if (verb == "change") return next != "of" && next != "in";
  if (verb == "drop" || verb == "write" || verb == "block" || verb == "order" || verb == "evict" ||
      verb == "rollback" || verb == "move" || verb == "restart" || verb == "run" ||
      verb == "switch" || verb == "reboot" || verb == "reset" || verb == "update" ||
      verb == "format") {
    // "restart count", "write throughput", "order rate" are things.
    return next == "the" || next == "all" || next == "our" || next == "a" || next == "every" ||
           next == "my" || next == "that" || next == "this" || next == "it" ||
           next == "everything" || next.find('-') != std::string::npos ||
           (verb == "restart" && r.tokens.size() == i + 2) || next == "me";
  }
  return true;
}

bool attacks(const Reading& r) {
  const bool asks = r.says_any({"give", "tell", "show", "dump", "leak", "send", "expose"});
  const bool order = r.says_any({"ignore", "disregard", "forget", "override", "bypass", "reveal",
                                 "pretend", "print", "repeat", "act", "output"});
  const bool secret =
      r.says_any({"password", "passwords", "credentials", "secret", "secrets", "jailbreak"}) ||
      r.says_phrase({"api", "key"}) || r.says_phrase({"system", "prompt"});
  // "how many secrets are there" is a question like others.
  const bool counts = r.says_any({"many", "number", "count", "rate"});
  if ((asks || order) && secret && !counts) return true;
  return order && r.says_any({"instructions", "prompt", "rules", "guidelines", "token"});
}

bool goes_on(const Reading& r) {
  if (r.tokens.empty()) return false;
  const std::string& first = r.tokens[0].text;
  const std::string second = r.tokens.size() > 1 ? r.tokens[1].text : "";
  // "the request rate of checkout", "in production show the error rate" are whole questions.
  constexpr size_t kShort = 6;
  const bool part = is_any_of(first, {"the", "in", "for", "on", "as", "no", "by"});
  if (part && r.tokens.size() > kShort && !r.says("instead")) return false;
  const bool of_thing = first == "the" && (r.says("of") || r.says("for"));
  if (of_thing && !r.says_any({"same", "one", "ones"})) return false;
  if (first == "and" || first == "now" || first == "only" || first == "also" || first == "but" ||
      first == "just" || first == "instead" || first == "same" || first == "or" ||
      first == "then" || first == "again" || first == "without" || first == "excluding" ||
      first == "except" || first == "zoom" || first == "in" || first == "for" || first == "make" ||
      first == "per" || first == "by" || first == "on" || first == "as" || first == "no" ||
      first == "ok" || first == "okay" || first == "group" || first == "limit" || first == "sort") {
    return true;
  }
  return (first == "what" && (second == "about" || second == "if")) ||
         (first == "how" && second == "about") || (first == "break" && r.tokens.size() > 2) ||
         (first == "split") || (first == "the") || (first == "switch") || (first == "change") ||
         r.says_phrase({"do", "the", "same"}) || r.says_phrase({"the", "same"}) ||
         r.says("instead") || r.says_phrase({"break", "it", "down"}) ||
         r.says_phrase({"break", "that", "down"}) || r.says_phrase({"break", "them", "down"});
}

}  // namespace

bool pages_somebody(const Reading& r) {
  if (r.says_any({"paged", "paging", "pager"})) return true;
  for (size_t i = 0; i + 1 < r.tokens.size(); ++i) {
    if (r.tokens[i].text == "page" &&
        is_any_of(r.tokens[i + 1].text,
                  {"me", "us", "someone", "somebody", "everyone", "the", "on-call", "oncall", "ops",
                   "team", "whoever", "when", "if", "whenever", "once", "on"})) {
      return true;
    }
  }
  return false;
}

namespace {

bool says_all(std::string_view word) {
  return is_any_of(word, {"all", "everything", "things", "anything", "something", "we", "any"});
}

bool says_well(std::string_view word) {
  return is_any_of(word, {"good", "fine", "ok", "okay", "well", "green", "alright", "healthy",
                          "happy", "calm", "worry", "worried", "worrying", "concerned", "attention",
                          "problems", "problem", "trouble", "wrong"});
}

}  // namespace

bool says_how_things_are(std::string_view word) { return says_all(word) || says_well(word); }

bool asks_only_how_things_are(const Reading& r) {
  return asks_how_things_are(r) && !r.refers && r.things.empty() && r.thresholds.empty() &&
         std::ranges::all_of(r.content, [&](const ContentWord& word) {
           return says_how_things_are(r.tokens[word.at].text);
         });
}

bool asks_for_alerts(const Reading& r) {
  const auto names = [](const Token& token) {
    return is_any_of(token.text, {"alert", "alerts", "alarm", "alarms"});
  };
  // "alert me" is an order.
  const bool order = r.says("me") && !r.says_any({"show", "list", "tell", "give"});
  return !order && std::ranges::any_of(r.tokens, names) &&
         std::ranges::all_of(r.tokens, [&](const Token& token) {
           return names(token) ||
                  is_any_of(token.text,
                            {"any",    "all",  "the",   "are",       "is",     "there", "which",
                             "what",   "list", "show",  "me",        "my",     "our",   "of",
                             "active", "open", "fire",  "firing",    "fires",  "now",   "and",
                             "do",     "we",   "have",  "currently", "please", "see",   "also",
                             "tell",   "give", "about", "current",   "right",  "how",   "ok"});
         });
}

/// "all good?", "how are things?", "anything I should worry about?"
bool asks_how_things_are(const Reading& r) {
  const auto says = [&](bool (*which)(std::string_view)) {
    return std::ranges::any_of(r.tokens, [&](const Token& token) { return which(token.text); });
  };
  const bool all = says(says_all);
  const bool well = says(says_well) || r.says_phrase({"all", "right"});
  // "how is it going" may be of anything, and is asked back.
  const bool how = r.says("how") && !r.says("going") &&
                   (r.says_any({"things", "everything"}) || r.says_phrase({"we", "doing"}));
  const bool tells = r.says_phrase({"should", "know"}) ||
                     (r.tokens.size() <= 4 && r.says_phrase({"what", "is", "going", "on"}));
  // "give me an overview"
  const bool whole =
      r.tokens.size() <= 4 && r.says_any({"overview", "summary", "sitrep", "rundown", "roundup"});
  const bool many = r.says_any({"many", "much", "long", "often", "high", "fast", "slow"});
  const bool named = !r.mentions.empty() || !r.numbers.empty() || r.tokens.size() > 8;
  return !named && !many && ((all && well) || how || whole || tells);
}

/// "since when", "when did", "how long has": it is asked when something began.
bool asks_since_when(const Reading& r) {
  return r.says_phrase({"since", "when"}) || r.says_phrase({"when", "did"}) ||
         r.says_phrase({"when", "was"}) || r.says_phrase({"when", "were"}) ||
         r.says_phrase({"when", "has"}) || r.says_phrase({"last", "time"}) ||
         r.says_phrase({"how", "long", "has"}) || r.says_phrase({"how", "long", "have"}) ||
         r.says_phrase({"how", "long", "is"}) || r.says_phrase({"how", "long", "are"}) ||
         r.says_phrase({"how", "long", "was"}) || r.says_phrase({"how", "long", "were"}) ||
         r.says_phrase({"for", "how", "long"}) || r.says_phrase({"from", "when"}) ||
         r.says_phrase({"how", "often"}) || r.says_phrase({"how", "many", "times"});
}

bool asks_for_crossing(const Reading& r) {
  if (r.thresholds.empty()) return false;
  if (r.says_any({"will", "until", "till", "alert", "notify", "warn", "tell"})) return false;
  if (r.says_phrase({"how", "many"}) && !r.says("times")) return false;
  // "was cpu above 90 % in the last hour", "did the load exceed 3 today"
  const bool past = !r.tokens.empty() &&
                    is_any_of(r.tokens[0].text, {"did", "was", "were", "has", "have"}) &&
                    !r.shift && !r.range && !r.point && !r.says("than");
  return past || asks_since_when(r);
}

bool asks_for_up_onset(const Reading& r) {
  const bool up = r.says_any({"up", "online", "alive", "reachable", "running", "back"});
  const bool when = r.says_phrase({"since", "when"}) || r.says_phrase({"when", "did"});
  return up && when && r.thresholds.empty() &&
         !r.says_any({"go", "went", "goes", "down", "shoot", "shot", "jump", "spike"});
}

/// "since when", "when did it start", "how long has app-03 been down".
bool asks_for_onset(const Reading& r) {
  if (asks_for_crossing(r)) return true;
  if (r.says_any({"up", "running", "uptime", "old", "takes", "take"})) return false;
  const bool begins = r.says_any({"start", "started", "begin", "began", "go", "went", "fire",
                                  "fires", "fired", "stop", "stopped", "break", "die", "died"});
  return r.says_phrase({"since", "when"}) || (r.says_phrase({"when", "did"}) && begins) ||
         r.says_phrase({"how", "long", "has"}) || r.says_phrase({"how", "long", "have"}) ||
         (r.says_phrase({"how", "long", "is"}) && r.says_any({"firing", "down", "offline"}));
}

bool asks_for_state_onset(const Reading& r) {
  return asks_for_onset(r) && r.says_any({"firing", "fire", "fires", "fired", "down", "offline",
                                          "dead", "unreachable", "unavailable"});
}

bool says_movement(std::string_view word) {
  return is_any_of(word,
                   {"growing",  "increasing", "decreasing", "rising",       "falling",   "climbing",
                    "dropping", "shrinking",  "leaking",    "fuller",       "filling",   "emptier",
                    "emptying", "creeping",   "piling",     "accumulating", "declining", "sinking",
                    "trending", "leak",       "leaks",      "stable",       "steady",    "constant",
                    "steadily", "slowly",     "constantly", "continuously"});
}

namespace {

/// "is it growing", "are errors going up": a movement that is asked about, not how much there was.
bool asks_whether_it_moves(const Reading& r) {
  if (r.tokens.empty() || r.ahead || r.shift || !r.thresholds.empty() || r.superlative)
    return false;
  // "is", "are": a whole question, which a word may open: "so is …", "tell me whether it is …".
  const bool asks = r.says_any(
      {"is", "are", "getting", "whether", "keeps", "keep", "does", "do", "still", "has", "have"});
  const bool moves =
      std::ranges::any_of(r.tokens, [](const Token& token) { return says_movement(token.text); });
  const bool goes = r.says_phrase({"going", "up"}) || r.says_phrase({"going", "down"}) ||
                    r.says_phrase({"up", "or", "down"}) || r.says_phrase({"trending", "up"}) ||
                    r.says_phrase({"trending", "down"}) || r.says_phrase({"eating", "up"}) ||
                    r.says_phrase({"coming", "down"}) || r.says_phrase({"heading", "up"}) ||
                    r.says_phrase({"heading", "down"});
  const bool gets = r.says("getting") &&
                    r.says_any({"full", "higher", "lower", "bigger", "smaller", "larger", "slower",
                                "faster", "hotter", "cooler", "busier", "more", "less", "fewer"});
  const bool how_fast = r.says_phrase({"how", "fast"}) || r.says_phrase({"how", "quickly"}) ||
                        r.says_phrase({"how", "much"}) || r.says_phrase({"how", "slowly"});
  const bool which =
      r.says_any({"which", "what", "why", "alert", "normal", "unusual", "who", "when"}) ||
      (r.says("how") && !how_fast);
  constexpr size_t kShort = 4;  // "cpu going up?"
  return (asks || how_fast || r.tokens.size() <= kShort) && !which && (moves || goes || gets);
}

}  // namespace

bool asks_for_direction(const Reading& r) {
  if (asks_whether_it_moves(r)) return true;
  if (r.says_any({"worsening", "improving", "deteriorating", "recovering"})) return true;
  if (r.says_any({"worse", "better"})) {
    return r.says_any(
        {"getting", "become", "becoming", "got", "gets", "get", "is", "are", "going"});
  }
  return r.refers && r.says_any({"rising", "falling", "increasing", "decreasing", "growing"});
}

bool is_telling(std::string_view word) {
  return std::ranges::find(kTelling, word) != kTelling.end();
}

bool serves_intent(const Reading& r, size_t at) {
  const std::string& word = r.tokens[at].text;
  if (r.intent == Intent::Alert) {
    return at < condition_at(r) &&
           (is_telling(word) || is_any_of(word, {"send", "drop", "shoot", "message", "fires",
                                                 "line", "text", "write", "up", "call"}));
  }
  if (r.intent == Intent::Silence) return is_telling(word);
  if (r.intent == Intent::Correlate && at + 1 < r.tokens.size()) {
    return r.tokens[at + 1].text == "between" &&
           is_any_of(word, {"link", "links", "connection", "tie"});
  }
  return r.intent == Intent::Status && is_any_of(word, {"responding", "responsive", "answering"});
}

void find_intent(Reading& r) {
  r.unsafe = attacks(r);
  // Metrics do not know people.
  r.small_talk = !r.tokens.empty() && r.tokens[0].text == "who" && !r.superlative;
  r.follow_up = goes_on(r);
  r.refers = r.says_any({"it", "that", "them", "those", "they", "this", "its", "their", "these"});
  const auto set = [&](Intent intent) {
    if (r.forced) return;
    r.intent = intent;
    r.intent_said = true;
  };
  if (asks_for_state_onset(r) || asks_for_crossing(r) || asks_for_up_onset(r)) {
    return set(Intent::Anomaly);
  }
  if (wants_silences(r) && !changes_something(r)) return set(Intent::List);
  if (wants_silence(r)) return set(Intent::Silence);
  if (wants_rules(r) && !changes_something(r)) return set(Intent::List);
  if (wants_alert(r)) return set(Intent::Alert);
  if (r.expression.empty()) r.unsafe = r.unsafe || changes_something(r);
  if (wants_correlation(r)) return set(Intent::Correlate);
  const bool wrong = r.says("differently") || r.says_phrase({"from", "the", "rest"}) ||
                     r.says_phrase({"stand", "out"}) || r.says_phrase({"stands", "out"}) ||
                     r.says_phrase({"wrong", "with"}) || r.says_phrase({"what", "changed"}) ||
                     r.says_phrase({"going", "on", "with"}) ||
                     (r.says_phrase({"than", "usual"}) && !r.says("why"));
  if (asks_for_onset(r) || cue_of(r, Intent::Anomaly) ||
      r.says_phrase({"out", "of", "the", "ordinary"}) || wrong) {
    return set(Intent::Anomaly);
  }
  if (wants_explanation(r)) return set(Intent::Explain);
  if (asks_whether_it_moves(r)) return set(Intent::Trend);
  if (wants_forecast(r)) return set(Intent::Forecast);
  if (r.says("metrics") && r.says_any({"which", "what", "list", "have", "available", "about"}) &&
      r.thresholds.empty()) {
    return set(Intent::List);
  }
  if (r.superlative) return set(Intent::Top);
  if (wants_comparison(r)) return set(Intent::Compare);
  const bool direction = asks_for_direction(r) && !r.says_any({"than", "since"});
  if (direction || cue_of(r, Intent::Trend) || r.says_phrase({"over", "time"}))
    return set(Intent::Trend);
  if (wants_status(r) || asks_for_alerts(r)) return set(Intent::Status);
}

bool is_cue(std::string_view word, Intent intent) {
  for (const Cue& cue : kCues) {
    // "project", "root" and "history" are things elsewhere.
    if (cue.word == word && (cue.intent == intent || intent != Intent::Query)) return true;
  }
  if (intent == Intent::Query || intent == Intent::Top || intent == Intent::Trend ||
      intent == Intent::Status) {
    return word == "higher" || word == "lower" || word == "today" || word == "going" ||
           word == "wrong" || word == "same" || word == "become" || word == "worse" ||
           word == "better" || word == "worsening" || word == "improving" ||
           word == "deteriorating" || word == "recovering";
  }
  if (intent == Intent::Compare || intent == Intent::Correlate || intent == Intent::Explain) {
    if (word == "drop" || word == "dropped" || word == "drops") return true;
  }
  if (intent == Intent::Anomaly &&
      (word == "long" || word == "start" || word == "started" || word == "begin" ||
       word == "began" || word == "high" || word == "higher" || word == "lower")) {
    return true;
  }
  if (intent == Intent::Alert && (word == "rule" || word == "rules")) return true;
  if (intent == Intent::Forecast || intent == Intent::Alert) {
    if (word == "hit" || word == "hits" || word == "runs") return true;
  }
  return std::find(kMoreCues.begin(), kMoreCues.end(), word) != kMoreCues.end();
}

bool asks_by_itself(std::string_view word) {
  return std::ranges::find(kCues, word, &Cue::word) != kCues.end();
}

std::span<const std::string_view> cues() { return all_cues; }

}  // namespace prom5::llm
