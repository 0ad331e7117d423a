// Processor time, to the microsecond.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_CPU_TIME_H_
#define HEKLA_SERVICE_CLIENT_BENCH_CPU_TIME_H_

#include <sys/resource.h>

namespace hekla::bench {

// Seconds that all threads of this process have computed, kernel included.
inline double ProcessCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_CPU_TIME_H_
