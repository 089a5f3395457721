#ifndef RATCHET_TESTS_CONFORMANCE_TRACE_H_
#define RATCHET_TESTS_CONFORMANCE_TRACE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "ratchet/event_loop.h"
#include "tests/conformance/datum.h"

namespace ratchet::conformance {

// trace: the lines that a program prints, one JSON object each, with the
// loop's time and, with `hops`, the number of the iteration.
class trace {
 public:
  // A program that prints more is cut off.
  static constexpr size_t kMaxLines = 50000;

  trace(event_loop& loop, bool hops) : loop_(loop), hops_(hops) {}

  // {"t":...,"task":who,"ev":event, fields...}
  void add(const std::string& who, const std::string& event,
           const json& fields = json::object());

  // The same with "ok" or "err", and then `extra`.
  void add(const std::string& who, const std::string& event, json fields,
           const outcome& result, const json& extra = json::object());

  // True once kMaxLines have come: later ones are dropped, and the loop has
  // been stopped.
  bool full() const { return lines_.size() >= kMaxLines; }

  // The lines; the last one says so if it was cut off.
  std::vector<std::string> take();

 private:
  event_loop& loop_;
  const bool hops_;
  std::vector<std::string> lines_;
};

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_TRACE_H_
