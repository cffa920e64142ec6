#pragma once

#include <string>
#include <vector>

#include "ask/texts/languages.h"
#include "base/error.h"
#include "io/file/file_system.h"

namespace prom5::config {

/// What a directory of translations has: files TAG.yaml or TAG.yml, such as fr.yaml and pt-BR.yml.
struct TranslationFiles {
  struct File {
    std::string path;
    std::string tag;
    size_t texts = 0;  ///< that it has of its own
  };
  std::vector<File> files;  ///< "de" before "de-AT", which falls back on it
  /// Files that are not read, though their names begin as a translation's, and why.
  std::vector<std::string> notes;
  std::string fingerprint;  ///< another where a translation says something else
};

/// Adds the translations of a directory to `languages`.
/// Errors: Io or NotFound when the directory or a file cannot be read; BadData for a name that is
/// no language tag, two files of one, and wrong files: all mistakes of all files, one a line,
/// "FILE:LINE:COLUMN: what".
Result<TranslationFiles> read_translations(io::FileSystem& files, const std::string& directory,
                                           texts::Languages& languages);

}  // namespace prom5::config
