// Ids for requests that come without one, and seeds.
#ifndef HEKLA_SERVICE_ROUTER_RANDOM_NAME_H_
#define HEKLA_SERVICE_ROUTER_RANDOM_NAME_H_

#include <cstdint>
#include <string>

namespace hekla::service {

uint64_t RandomSeed();
std::string RandomName();  // 16 hexadecimal digits

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_RANDOM_NAME_H_
