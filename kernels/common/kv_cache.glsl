// The KV cache of one layer, f16, by block of kBlock tokens, two elements a word:
//   k  [block][kv head][head_dim / 8][token][8]    so that lanes over tokens read 16 contiguous bytes each, next to each other
//   v  [block][kv head][token][head_dim]
uint key_word(uint block, uint kv_head, uint token, uint dim, uint kv_heads, uint head_dim) {
  return ((((block * kv_heads + kv_head) * (head_dim / 8) + dim / 8) * kBlock + token) * 8 + dim % 8) / 2;
}
uint value_word(uint block, uint kv_head, uint token, uint dim, uint kv_heads, uint head_dim) {
  return (((block * kv_heads + kv_head) * kBlock + token) * head_dim + dim) / 2;
}
