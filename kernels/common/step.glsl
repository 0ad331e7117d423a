// The step state that begin_step writes: what every kernel of the step reads.
//   step_rows     tokens in this step           rows[i]    = {slot, position, token id, 0}
//   step_samples  sampled rows                  samples[i] = {row, slot, position, token id or kDrawn}
layout(binding = STEP_BINDING, std430) readonly buffer StepState {
  uint step_rows;
  uint step_samples;
  uint step_number;
  uint step_reserved;
  uvec4 rows_and_samples[];  // MAX_ROWS rows, then the samples
};
layout(constant_id = 1) const uint MAX_ROWS = 1;
#define STEP_ROW(i) rows_and_samples[i]
#define STEP_SAMPLE(i) rows_and_samples[MAX_ROWS + (i)]
