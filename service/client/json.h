// Messages as lines of JSON.
#ifndef HEKLA_SERVICE_CLIENT_JSON_H_
#define HEKLA_SERVICE_CLIENT_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace hekla::service {

// One line; field names as in the .proto files, fields that are zero left out.
std::string ToJson(const google::protobuf::Message& message);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_JSON_H_
