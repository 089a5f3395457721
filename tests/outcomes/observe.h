#ifndef RATCHET_TESTS_OUTCOMES_OBSERVE_H_
#define RATCHET_TESTS_OUTCOMES_OBSERVE_H_

// Makes happen what a column says, and puts into words what comes of it.

#include <string>

#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {

// When it happens: while the task waits, or before it has had its first step.
enum class moment { waiting, before_first_step };

// What the cell has to say, or why there can be none: "cannot happen: ". Fails
// the test if something is reported that nobody should have to look at.
std::string observe(const named_subject& which, event what, moment when);

// What cancelling does, as far as it shows: one of the three words.
std::string observe_cancelling(const named_subject& which);

}  // namespace ratchet::outcomes

#endif  // RATCHET_TESTS_OUTCOMES_OBSERVE_H_
