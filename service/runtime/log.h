// The log of a process: one line an event on stderr, as key=value or JSON. For the edges only (start,
// configuration, worker up and down, drain, errors) and the end of each request; what happens within a request is
// a metric. Never a prompt, an output, a token, or an error's message where it may quote them. Thread-safe.
#ifndef HEKLA_SERVICE_RUNTIME_LOG_H_
#define HEKLA_SERVICE_RUNTIME_LOG_H_

#include <initializer_list>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hekla::service {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// key=value. Numbers and booleans are bare in JSON, the rest is text.
class LogField {
 public:
  template <typename T>
  LogField(absl::string_view key, const T& value) : key_(key) {
    if constexpr (std::is_same_v<T, bool>) {
      text_ = value ? "true" : "false";
    } else {
      text_ = absl::StrCat(value);
      is_text_ = !std::is_arithmetic_v<T>;
    }
  }
  absl::string_view key() const { return key_; }
  const std::string& text() const { return text_; }
  bool is_text() const { return is_text_; }

 private:
  absl::string_view key_;
  std::string text_;
  bool is_text_ = false;
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;  // less important lines are dropped
  bool json = false;
};

void ConfigureLog(const LogOptions& options);

// Log(LogLevel::kInfo, "worker_attached", {{"worker", id}, {"endpoint", endpoint}});
void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields = {});

// What Log() writes after time and level; for tests.
std::string FormatLog(bool json, absl::string_view level, absl::string_view event,
                      std::initializer_list<LogField> fields);

// The value of `name` in a key=value line, without quotes and spaces in it; "" when it is not there.
std::string LogValue(const std::string& line, const std::string& name);

// "debug", "info", "warning", "error". INVALID_ARGUMENT for another name.
absl::Status ParseLogLevel(absl::string_view name, LogLevel* level);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_LOG_H_
