#include "service/router/placement.h"

#include <algorithm>
#include <utility>

#include "service/router/worker_registry.h"

namespace hekla::service {
namespace {

// A session's second worker is taken when the first one's wait is this much longer.
constexpr double kSessionWaitRatio = 2;
constexpr double kSessionWaitSeconds = 0.05;

bool Contains(const std::vector<std::shared_ptr<Worker>>& workers, const std::shared_ptr<Worker>& worker) {
  return std::find(workers.begin(), workers.end(), worker) != workers.end();
}

}  // namespace

const char* RouteBranchName(RouteBranch branch) {
  switch (branch) {
    case RouteBranch::kSession:
      return "session";
    case RouteBranch::kPrefix:
      return "prefix";
    case RouteBranch::kLeastWait:
      return "least_wait";
    case RouteBranch::kPanic:
      return "panic";
  }
  return "";
}

Pool::Pool(std::vector<std::shared_ptr<Worker>> workers) : workers_(std::move(workers)) {
  for (const std::shared_ptr<Worker>& worker : workers_) candidates_.push_back(worker->AsCandidate());
  is_panic_ = IsPanic(candidates_);
}

void Pool::Refresh(int index) {
  candidates_[static_cast<size_t>(index)] = workers_[static_cast<size_t>(index)]->AsCandidate();
}

bool Pool::HasRoom() const {
  return std::any_of(candidates_.begin(), candidates_.end(), [this](const Candidate& candidate) {
    return service::HasRoom(candidate) && (is_panic_ || !candidate.broken);
  });
}

std::vector<Candidate> Pool::Fitting(const WorkerNeed& need) const {
  std::vector<Candidate> fitting = candidates_;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const v1::Model& model = workers_[i]->model();
    fitting[i].usable &= need.weights_hash.empty() || model.weights_hash() == need.weights_hash;
    fitting[i].usable &= HoldsContext(*workers_[i], need.min_context);
    fitting[i].usable &= is_panic_ || !fitting[i].broken;
  }
  return fitting;
}

Placed Pool::Place(const WorkerNeed& need, const SessionTable& sessions, uint64_t random) const {
  std::vector<Candidate> fitting = Fitting(need);
  if (!need.session.empty()) {
    const Placed placed = PlaceSession(need, fitting, sessions);
    if (placed.worker >= 0 || placed.session_lost || need.session_required) return placed;
  }
  // What was tried before is avoided only while there is something else.
  std::vector<Candidate> untried = fitting;
  bool any_untried = false;
  for (size_t i = 0; i < workers_.size(); ++i) {
    untried[i].usable = fitting[i].usable && !Contains(need.tried, workers_[i]);
    any_untried |= untried[i].usable;
  }
  std::vector<Candidate>& candidates = any_untried ? untried : fitting;
  for (size_t i = 0; i < workers_.size() && need.prefix != nullptr; ++i) {
    if (service::HasRoom(candidates[i])) {
      candidates[i].matched_share = workers_[i]->MatchedShare(*need.prefix);
    }
  }
  Placed placed;
  placed.worker = ChooseWorker(candidates, random);
  if (placed.worker < 0) return placed;
  const Candidate& chosen = candidates[static_cast<size_t>(placed.worker)];
  placed.matched_share = chosen.matched_share;
  placed.branch = chosen.broken              ? RouteBranch::kPanic
                  : chosen.matched_share > 0 ? RouteBranch::kPrefix
                                             : RouteBranch::kLeastWait;
  return placed;
}

Placed Pool::PlaceSession(const WorkerNeed& need, const std::vector<Candidate>& fitting,
                          const SessionTable& sessions) const {
  Placed placed;
  placed.branch = RouteBranch::kSession;
  int first = -1, second = -1;
  std::shared_ptr<Worker> last;
  const bool is_known = sessions.Find(need.session, &last);
  for (size_t i = 0; i < workers_.size() && last != nullptr; ++i) {
    if (workers_[i] == last && last->ready()) first = static_cast<int>(i);
  }
  if (is_known && first < 0 && need.session_required) {
    placed.session_lost = true;
    return placed;
  }
  if (first < 0) {
    std::vector<std::string> ids;
    std::vector<int> index;
    for (size_t i = 0; i < workers_.size(); ++i) {
      if (!fitting[i].usable || Contains(need.tried, workers_[i])) continue;
      ids.push_back(workers_[i]->id());
      index.push_back(static_cast<int>(i));
    }
    const auto [a, b] = RendezvousPair(need.session, ids);
    if (a >= 0) first = index[static_cast<size_t>(a)];
    if (b >= 0) second = index[static_cast<size_t>(b)];
  }
  const auto wait = [&](int i) { return EstimateWaitSeconds(fitting[static_cast<size_t>(i)]); };
  const auto is_free = [&](int i) { return i >= 0 && service::HasRoom(fitting[static_cast<size_t>(i)]); };
  if (is_free(first)) placed.worker = first;
  if (is_free(second) &&
      (placed.worker < 0 || wait(first) > kSessionWaitRatio * wait(second) + kSessionWaitSeconds)) {
    placed.worker = second;
  }
  if (placed.worker >= 0 && need.prefix != nullptr) {
    placed.matched_share = worker(placed.worker)->MatchedShare(*need.prefix);
  }
  return placed;
}

std::optional<double> Pool::StartSeconds(const WorkerNeed& need, int ahead) const {
  return EstimateStartSeconds(Fitting(need), ahead);
}

double Pool::BestMatchedShare(const PrefixKeys& prompt) const {
  double best = 0;
  for (const std::shared_ptr<Worker>& worker : workers_) best = std::max(best, worker->MatchedShare(prompt));
  return best;
}

}  // namespace hekla::service
