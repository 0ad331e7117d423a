#include "service/runtime/log.h"

#include <grpc/support/log.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace hekla::service {
namespace {

std::atomic<bool> json_lines = false;

// One logger for the process; never destroyed, so that threads may log until the end.
spdlog::logger& Logger() {
  static spdlog::logger* logger = [] {
    auto* made = new spdlog::logger("hekla", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string JsonQuoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", absl::string_view(&c, 1));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", c);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

// Text with spaces, quotes or nothing in it is quoted, so that a line splits at its spaces.
std::string Plain(const LogField& field) {
  if (!field.is_text()) return field.text();
  const bool bare = !field.text().empty() && field.text().find_first_of(" \"=\n\t\\") == std::string::npos;
  return bare ? field.text() : absl::StrCat("\"", absl::CEscape(field.text()), "\"");
}

// What gRPC itself has to say, such as why a TLS handshake failed, becomes a line like any other.
void LogGrpcMessage(gpr_log_func_args* message) {
  const LogLevel level = message->severity == GPR_LOG_SEVERITY_ERROR  ? LogLevel::kWarning
                         : message->severity == GPR_LOG_SEVERITY_INFO ? LogLevel::kInfo
                                                                      : LogLevel::kDebug;
  Log(level, "grpc", {{"message", message->message}});
}

}  // namespace

std::string FormatLog(bool json, absl::string_view level, absl::string_view event,
                      std::initializer_list<LogField> fields) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  if (!json) {
    std::string line = absl::StrCat(time, " ", level, " ", event);
    for (const LogField& field : fields) absl::StrAppend(&line, " ", field.key(), "=", Plain(field));
    return line;
  }
  std::string line =
      absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", level, "\",\"event\":", JsonQuoted(event));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",", JsonQuoted(field.key()), ":",
                    field.is_text() ? JsonQuoted(field.text()) : field.text());
  }
  return line + "}";
}

void ConfigureLog(const LogOptions& options) {
  json_lines = options.json;
  Logger().set_level(ToSpdlog(options.level));
  gpr_set_log_function(LogGrpcMessage);
}

void Log(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields) {
  if (!Logger().should_log(ToSpdlog(level))) return;
  Logger().log(ToSpdlog(level),
               spdlog::string_view_t(FormatLog(json_lines, LevelName(level), event, fields)));
}

std::string LogValue(const std::string& line, const std::string& name) {
  for (absl::string_view word : absl::StrSplit(line, ' ')) {
    if (absl::ConsumePrefix(&word, absl::StrCat(name, "="))) return std::string(word);
  }
  return "";
}

absl::Status ParseLogLevel(absl::string_view name, LogLevel* level) {
  for (const LogLevel each : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (name == LevelName(each)) {
      *level = each;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log level '", name, "' is not debug, info, warning or error"));
}

}  // namespace hekla::service
