#include "service/runtime/status.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

constexpr absl::string_view kDomain = "hekla.v1";
constexpr absl::string_view kReasonPrefix = "ERROR_REASON_";

template <typename Message>
std::string TypeUrl() {
  return absl::StrCat("type.googleapis.com/", Message::descriptor()->full_name());
}

template <typename Message>
void SetDetail(absl::Status& status, const Message& detail) {
  status.SetPayload(TypeUrl<Message>(), absl::Cord(detail.SerializeAsString()));
}

template <typename Message>
std::optional<Message> DetailOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(TypeUrl<Message>());
  Message detail;
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

google::rpc::ErrorInfo MakeErrorInfo(v1::ErrorReason reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonName(reason));
  info.set_domain(std::string(kDomain));
  return info;
}

// The reason an error of this code has when whoever made it gave none.
v1::ErrorReason UsualReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return v1::ERROR_REASON_INVALID_FIELD;
    case absl::StatusCode::kOutOfRange:
      return v1::ERROR_REASON_INVALID_FIELD;
    case absl::StatusCode::kUnimplemented:
      return v1::ERROR_REASON_UNSUPPORTED_OPTION;
    case absl::StatusCode::kAlreadyExists:
      return v1::ERROR_REASON_DUPLICATE_REQUEST;
    case absl::StatusCode::kUnauthenticated:
      return v1::ERROR_REASON_NO_CREDENTIAL;
    case absl::StatusCode::kPermissionDenied:
      return v1::ERROR_REASON_FORBIDDEN;
    case absl::StatusCode::kResourceExhausted:
      return v1::ERROR_REASON_QUEUE_FULL;
    case absl::StatusCode::kDeadlineExceeded:
      return v1::ERROR_REASON_DEADLINE;
    case absl::StatusCode::kCancelled:
      return v1::ERROR_REASON_CANCELLED;
    case absl::StatusCode::kUnavailable:
      return v1::ERROR_REASON_NO_WORKER;
    default:
      return v1::ERROR_REASON_INTERNAL;
  }
}

}  // namespace

bool IsServerFault(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kAborted:
      return true;
    default:
      return false;
  }
}

std::string ReasonName(v1::ErrorReason reason) {
  if (reason == v1::ERROR_REASON_UNSPECIFIED) return "";
  return v1::ErrorReason_Name(reason).substr(kReasonPrefix.size());
}

absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message) {
  absl::Status status(code, message);
  SetDetail(status, MakeErrorInfo(reason));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  google::rpc::BadRequest violations;
  google::rpc::BadRequest::FieldViolation* violation = violations.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
  return InvalidFields(violations);
}

absl::Status InvalidFields(const google::rpc::BadRequest& violations) {
  if (violations.field_violations_size() == 0) return absl::OkStatus();
  std::string message;
  for (const google::rpc::BadRequest::FieldViolation& violation : violations.field_violations()) {
    absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field(), ": ", violation.description());
  }
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD, message);
  SetDetail(status, violations);
  return status;
}

absl::Status UnsupportedField(absl::string_view field, absl::string_view description) {
  return WithMetadata(MakeError(absl::StatusCode::kUnimplemented, v1::ERROR_REASON_UNSUPPORTED_OPTION,
                                absl::StrCat(field, ": ", description)),
                      "field", field);
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  if (status.ok()) return status;
  google::rpc::RetryInfo detail;
  *detail.mutable_retry_delay() = ToProto(delay);
  SetDetail(status, detail);
  return status;
}

absl::Status WithQuotaFailure(absl::Status status, absl::string_view subject, absl::string_view description) {
  if (status.ok()) return status;
  google::rpc::QuotaFailure detail;
  google::rpc::QuotaFailure::Violation* violation = detail.add_violations();
  violation->set_subject(std::string(subject));
  violation->set_description(std::string(description));
  SetDetail(status, detail);
  return status;
}

absl::Status WithMetadata(absl::Status status, absl::string_view key, absl::string_view value) {
  if (status.ok()) return status;
  google::rpc::ErrorInfo info =
      DetailOf<google::rpc::ErrorInfo>(status).value_or(MakeErrorInfo(UsualReason(status.code())));
  (*info.mutable_metadata())[std::string(key)] = std::string(value);
  SetDetail(status, info);
  return status;
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  const std::string name = ErrorInfoOf(status).reason();
  if (!name.empty()) v1::ErrorReason_Parse(absl::StrCat(kReasonPrefix, name), &reason);
  return reason;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const std::optional<google::rpc::RetryInfo> detail = DetailOf<google::rpc::RetryInfo>(status);
  if (!detail.has_value()) return std::nullopt;
  return FromProto(detail->retry_delay());
}

google::rpc::ErrorInfo ErrorInfoOf(const absl::Status& status) {
  return DetailOf<google::rpc::ErrorInfo>(status).value_or(google::rpc::ErrorInfo());
}

google::rpc::BadRequest BadRequestOf(const absl::Status& status) {
  return DetailOf<google::rpc::BadRequest>(status).value_or(google::rpc::BadRequest());
}

google::rpc::Status ToRpc(const absl::Status& status) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  result.set_message(std::string(status.message()));
  if (status.ok()) return result;
  if (!DetailOf<google::rpc::ErrorInfo>(status).has_value()) {
    result.add_details()->PackFrom(MakeErrorInfo(UsualReason(status.code())));
  }
  status.ForEachPayload([&result](absl::string_view type_url, const absl::Cord& payload) {
    google::protobuf::Any* detail = result.add_details();
    detail->set_type_url(std::string(type_url));
    detail->set_value(std::string(payload));
  });
  return result;
}

absl::Status FromRpc(const google::rpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.code()), status.message());
  for (const google::protobuf::Any& detail : status.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ToRpc(status).SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  google::rpc::Status rpc;
  if (!rpc.ParseFromString(status.error_details())) rpc.Clear();
  rpc.set_code(status.error_code());
  rpc.set_message(status.error_message());
  return FromRpc(rpc);
}

std::string Describe(const absl::Status& status) {
  if (status.ok()) return "OK";
  const std::string reason = ErrorInfoOf(status).reason();
  return absl::StrCat(absl::StatusCodeToString(status.code()), reason.empty() ? "" : " (", reason,
                      reason.empty() ? ": " : "): ", status.message());
}

}  // namespace hekla::service
