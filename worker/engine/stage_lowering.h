// Turns the ops of a plan into the launches of a VulkanStage; used once, while the stage is made.
#ifndef HEKLA_WORKER_ENGINE_STAGE_LOWERING_H_
#define HEKLA_WORKER_ENGINE_STAGE_LOWERING_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/engine/vulkan_stage.h"
#include "worker/model/plan.h"

namespace hekla::engine {

// Threads of the sampler's workgroup. UNIMPLEMENTED where the device's limit on loops is too low for the vocabulary.
absl::StatusOr<uint32_t> SampleThreads(const vulkan::DeviceLimits& limits, uint32_t vocabulary, uint32_t max_context);

class StageLowering {
 public:
  StageLowering(VulkanStage* stage, const model::Plan& plan)
      : stage_(stage), plan_(plan), buffers_(*stage->buffers_), interleaved_(stage->row_order() == RowOrder::kInterleaved) {}
  absl::Status Run();

 private:
  using Range = vulkan::BufferRange;
  using Lowered = VulkanStage::Lowered;
  using GridRule = VulkanStage::GridRule;

  absl::Status Lower(const model::EmbedOp& op);
  absl::Status Lower(const model::QkvOp& op);
  absl::Status Lower(const model::AttentionOp& op);
  absl::Status Lower(const model::AttentionOutputOp& op);
  absl::Status Lower(const model::GateUpOp& op);
  absl::Status Lower(const model::DownOp& op);
  absl::Status Lower(const model::HeadOp& op);
  absl::Status LowerResidual(const model::Matrix& weight, const std::vector<float>& bias, const Range& input);
  absl::Status LowerSplitGateUp(const model::GateUpOp& op);
  absl::Status LowerHeadNorm(const model::QkvOp& op);
  void LowerBeginStep();
  absl::Status LowerSample();

  // Norm weight of the op after the present one that has a norm.
  const std::vector<float>& NextNorm() const;
  // One launch per part of the matrix, without barriers between them; `finish` completes the launch for its part.
  struct MatvecPlan {
    kernels::MatvecParams params{};
    GridRule rule = GridRule::kRowColumns;
    bool pairs = false;
    uint32_t rows_per_workgroup = 0;
    uint32_t split = 1;
    bool joined = false;          // the first launch too goes with the one before
  };
  template <typename Arguments>
  void AddMatvec(const DeviceMatrix& matrix, uint32_t row_first, const MatvecPlan& matvec, const Arguments& arguments);
  template <typename Arguments>
  void AddLaunch(kernels::Kernel kernel, GridRule rule, uint32_t work, const vulkan::Specialization& specialization,
                 const Arguments& arguments, const typename Arguments::Params& params);
  // The norm that stands before a matvec, as its parameters.
  void SetNorm(kernels::MatvecParams* params) const;

  VulkanStage* stage_;
  const model::Plan& plan_;
  const StageBuffers& buffers_;
  const bool interleaved_;      // rows of weights
  size_t op_index_ = 0;
  uint32_t partials_ = 0;       // sums of squares that the last writer of the residual stream left for a row
  Range rope_;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_STAGE_LOWERING_H_
