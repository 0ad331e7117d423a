// absl::Duration and absl::Time to and from protobuf.
#ifndef HEKLA_SERVICE_RUNTIME_TIME_H_
#define HEKLA_SERVICE_RUNTIME_TIME_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace hekla::service {

google::protobuf::Duration ToProto(absl::Duration duration);
google::protobuf::Timestamp ToProto(absl::Time time);
absl::Duration FromProto(const google::protobuf::Duration& duration);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_TIME_H_
