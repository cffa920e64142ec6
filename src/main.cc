#include <string>
#include <system_error>
#include <vector>

#include "app/cli/command.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    return prom5::cli::run_command(words);
  } catch (const std::system_error& e) {
    // Standard output is closed or full: whoever wanted the answer is gone.
    return prom5::cli::complain(e.what(), prom5::cli::kFailure);
  }
}
