// Comes before protobuf's own header in builds with ThreadSanitizer. There it would give map fields two more members, which Debian's
// libprotobuf, built without, does not know of.
#ifndef HEKLA_PROTO_TSAN_GOOGLE_PROTOBUF_MAP_FIELD_H_
#define HEKLA_PROTO_TSAN_GOOGLE_PROTOBUF_MAP_FIELD_H_

#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#define __SANITIZE_THREAD__ 1

#endif  // HEKLA_PROTO_TSAN_GOOGLE_PROTOBUF_MAP_FIELD_H_
