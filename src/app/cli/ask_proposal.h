#pragma once

#include <string>

#include "io/codec/json.h"

namespace prom5::cli {

/// What an answer proposes (an entry of "actions_proposed"), as it is put to use: of an alert a
/// file for `rule_files`, of a silence the amtool command that makes it, with the question as its
/// comment; empty for anything else. Ends with a line end. The web page writes the same
/// (web/src/reply.ts).
std::string proposal_text(const Json& proposal, const std::string& question);

}  // namespace prom5::cli
