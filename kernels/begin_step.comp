#version 460
// Opens a step. Reads the host's entry of this step in the input ring (the step counter lives on the device, so the recorded commands
// never change), applies its pokes to the slot state, resolves the rows' token ids from the history, and writes the step state.
// One workgroup. Loop budget: pokes / 256.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "params.h"
layout(push_constant) uniform Push { BeginStepParams p; };
layout(constant_id = 1) const uint MAX_ROWS = 1;
layout(binding = 0, std430) readonly buffer Input { uint ring[]; };
layout(binding = 1, std430) writeonly buffer StepState { uint header[4]; uvec4 rows_and_samples[]; };
layout(binding = 2, std430) writeonly buffer SlotState { uint slot_state[]; };
layout(binding = 3, std430) buffer History { uint history[]; };
layout(binding = 4, std430) buffer Counter { uint counter; };

void main() {
  const uint thread = gl_LocalInvocationIndex;
  const uint step = counter;
  const uint entry = step % kRing * p.entry_words;
  const uint rows = ring[entry + kInputRows], samples = ring[entry + kInputSamples], pokes = ring[entry + kInputPokes];
  for (uint i = thread; i < pokes; i += 256) {
    slot_state[ring[entry + p.pokes_offset + 2 * i]] = ring[entry + p.pokes_offset + 2 * i + 1];
  }
  for (uint i = thread; i < rows; i += 256) {
    const uint at = entry + kInputHeader + 3 * i;
    const uint slot = ring[at], position = ring[at + 1];
    uint token = ring[at + 2];
    const uint place = slot * p.history_stride + position;
    if (token == kFromHistory) token = history[place]; else history[place] = token;
    rows_and_samples[i] = uvec4(slot, position, token, 0);
  }
  for (uint i = thread; i < samples; i += 256) {
    const uint at = entry + p.samples_offset + 3 * i;
    const uint row = ring[at];
    rows_and_samples[MAX_ROWS + i] = uvec4(row, ring[at + 1], ring[entry + kInputHeader + 3 * row + 1], ring[at + 2]);
  }
  barrier();
  if (thread == 0) {
    header[0] = rows, header[1] = samples, header[2] = step;
    counter = step + 1;
  }
}
