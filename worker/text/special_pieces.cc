#include "worker/text/special_pieces.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"

namespace hekla::text {

SpecialPieces::SpecialPieces(const Vocabulary& vocabulary) {
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const TokenKind kind = vocabulary.kinds[id];
    const bool control = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    const std::string& piece = vocabulary.pieces[id];
    if (piece.empty() || (!control && kind != TokenKind::kUserDefined)) continue;
    by_first_byte_[static_cast<uint8_t>(piece[0])].push_back({piece, static_cast<TokenId>(id), control});
  }
}

std::vector<Fragment> SpecialPieces::Split(absl::string_view text, bool control) const {
  struct Match {
    size_t begin, length;
    TokenId id;
  };
  std::vector<Match> matches;
  for (size_t i = 0; i < text.size(); ++i) {
    for (const Piece& piece : by_first_byte_[static_cast<uint8_t>(text[i])]) {
      if (piece.control && !control) continue;
      if (absl::StartsWith(text.substr(i), piece.text)) matches.push_back({i, piece.text.size(), piece.id});
    }
  }
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    if (a.length != b.length) return a.length > b.length;
    return a.id != b.id ? a.id < b.id : a.begin < b.begin;
  });
  std::vector<Match> kept;
  std::vector<bool> taken(matches.empty() ? 0 : text.size());
  for (const Match& match : matches) {
    // Matches come longest first: one that overlaps a kept match has its first or last byte in it.
    if (taken[match.begin] || taken[match.begin + match.length - 1]) continue;
    std::fill_n(taken.begin() + match.begin, match.length, true);
    kept.push_back(match);
  }
  std::sort(kept.begin(), kept.end(), [](const Match& a, const Match& b) { return a.begin < b.begin; });

  std::vector<Fragment> fragments;
  size_t done = 0;
  for (const Match& match : kept) {
    if (match.begin > done) fragments.push_back({text.substr(done, match.begin - done), -1});
    fragments.push_back({text.substr(match.begin, match.length), match.id});
    done = match.begin + match.length;
  }
  if (done < text.size()) fragments.push_back({text.substr(done), -1});
  return fragments;
}

}  // namespace hekla::text
