#include "worker/engine/stage_lowering.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

uint32_t Units(uint64_t columns) { return static_cast<uint32_t>((columns + kernels::kUnit - 1) / kernels::kUnit); }

// Row that stands at `place` of a head of length d on the device: halves (i, i + d/2) become neighbours (2i, 2i + 1), so that one RoPE
// does for both pairings. q and k are permuted alike, which leaves their products as they are.
int InterleavedRow(int place, int d) { return place / d * d + place % d / 2 + place % 2 * (d / 2); }

// Pointers to the rows of `matrix`, heads interleaved if asked.
void AppendRows(const model::Matrix& matrix, bool interleave, int head_dim, std::vector<const uint8_t*>* rows) {
  for (int r = 0; r < matrix.rows; ++r) {
    rows->push_back(matrix.data + (interleave ? InterleavedRow(r, head_dim) : r) * matrix.row_bytes());
  }
}

void AppendValues(const std::vector<float>& values, int count, bool interleave, int head_dim, std::vector<float>* out) {
  for (int r = 0; r < count; ++r) out->push_back(values.empty() ? 0.0f : values[interleave ? InterleavedRow(r, head_dim) : r]);
}

// Query heads of one attention workgroup: the largest divisor of the GQA group whose buffers fit in shared memory.
uint32_t HeadsPerWorkgroup(uint32_t group, uint32_t head_dim, uint32_t threads, uint32_t shared_bytes) {
  const uint32_t chunks = head_dim / 4, token_groups = threads / chunks;
  for (uint32_t g = std::min(group, 8u); g > 1; --g) {
    const uint32_t bytes = 16 * g * chunks + 4 * g * kernels::kSplit + 16 * token_groups * g * chunks + 64 + 8 * g;
    if (group % g == 0 && bytes <= shared_bytes) return g;
  }
  return 1;
}

// The same where they stand in registers: attention_across keeps 8 sums a lane for each head and each `subgroup` pieces of 8
// dimensions.
uint32_t HeadsInRegisters(uint32_t group, uint32_t head_dim, uint32_t subgroup) {
  constexpr uint32_t kMostSums = 32;
  const uint32_t sums = 8 * ((head_dim / 8 + subgroup - 1) / subgroup);
  uint32_t heads = std::min(group, std::max(1u, kMostSums / sums));
  while (group % heads != 0) --heads;
  return heads;
}

}  // namespace

absl::StatusOr<uint32_t> SampleThreads(const vulkan::DeviceLimits& limits, uint32_t vocabulary, uint32_t max_context) {
  if (limits.max_loop_iterations == 0) return std::min(1024u, limits.max_workgroup_threads);
  // Few threads are best on a processor; more leave each a smaller share.
  constexpr uint64_t kOtherLoops = 1000;   // bits, the generator's rounds, a loop's last look at its condition
  for (uint64_t threads = 64; threads <= limits.max_workgroup_threads; threads *= 2) {
    const uint64_t of_vocabulary = kernels::kSamplePasses * ((vocabulary + threads - 1) / threads);
    const uint64_t of_slot = 2 * (max_context / threads + 1) + kernels::kMaxBias / threads;   // penalty window, logit bias
    const uint64_t of_workgroup = kernels::kSampleReductions * threads / limits.subgroup_size + threads;
    const uint64_t loops = of_vocabulary + of_slot + of_workgroup + kOtherLoops;
    if (loops <= limits.max_loop_iterations) return static_cast<uint32_t>(threads);
  }
  return absl::UnimplementedError(
      absl::StrCat("a vocabulary of ", vocabulary, " tokens is more than the sampler can loop over on a software device"));
}

template <typename Arguments>
void StageLowering::AddLaunch(kernels::Kernel kernel, GridRule rule, uint32_t work, const vulkan::Specialization& specialization,
                              const Arguments& arguments, const typename Arguments::Params& params) {
  Lowered lowered;
  lowered.kernel = kernel;
  lowered.rule = rule;
  lowered.work = work;
  lowered.specialization = specialization;
  // Whole column groups of rows, so that a dead column of the last group still finds a row.
  lowered.specialization.max_rows = (stage_->limits_.max_rows + 7) / 8 * 8;
  lowered.specialization.activation_chunk = interleaved_ ? 1 : stage_->device_->limits().subgroup_size;
  lowered.bind = [stage = stage_, arguments, params](const vulkan::Pipeline* pipeline) {
    return stage->launches_.Make(pipeline, arguments, params);
  };
  stage_->program_.push_back(std::move(lowered));
}

template <typename Arguments>
void StageLowering::AddMatvec(const DeviceMatrix& matrix, uint32_t row_first, const MatvecPlan& matvec, const Arguments& arguments) {
  uint32_t partial_first = 0;
  for (const MatrixPart& part : matrix.parts) {
    Arguments bound = arguments;
    bound.weights = part.buffer;
    kernels::MatvecParams params = matvec.params;
    params.rows = part.rows;
    params.units = matrix.units;
    params.row_first = row_first + part.row_first;
    params.scale_base = part.layout.scale_base();
    params.high_base = part.layout.high_base();
    params.partial_first = partial_first;
    params.partial_stride = buffers_.partial_stride;
    AddLaunch(Arguments::Id(QuantOf(matrix.type), interleaved_), matvec.rule, part.rows, {}, bound, params);
    Lowered& lowered = stage_->program_.back();
    lowered.pairs = matvec.pairs;
    lowered.joined = matvec.joined || part.row_first > 0;
    lowered.rows_per_workgroup = matvec.rows_per_workgroup;
    lowered.specialization.split = matvec.split;
    lowered.weight_bytes = part.layout.bytes;
    if (matvec.rows_per_workgroup > 0) partial_first += (part.rows + matvec.rows_per_workgroup - 1) / matvec.rows_per_workgroup;
  }
  if (matvec.rows_per_workgroup > 0) partials_ = partial_first;
}

void StageLowering::SetNorm(kernels::MatvecParams* params) const {
  params->partials = partials_;
  params->inverse_width = 1.0f / static_cast<float>(plan_.config.embedding);
  params->epsilon = plan_.config.rms_epsilon;
}

const std::vector<float>& StageLowering::NextNorm() const {
  for (size_t i = op_index_ + 1; i < plan_.ops.size(); ++i) {
    if (const auto* op = std::get_if<model::QkvOp>(&plan_.ops[i])) return op->norm;
    if (const auto* op = std::get_if<model::GateUpOp>(&plan_.ops[i])) return op->norm;
    if (const auto* op = std::get_if<model::HeadOp>(&plan_.ops[i])) return op->norm;
  }
  HEKLA_CHECK(false, "a plan ends with its head");
}

absl::Status StageLowering::Run() {
  if (plan_.config.embedding % 4 != 0) {
    return absl::UnimplementedError(absl::StrCat("embedding_length ", plan_.config.embedding, " is not a multiple of 4"));
  }
  HEKLA_ASSIGN_OR_RETURN(rope_, stage_->weights_->AddVector(model::RopeTable(plan_.config, stage_->limits_.max_context)));
  LowerBeginStep();
  for (op_index_ = 0; op_index_ < plan_.ops.size(); ++op_index_) {
    HEKLA_RETURN_IF_ERROR(std::visit([this](const auto& op) { return Lower(op); }, plan_.ops[op_index_]));
  }
  return LowerSample();
}

void StageLowering::LowerBeginStep() {
  const StepInputLayout& words = stage_->input_layout_;
  AddLaunch(kernels::BeginStepArguments<Range>::kId, GridRule::kSingle, 1, {},
            kernels::BeginStepArguments<Range>{buffers_.input, buffers_.step_state, buffers_.slot_state,
                                               buffers_.history, buffers_.counter},
            {words.entry_words, words.samples_offset, words.pokes_offset, words.history_stride});
}

absl::Status StageLowering::Lower(const model::EmbedOp& op) {
  HEKLA_ASSIGN_OR_RETURN(const DeviceMatrix table, stage_->weights_->Add(op.table));
  HEKLA_ASSIGN_OR_RETURN(const Range norm, stage_->weights_->AddVector(NextNorm()));
  vulkan::Specialization specialization;
  specialization.threads = 64;
  specialization.partial_stride = buffers_.partial_stride;
  for (const MatrixPart& part : table.parts) {
    AddLaunch(kernels::EmbedArguments<Range>::Id(QuantOf(table.type), interleaved_), GridRule::kRows, 1, specialization,
              kernels::EmbedArguments<Range>{part.buffer, buffers_.step_state, buffers_.residual, buffers_.normed, norm, buffers_.partials},
              {table.units, static_cast<uint32_t>(plan_.config.embedding), part.layout.scale_base(), part.layout.high_base(),
               part.row_first, part.rows});
    stage_->program_.back().joined = part.row_first > 0;
  }
  partials_ = 1;
  return absl::OkStatus();
}

absl::Status StageLowering::Lower(const model::QkvOp& op) {
  const bool interleave = plan_.config.rope.pairing == model::RopePairing::kHalves;
  const bool head_norm = !op.q_norm.empty();
  const int d = op.head_dim;
  std::vector<float> bias;
  AppendValues(op.q_bias, op.q.rows, interleave, d, &bias);
  AppendValues(op.k_bias, op.k.rows, interleave, d, &bias);
  AppendValues(op.v_bias, op.v.rows, false, d, &bias);
  HEKLA_ASSIGN_OR_RETURN(const Range bias_range, stage_->weights_->AddVector(bias));
  MatvecPlan matvec;
  SetNorm(&matvec.params);
  matvec.pairs = !head_norm;
  if (!(op.q_bias.empty() && op.k_bias.empty() && op.v_bias.empty())) matvec.params.flags = kernels::kMatvecBias;
  matvec.params.width = static_cast<uint32_t>(bias.size());
  matvec.params.q_rows = op.q.rows;
  matvec.params.k_rows = op.k.rows;
  matvec.params.head_dim = d;
  matvec.params.kv_heads = op.kv_heads;
  matvec.params.slot_stride = stage_->input_layout_.slot_stride;

  const model::Matrix* const all[] = {&op.q, &op.k, &op.v};
  uint32_t row_first = 0;
  for (int i = 0; i < 3;) {   // runs of one type become one matrix
    std::vector<const uint8_t*> rows;
    const model::TensorType type = all[i]->type;
    for (; i < 3 && all[i]->type == type; ++i) AppendRows(*all[i], interleave && i < 2, d, &rows);
    absl::StatusOr<DeviceMatrix> matrix = stage_->weights_->Add(type, op.q.columns, rows);
    if (!matrix.ok()) return WithContext(matrix.status(), absl::StrCat("loading ", all[i - 1]->name));
    if (head_norm) {
      AddMatvec(*matrix, row_first, matvec,
                kernels::MatvecStoreArguments<Range>{{}, buffers_.step_state, buffers_.normed, buffers_.partials, bias_range, buffers_.raw,
                                                     buffers_.nothing});
    } else {
      const KvLayer& kv = buffers_.kv[op.layer];
      AddMatvec(*matrix, row_first, matvec,
                kernels::MatvecQkvArguments<Range>{{}, buffers_.step_state, buffers_.normed, buffers_.partials, bias_range,
                                                   buffers_.queries, kv.keys, kv.values, rope_, buffers_.slot_state});
    }
    row_first += static_cast<uint32_t>(rows.size());
    matvec.joined = true;
  }
  stage_->kv_bytes_per_token_ += 4ull * op.kv_heads * d;
  return head_norm ? LowerHeadNorm(op) : absl::OkStatus();
}

absl::Status StageLowering::LowerHeadNorm(const model::QkvOp& op) {
  const bool interleave = plan_.config.rope.pairing == model::RopePairing::kHalves;
  std::vector<float> weights;
  AppendValues(op.q_norm, op.head_dim, interleave, op.head_dim, &weights);
  AppendValues(op.k_norm, op.head_dim, interleave, op.head_dim, &weights);
  HEKLA_ASSIGN_OR_RETURN(const Range weight_range, stage_->weights_->AddVector(weights));
  vulkan::Specialization specialization;
  const uint32_t subgroup = stage_->device_->limits().subgroup_size;
  specialization.threads = 4 * subgroup;
  const uint32_t heads = op.heads + 2 * op.kv_heads;
  const KvLayer& kv = buffers_.kv[op.layer];
  AddLaunch(kernels::HeadNormArguments<Range>::kId, GridRule::kRows, (heads + 3) / 4, specialization,
            kernels::HeadNormArguments<Range>{buffers_.step_state, buffers_.raw, weight_range, buffers_.queries, kv.keys, kv.values, rope_,
                                              buffers_.slot_state},
            {static_cast<uint32_t>(op.heads), static_cast<uint32_t>(op.kv_heads), static_cast<uint32_t>(op.head_dim),
             heads * op.head_dim, plan_.config.rms_epsilon, stage_->input_layout_.slot_stride});
  return absl::OkStatus();
}

absl::Status StageLowering::Lower(const model::AttentionOp& op) {
  vulkan::Specialization specialization;
  specialization.head_dim = op.head_dim;
  const KvLayer& kv = buffers_.kv[op.layer];
  const kernels::AttentionParams params = {static_cast<uint32_t>(op.heads), static_cast<uint32_t>(op.kv_heads),
                                           stage_->input_layout_.slot_stride, Units(uint64_t(op.heads) * op.head_dim),
                                           buffers_.max_splits, op.scale};
  if (interleaved_) {
    specialization.threads = stage_->device_->limits().subgroup_size;
    specialization.group = HeadsInRegisters(op.heads / op.kv_heads, op.head_dim, specialization.threads);
    AddLaunch(kernels::AttentionAcrossArguments<Range>::kId, GridRule::kAttention, op.heads, specialization,
              kernels::AttentionAcrossArguments<Range>{buffers_.step_state, buffers_.queries, kv.keys, kv.values, buffers_.slot_state,
                                                       buffers_.attended, buffers_.split_results, buffers_.arrivals},
              params);
    return absl::OkStatus();
  }
  specialization.threads = 256;
  specialization.ahead = 16;
  specialization.group =
      HeadsPerWorkgroup(op.heads / op.kv_heads, op.head_dim, specialization.threads, stage_->device_->limits().shared_memory);
  AddLaunch(kernels::AttentionArguments<Range>::kId, GridRule::kAttention, op.heads, specialization,
            kernels::AttentionArguments<Range>{buffers_.step_state, buffers_.queries, kv.keys, kv.values, buffers_.slot_state,
                                               buffers_.attended, buffers_.split_results, buffers_.arrivals},
            params);
  return absl::OkStatus();
}

absl::Status StageLowering::LowerResidual(const model::Matrix& weight, const std::vector<float>& bias, const Range& input) {
  HEKLA_ASSIGN_OR_RETURN(const DeviceMatrix matrix, stage_->weights_->Add(weight));
  HEKLA_ASSIGN_OR_RETURN(const Range bias_range, stage_->weights_->AddVector(bias));
  HEKLA_ASSIGN_OR_RETURN(const Range norm, stage_->weights_->AddVector(NextNorm()));
  MatvecPlan matvec;
  matvec.params.flags = bias.empty() ? 0 : kernels::kMatvecBias;
  matvec.params.width = plan_.config.embedding;
  matvec.params.output_units = Units(plan_.config.embedding);
  matvec.rows_per_workgroup = stage_->device_->limits().software || plan_.config.embedding >= 4096 ? 32
                              : plan_.config.embedding >= 2048                                     ? 16
                                                                                                   : 8;
  // Few and long rows: two subgroups a row keep an H200 busier (8B Q8_0 +15 %, TinyLlama +3 % tok/s). Short rows lose at 32 columns.
  matvec.split = stage_->device_->limits().software || plan_.config.embedding < 2048 ? 1 : 2;
  AddMatvec(matrix, 0, matvec,
            kernels::MatvecResidualArguments<Range>{{}, buffers_.step_state, input, buffers_.nothing, bias_range, buffers_.residual,
                                                    buffers_.normed, norm, buffers_.partials});
  return absl::OkStatus();
}

absl::Status StageLowering::Lower(const model::AttentionOutputOp& op) { return LowerResidual(op.weight, op.bias, buffers_.attended); }

absl::Status StageLowering::Lower(const model::DownOp& op) { return LowerResidual(op.weight, op.bias, buffers_.hidden); }

absl::Status StageLowering::Lower(const model::GateUpOp& op) {
  if (op.gate.type != op.up.type) return LowerSplitGateUp(op);
  std::vector<const uint8_t*> rows;
  std::vector<float> bias;
  const bool biased = !op.gate_bias.empty() || !op.up_bias.empty();
  for (int r = 0; r < op.gate.rows; ++r) {
    rows.push_back(op.gate.data + r * op.gate.row_bytes());
    rows.push_back(op.up.data + r * op.up.row_bytes());
    if (biased) bias.push_back(op.gate_bias.empty() ? 0 : op.gate_bias[r]), bias.push_back(op.up_bias.empty() ? 0 : op.up_bias[r]);
  }
  absl::StatusOr<DeviceMatrix> matrix = stage_->weights_->Add(op.gate.type, op.gate.columns, rows);
  if (!matrix.ok()) return WithContext(matrix.status(), absl::StrCat("loading ", op.gate.name));
  HEKLA_ASSIGN_OR_RETURN(const Range bias_range, stage_->weights_->AddVector(bias));
  MatvecPlan matvec;
  SetNorm(&matvec.params);
  matvec.pairs = true;
  matvec.params.flags = biased ? kernels::kMatvecBias : 0;
  matvec.params.output_units = Units(op.gate.rows);
  AddMatvec(*matrix, 0, matvec,
            kernels::MatvecGateUpArguments<Range>{
                {}, buffers_.step_state, buffers_.normed, buffers_.partials, bias_range, buffers_.hidden});
  return absl::OkStatus();
}

// Gate and up of different types: gate to memory, then up, which reads it.
absl::Status StageLowering::LowerSplitGateUp(const model::GateUpOp& op) {
  const std::pair<const model::Matrix*, const std::vector<float>*> halves[] = {{&op.gate, &op.gate_bias}, {&op.up, &op.up_bias}};
  for (const auto& [weight, bias] : halves) {
    HEKLA_ASSIGN_OR_RETURN(const DeviceMatrix matrix, stage_->weights_->Add(*weight));
    HEKLA_ASSIGN_OR_RETURN(const Range bias_range, stage_->weights_->AddVector(*bias));
    MatvecPlan matvec;
    SetNorm(&matvec.params);
    matvec.params.flags = (bias->empty() ? 0 : kernels::kMatvecBias) | (weight == &op.up ? kernels::kMatvecSiluInput : 0);
    matvec.params.width = weight->rows;
    matvec.params.output_units = Units(weight->rows);
    AddMatvec(matrix, 0, matvec,
              kernels::MatvecStoreArguments<Range>{{}, buffers_.step_state, buffers_.normed, buffers_.partials, bias_range, buffers_.raw,
                                                   buffers_.hidden});
  }
  return absl::OkStatus();
}

absl::Status StageLowering::Lower(const model::HeadOp& op) {
  HEKLA_ASSIGN_OR_RETURN(const DeviceMatrix matrix, stage_->weights_->Add(op.weight));
  HEKLA_ASSIGN_OR_RETURN(const Range bias_range, stage_->weights_->AddVector(op.bias));
  MatvecPlan matvec;
  SetNorm(&matvec.params);
  matvec.rule = GridRule::kSampleColumns;
  matvec.params.flags = kernels::kMatvecSamples | (op.bias.empty() ? 0 : kernels::kMatvecBias);
  matvec.params.width = op.weight.rows;
  AddMatvec(matrix, 0, matvec,
            kernels::MatvecStoreArguments<Range>{{}, buffers_.step_state, buffers_.normed, buffers_.partials, bias_range, buffers_.logits,
                                                 buffers_.nothing});
  return absl::OkStatus();
}

absl::Status StageLowering::LowerSample() {
  const StepInputLayout& words = stage_->input_layout_;
  vulkan::Specialization specialization;
  HEKLA_ASSIGN_OR_RETURN(specialization.threads, SampleThreads(stage_->device_->limits(), plan_.config.vocabulary,
                                                                  stage_->limits_.max_context));
  AddLaunch(kernels::SampleArguments<Range>::kId, GridRule::kSamples, 1, specialization,
            kernels::SampleArguments<Range>{buffers_.step_state, buffers_.logits, buffers_.counts, buffers_.slot_state, buffers_.history,
                                            buffers_.results},
            {static_cast<uint32_t>(plan_.config.vocabulary), words.slot_stride, words.bias_offset, words.history_stride,
             static_cast<uint32_t>(stage_->limits_.max_samples)});
  return absl::OkStatus();
}

}  // namespace hekla::engine
