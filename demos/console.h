#ifndef DEMOS_CONSOLE_H_
#define DEMOS_CONSOLE_H_

#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "demos/lesson.h"
#include "ratchet/ratchet.h"

namespace lesson {

// console: asks questions, and does not keep the loop from its work while the
// user thinks.
//
// Reading standard input blocks, so each question gets a thread that waits for
// its line and posts it to the loop. Virtual time stands still meanwhile: it
// jumps where nothing is left to do, and here there is something to wait for.
// What did not come from a terminal is echoed, so that what is printed reads
// the same.
//
// Lifetime: outlives the loops in which it is used. Its destructor waits for
// the line of an open question.
// Thread-safety: on the loop's thread only.
class console {
 public:
  // A line; nothing, at the end of the input.
  using answer = std::optional<std::string>;

  console();
  console(const console&) = delete;
  console& operator=(const console&) = delete;
  ~console();

  // Prints `question` and gives what is answered, without the end of the line.
  // REQUIRES: the last question has been answered.
  ratchet::future<answer> ask(std::string_view question);

 private:
  void take(answer line);

  const bool echo_;
  std::thread reader_;
  // Of the open question. The promise stays here, on the loop's thread.
  std::optional<ratchet::promise<answer>> asker_;
  std::optional<stopped_clock> stopped_;
};

}  // namespace lesson

#endif  // DEMOS_CONSOLE_H_
