#include "store/remote/send_journal.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "io/file/memory_file_system.h"

namespace prom5::remote {

namespace {

ShardState state(uint64_t n) { return {{{n, n * 10}, 1}, {{n, n * 10}, static_cast<uint32_t>(n)}}; }

}  // namespace

TEST(SendJournal, TellsWhatWasWrittenLast) {
  io::MemoryFileSystem files;
  SendJournal journal(files, "j", 1);
  EXPECT_TRUE(journal.read()->empty());
  ASSERT_TRUE(journal.begin({state(1), state(2), state(3)}));
  ASSERT_TRUE(journal.write(1, state(7)));
  ASSERT_TRUE(journal.write(1, state(8)));
  SendJournal again(files, "j", 1);
  EXPECT_EQ(*again.read(), (std::vector<ShardState>{state(1), state(8), state(3)}));
}

TEST(SendJournal, AnotherNumberOfShardsBeginsAnew) {
  io::MemoryFileSystem files;
  SendJournal journal(files, "j", 1);
  ASSERT_TRUE(journal.begin({state(1), state(2)}));
  ASSERT_TRUE(journal.begin({state(5)}));
  EXPECT_EQ(*SendJournal(files, "j", 1).read(), (std::vector<ShardState>{state(5)}));
}

TEST(SendJournal, ATornLineIsPassedOver) {
  io::MemoryFileSystem files;
  SendJournal journal(files, "j", 1);
  ASSERT_TRUE(journal.begin({state(1)}));
  ASSERT_TRUE(journal.write(0, state(2)));
  const std::string whole = *files.read("j");
  ASSERT_TRUE(journal.write(0, state(3)));
  const std::string more = *files.read("j");
  for (size_t size = whole.size(); size < more.size() - 1; ++size) {
    ASSERT_TRUE(files.write_atomically("k", more.substr(0, size)));
    EXPECT_EQ(*SendJournal(files, "k", 1).read(), (std::vector<ShardState>{state(2)})) << size;
  }
}

TEST(SendJournal, ShardsWithOtherSeriesBeginWhereTheLastOneIs) {
  io::MemoryFileSystem files;
  ASSERT_TRUE(SendJournal(files, "j", 1).begin({state(5), state(2), state(9)}));
  const ShardState least{state(2).acked, state(2).acked};
  EXPECT_EQ(*SendJournal(files, "j", 2).read(), (std::vector<ShardState>{least, least, least}));
}

TEST(SendJournal, StaysSmall) {
  io::MemoryFileSystem files;
  SendJournal journal(files, "j", 1);
  ASSERT_TRUE(journal.begin({state(1), state(2)}));
  for (uint64_t n = 0; n < 50'000; ++n) ASSERT_TRUE(journal.write(n % 2, state(n)));
  EXPECT_LT(files.read("j")->size(), size_t{2} << 20);
  EXPECT_EQ(*SendJournal(files, "j", 1).read(),
            (std::vector<ShardState>{state(49'998), state(49'999)}));
}

TEST(SendJournal, ThoseOfOthersAreRemoved) {
  io::MemoryFileSystem files;
  EXPECT_TRUE(remove_other_journals(files, "remote", {}));
  ASSERT_TRUE(files.make_directories("remote"));
  for (const std::string name : {"remote/a.journal", "remote/b.journal", "remote/other"}) {
    ASSERT_TRUE(files.write_atomically(name, "x"));
  }
  ASSERT_TRUE(remove_other_journals(files, "remote", {"b.journal", "c.journal"}));
  EXPECT_EQ(*files.list("remote"), (std::vector<std::string>{"b.journal", "other"}));
}

}  // namespace prom5::remote
