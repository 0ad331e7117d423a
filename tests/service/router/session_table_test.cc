#include "service/router/session_table.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "service/router/worker.h"

namespace hekla::service {
namespace {

std::shared_ptr<Worker> MakeWorker() {
  return std::make_shared<Worker>(v1::Registration(), false,
                                  grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()),
                                  [](const v1::RouterCommand&) {});
}

TEST(SessionTableTest, RemembersTheLastWorker) {
  SessionTable table;
  const auto a = MakeWorker(), b = MakeWorker();
  std::shared_ptr<Worker> found;
  EXPECT_FALSE(table.Find("s", &found));
  table.Set("s", a);
  table.Set("s", b);
  ASSERT_TRUE(table.Find("s", &found));
  EXPECT_EQ(found, b);
  table.Forget("s");
  EXPECT_FALSE(table.Find("s", &found));
}

TEST(SessionTableTest, KeepsNoWorkerAlive) {
  SessionTable table;
  auto worker = MakeWorker();
  table.Set("s", worker);
  worker.reset();
  std::shared_ptr<Worker> found;
  EXPECT_TRUE(table.Find("s", &found)) << "known, but gone";
  EXPECT_EQ(found, nullptr);
}

TEST(SessionTableTest, IsBoundedAndForgetsTheLeastRecentlyUsed) {
  SessionTable table(/*max_sessions=*/10);
  const auto worker = MakeWorker();
  std::shared_ptr<Worker> found;
  for (int i = 0; i < 100; ++i) {
    table.Set(absl::StrCat(i), worker);
    table.Set("hot", worker);
    EXPECT_LE(table.size(), 10u);
  }
  EXPECT_TRUE(table.Find("hot", &found));
  EXPECT_TRUE(table.Find("99", &found));
  EXPECT_FALSE(table.Find("50", &found));
}

}  // namespace
}  // namespace hekla::service
