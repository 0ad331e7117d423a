// The rules of pre-tokenizers. Each matches one regular expression (stated at it) at one place of a segment;
// \p{..} and \s mean whole Unicode, (?!\S) sees the end of the segment as the end of the text. Pure
// functions.
#ifndef HEKLA_WORKER_TEXT_SPLIT_RULES_H_
#define HEKLA_WORKER_TEXT_SPLIT_RULES_H_

#include "worker/text/pre_tokenizer.h"

namespace hekla::text {

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t SplitGpt2(absl::Span<const Character> segment, size_t at);
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t SplitLlama3(absl::Span<const Character> segment, size_t at);
// The same with \p{N} in place of \p{N}{1,3}.
size_t SplitQwen2(absl::Span<const Character> segment, size_t at);

size_t SplitOneNumber(absl::Span<const Character> segment, size_t at);          // \p{N}
size_t SplitUpToThreeNumbers(absl::Span<const Character> segment, size_t at);   // \p{N}{1,3}
size_t SplitNumberRun(absl::Span<const Character> segment, size_t at);          // \p{N}+
size_t SplitThreeDigits(absl::Span<const Character> segment, size_t at);        // [0-9][0-9][0-9]
size_t SplitPunctuationRun(absl::Span<const Character> segment, size_t at);     // [\p{P}$+<=>^~|]+
size_t SplitFalconPunctuation(absl::Span<const Character> segment, size_t at);  // [\p{P}$+<=>^~|`]+

size_t SplitLineEnd(absl::Span<const Character> segment, size_t at);           // [\r\n]
size_t SplitTrailingSpace(absl::Span<const Character> segment, size_t at);     // \s+$
size_t SplitSpaceLetters(absl::Span<const Character> segment, size_t at);      // \s?\p{L}+
size_t SplitSpacePunctuation(absl::Span<const Character> segment, size_t at);  // \s?\p{P}+
size_t SplitCjkRun(absl::Span<const Character> segment, size_t at);  // [U+4E00-9FA5 U+0800-4E00 U+AC00-D7FF]+
// \s?[..]+ with the cased letters that deepseek-llm's tokenizer.json lists.
size_t SplitDeepSeekLetters(absl::Span<const Character> segment, size_t at);
// \s?[!-/:-~ U+FF01-FF0F U+FF1A-FF5E U+2018-201F U+3000-3002]+
size_t SplitDeepSeekPunctuation(absl::Span<const Character> segment, size_t at);

size_t SplitDeepSeek3Cjk(absl::Span<const Character> segment,
                         size_t at);  // [U+4E00-9FA5 U+3040-309F U+30A0-30FF]+
// [ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
// ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t SplitDeepSeek3(absl::Span<const Character> segment, size_t at);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_SPLIT_RULES_H_
