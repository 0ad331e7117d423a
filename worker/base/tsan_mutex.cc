// Teaches ThreadSanitizer what absl::Mutex, CondVar and Notification order. Debian's Abseil is built without
// the sanitizer, so it would report every correctly locked access as a race. CMakeLists.txt wraps the
// functions named here in sanitizer builds; elsewhere this file is empty. Names are those of Debian 12's
// Abseil (inline namespace debian3, Itanium mangling).
//
// A waiter's condition may be evaluated by whichever thread unlocks, always under the mutex: its reads inside
// Abseil are not looked at.
#if defined(__SANITIZE_THREAD__)

#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

struct Inside {
  Inside() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~Inside() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

void Acquired(const void* object) { __tsan_acquire(const_cast<void*>(object)); }
void Releasing(const void* object) { __tsan_release(const_cast<void*>(object)); }

template <typename Call>
auto Within(Call call) {
  Inside inside;
  return call();
}

}  // namespace

extern "C" {

#define HEKLA_WRAP_ACQUIRE(name, parameters, arguments) \
  void __real_##name parameters;                        \
  void __wrap_##name parameters {                       \
    Within([&] { __real_##name arguments; });           \
    Acquired(object);                                   \
  }
#define HEKLA_WRAP_RELEASE(name, parameters, arguments) \
  void __real_##name parameters;                        \
  void __wrap_##name parameters {                       \
    Releasing(object);                                  \
    Within([&] { __real_##name arguments; });           \
  }
// Gives `object` up and gets it back.
#define HEKLA_WRAP_WAIT(type, name, parameters, arguments)                        \
  type __real_##name parameters;                                                  \
  type __wrap_##name parameters {                                                 \
    Releasing(object);                                                            \
    const auto again = Within([&]() -> type { return __real_##name arguments; }); \
    Acquired(object);                                                             \
    return again;                                                                 \
  }

using Condition = const absl::Condition*;

HEKLA_WRAP_ACQUIRE(_ZN4absl7debian35Mutex4LockEv, (absl::Mutex * object), (object))
HEKLA_WRAP_ACQUIRE(_ZN4absl7debian35Mutex10ReaderLockEv, (absl::Mutex * object), (object))
HEKLA_WRAP_ACQUIRE(_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE, (absl::Mutex * object, Condition when),
                   (object, when))
HEKLA_WRAP_RELEASE(_ZN4absl7debian35Mutex6UnlockEv, (absl::Mutex * object), (object))
HEKLA_WRAP_RELEASE(_ZN4absl7debian35Mutex12ReaderUnlockEv, (absl::Mutex * object), (object))
HEKLA_WRAP_RELEASE(_ZN4absl7debian312Notification6NotifyEv, (absl::Notification * object), (object))
HEKLA_WRAP_ACQUIRE(_ZNK4absl7debian312Notification19WaitForNotificationEv, (const absl::Notification* object),
                   (object))

void __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(absl::Mutex* object, Condition until);
void __wrap__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(absl::Mutex* object, Condition until) {
  Releasing(object);
  Within([&] { __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(object, until); });
  Acquired(object);
}

void __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(absl::CondVar* variable, absl::Mutex* object);
void __wrap__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(absl::CondVar* variable, absl::Mutex* object) {
  Releasing(object);
  Within([&] { __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(variable, object); });
  Acquired(object);
}

HEKLA_WRAP_WAIT(bool, _ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE,
                (absl::Mutex * object, Condition until, absl::Duration timeout), (object, until, timeout))
HEKLA_WRAP_WAIT(bool, _ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE,
                (absl::Mutex * object, Condition until, absl::Time deadline), (object, until, deadline))
HEKLA_WRAP_WAIT(bool, _ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE,
                (absl::CondVar * variable, absl::Mutex* object, absl::Duration timeout),
                (variable, object, timeout))
HEKLA_WRAP_WAIT(bool, _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE,
                (absl::CondVar * variable, absl::Mutex* object, absl::Time deadline),
                (variable, object, deadline))
HEKLA_WRAP_WAIT(bool, _ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE,
                (const absl::Notification* object, absl::Duration timeout), (object, timeout))

}  // extern "C"

#endif  // __SANITIZE_THREAD__
