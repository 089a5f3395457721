#ifndef RATCHET_TESTS_CONFORMANCE_REPLAY_H_
#define RATCHET_TESTS_CONFORMANCE_REPLAY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/conformance/datum.h"

namespace ratchet::conformance {

// Runs the program in `text` on a loop of its own, under a virtual clock, and
// gives the lines of its trace; `hops` adds the numbers of the iterations.
// kInvalidArgument, with a sentence, if the text is no program.
absl::StatusOr<std::vector<std::string>> replay(const std::string& text,
                                                bool hops);
absl::StatusOr<std::vector<std::string>> replay(const json& source, bool hops);

// "" when the two are the same; else the number of the first line in which they
// differ, both versions of it, and up to three lines before.
std::string first_difference(const std::vector<std::string>& expected,
                             const std::vector<std::string>& got);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_REPLAY_H_
