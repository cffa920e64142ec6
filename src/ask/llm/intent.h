#pragma once

#include <span>
#include <string_view>

#include "ask/llm/reading.h"

namespace prom5::llm {

/// "is it getting worse": which way it goes, over the last hour or the time that is said.
bool asks_for_direction(const Reading& r);
/// "page me when", "page the on-call", "paged"; a status page or a page's latency pages nobody.
bool pages_somebody(const Reading& r);
/// "since when", "when did it start": of what is unusual; how long something is up is a value.
bool asks_for_onset(const Reading& r);
/// A word for which way something goes: "rising", "filling".
bool says_movement(std::string_view word);
/// "since when is cpu above 80 %", "when did the load rise above 3".
bool asks_for_crossing(const Reading& r);
/// "since when is web-01 up", "when did it come back".
bool asks_for_up_onset(const Reading& r);
/// "all good?", "how are things?": of nothing in particular.
bool asks_how_things_are(const Reading& r);
/// A word that such a question is made of, whatever else is called so.
bool says_how_things_are(std::string_view word);
/// The same, and of nothing else.
bool asks_only_how_things_are(const Reading& r);
/// "any alerts?", "alarms": which there are, not to be warned.
bool asks_for_alerts(const Reading& r);
/// "since when is it down": the onset of what is down or fires.
bool asks_for_state_onset(const Reading& r);

/// Sets what kind of answer a reading wants, from its words alone; and whether it goes on from
/// before, asks for a change, or is small talk.
void find_intent(Reading& reading);

/// Whether a word only says what kind of answer is wanted, and nothing of what it is about.
bool is_cue(std::string_view word, Intent intent);

/// A word of telling or quieting: "ring", "acknowledged". It is known, and yet no name of a thing.
bool is_telling(std::string_view word);

/// The same of a word that names things elsewhere: "send" of "send a message when …".
bool serves_intent(const Reading& reading, size_t at);

/// Whether a word asks for a kind of answer wherever it stands.
bool asks_by_itself(std::string_view word);

/// All such words.
std::span<const std::string_view> cues();

}  // namespace prom5::llm
