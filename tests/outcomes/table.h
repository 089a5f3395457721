#ifndef RATCHET_TESTS_OUTCOMES_TABLE_H_
#define RATCHET_TESTS_OUTCOMES_TABLE_H_

// The table of outcomes.txt: what becomes of each awaitable, and of what it
// waits for, whatever happens to either. The tests and docs/outcomes.md are
// made of it.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ratchet::outcomes {

// What can happen while a task waits: the columns.
enum class event {
  source_gives_value,
  source_fails,
  source_is_cancelled,
  task_is_cancelled,
  time_out_passes,
  source_is_destroyed,
  handle_is_dropped,
  loop_is_closed,
};
inline constexpr size_t kEvents = 8;

// As outcomes.txt writes it.
std::string_view name_of(event what);

// What cancelling does, in outcomes.txt and in the headers.
inline constexpr std::string_view kCancelSafe = "cancel-safe";
inline constexpr std::string_view kLosesItsPlace = "loses its place";
inline constexpr std::string_view kLosesData = "loses data";

// What begins the text of a cell of something that cannot be.
inline constexpr std::string_view kCannotHappen = "cannot happen: ";

struct row {
  std::string name;        // Of its tests and of its subject.
  std::string section;     // Of the page.
  std::string call;        // How it looks in a program.
  std::string header;      // Under include/ratchet.
  std::string declared;    // Part of a line there, under the comment on it.
  std::string cancelling;  // One of the three words.
  std::string loses;       // What, if it is kLosesData.
  std::string note;        // May be empty.
  std::array<std::string, kEvents> cells;

  const std::string& cell(event what) const {
    return cells[static_cast<size_t>(what)];
  }
};

// Parses outcomes.txt. kInvalidArgument, with the line, for what is not as its
// first lines say: a missing cell, an unknown word, a name that comes twice.
absl::StatusOr<std::vector<row>> parse(std::string_view text);

// Reads and parses the checked-in file, from the root of the workspace.
absl::StatusOr<std::vector<row>> read_table();

// The contents of the file at `path`, from the root of the workspace.
absl::StatusOr<std::string> read_text(const std::string& path);

// docs/outcomes.md.
std::string page_of(const std::vector<row>& rows);

}  // namespace ratchet::outcomes

#endif  // RATCHET_TESTS_OUTCOMES_TABLE_H_
