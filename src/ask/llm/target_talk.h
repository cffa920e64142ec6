#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ask/catalogue/catalogue.h"
#include "ask/llm/reading.h"
#include "io/codec/json.h"

namespace prom5::llm {

/// What is asked of what is scraped, in a question that says nothing else.
enum class TargetAsk : uint8_t {
  State,         ///< "is the shop down?", "was it up at 14:00"
  Availability,  ///< "availability of the shop"
  Outages,       ///< "how long was it down", "how many outages had it", "was it down today"
  Since,         ///< "since when is it down"
  Why,           ///< "why is the shop down"
  Restarts,      ///< "did the shop restart"
};

struct TargetTalk {
  TargetAsk ask = TargetAsk::State;
  std::vector<catalogue::Mention> named;  ///< jobs, services, instances; each has a series of `up`
  bool unread = false;                    ///< a name that the reading itself took for a common word
  bool any = false;                       ///< "anything", "all targets"
  bool down = false;                      ///< a word says that it is, or was, not there
  bool inherited = false;                 ///< the names are those of the turn before: "is it back?"
};

/// "state", "outages"; as a frame keeps it.
std::string_view to_string(TargetAsk ask);

/// Reads a question about what is up, down or started anew, if all its words are understood as
/// such: of names only values of labels of `up`, common words too ("shop", "node"), as in a
/// question of nothing but states they name what is there. Nothing for all other questions.
/// `before`: the frame of the turn before, or null. Pure; any thread.
std::optional<TargetTalk> read_target_talk(const Reading& reading,
                                           const catalogue::Snapshot& snapshot,
                                           const catalogue::Lexicon& lexicon, const Json& before);

}  // namespace prom5::llm
