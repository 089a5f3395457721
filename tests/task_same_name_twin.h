#ifndef RATCHET_TESTS_TASK_SAME_NAME_TWIN_H_
#define RATCHET_TESTS_TASK_SAME_NAME_TWIN_H_

#include <string>

#include "ratchet/future.h"

namespace ratchet::test {

// What the machine of this name in the other file goes through.
future<std::string> start_twin();

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_TASK_SAME_NAME_TWIN_H_
