// Activations (inputs of a matvec) are f32, one row a token, in units of 32 laid out for lanes: in a chunk of CHUNK units, vec4 number p
// of unit l stands at p * n + l, n being the chunk's units. Where lanes run along a row, CHUNK is the subgroup, and lane l takes unit l:
// each load is contiguous. Where they run across rows, it is 1, and the row stands as it is. The last chunk may be short; a row is
// exactly `units` units.
layout(constant_id = 9) const uint CHUNK = 32;

uint activation_vec4(uint unit, uint p, uint units) {
  uint chunk = unit / CHUNK * CHUNK;
  return chunk * 8 + p * min(CHUNK, units - chunk) + unit - chunk;
}

// Where element k of a row stands, in floats.
uint activation_index(uint k, uint units) {
  return activation_vec4(k / 32, k % 32 / 4, units) * 4 + k % 4;
}
