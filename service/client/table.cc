#include "service/client/table.h"

#include <algorithm>

namespace hekla::service {

std::string Table::ToString() const {
  std::vector<size_t> widths(rows_.front().size(), 1);
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row.at(i).size());
  }
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string& cell = row[i].empty() ? "-" : row[i];
      line += cell + std::string(i + 1 < widths.size() ? widths[i] - cell.size() + 2 : 0, ' ');
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace hekla::service
