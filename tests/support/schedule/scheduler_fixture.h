// A Scheduler and a StepModel, stepped by hand.
#ifndef HEKLA_TESTS_SUPPORT_SCHEDULE_SCHEDULER_FIXTURE_H_
#define HEKLA_TESTS_SUPPORT_SCHEDULE_SCHEDULER_FIXTURE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/schedule/step_model.h"
#include "worker/schedule/scheduler.h"

namespace hekla::test {

inline schedule::SchedulerOptions Options() {
  schedule::SchedulerOptions options;
  options.max_sequences = 4;
  options.max_context = 200;
  options.max_rows = 16;
  options.max_samples = 4;
  options.kv_blocks = 20;
  options.max_in_flight = 3;
  options.vocabulary = 50;
  options.eos_tokens = {2};
  return options;
}

inline schedule::Request Ask(uint64_t id, int prompt_tokens, int max_tokens, int priority = 1) {
  schedule::Request request;
  request.id = id;
  for (int i = 0; i < prompt_tokens; ++i) request.prompt.push_back(static_cast<int>(10 + (id * 7 + i) % 30));
  request.stop.max_tokens = max_tokens;
  request.stop.ignore_eos = true;
  request.priority = priority;
  request.sampling.seed = id;
  return request;
}

// A scheduler and a device model, stepped by hand.
class SchedulerTest : public testing::Test {
 protected:
  void Start(const schedule::SchedulerOptions& options) {
    options_ = options;
    scheduler_ = std::make_unique<schedule::Scheduler>(options);
    model_ = std::make_unique<StepModel>(options);
  }
  void Add(const schedule::Request& request) {
    requests_[request.id] = request;
    ASSERT_TRUE(scheduler_->Add(request).ok());
  }
  bool Plan() {
    if (!scheduler_->NextBatch(&batch_)) return false;
    const absl::Status status = model_->Submit(batch_);
    EXPECT_TRUE(status.ok()) << status;
    return status.ok();
  }
  void FinishOne() {
    const schedule::BatchResult result = model_->Take();
    ASSERT_TRUE(scheduler_->Finish(result, &events_).ok());
    for (const schedule::SequenceEvent& event : events_) {
      for (int i = 0; i < event.prompt_logprobs; ++i)
        prompt_logprobs_[event.id].push_back(result.samples[event.sample + i].logprob);
    }
    ASSERT_TRUE(scheduler_->CheckInvariants().ok()) << scheduler_->CheckInvariants();
    Collect();
  }
  void Collect() {
    for (const schedule::SequenceEvent& event : events_) {
      if (event.token >= 0) output_[event.id].push_back(event.token);
      if (event.finish != schedule::FinishReason::kNone) {
        EXPECT_TRUE(finish_.emplace(event.id, event.finish).second) << event.id << " ends twice";
      }
    }
    events_.clear();
  }
  void RunToEnd() {
    while (!scheduler_->idle()) {
      while (Plan()) {
      }
      ASSERT_GT(model_->in_flight(), 0);
      FinishOne();
    }
  }
  void RunToEndOf(uint64_t id) {
    while (finish_.count(id) == 0) {
      while (Plan()) {
      }
      ASSERT_GT(model_->in_flight(), 0);
      FinishOne();
    }
    while (scheduler_->in_flight() > 0) FinishOne();
  }
  std::vector<uint64_t> Started() const {
    std::vector<uint64_t> ids;
    for (const schedule::StartedSequence& started : scheduler_->started()) ids.push_back(started.id);
    return ids;
  }
  int Rows(int slot) const {
    int rows = 0;
    for (const schedule::BatchRow& row : batch_.rows) rows += row.slot == slot;
    return rows;
  }

  schedule::SchedulerOptions options_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<StepModel> model_;
  schedule::Batch batch_;
  std::vector<schedule::SequenceEvent> events_;
  std::map<uint64_t, schedule::Request> requests_;
  std::map<uint64_t, std::vector<schedule::TokenId>> output_;
  std::map<uint64_t, std::vector<float>> prompt_logprobs_;
  std::map<uint64_t, schedule::FinishReason> finish_;
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_SCHEDULE_SCHEDULER_FIXTURE_H_
