// A JSON object put together member by member, in order.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_JSON_OBJECT_H_
#define HEKLA_SERVICE_CLIENT_BENCH_JSON_OBJECT_H_

#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hekla::bench {

class JsonObject {
 public:
  JsonObject& Add(absl::string_view name, absl::string_view text);
  JsonObject& Add(absl::string_view name, const char* text) { return Add(name, absl::string_view(text)); }
  JsonObject& Add(absl::string_view name, double value);  // null where it is not finite
  JsonObject& Add(absl::string_view name, bool value);
  JsonObject& Add(absl::string_view name, const JsonObject& value) { return AddRaw(name, value.ToString()); }
  template <std::unsigned_integral Whole>
  JsonObject& Add(absl::string_view name, Whole value) {
    return AddRaw(name, absl::StrCat(value));
  }
  // `json` is a value in JSON already.
  JsonObject& AddRaw(absl::string_view name, std::string json);

  std::string ToString() const;  // one line
  std::string ToLines() const;   // a line a member, and a line end

 private:
  std::vector<std::pair<std::string, std::string>> members_;  // quoted name, value
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_JSON_OBJECT_H_
