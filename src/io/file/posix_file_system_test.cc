#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "io/file/file_system.h"

namespace prom5::io {

namespace {

class Posix : public testing::Test {
 protected:
  Posix() {
    std::string name = testing::TempDir() + "posix_file_system.XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~Posix() override { std::filesystem::remove_all(root_); }

  PosixFileSystem files_;
  std::string root_;
};

}  // namespace

TEST_F(Posix, MakesDirectories) {
  for (const char* path : {"/a", "/a/b/c", "/a/b/c", "/d/e/", "//f//g", "/a/../h", ""}) {
    const auto made = files_.make_directories(root_ + path);
    EXPECT_TRUE(made) << path << ": " << made.error().message;
    EXPECT_TRUE(files_.list(root_ + path)) << path;
  }
}

TEST_F(Posix, MakesDirectoriesFromWhereItIs) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(root_);
  EXPECT_TRUE(files_.make_directories("here/and/there"));
  EXPECT_TRUE(files_.make_directories("here"));
  std::filesystem::current_path(before);
  EXPECT_TRUE(files_.list(root_ + "/here/and/there"));
}

TEST_F(Posix, AFileInTheWayIsAnError) {
  ASSERT_TRUE(files_.write_atomically(root_ + "/file", "x"));
  for (const char* path : {"/file", "/file/below"}) {
    const auto made = files_.make_directories(root_ + path);
    ASSERT_FALSE(made) << path;
    EXPECT_EQ(made.error().code, ErrorCode::Io);
    EXPECT_NE(made.error().message.find(root_ + "/file"), std::string::npos);
  }
}

TEST_F(Posix, ARemovedFileIsGone) {
  ASSERT_TRUE(files_.write_atomically(root_ + "/a", "x"));
  ASSERT_TRUE(files_.remove(root_ + "/a"));
  ASSERT_TRUE(files_.sync_directory(root_));
  EXPECT_EQ(files_.read(root_ + "/a").error().code, ErrorCode::NotFound);
  EXPECT_EQ(files_.remove(root_ + "/a").error().code, ErrorCode::NotFound);
  EXPECT_TRUE(files_.list(root_).value().empty());
}

}  // namespace prom5::io
