// PURE: a Generate stream put together into one Result.
#ifndef HEKLA_SERVICE_ROUTER_RESULT_BUILDER_H_
#define HEKLA_SERVICE_ROUTER_RESULT_BUILDER_H_

#include "hekla/v1/inference.pb.h"

namespace hekla::service {

// Adds what `response` brings; keepalives bring nothing.
void AddToResult(const v1::GenerateResponse& response, v1::Result* result);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_RESULT_BUILDER_H_
