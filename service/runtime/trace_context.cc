#include "service/runtime/trace_context.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hekla::service {
namespace {

constexpr char kParentKey[] = "traceparent";
constexpr char kStateKey[] = "tracestate";
constexpr size_t kHeaderBytes = 55;     // of version 00
constexpr size_t kMaxStateBytes = 512;  // what the specification asks everyone to pass on

// Identifiers, not secrets.
uint64_t Random() {
  thread_local std::mt19937_64 generator{(uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  return generator();
}

// Never all zeros, which means none.
std::string RandomId(int words) {
  std::string id;
  for (int i = 0; i < words; ++i) absl::StrAppendFormat(&id, "%016x", std::max<uint64_t>(Random(), 1));
  return id;
}

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

bool IsZero(absl::string_view text) { return text.find_first_not_of('0') == absl::string_view::npos; }

// The only value of `key`; "" if there is none or more than one.
absl::string_view OnlyValue(const grpc::CallbackServerContext& context, const char* key) {
  const auto [first, end] = context.client_metadata().equal_range(key);
  if (first == end || std::next(first) != end) return "";
  return {first->second.data(), first->second.size()};
}

}  // namespace

std::string TraceContext::ToHeader() const {
  return absl::StrCat("00-", trace_id, "-", span_id, sampled ? "-01" : "-00");
}

void TraceContext::AddTo(grpc::ClientContext* context) const {
  context->AddMetadata(kParentKey, ToHeader());
  if (!state.empty()) context->AddMetadata(kStateKey, state);
}

std::optional<TraceContext> ContinueTrace(absl::string_view traceparent, absl::string_view tracestate) {
  if (traceparent.size() < kHeaderBytes) return std::nullopt;
  const absl::string_view version = traceparent.substr(0, 2), trace_id = traceparent.substr(3, 32),
                          parent_id = traceparent.substr(36, 16), flags = traceparent.substr(53, 2);
  if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') return std::nullopt;
  if (!IsHex(version) || !IsHex(trace_id) || !IsHex(parent_id) || !IsHex(flags)) return std::nullopt;
  if (version == "ff" || IsZero(trace_id) || IsZero(parent_id)) return std::nullopt;
  if (traceparent.size() > kHeaderBytes && (version == "00" || traceparent[kHeaderBytes] != '-'))
    return std::nullopt;
  TraceContext trace;
  trace.trace_id = std::string(trace_id);
  trace.span_id = RandomId(1);
  trace.parent_span_id = std::string(parent_id);
  const char last = flags[1];
  trace.sampled = ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0;
  if (tracestate.size() <= kMaxStateBytes) trace.state = std::string(tracestate);
  return trace;
}

TraceContext BeginTrace() {
  TraceContext trace;
  trace.trace_id = RandomId(2);
  trace.span_id = RandomId(1);
  return trace;
}

TraceContext TraceOf(const grpc::CallbackServerContext& context) {
  const std::optional<TraceContext> trace =
      ContinueTrace(OnlyValue(context, kParentKey), OnlyValue(context, kStateKey));
  return trace.has_value() ? *trace : BeginTrace();
}

}  // namespace hekla::service
