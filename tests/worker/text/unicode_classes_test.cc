#include "worker/text/unicode_classes.h"

#include <gtest/gtest.h>

namespace hekla::text {
namespace {

TEST(UnicodeClasses, KnowsCharactersOfEveryClass) {
  for (const char32_t code :
       {U'a', U'Z', U'\u00E4', U'\u0436', U'\u4E2D', U'\u00AA', U'\U00010400', U'\u1780'}) {
    EXPECT_EQ(ClassOf(code), CharacterClass::kLetter) << static_cast<uint32_t>(code);
  }
  for (const char32_t code : {U'0', U'9', U'\u00BD', U'\u0663', U'\u2167'}) {
    EXPECT_EQ(ClassOf(code), CharacterClass::kNumber) << static_cast<uint32_t>(code);
  }
  for (const char32_t code : {U'!', U'_', U'-', U'\u2019', U'\u3002', U'\u00BF'}) {
    EXPECT_EQ(ClassOf(code), CharacterClass::kPunctuation) << static_cast<uint32_t>(code);
  }
  for (const char32_t code : {U'$', U'+', U'~', U'\u20AC', U'\U0001F600'}) {
    EXPECT_EQ(ClassOf(code), CharacterClass::kSymbol) << static_cast<uint32_t>(code);
  }
  for (const char32_t code : {U'\u0301', U'\u17B6', U'\uFE0F'}) {
    EXPECT_EQ(ClassOf(code), CharacterClass::kMark) << static_cast<uint32_t>(code);
  }
  for (const char32_t code : {U'\0', U' ', U'\n', U'\u200D', U'\uFFFF', char32_t{0x10FFFF},
                              char32_t{0x110000}, char32_t{0xFFFFFFFF}}) {
    EXPECT_EQ(ClassOf(code), CharacterClass::kOther) << static_cast<uint32_t>(code);
  }
}

TEST(UnicodeClasses, AgreesWithTheAsciiRules) {
  for (char32_t code = 0; code < 128; ++code) {
    const bool letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    const bool digit = code >= '0' && code <= '9';
    EXPECT_EQ(ClassOf(code) == CharacterClass::kLetter, letter) << static_cast<uint32_t>(code);
    EXPECT_EQ(ClassOf(code) == CharacterClass::kNumber, digit) << static_cast<uint32_t>(code);
    EXPECT_EQ(IsSpace(code), code == ' ' || (code >= '\t' && code <= '\r')) << static_cast<uint32_t>(code);
  }
  int spaces = 0;
  for (char32_t code = 0; code < 0x110000; ++code) spaces += IsSpace(code) ? 1 : 0;
  EXPECT_EQ(spaces, 25);  // of PropList.txt
}

}  // namespace
}  // namespace hekla::text
