#include "io/file/memory_file_system.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

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

namespace {

/// How often each state of the names in "d" and "e" is what a cut leaves, the names in one line.
std::map<std::string, int> states_after(const std::function<void(FaultyFileSystem&)>& act) {
  std::map<std::string, int> out;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    FaultyFileSystem files;
    act(files);
    files.power_cut(seed);
    std::string state;
    for (const char* directory : {"d", "e"}) {
      const std::vector<std::string> names = files.list(directory).value();
      for (const std::string& name : names) {
        const std::string path = std::string(directory) + "/" + name;
        state += path + "=" + files.read(path).value() + " ";
      }
    }
    ++out[state];
  }
  return out;
}

/// Exactly these are left, each of them now and then.
void expect_states(const std::function<void(FaultyFileSystem&)>& act,
                   const std::set<std::string>& want) {
  const auto got = states_after(act);
  for (const auto& [state, times] : got) EXPECT_TRUE(want.contains(state)) << "{" << state << "}";
  for (const std::string& state : want) EXPECT_TRUE(got.contains(state)) << "not {" << state << "}";
}

/// A file that a power cut leaves alone.
void keep(FaultyFileSystem& files, const std::string& path, std::string_view bytes) {
  EXPECT_TRUE(files.write_atomically(path, bytes));
}

void create(FaultyFileSystem& files, const std::string& path, std::string_view bytes) {
  const auto file = files.open_append(path).value();
  EXPECT_TRUE(file->append(bytes));
  EXPECT_TRUE(file->sync());
}

}  // namespace

TEST(PowerCut, ANewNameMayGo) {
  expect_states([](auto& files) { create(files, "d/a", "x"); }, {"", "d/a=x "});
  expect_states(
      [](auto& files) {
        create(files, "d/a", "x");
        EXPECT_TRUE(files.sync_directory("d"));
        create(files, "d/b", "y");
      },
      {"d/a=x ", "d/a=x d/b=y "});
  expect_states(
      [](auto& files) {
        create(files, "d/a", "x");
        EXPECT_TRUE(files.sync_directory("e"));  // another
      },
      {"", "d/a=x "});
}

TEST(PowerCut, ARemovedFileMayComeBack) {
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "x");
        EXPECT_TRUE(files.remove("d/a"));
      },
      {"", "d/a=x "});
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "x");
        EXPECT_TRUE(files.remove("d/a"));
        EXPECT_TRUE(files.sync_directory("d"));
      },
      {""});
  // What was never synced does not come back whole.
  expect_states(
      [](auto& files) {
        const auto file = files.open_append("d/a").value();
        EXPECT_TRUE(files.sync_directory("d"));
        EXPECT_TRUE(file->append("x"));
        EXPECT_TRUE(files.remove("d/a"));
      },
      {"", "d/a= ", "d/a=x ", std::string("d/a=\0 ", 6)});
}

TEST(PowerCut, DifferentNamesChangeInAnyOrder) {
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "x");
        keep(files, "d/b", "y");
        EXPECT_TRUE(files.remove("d/a"));
        EXPECT_TRUE(files.remove("d/b"));
      },
      {"", "d/a=x ", "d/b=y ", "d/a=x d/b=y "});
}

TEST(PowerCut, ANameChangesInOrder) {
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "1");
        EXPECT_TRUE(files.remove("d/a"));
        create(files, "d/a", "2");
        EXPECT_TRUE(files.remove("d/a"));
        create(files, "d/a", "3");
      },
      {"d/a=1 ", "", "d/a=2 ", "d/a=3 "});
  // A rename that is lost takes with it what its names became later.
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "1");
        EXPECT_TRUE(files.rename("d/a", "d/b"));
        EXPECT_TRUE(files.remove("d/b"));
      },
      {"d/a=1 ", "d/b=1 ", ""});
}

TEST(PowerCut, ARenameIsDoneOrNot) {
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "new");
        keep(files, "d/b", "old");
        EXPECT_TRUE(files.rename("d/a", "d/b"));
      },
      {"d/a=new d/b=old ", "d/b=new "});
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "new");
        EXPECT_TRUE(files.rename("d/a", "d/b"));
        EXPECT_TRUE(files.sync_directory("d"));
      },
      {"d/b=new "});
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "1");
        EXPECT_TRUE(files.rename("d/a", "e/a"));
      },
      {"d/a=1 ", "e/a=1 ", "d/a=1 e/a=1 ", ""});
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "1");
        EXPECT_TRUE(files.rename("d/a", "e/a"));
        EXPECT_TRUE(files.sync_directory("e"));
      },
      {"e/a=1 ", "d/a=1 e/a=1 "});
}

TEST(PowerCut, ASecondNameMayGo) {
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "x");
        EXPECT_TRUE(files.link("d/a", "e/a"));
      },
      {"d/a=x ", "d/a=x e/a=x "});
}

TEST(PowerCut, WritingAtomicallyIsDurable) {
  expect_states(
      [](auto& files) {
        keep(files, "d/a", "1");
        keep(files, "d/a", "2");
      },
      {"d/a=2 "});
  // Failing at any step leaves the old or the new, and maybe an unfinished file.
  const auto fails_at = [](uint64_t n) {
    return states_after([n](auto& files) {
      keep(files, "d/a", "1");
      files.fail_from(n);
      EXPECT_FALSE(files.write_atomically("d/a", "2"));
    });
  };
  int after = 0;
  for (uint64_t n = 1; n <= 6; ++n) {
    for (const auto& [state, times] : fails_at(n)) {
      EXPECT_TRUE(state.starts_with("d/a=1 ") || state == "d/a=2 ") << n << ": " << state;
      after += state == "d/a=2 " ? 1 : 0;
    }
  }
  EXPECT_EQ(after, 1);
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
