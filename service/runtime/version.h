// The version of every program, as --version and the build_info metrics say it.
#ifndef HEKLA_SERVICE_RUNTIME_VERSION_H_
#define HEKLA_SERVICE_RUNTIME_VERSION_H_

namespace hekla::service {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_VERSION_H_
