#include "service/router/stream_end.h"

#include <gtest/gtest.h>

#include "service/runtime/status.h"

namespace hekla::service {
namespace {

absl::Status Error(absl::StatusCode code, v1::ErrorReason reason) { return MakeError(code, reason, "x"); }

TEST(StreamEndTest, FaultsOfTheWorker) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kInternal, absl::StatusCode::kDataLoss,
        absl::StatusCode::kUnknown, absl::StatusCode::kAborted, absl::StatusCode::kCancelled}) {
    EXPECT_EQ(JudgeEnd(absl::Status(code, "x"), false), StreamEnd::kWorkerFault) << code;
  }
  EXPECT_EQ(JudgeEnd(absl::OkStatus(), /*is_complete=*/false), StreamEnd::kWorkerFault);
  EXPECT_EQ(VerdictOf(StreamEnd::kWorkerFault), WorkerVerdict::kFault);
}

TEST(StreamEndTest, ErrorsOfTheRequestSayNothingAboutTheWorker) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kInvalidArgument, absl::StatusCode::kNotFound, absl::StatusCode::kUnimplemented,
        absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kResourceExhausted,
        absl::StatusCode::kUnauthenticated, absl::StatusCode::kPermissionDenied, absl::StatusCode::kOutOfRange,
        absl::StatusCode::kFailedPrecondition}) {
    EXPECT_EQ(JudgeEnd(absl::Status(code, "x"), false), StreamEnd::kRequestError) << code;
  }
  EXPECT_EQ(VerdictOf(StreamEnd::kRequestError), WorkerVerdict::kNone);
}

TEST(StreamEndTest, FullDrainingAndTooSmallAreNoFaults) {
  EXPECT_EQ(JudgeEnd(Error(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL), false),
            StreamEnd::kBusy);
  EXPECT_EQ(JudgeEnd(Error(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING), false), StreamEnd::kBusy);
  EXPECT_EQ(JudgeEnd(Error(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_NEVER_FITS), false),
            StreamEnd::kTooSmall);
  EXPECT_EQ(JudgeEnd(Error(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROMPT_TOO_LONG), false),
            StreamEnd::kTooSmall);
  for (const StreamEnd end : {StreamEnd::kBusy, StreamEnd::kTooSmall}) {
    EXPECT_EQ(VerdictOf(end), WorkerVerdict::kNone);
  }
}

TEST(StreamEndTest, OnlyAWholeOutputIsASuccess) {
  EXPECT_EQ(JudgeEnd(absl::OkStatus(), /*is_complete=*/true), StreamEnd::kComplete);
  EXPECT_EQ(VerdictOf(StreamEnd::kComplete), WorkerVerdict::kGood);
}

TEST(StreamEndTest, Causes) {
  const absl::Status broken = absl::UnavailableError("connection reset");
  const absl::Status said = Error(absl::StatusCode::kUnavailable, v1::ERROR_REASON_INTERNAL);
  EXPECT_TRUE(IsConnectionError(broken));
  EXPECT_FALSE(IsConnectionError(said)) << "who says why is there";
  EXPECT_EQ(FaultCause(std::nullopt, broken), "connection");
  EXPECT_EQ(FaultCause(std::nullopt, said), "fault");
  EXPECT_EQ(FaultCause(WorkerLoss::kLeaseEnded, broken), "lost");
  EXPECT_EQ(FaultCause(WorkerLoss::kStalled, broken), "stalled");
}

TEST(StreamEndTest, ErrorsNameWorkerAndLimit) {
  const absl::Status lost = WorkerLostError("w1", "3 workers tried, the limit is 3", 17, absl::InternalError("boom"));
  EXPECT_EQ(ReasonOf(lost), v1::ERROR_REASON_WORKER_LOST);
  EXPECT_EQ(ErrorInfoOf(lost).metadata().at("worker"), "w1");
  EXPECT_NE(lost.message().find("17 tokens were delivered"), absl::string_view::npos);
  EXPECT_NE(lost.message().find("boom"), absl::string_view::npos);
  const absl::Status draining = DrainingError();
  EXPECT_TRUE(absl::IsUnavailable(draining));
  EXPECT_EQ(ReasonOf(draining), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(RetryDelayOf(draining).has_value());
  const absl::Status poison = PoisonError(absl::Minutes(10));
  EXPECT_TRUE(absl::IsInternal(poison));
  EXPECT_EQ(ReasonOf(poison), v1::ERROR_REASON_POISON_REQUEST);
  EXPECT_NE(poison.message().find("10m"), absl::string_view::npos) << poison;
}

}  // namespace
}  // namespace hekla::service
