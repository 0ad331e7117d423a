// What a fault did to a load: a row of the fault table, made of the requests' records. Pure.
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_FAULT_ROW_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_FAULT_ROW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "service/client/bench/request_record.h"
#include "service/client/chaos/fault.h"

namespace hekla::chaos {

struct FaultRow {
  Fault fault = Fault::kNone;
  int workers = 0;
  uint64_t requests = 0;
  uint64_t lost = 0;        // ended with an error, after all attempts
  uint64_t duplicated = 0;  // tokens that came again
  uint64_t skipped = 0;     // tokens that did not come
  uint64_t mismatched = 0;  // outputs that are not those of a run without faults
  uint64_t resumed = 0;     // streams that went on at another worker
  uint64_t retried = 0;     // requests that the client had to send again
  std::map<std::string, uint64_t> errors;
  std::optional<absl::Duration> detected;  // from the fault until the router's list of workers showed it
  // The longest time that a stream which ran at the fault waited for its next token from then on.
  std::optional<absl::Duration> recovered;

  bool IsClean() const { return lost + duplicated + skipped + mismatched == 0; }
};

// The counts of a run with the fault at `fault_time`. expected_hashes[k] is the output of request k modulo
// their number.
FaultRow MakeRow(Fault fault, int workers, absl::Time fault_time,
                 const std::vector<bench::RequestRecord>& records,
                 const std::vector<uint64_t>& expected_hashes);

// The rows as lines of cells with a heading, for a table.
std::vector<std::vector<std::string>> FaultTable(const std::vector<FaultRow>& rows);
// A JSON array.
std::string FaultJson(const std::vector<FaultRow>& rows);

}  // namespace hekla::chaos

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_FAULT_ROW_H_
