#include "service/runtime/status.h"

#include <gtest/gtest.h>

#include <set>

namespace hekla::service {
namespace {

TEST(StatusTest, DetailsSurviveTheWayOverGrpc) {
  absl::Status status = WithQuotaFailure(
      WithRetryAfter(
          MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL, "queue: 5 of 5"),
          absl::Milliseconds(1500)),
      "queue", "5 of 5");
  status = WithMetadata(status, "limit", "5");
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_EQ(back.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(back.message(), "queue: 5 of 5");
  EXPECT_EQ(ReasonOf(back), v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_EQ(RetryDelayOf(back), absl::Milliseconds(1500));
  EXPECT_EQ(ErrorInfoOf(back).metadata().at("limit"), "5");
  EXPECT_EQ(ErrorInfoOf(back).domain(), "hekla.v1");
  EXPECT_EQ(ToRpc(back).details_size(), 3);
}

TEST(StatusTest, OkHasNoDetails) {
  EXPECT_TRUE(FromGrpc(ToGrpc(absl::OkStatus())).ok());
  EXPECT_TRUE(WithRetryAfter(absl::OkStatus(), absl::Seconds(1)).ok());
  EXPECT_EQ(Describe(absl::OkStatus()), "OK");
}

TEST(StatusTest, AnErrorWithoutAReasonGetsItsCodesUsualOne) {
  const absl::Status back = FromGrpc(ToGrpc(absl::DeadlineExceededError("late")));
  EXPECT_EQ(ReasonOf(back), v1::ERROR_REASON_DEADLINE);
  for (int code = 1; code <= 16; ++code) {
    const absl::Status each(static_cast<absl::StatusCode>(code), "x");
    EXPECT_NE(ReasonOf(FromGrpc(ToGrpc(each))), v1::ERROR_REASON_UNSPECIFIED) << code;
  }
}

TEST(StatusTest, ErrorsOfOthersHaveNoDetails) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"));
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(RetryDelayOf(status), std::nullopt);
  const absl::Status garbled =
      FromGrpc(grpc::Status(grpc::StatusCode::INTERNAL, "m", "\xff\xff not a message"));
  EXPECT_TRUE(absl::IsInternal(garbled));
  EXPECT_EQ(garbled.message(), "m");
}

TEST(StatusTest, InvalidFieldsAreNamedInMessageAndDetails) {
  google::rpc::BadRequest violations;
  for (const char* field : {"a", "b"}) {
    violations.add_field_violations()->set_field(field);
    violations.mutable_field_violations()->rbegin()->set_description("7, the limit is 5");
  }
  const absl::Status status = InvalidFields(violations);
  EXPECT_EQ(status.message(), "a: 7, the limit is 5; b: 7, the limit is 5");
  EXPECT_EQ(BadRequestOf(status).field_violations_size(), 2);
  EXPECT_TRUE(InvalidFields({}).ok());
  EXPECT_EQ(Describe(InvalidField("x", "is empty")), "INVALID_ARGUMENT (INVALID_FIELD): x: is empty");
  EXPECT_EQ(ErrorInfoOf(UnsupportedField("constraint", "not built")).metadata().at("field"), "constraint");
}

TEST(StatusTest, ReasonNamesAreTheEnumsWithoutPrefix) {
  std::set<std::string> names;
  for (int value = 1; value <= v1::ErrorReason_MAX; ++value) {
    const std::string name = ReasonName(static_cast<v1::ErrorReason>(value));
    EXPECT_FALSE(name.empty());
    EXPECT_EQ(name.find("ERROR_REASON"), std::string::npos);
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(v1::ErrorReason_MAX));
}

}  // namespace
}  // namespace hekla::service
