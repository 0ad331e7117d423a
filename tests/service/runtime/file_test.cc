#include "service/runtime/file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/runtime/test_files.h"

namespace hekla::service {
namespace {

using Contents = std::vector<std::string>;

TEST(WatchedFilesTest, TellsContentsOnlyWhenTheyChange) {
  const TestFolder folder;
  WatchedFiles files({folder.Write("a", "1"), folder.Write("b", "2")});
  auto read = files.ReadIfChanged();
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ(**read, (Contents{"1", "2"}));
  for (int i = 0; i < 3; ++i) {
    read = files.ReadIfChanged();
    EXPECT_TRUE(read.ok() && !read->has_value());
  }
  folder.Write("b", "3");  // as long as before, and perhaps in the same tick of the file system's clock
  read = files.ReadIfChanged();
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ(**read, (Contents{"1", "3"}));
  folder.Write("a", "1");  // the same again
  read = files.ReadIfChanged();
  EXPECT_TRUE(read.ok() && !read->has_value());
}

TEST(WatchedFilesTest, AMissingFileIsAnErrorOnce) {
  const TestFolder folder;
  WatchedFiles files({folder.Write("a", "1"), folder.Path("b")});
  EXPECT_TRUE(absl::IsNotFound(files.ReadIfChanged().status()));
  EXPECT_TRUE(files.ReadIfChanged().ok());
  folder.Write("b", "2");
  auto read = files.ReadIfChanged();
  ASSERT_TRUE(read.ok() && read->has_value());
  std::filesystem::remove(folder.Path("b"));
  EXPECT_TRUE(absl::IsNotFound(files.ReadIfChanged().status()));
  folder.Write("b", "2");
  read = files.ReadIfChanged();
  EXPECT_TRUE(read.ok() && !read->has_value()) << "what was read before";
}

}  // namespace
}  // namespace hekla::service
