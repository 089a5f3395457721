#ifndef DEMOS_LESSON_H_
#define DEMOS_LESSON_H_

// What the lessons share, so that each is nothing but its lesson.

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/clock.h"

namespace lesson {

// Reads the flags; `usage` is what --help says besides them. From here on
// output appears as it is printed, also in a pipe.
void begin(
    int argc, char** argv,
    const char* usage = "a lesson; the head of its source says of what.");

// The time of the lesson, for its event loops: real, or, with --virtual_time,
// a time that starts at 00:00:00 and jumps where nothing is left to do.
ratchet::clock& clock();

// "00:00:10", by clock(): local time, if it is real.
std::string time_of_day();

// Prints the time of day and `message`.
void display(std::string_view message);

// For what cannot fail in a lesson. Gives the value; an error ends the program
// with status 1, printed on standard error, as an uncaught exception would.
void check(const absl::Status& status);
template <class T>
T check(absl::StatusOr<T> result) {
  check(result.status());
  return *std::move(result);
}

// As long as one exists, virtual time stands still, and a loop with nothing to
// do really waits: for something from outside that no deadline knows of.
class stopped_clock {
 public:
  stopped_clock();
  stopped_clock(const stopped_clock&) = delete;
  stopped_clock& operator=(const stopped_clock&) = delete;
  ~stopped_clock();
};

}  // namespace lesson

#endif  // DEMOS_LESSON_H_
