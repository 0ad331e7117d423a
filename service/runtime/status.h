// Errors of the service: an absl::Status whose payloads are google.rpc details, and its way over gRPC and
// back.
//
// Every error a client sees names the field, the value and the limit in its message, and carries an ErrorInfo
// with a reason of the closed list hekla.v1.ErrorReason (ToGrpc adds the code's usual one where it is
// missing).
#ifndef HEKLA_SERVICE_RUNTIME_STATUS_H_
#define HEKLA_SERVICE_RUNTIME_STATUS_H_

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "hekla/v1/inference.pb.h"

namespace hekla::service {

// An error with its reason.
absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message);

// INVALID_ARGUMENT INVALID_FIELD "FIELD: DESCRIPTION", with a BadRequest violation. `description` names the
// value and the limit: "1.5 is not in (0, 1]".
absl::Status InvalidField(absl::string_view field, absl::string_view description);
// The same for several fields at once; OK when there is no violation.
absl::Status InvalidFields(const google::rpc::BadRequest& violations);

// UNIMPLEMENTED UNSUPPORTED_OPTION "FIELD: DESCRIPTION", for what the protocol has and this program does not.
absl::Status UnsupportedField(absl::string_view field, absl::string_view description);

// `status` with one more detail. OK stays OK.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
absl::Status WithQuotaFailure(absl::Status status, absl::string_view subject, absl::string_view description);
absl::Status WithMetadata(absl::Status status, absl::string_view key, absl::string_view value);

// The details of a status; reason UNSPECIFIED, no delay, no violations where there are none.
v1::ErrorReason ReasonOf(const absl::Status& status);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);
google::rpc::ErrorInfo ErrorInfoOf(const absl::Status& status);
google::rpc::BadRequest BadRequestOf(const absl::Status& status);

// An error that is the server's doing, not the caller's: UNAVAILABLE, INTERNAL, UNKNOWN, DATA_LOSS, ABORTED.
bool IsServerFault(absl::StatusCode code);

// "QUEUE_FULL" for ERROR_REASON_QUEUE_FULL; "" for UNSPECIFIED.
std::string ReasonName(v1::ErrorReason reason);

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);
google::rpc::Status ToRpc(const absl::Status& status);
absl::Status FromRpc(const google::rpc::Status& status);

// "INVALID_ARGUMENT (INVALID_FIELD): sampling.top_p: 1.5 is not in (0, 1]", for people.
std::string Describe(const absl::Status& status);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_STATUS_H_
