// How fast this machine's processors read memory, measured: what the CPU executor's decode speed is divided by.
#ifndef HEKLA_WORKER_CPU_BANDWIDTH_PROBE_H_
#define HEKLA_WORKER_CPU_BANDWIDTH_PROBE_H_

#include <cstdint>

namespace hekla::cpu {

// Bytes a second of the fastest of several reads of `bytes` by `threads` >= 1 threads. Takes bytes of memory while it runs; more than the
// caches hold measures memory.
double MeasureReadBandwidth(uint64_t bytes, int threads);

}  // namespace hekla::cpu

#endif  // HEKLA_WORKER_CPU_BANDWIDTH_PROBE_H_
