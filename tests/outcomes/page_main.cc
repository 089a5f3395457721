// Prints docs/outcomes.md, made of the table:
//
//   bazel run //tests/outcomes:page > docs/outcomes.md

#include <iostream>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/outcomes/table.h"

int main() {
  const absl::StatusOr<std::vector<ratchet::outcomes::row>> rows =
      ratchet::outcomes::read_table();
  if (!rows.ok()) {
    std::cerr << rows.status().message() << '\n';
    return 1;
  }
  std::cout << ratchet::outcomes::page_of(*rows);
  return 0;
}
