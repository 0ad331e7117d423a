#include "worker/text/utf8.h"

#include <gtest/gtest.h>

namespace hekla::text {
namespace {

TEST(Utf8, EveryCodePointGoesThereAndBack) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    std::string bytes;
    AppendUtf8(code, &bytes);
    const Utf8Character character = FirstUtf8(bytes + "x");
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    ASSERT_EQ(character.valid, !surrogate) << static_cast<uint32_t>(code);
    ASSERT_EQ(IsValidUtf8(bytes), !surrogate);
    if (surrogate) continue;
    ASSERT_EQ(character.code, code);
    ASSERT_EQ(character.bytes, bytes.size());
    for (size_t length = 1; length < bytes.size(); ++length) {
      const Utf8Character part = FirstUtf8(absl::string_view(bytes).substr(0, length));
      ASSERT_TRUE(part.cut_off && !part.valid) << static_cast<uint32_t>(code);
      ASSERT_EQ(part.bytes, length);
    }
  }
}

TEST(Utf8, RepairsMaximalSubparts) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(RepairUtf8("a\xFF"
                       "b"),
            "a" + mark + "b");
  EXPECT_EQ(RepairUtf8("\xC0\xAF"), mark + mark);  // overlong
  EXPECT_EQ(RepairUtf8("\xE2\x96"
                       "x"),
            mark + "x");                                                 // one subpart of two bytes
  EXPECT_EQ(RepairUtf8("\xED\xA0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(RepairUtf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);  // over U+10FFFF
  EXPECT_EQ(RepairUtf8("\xF0\x9F\x98"), mark);                           // cut off
  EXPECT_EQ(RepairUtf8("\x80"), mark);
  EXPECT_EQ(RepairUtf8("F\xC3\xBChrer"), "F\xC3\xBChrer");
}

TEST(Utf8, PrintableMeansNoControlCharacters) {
  EXPECT_TRUE(IsPrintableUtf8("blk.0.\xC3\xBC \xE2\x96\x81"));
  EXPECT_FALSE(IsPrintableUtf8("a\n"));
  EXPECT_FALSE(IsPrintableUtf8(absl::string_view("a\0", 2)));
  EXPECT_FALSE(IsPrintableUtf8("\x7F"));
  EXPECT_FALSE(IsPrintableUtf8("\xC2\x9B"));  // U+009B
  EXPECT_FALSE(IsPrintableUtf8("\xFF"));
}

}  // namespace
}  // namespace hekla::text
