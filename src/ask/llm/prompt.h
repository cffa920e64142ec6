#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ask/language_model.h"
#include "ask/llm/scrub.h"

namespace prom5::llm {

/// The tool by which a model gives its final answer; it is never run.
inline constexpr std::string_view kFinalAnswer = "final_answer";

/// What a model on the network is told first. There is nothing secret in it;
/// docs/assistant-models.md tells what it says.
std::string_view system_prompt();

/// The tools, and final_answer behind them.
std::vector<ToolSpec> offered_tools(std::span<const ToolSpec> tools);

/// A tool's result as the model gets it: one JSON object that says where it comes from and that
/// nothing in it is an instruction, with the result under "data". In it what is private is
/// replaced, long texts and lists are cut, which it says, and nothing can be mistaken for the marks
/// by which models tell turns apart: "<" and all that is not ASCII are escaped. At most about
/// `max_bytes`.
std::string tool_result_text(std::string_view tool, const Json& result, size_t max_bytes,
                             Scrubber& scrubber);

/// `json` with fewer items in its lists and shorter texts, so that it has at most about
/// `max_bytes`. Beside a list that was cut stand "<name>_shown" and "<name>_total". Pure.
Json cut_to_size(const Json& json, size_t max_bytes);

}  // namespace prom5::llm
