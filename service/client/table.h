// Rows in columns for a terminal.
#ifndef HEKLA_SERVICE_CLIENT_TABLE_H_
#define HEKLA_SERVICE_CLIENT_TABLE_H_

#include <string>
#include <vector>

namespace hekla::service {

class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  // As many cells as the header has; an empty one shows as "-".
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Columns as wide as their widest cell, two spaces between.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_TABLE_H_
