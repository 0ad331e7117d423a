// A TokenSink that keeps what it gets and lets a test wait for it. It checks the order of events itself:
// offsets go on without gap or repeat, OnStarted comes once and before the first token, of the prompt nothing
// comes after a token, and nothing at all after the end.
#ifndef HEKLA_TESTS_SUPPORT_ENGINE_RECORDING_SINK_H_
#define HEKLA_TESTS_SUPPORT_ENGINE_RECORDING_SINK_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker/engine/engine_interface.h"

namespace hekla::test {

class RecordingSink : public engine::TokenSink {
 public:
  // What came in all, once the request has ended.
  struct Record {
    std::vector<schedule::TokenId> tokens;
    std::vector<float> logprobs;
    std::vector<std::vector<schedule::TokenLogprob>> top_logprobs;
    std::vector<float> prompt_logprobs;
    std::vector<std::vector<schedule::TokenLogprob>> prompt_top_logprobs;
    engine::TokenEvent last;
    bool started = false;
    std::string disorder;  // the first rule that was broken; empty = none
  };

  // `first_offset`: the request's resumed_tokens.
  explicit RecordingSink(int first_offset = 0) : next_offset_(first_offset) {}

  void OnStarted(absl::Duration queue_time, int cached_tokens) override;
  void OnTokens(engine::TokenEvent event) override;

  // Called after each event, on the engine's thread, with the number of tokens so far. Set before the request
  // is submitted.
  std::function<void(int tokens)> on_event;

  // Waits until so many tokens have come, or the end.
  void WaitForTokens(int tokens);
  // Waits for the last event.
  Record WaitForEnd();
  bool ended() const;
  int tokens() const;  // so far

 private:
  mutable absl::Mutex mutex_;
  Record record_ ABSL_GUARDED_BY(mutex_);
  int next_offset_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_ENGINE_RECORDING_SINK_H_
