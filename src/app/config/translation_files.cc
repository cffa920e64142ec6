#include "app/config/translation_files.h"

#include <algorithm>
#include <functional>

#include "base/ascii.h"

namespace prom5::config {

namespace {

/// ".yaml" or ".yml" at the end of a name; empty where there is neither.
std::string_view ending_of(std::string_view name) {
  for (const std::string_view ending : {".yaml", ".yml"}) {
    if (name.ends_with(ending)) return name.substr(name.size() - ending.size());
  }
  return {};
}

std::string with_dashes(std::string_view text) {
  std::string out(text);
  std::ranges::replace(out, '_', '-');
  return out;
}

/// A tag whose language is one of ISO 639, and no word such as "german": of those a language tag
/// may have, too, none is registered.
bool is_tag_of_file(std::string_view stem) {
  return texts::is_language_tag(stem) && std::min(stem.find('-'), stem.size()) <= 3;
}

std::string name_mistake(std::string_view stem, std::string_view ending) {
  const std::string meant = with_dashes(stem);
  return fmt::format("\"{}\" is no language tag; {}", stem,
                     is_tag_of_file(meant)
                         ? fmt::format("rename the file to {}{}", meant, ending)
                         : "name the file by one of two or three letters, as fr.yaml and "
                           "pt-BR.yaml are");
}

class Reader {
 public:
  Reader(io::FileSystem& files, const std::string& directory, texts::Languages& languages)
      : files_(files), directory_(directory), languages_(languages) {}

  Result<TranslationFiles> read() {
    for (const std::string& name : TRY(files_.list(directory_))) look_at(name);
    std::ranges::stable_sort(out_.files, {}, &TranslationFiles::File::tag);
    for (auto file = out_.files.begin(); file != out_.files.end(); ++file) {
      const auto same = std::find_if(out_.files.begin(), file, [&](const auto& other) {
        return equal_ignoring_case(other.tag, file->tag);
      });
      if (same != file) {
        mistake(fmt::format("{}: there is {} for the same language; remove one of them", file->path,
                            same->path));
      } else {
        add(*file);
      }
    }
    if (!mistakes_.empty()) return fail(ErrorCode::BadData, "{}", mistakes_);
    if (out_.files.empty()) {
      out_.notes.push_back(fmt::format(
          "{} has no translation: no file TAG.yaml or TAG.yml, as fr.yaml is", directory_));
    }
    return std::move(out_);
  }

 private:
  void mistake(std::string_view text) {
    mistakes_ += fmt::format("{}{}", mistakes_.empty() ? "" : "\n", text);
  }

  void look_at(const std::string& name) {
    if (name.starts_with('.')) return;
    const std::string path = directory_ + "/" + name;
    const std::string_view ending = ending_of(name);
    const std::string stem = name.substr(0, name.size() - ending.size());
    if (!ending.empty() && is_tag_of_file(stem)) {
      out_.files.push_back({.path = path, .tag = stem});
    } else if (!ending.empty()) {
      mistake(fmt::format("{}: {}", path, name_mistake(stem, ending)));
    } else if (is_tag_of_file(with_dashes(name.substr(0, name.find('.'))))) {
      out_.notes.push_back(
          fmt::format("{} is not read; translations are named TAG.yaml or TAG.yml", path));
    }
  }

  void add(TranslationFiles::File& file) {
    const auto text = files_.read(file.path);
    if (!text) {
      mistake(fmt::format("{}; make it a file of texts or remove it", text.error().message));
      return;
    }
    const auto added = languages_.add(file.tag, *text);
    if (!added) {
      std::string_view left = added.error().message;
      while (!left.empty()) {
        const std::string_view line = left.substr(0, left.find('\n'));
        const bool has_place = is_digit(line[0]);
        mistake(fmt::format("{}{}{}", file.path, has_place ? ":" : ": ", line));
        left.remove_prefix(std::min(line.size() + 1, left.size()));
      }
      return;
    }
    file.texts = texts::kTexts.size() - languages_.of(file.tag).missing().size();
    out_.fingerprint += fmt::format("{}:{:x} ", file.tag, std::hash<std::string>{}(*text));
  }

  io::FileSystem& files_;
  const std::string& directory_;
  texts::Languages& languages_;
  TranslationFiles out_;
  std::string mistakes_;
};

}  // namespace

Result<TranslationFiles> read_translations(io::FileSystem& files, const std::string& directory,
                                           texts::Languages& languages) {
  return Reader(files, directory, languages).read();
}

}  // namespace prom5::config
