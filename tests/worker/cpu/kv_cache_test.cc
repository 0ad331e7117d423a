#include "worker/cpu/kv_cache.h"

#include <gtest/gtest.h>

#include "worker/model/gguf.h"

namespace hekla::cpu {
namespace {

// Two layers of unlike width: 2 heads of 4, and 1 head of 4.
model::ModelConfig Config() {
  model::ModelConfig config;
  config.head_dim = 4;
  config.kv_heads = {2, 1};
  return config;
}

// A value of its own for every place, exact in f16.
float Value(int layer, int block, int offset, bool is_value, int i) {
  return float((((layer * 3 + block) * 32 + offset) * 2 + is_value) * 8 + i - 1536);
}

TEST(KvCacheTest, EveryPlaceIsItsOwn) {
  for (bool float32 : {false, true}) {
    auto cache = KvCache::Create(Config(), 3, float32);
    ASSERT_TRUE(cache.ok()) << cache.status();
    for (int layer = 0; layer < 2; ++layer) {
      for (int place = 0; place < 96; ++place) {
        float k[8], v[8];
        for (int i = 0; i < 8; ++i) {
          k[i] = Value(layer, place / 32, place % 32, false, i);
          v[i] = Value(layer, place / 32, place % 32, true, i);
        }
        cache->Append(layer, place / 32, place % 32, k, v);
      }
    }
    for (int layer = 0; layer < 2; ++layer) {
      for (int place = 0; place < 96; ++place) {
        for (int head = 0; head < (layer == 0 ? 2 : 1); ++head) {
          float k[4], v[4];
          cache->LoadKey(layer, place / 32, place % 32, head, k);
          cache->LoadValue(layer, place / 32, place % 32, head, v);
          for (int i = 0; i < 4; ++i) {
            ASSERT_EQ(k[i], Value(layer, place / 32, place % 32, false, head * 4 + i));
            ASSERT_EQ(v[i], Value(layer, place / 32, place % 32, true, head * 4 + i));
          }
        }
      }
    }
  }
}

TEST(KvCacheTest, HalfRoundsAndFloat32DoesNot) {
  const float k[8] = {0.1f, 1e-9f, 70000.0f, -3.3f}, v[8] = {};
  float out[4];
  auto half = KvCache::Create(Config(), 1, false), full = KvCache::Create(Config(), 1, true);
  half->Append(0, 0, 0, k, v), full->Append(0, 0, 0, k, v);
  half->LoadKey(0, 0, 0, 0, out);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], model::HalfToFloat(model::FloatToHalf(k[i])));
  EXPECT_NE(out[0], k[0]);
  full->LoadKey(0, 0, 0, 0, out);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], k[i]);
}

TEST(KvCacheTest, SizesAndMemory) {
  EXPECT_EQ(KvCache::Create(Config(), 5, false)->bytes_per_token(), 2u * 2 * (8 + 4));
  EXPECT_EQ(KvCache::Create(Config(), 5, true)->bytes(), 4u * 2 * (8 + 4) * 5 * 32);
  EXPECT_EQ(KvCache::Create(Config(), 1 << 30, false).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace hekla::cpu
