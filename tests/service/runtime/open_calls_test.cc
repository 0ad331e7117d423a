#include "service/runtime/open_calls.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

namespace hekla::service {
namespace {

TEST(OpenCallsTest, WaitsForThoseThatAreThere) {
  OpenCalls calls;
  EXPECT_TRUE(calls.AwaitPresent(absl::ZeroDuration()));
  std::optional<OpenCalls::Place> first(&calls), second(&calls);
  EXPECT_FALSE(calls.AwaitPresent(absl::ZeroDuration()));
  second.reset();
  EXPECT_FALSE(calls.AwaitPresent(absl::ZeroDuration()));
  std::thread end([&] { first.reset(); });
  EXPECT_TRUE(calls.AwaitPresent(absl::InfiniteDuration()));
  end.join();
}

TEST(OpenCallsTest, DoesNotWaitForThoseThatComeLater) {
  OpenCalls calls;
  std::atomic<bool> stop = false;
  auto open = std::make_unique<OpenCalls::Place>(&calls);
  std::thread clients([&] {  // the next one is there before the last one goes
    while (!stop) open = std::make_unique<OpenCalls::Place>(&calls);
  });
  EXPECT_TRUE(calls.AwaitPresent(absl::Seconds(20)));
  EXPECT_TRUE(calls.AwaitPresent(absl::Seconds(20)));
  stop = true;
  clients.join();
  EXPECT_FALSE(calls.AwaitPresent(absl::ZeroDuration()));
}

}  // namespace
}  // namespace hekla::service
