// Where a request stands in a distributed trace, as W3C Trace Context has it
// (https://www.w3.org/TR/trace-context): the metadata "traceparent: 00-TRACE ID-SPAN ID-FLAGS" and
// "tracestate". Each hop keeps the trace id and has a span of its own, which it names as the parent to the
// next hop. Immutable values.
#ifndef HEKLA_SERVICE_RUNTIME_TRACE_CONTEXT_H_
#define HEKLA_SERVICE_RUNTIME_TRACE_CONTEXT_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace hekla::service {

struct TraceContext {
  std::string trace_id;        // 32 lower-case hex digits, the same at all hops
  std::string span_id;         // 16, of this hop
  std::string parent_span_id;  // 16, of the hop before; empty = the trace begins here
  bool sampled = false;        // somebody records this trace
  std::string state;           // "tracestate", passed on as it came

  // "00-TRACE-SPAN-FLAGS": what the next hop is given.
  std::string ToHeader() const;
  // Puts traceparent, and tracestate if there is one, into the metadata of a call.
  void AddTo(grpc::ClientContext* context) const;
};

// The parent's ids and flag from a traceparent, with a new span; nothing if it is malformed. A version above
// 00 may have more fields behind, as the specification asks.
std::optional<TraceContext> ContinueTrace(absl::string_view traceparent, absl::string_view tracestate = "");

// A trace that begins here, not sampled.
TraceContext BeginTrace();

// This hop's place: of the call's traceparent, or of a new trace if it has none, several or a malformed one.
TraceContext TraceOf(const grpc::CallbackServerContext& context);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_TRACE_CONTEXT_H_
