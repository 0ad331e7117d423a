// HEKLA_CHECK(condition, "message"): ends the program on a mistake of our own; never for input from outside.
#ifndef HEKLA_WORKER_BASE_CHECK_H_
#define HEKLA_WORKER_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define HEKLA_CHECK(condition, message)                                                              \
  do {                                                                                               \
    if (!(condition)) {                                                                              \
      std::fprintf(stderr, "%s:%d: check failed: %s: %s\n", __FILE__, __LINE__, #condition, message); \
      std::abort();                                                                                  \
    }                                                                                                \
  } while (false)

#endif  // HEKLA_WORKER_BASE_CHECK_H_
