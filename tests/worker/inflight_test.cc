#include "worker/inflight.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace hekla::worker {
namespace {

class Recorder : public Abortable {
 public:
  void Abort(absl::Status status) override { status_ = std::move(status); }
  absl::Status status_;
};

TEST(InflightTest, AnIdIsInFlightOnce) {
  Inflight inflight;
  auto request = std::make_shared<Recorder>();
  EXPECT_TRUE(inflight.Add("a", request));
  EXPECT_FALSE(inflight.Add("a", request));
  EXPECT_EQ(inflight.size(), 1);
  EXPECT_FALSE(inflight.AwaitEmpty(absl::ZeroDuration()));
  inflight.Remove("a");
  EXPECT_TRUE(inflight.AwaitEmpty(absl::ZeroDuration()));
  EXPECT_TRUE(inflight.Add("a", request));
}

TEST(InflightTest, AbortReachesOneOrAllAndSkipsTheDead) {
  Inflight inflight;
  auto a = std::make_shared<Recorder>(), b = std::make_shared<Recorder>(),
       dead = std::make_shared<Recorder>();
  inflight.Add("a", a);
  inflight.Add("b", b);
  inflight.Add("dead", dead);
  dead.reset();
  EXPECT_TRUE(inflight.Abort("a", absl::CancelledError("x")));
  EXPECT_FALSE(inflight.Abort("dead", absl::CancelledError("x")));
  EXPECT_FALSE(inflight.Abort("unknown", absl::CancelledError("x")));
  EXPECT_EQ(a->status_.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(b->status_.ok());
  inflight.AbortAll(absl::UnavailableError("y"));
  EXPECT_EQ(b->status_.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace hekla::worker
