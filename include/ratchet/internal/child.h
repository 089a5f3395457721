#ifndef RATCHET_INTERNAL_CHILD_H_
#define RATCHET_INTERNAL_CHILD_H_

// Included by the sources of io/process.h: child processes, as the system has
// them.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ratchet::internal {

// What a child is to begin with.
struct child_start {
  static constexpr int kInherited = -1;
  static constexpr int kNullDevice = -2;
  static constexpr int kLikeOutput = -3;  // Of the last one alone.

  const std::vector<std::string>& argv;
  const std::vector<std::string>* environment;  // Null: the parent's.
  const std::string& directory;                 // Empty: the parent's.
  int descriptors[3];  // What its 0, 1 and 2 are made of, or one of the above.
  bool new_group;
};

// Starts it, and returns when it has begun to run its program, or could not.
absl::StatusOr<pid_t> start_child(const child_start& start);

// A descriptor that becomes readable, and stays so, when `child` has ended: to
// be closed by the caller, who does not reap before. A pidfd; where the kernel
// has none (before 5.3), the end of a pipe whose other one is with a thread
// that waits. kResourceExhausted.
absl::StatusOr<int> exit_descriptor(pid_t child);

// Reaps `child` when it ends, without anybody's doing: at once if it has ended,
// else from a thread that does nothing else.
void reap_in_background(pid_t child);

// For tests: whether exit_descriptor() may use a pidfd, from now on.
void allow_pidfd(bool allowed);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_CHILD_H_
