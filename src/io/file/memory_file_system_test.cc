#include "io/file/memory_file_system.h"

#include <gtest/gtest.h>

namespace prom5::io {

TEST(MemoryFileSystem, AppendReadTruncate) {
  MemoryFileSystem files;
  auto file = files.open_append("d/a").value();
  ASSERT_TRUE(file->append("hello "));
  ASSERT_TRUE(file->append("world"));
  EXPECT_EQ(files.read("d/a").value(), "hello world");
  EXPECT_EQ(files.size("d/a").value(), 11U);
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(files.read("d/a").value(), "hello");
  auto again = files.open_append("d/a").value();
  ASSERT_TRUE(again->append("!"));
  EXPECT_EQ(files.read("d/a").value(), "hello!");
}

TEST(MemoryFileSystem, MissingIsNotFound) {
  MemoryFileSystem files;
  EXPECT_EQ(files.read("a").error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.size("a").error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.remove("a").error().code, ErrorCode::NotFound);
  EXPECT_NE(files.read("some/path").error().message.find("some/path"), std::string::npos);
}

TEST(MemoryFileSystem, ListIsSortedAndNotDeep) {
  MemoryFileSystem files;
  for (const char* path : {"d/b", "d/a", "d/e/f", "other"}) {
    ASSERT_TRUE(files.write_atomically(path, "x"));
  }
  EXPECT_EQ(files.list("d").value(), (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(files.remove("d/a"));
  EXPECT_EQ(files.list("d").value(), (std::vector<std::string>{"b"}));
}

TEST(MemoryFileSystem, WriteAtomicallyReplaces) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.write_atomically("a", "one"));
  ASSERT_TRUE(files.write_atomically("a", "2"));
  EXPECT_EQ(files.read("a").value(), "2");
}

TEST(MemoryFileSystem, LockIsExclusiveUntilLetGo) {
  MemoryFileSystem files;
  auto first = files.lock("lock");
  ASSERT_TRUE(first);
  EXPECT_EQ(files.lock("lock").error().code, ErrorCode::Unavailable);
  first->reset();
  EXPECT_TRUE(files.lock("lock"));
}

TEST(FaultyFileSystem, SyncedBytesSurviveAndTheTailMayGo) {
  bool lost = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    FaultyFileSystem files;
    auto file = files.open_append("d/a").value();
    ASSERT_TRUE(files.sync_directory("d"));
    const std::string durable(700, 'a');
    ASSERT_TRUE(file->append(durable));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->append(std::string(3000, 'b')));
    file.reset();
    files.power_cut(seed);
    const std::string left = files.read("d/a").value();
    ASSERT_GE(left.size(), durable.size());
    EXPECT_LE(left.size(), 3700U);
    EXPECT_EQ(left.substr(0, durable.size()), durable);
    lost = lost || left != durable + std::string(3000, 'b');
  }
  EXPECT_TRUE(lost);
}

TEST(FaultyFileSystem, NamesThatWereNotSyncedMayVanish) {
  int vanished = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultyFileSystem files;
    auto file = files.open_append("d/a").value();
    ASSERT_TRUE(file->append("x"));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files.write_atomically("d/b", "y"));
    files.power_cut(seed);
    vanished += files.read("d/a") ? 0 : 1;
    EXPECT_EQ(files.read("d/b").value(), "y") << seed;
  }
  EXPECT_GT(vanished, 0);
  EXPECT_LT(vanished, 50);
}

TEST(FaultyFileSystem, PowerCutIsDeterministic) {
  const auto run = [](uint64_t seed) {
    FaultyFileSystem files;
    auto file = files.open_append("a").value();
    EXPECT_TRUE(files.sync_directory(""));
    EXPECT_TRUE(file->append(std::string(5000, 'q')));
    files.power_cut(seed);
    return files.read("a").value();
  };
  EXPECT_EQ(run(4), run(4));
}

TEST(FaultyFileSystem, FailsFromTheGivenChange) {
  FaultyFileSystem files;
  auto file = files.open_append("a").value();
  files.fail_from(3);
  EXPECT_TRUE(file->append("1"));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->append("2").error().code, ErrorCode::Io);
  EXPECT_FALSE(file->sync());
  EXPECT_FALSE(files.open_append("b"));
  EXPECT_FALSE(files.remove("a"));
  EXPECT_EQ(files.read("a").value(), "1");
  files.fail_from(0);
  EXPECT_TRUE(file->append("3"));
  EXPECT_EQ(files.read("a").value(), "13");
  EXPECT_EQ(files.changes(), 8U);
}

}  // namespace prom5::io
