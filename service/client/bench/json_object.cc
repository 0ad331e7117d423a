#include "service/client/bench/json_object.h"

#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace hekla::bench {
namespace {

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", c);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void AppendMember(std::string* out, const std::pair<std::string, std::string>& member) {
  absl::StrAppend(out, member.first, ": ", member.second);
}

}  // namespace

JsonObject& JsonObject::Add(absl::string_view name, absl::string_view text) {
  return AddRaw(name, Quoted(text));
}

JsonObject& JsonObject::Add(absl::string_view name, double value) {
  return AddRaw(name, std::isfinite(value) ? absl::StrFormat("%.9g", value) : "null");
}

JsonObject& JsonObject::Add(absl::string_view name, bool value) {
  return AddRaw(name, value ? "true" : "false");
}

JsonObject& JsonObject::AddRaw(absl::string_view name, std::string json) {
  members_.emplace_back(Quoted(name), std::move(json));
  return *this;
}

std::string JsonObject::ToString() const {
  return absl::StrCat("{", absl::StrJoin(members_, ", ", AppendMember), "}");
}

std::string JsonObject::ToLines() const {
  return absl::StrCat("{\n  ", absl::StrJoin(members_, ",\n  ", AppendMember), "\n}\n");
}

}  // namespace hekla::bench
