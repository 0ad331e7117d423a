#include "worker/text/utf8.h"

#include <cstdint>

namespace hekla::text {

Utf8Character FirstUtf8(absl::string_view text) {
  Utf8Character result;
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1, true, false};
  size_t length = 0;
  uint8_t low = 0x80, high = 0xBF;  // range of the second byte
  char32_t code = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code = lead & 0x0F;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code = lead & 0x07;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return result;
  }
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) {
      result.cut_off = true;
      result.bytes = i;
      return result;
    }
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < low || byte > high) {
      result.bytes = i;
      return result;
    }
    code = code << 6 | (byte & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {code, length, true, false};
}

bool IsValidUtf8(absl::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = FirstUtf8(text);
    if (!character.valid) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

bool IsPrintableUtf8(absl::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = FirstUtf8(text);
    if (!character.valid || character.code < 0x20) return false;
    if (character.code >= 0x7F && character.code <= 0x9F) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

void AppendUtf8(char32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | code >> 6));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | code >> 12));
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | code >> 18));
    out->push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

std::string RepairUtf8(absl::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Character character = FirstUtf8(bytes);
    if (character.valid) {
      out.append(bytes.data(), character.bytes);
    } else {
      AppendUtf8(0xFFFD, &out);
    }
    bytes.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace hekla::text
