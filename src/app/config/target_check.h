#pragma once

#include <string>
#include <vector>

#include "app/config/config.h"

namespace prom5::config {

/// What can be told of a configuration's targets without asking anybody.
struct TargetReport {
  std::vector<std::string> problems;  ///< each with its file or job
  std::vector<std::string> notes;
};

/// Makes targets of static_configs and of the files of file_sd_configs, as a scrape would. A file
/// that is malformed and a target that could not be scraped are problems; a file that is not there
/// is noted, as it may come later.
TargetReport check_known_targets(const Config& config);

/// The files that a path names, in whose last part a * may stand; sorted. One without a * is there
/// always.
std::vector<std::string> matching_files(const std::string& pattern);

}  // namespace prom5::config
