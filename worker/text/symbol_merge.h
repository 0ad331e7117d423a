// The merge loop of both BPE families: neighbours with the best priority are joined until none can be. A
// linked list of symbols and a heap of candidates: n log n for a stretch of n symbols.
#ifndef HEKLA_WORKER_TEXT_SYMBOL_MERGE_H_
#define HEKLA_WORKER_TEXT_SYMBOL_MERGE_H_

#include <cstdint>
#include <queue>
#include <vector>

namespace hekla::text {

struct Symbol {
  uint32_t begin = 0;   // bytes of the stretch
  uint32_t length = 0;  // 0 = joined to its left neighbour
  int32_t id = -1;      // as `find` gave it
  int32_t previous = -1, next = -1;
};

struct Merge {
  double priority = 0;  // lower is joined earlier; of equals the leftmost
  int32_t id = -1;      // of the joined symbol
};

// Joins neighbours in `symbols` (in text order, links not set yet); what is left has length > 0.
// `find(left, right, &merge)` says whether two neighbours may be joined.
template <typename Find>
void MergeSymbols(std::vector<Symbol>& symbols, const Find& find) {
  struct Candidate {
    double priority;
    int32_t left, right;
    uint32_t length;  // of both: when it no longer holds, one of them has changed
    int32_t id;
    bool operator<(const Candidate& other) const {
      return priority != other.priority ? priority > other.priority : left > other.left;
    }
  };
  std::priority_queue<Candidate> candidates;
  auto consider = [&](int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    Merge merge;
    if (!find(symbols[left], symbols[right], &merge)) return;
    candidates.push({merge.priority, left, right, symbols[left].length + symbols[right].length, merge.id});
  };
  const auto count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; ++i) {
    symbols[i].previous = i - 1;
    symbols[i].next = i + 1 < count ? i + 1 : -1;
  }
  for (int32_t i = 1; i < count; ++i) consider(i - 1, i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.left];
    Symbol& right = symbols[best.right];
    if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) continue;
    left.length = best.length;
    left.id = best.id;
    left.next = right.next;
    right.length = 0;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    consider(left.previous, best.left);
    consider(best.left, left.next);
  }
}

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_SYMBOL_MERGE_H_
