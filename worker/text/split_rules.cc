#include "worker/text/split_rules.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace hekla::text {
namespace {

struct CodeRange {
  char32_t first, last;
};

// The letters that deepseek-llm's tokenizer.json names: cased letters, without some of the rarer scripts.
constexpr CodeRange kDeepSeekLetters[] = {
    {0x0041, 0x005A},   {0x0061, 0x007A},   {0x00B5, 0x00B5},   {0x00C0, 0x00D6},   {0x00D8, 0x00F6},
    {0x00F8, 0x01BA},   {0x01BC, 0x01BF},   {0x01C4, 0x0293},   {0x0295, 0x02AF},   {0x0370, 0x0373},
    {0x0376, 0x0376},   {0x0377, 0x0377},   {0x037B, 0x037D},   {0x037F, 0x037F},   {0x0386, 0x0386},
    {0x0388, 0x038A},   {0x038C, 0x038C},   {0x038E, 0x03A1},   {0x03A3, 0x03F5},   {0x03F7, 0x0481},
    {0x048A, 0x052F},   {0x0531, 0x0556},   {0x10A0, 0x10C5},   {0x13A0, 0x13F5},   {0x13F8, 0x13FD},
    {0x1C90, 0x1CBA},   {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},   {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},
    {0x1E00, 0x1F15},   {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},
    {0x1F59, 0x1F59},   {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},
    {0x1FB6, 0x1FBC},   {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},
    {0x1FD6, 0x1FDB},   {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},   {0x1FF6, 0x1FFC},   {0x2102, 0x2102},
    {0x2107, 0x2107},   {0x210A, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},
    {0x2126, 0x2126},   {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},
    {0x213C, 0x213F},   {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2183},   {0x2184, 0x2184},
    {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},   {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF2},   {0x2CF3, 0x2CF3},
    {0xA640, 0xA66D},   {0xA680, 0xA69B},   {0xA722, 0xA76F},   {0xA771, 0xA787},   {0xA78B, 0xA78E},
    {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},   {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},
    {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB}, {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2},
    {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
};

constexpr CodeRange kDeepSeekPunctuation[] = {{'!', '/'},       {':', '~'},       {0x2018, 0x201F},
                                              {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
constexpr CodeRange kCjk[] = {{0x0800, 0x9FA5}, {0xAC00, 0xD7FF}};
constexpr CodeRange kDeepSeek3Cjk[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};

template <size_t N>
bool IsIn(const CodeRange (&ranges)[N], char32_t code) {
  const CodeRange* after = std::upper_bound(
      ranges, ranges + N, code, [](char32_t c, const CodeRange& range) { return c < range.first; });
  return after != ranges && code <= (after - 1)->last;
}

bool IsLetter(const Character& c) { return c.kind == CharacterClass::kLetter; }
bool IsNumber(const Character& c) { return c.kind == CharacterClass::kNumber; }
bool IsPunctuation(const Character& c) { return c.kind == CharacterClass::kPunctuation; }
bool IsLineEnd(const Character& c) { return c.code == '\r' || c.code == '\n'; }
bool IsSpaceCharacter(const Character& c) { return c.space; }
bool IsOther(const Character& c) { return !c.space && !IsLetter(c) && !IsNumber(c); }  // [^\s\p{L}\p{N}]
bool IsDigit(const Character& c) { return c.code >= '0' && c.code <= '9'; }
bool IsPunctuationOrSymbol(const Character& c) {
  return IsPunctuation(c) || c.kind == CharacterClass::kSymbol;
}
bool IsLetterOrMark(const Character& c) { return IsLetter(c) || c.kind == CharacterClass::kMark; }
bool IsAsciiLetter(const Character& c) {
  return c.code < 0x80 && ((c.code | 0x20) >= 'a' && (c.code | 0x20) <= 'z');
}
// Punctuation that the default pre-tokenizer takes as a run of its own.
bool IsDefaultPunctuation(const Character& c) {
  constexpr std::u32string_view kMore = U"$+<=>^~|";
  return IsPunctuation(c) || kMore.find(c.code) != kMore.npos;
}

using Segment = absl::Span<const Character>;

// Characters from `at` on that `is` holds for, at most `limit`.
template <typename Is>
size_t Run(Segment segment, size_t at, Is is, size_t limit = SIZE_MAX) {
  size_t length = 0;
  while (at + length < segment.size() && length < limit && is(segment[at + length])) ++length;
  return length;
}

// One character that `lead` holds for, if there, and a run of `is`: 0 without the run.
template <typename Lead, typename Is>
size_t LeadAndRun(Segment segment, size_t at, Lead lead, Is is) {
  const size_t skip = lead(segment[at]) ? 1 : 0;
  size_t run = Run(segment, at + skip, is);
  if (run > 0) return skip + run;
  return skip > 0 ? Run(segment, at, is) : 0;  // the lead may itself be of the run
}

bool IsBlank(const Character& c) { return c.code == ' '; }

// 's|'t|'re|'ve|'m|'ll|'d; `any_case`: (?i:..), of ASCII letters.
size_t Contraction(Segment segment, size_t at, bool any_case) {
  if (segment[at].code != '\'' || at + 1 >= segment.size()) return 0;
  auto letter = [&](size_t i) -> char32_t {
    if (i >= segment.size()) return 0;
    const char32_t code = segment[i].code;
    return any_case && code >= 'A' && code <= 'Z' ? code + 32 : code;
  };
  const char32_t first = letter(at + 1), second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  return first == 'l' && second == 'l' ? 3 : 0;
}

// \s+(?!\S)|\s+: a run of spaces leaves its last one to the word that follows, if it has more than one.
size_t SpaceRun(Segment segment, size_t at) {
  const size_t run = Run(segment, at, IsSpaceCharacter);
  return run > 1 && at + run < segment.size() ? run - 1 : run;
}

// \s*[\r\n]+: a run of spaces up to its last line end.
size_t SpacesToLineEnd(Segment segment, size_t at) {
  size_t run = Run(segment, at, IsSpaceCharacter);
  while (run > 0 && !IsLineEnd(segment[at + run - 1])) --run;
  return run;
}

// Characters of `body`, if any, and the line ends after them.
size_t WithLineEnds(Segment segment, size_t at, size_t body) {
  return body == 0 ? 0 : body + Run(segment, at + body, IsLineEnd);
}

// The pattern of llama 3 and its kin, which differ in how many numbers a word takes.
size_t SplitLlama(Segment segment, size_t at, size_t numbers) {
  if (const size_t n = Contraction(segment, at, true)) return n;
  auto lead = [](const Character& c) { return !IsLineEnd(c) && !IsLetter(c) && !IsNumber(c); };
  if (const size_t n = LeadAndRun(segment, at, lead, IsLetter)) return n;
  if (const size_t n = Run(segment, at, IsNumber, numbers)) return n;
  if (const size_t n = LeadAndRun(segment, at, IsBlank, IsOther)) return WithLineEnds(segment, at, n);
  if (const size_t n = SpacesToLineEnd(segment, at)) return n;
  return SpaceRun(segment, at);
}

}  // namespace

size_t SplitGpt2(Segment segment, size_t at) {
  if (const size_t n = Contraction(segment, at, false)) return n;
  if (const size_t n = LeadAndRun(segment, at, IsBlank, IsLetter)) return n;
  if (const size_t n = LeadAndRun(segment, at, IsBlank, IsNumber)) return n;
  if (const size_t n = LeadAndRun(segment, at, IsBlank, IsOther)) return n;
  return SpaceRun(segment, at);
}

size_t SplitLlama3(Segment segment, size_t at) { return SplitLlama(segment, at, 3); }
size_t SplitQwen2(Segment segment, size_t at) { return SplitLlama(segment, at, 1); }

size_t SplitOneNumber(Segment segment, size_t at) { return Run(segment, at, IsNumber, 1); }
size_t SplitUpToThreeNumbers(Segment segment, size_t at) { return Run(segment, at, IsNumber, 3); }
size_t SplitNumberRun(Segment segment, size_t at) { return Run(segment, at, IsNumber); }
size_t SplitThreeDigits(Segment segment, size_t at) { return Run(segment, at, IsDigit, 3) == 3 ? 3 : 0; }

size_t SplitPunctuationRun(Segment segment, size_t at) { return Run(segment, at, IsDefaultPunctuation); }
size_t SplitFalconPunctuation(Segment segment, size_t at) {
  return Run(segment, at, [](const Character& c) { return c.code == '`' || IsDefaultPunctuation(c); });
}

size_t SplitLineEnd(Segment segment, size_t at) { return Run(segment, at, IsLineEnd, 1); }
size_t SplitTrailingSpace(Segment segment, size_t at) {
  const size_t run = Run(segment, at, IsSpaceCharacter);
  return at + run == segment.size() ? run : 0;
}
size_t SplitSpaceLetters(Segment segment, size_t at) {
  return LeadAndRun(segment, at, IsSpaceCharacter, IsLetter);
}
size_t SplitSpacePunctuation(Segment segment, size_t at) {
  return LeadAndRun(segment, at, IsSpaceCharacter, IsPunctuation);
}
size_t SplitCjkRun(Segment segment, size_t at) {
  return Run(segment, at, [](const Character& c) { return IsIn(kCjk, c.code); });
}
size_t SplitDeepSeekLetters(Segment segment, size_t at) {
  return LeadAndRun(segment, at, IsSpaceCharacter,
                    [](const Character& c) { return IsIn(kDeepSeekLetters, c.code); });
}
size_t SplitDeepSeekPunctuation(Segment segment, size_t at) {
  return LeadAndRun(segment, at, IsSpaceCharacter,
                    [](const Character& c) { return IsIn(kDeepSeekPunctuation, c.code); });
}

size_t SplitDeepSeek3Cjk(Segment segment, size_t at) {
  return Run(segment, at, [](const Character& c) { return IsIn(kDeepSeek3Cjk, c.code); });
}
size_t SplitDeepSeek3(Segment segment, size_t at) {
  const Character& first = segment[at];
  if (first.code < 0x80 && IsPunctuationOrSymbol(first)) {
    if (const size_t n = Run(segment, at + 1, IsAsciiLetter)) return 1 + n;
  }
  auto lead = [](const Character& c) { return !IsLineEnd(c) && !IsLetter(c) && !IsPunctuationOrSymbol(c); };
  if (const size_t n = LeadAndRun(segment, at, lead, IsLetterOrMark)) return n;
  if (const size_t n = LeadAndRun(segment, at, IsBlank, IsPunctuationOrSymbol)) {
    return WithLineEnds(segment, at, n);
  }
  if (const size_t n = SpacesToLineEnd(segment, at)) return n;
  return SpaceRun(segment, at);
}

}  // namespace hekla::text
