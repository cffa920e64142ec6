#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
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

TEST_F(Posix, OnlyFilesAreRead) {
  ASSERT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(files_.make_directories(root_ + "/directory"));
  std::filesystem::create_symlink("fifo", root_ + "/link");
  std::filesystem::create_symlink("/dev/zero", root_ + "/zero");
  const int bound = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (root_ + "/socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  // The socket API's way.
  ASSERT_EQ(::bind(bound, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const auto refused = [&](const std::string& name, std::string_view kind) {
    for (const Error& error :
         {files_.read(root_ + name).error(), files_.size(root_ + name).error()}) {
      EXPECT_EQ(error.code, ErrorCode::Io) << name;
      EXPECT_NE(error.message.find(fmt::format("{}{}: it is {}", root_, name, kind)),
                std::string::npos)
          << error.message;
    }
  };
  refused("/fifo", "a FIFO, not a regular file");
  refused("/link", "a FIFO");
  refused("/zero", "a device");
  refused("/directory", "a directory");
  refused("/socket", "a socket");
  ::close(bound);
}

TEST_F(Posix, ALinkToNothingIsNamed) {
  std::filesystem::create_symlink("gone", root_ + "/link");
  const auto text = files_.read(root_ + "/link");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::NotFound);
  EXPECT_EQ(text.error().message,
            "open " + root_ + "/link: it is a link to gone, which is not there");
  std::filesystem::create_symlink("file", root_ + "/good");
  ASSERT_TRUE(files_.write_atomically(root_ + "/file", "x"));
  EXPECT_EQ(files_.read(root_ + "/good").value(), "x");
  EXPECT_EQ(files_.size(root_ + "/good").value(), 1U);
}

TEST_F(Posix, WhatWasGivenOpenIsRead) {
  EXPECT_EQ(files_.read("/dev/null").value(), "");
  std::filesystem::create_symlink("/dev/null", root_ + "/masked");
  EXPECT_EQ(files_.read(root_ + "/masked").value(), "");
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::write(ends[1], "pipe", 4), 4);
  ::close(ends[1]);
  EXPECT_EQ(files_.read(fmt::format("/dev/fd/{}", ends[0])).value(), "pipe");
  ::close(ends[0]);
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
