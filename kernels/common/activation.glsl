// Activations (inputs of a matvec) are f32, one row a token, in units of 32 laid out for lanes: in a chunk of SUBGROUP units, vec4
// number p of unit l stands at p * n + l, n being the chunk's units. Lane l of a subgroup takes unit l, so each load is contiguous.
// The last chunk may be short; a row is exactly `units` units.

uint activation_vec4(uint unit, uint p, uint units) {
  uint chunk = unit / SUBGROUP * SUBGROUP;
  return chunk * 8 + p * min(SUBGROUP, units - chunk) + unit - chunk;
}

// Where element k of a row stands, in floats.
uint activation_index(uint k, uint units) {
  return activation_vec4(k / 32, k % 32 / 4, units) * 4 + k % 4;
}
