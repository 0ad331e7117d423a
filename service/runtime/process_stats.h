// What the kernel knows of this process, from /proc/self.
#ifndef HEKLA_SERVICE_RUNTIME_PROCESS_STATS_H_
#define HEKLA_SERVICE_RUNTIME_PROCESS_STATS_H_

namespace hekla::service {

struct ProcessStats {
  double cpu_seconds = 0;  // user and system
  double resident_bytes = 0;
  double open_fds = 0;
  double threads = 0;
  double start_time_seconds = 0;  // since 1970
};

// A field that cannot be read is 0.
ProcessStats ReadProcessStats();

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_PROCESS_STATS_H_
