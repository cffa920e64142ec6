// Writes the tree of a YAML file as bytes, for the build to embed: flatten_yaml FILE OUT

#include <cstdio>
#include <fstream>
#include <iterator>

#include "io/codec/yaml_tree.h"

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: flatten_yaml FILE OUT\n", stderr);
    return 2;
  }
  std::ifstream in(arguments[1], std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto tree = prom5::codec::parse_yaml(text);
  if (!in.good() || !tree) {
    std::fprintf(stderr, "flatten_yaml: %s: %s\n", arguments[1],
                 tree ? "cannot be read" : tree.error().message.c_str());
    return 1;
  }
  std::ofstream out(arguments[2], std::ios::binary);
  const std::string bytes = prom5::codec::flatten(*tree);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (out.good()) return 0;
  std::fprintf(stderr, "flatten_yaml: cannot write %s\n", arguments[2]);
  return 1;
}
