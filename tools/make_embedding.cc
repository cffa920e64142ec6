// Writes what the words of the shipped packs mean, for the build to embed: make_embedding OUT

#include <cstdio>
#include <fstream>

#include "ask/catalogue/word_vectors.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: make_embedding OUT\n", stderr);
    return 2;
  }
  const std::string table = prom5::catalogue::make_word_vectors(prom5::catalogue::shipped_pack());
  std::ofstream out(arguments[1], std::ios::binary);
  out.write(table.data(), static_cast<std::streamsize>(table.size()));
  out.close();
  if (out.good()) return 0;
  std::fprintf(stderr, "make_embedding: cannot write %s\n", arguments[1]);
  return 1;
}
