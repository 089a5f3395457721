// A timer_wheel and what it should do, side by side; for its tests.

#ifndef RATCHET_TESTS_TIMER_WHEEL_MODEL_H_
#define RATCHET_TESTS_TIMER_WHEEL_MODEL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ratchet/timer_wheel.h"

namespace ratchet {

// A wheel with timers 0 to `timers` - 1, of which each operation is done twice:
// on the wheel, and on a std::multimap, which keeps equal keys in the order of
// insertion. What differs is told by error(), the first time only.
class timer_wheel_model {
 public:
  using tick = timer_wheel::tick;

  timer_wheel_model(size_t timers, tick now) : now_(now), wheel_(now) {
    for (size_t i = 0; i < timers; ++i) {
      timers_.push_back(std::make_unique<named_timer>(i));
    }
    states_.resize(timers);
  }

  size_t timers() const { return timers_.size(); }
  tick now() const { return now_; }
  const std::string& error() const { return error_; }

  // `delay` after now(), at most the last tick there is.
  tick after(uint64_t delay) const {
    const uint64_t room =
        static_cast<uint64_t>(kLast) - static_cast<uint64_t>(now_);
    return static_cast<tick>(static_cast<uint64_t>(now_) +
                             std::min(delay, room));
  }
  // `delay` before now(), at least the first tick there is.
  tick before(uint64_t delay) const {
    const uint64_t room =
        static_cast<uint64_t>(now_) - static_cast<uint64_t>(kFirst);
    return static_cast<tick>(static_cast<uint64_t>(now_) -
                             std::min(delay, room));
  }

  void schedule(size_t i, tick deadline) {
    forget(i);
    states_[i].where = state::armed;
    states_[i].place = armed_.emplace(deadline, i);
    wheel_.schedule(*timers_[i], deadline);
    expect(timers_[i]->scheduled(), "scheduled() after schedule()");
  }

  void cancel(size_t i) {
    const bool expected = forget(i);
    expect(wheel_.cancel(*timers_[i]) == expected, "cancel()");
    expect(!timers_[i]->scheduled(), "scheduled() after cancel()");
  }

  // Destroys the timer and makes a new one in its place.
  void destroy(size_t i) {
    forget(i);
    timers_[i] = std::make_unique<named_timer>(i);
  }

  void advance(tick to) {
    wheel_.advance(to);
    now_ = std::max(now_, to);
    expect(wheel_.now() == now_, "now()");
    while (!armed_.empty() && armed_.begin()->first <= now_) {
      const size_t i = armed_.begin()->second;
      states_[i].where = state::due;
      states_[i].sequence = ++sequence_;
      due_.push_back({i, sequence_});
      armed_.erase(armed_.begin());
    }
  }

  // Returns whether there was one.
  bool pop() {
    drop_forgotten();
    expect(wheel_.has_due() == !due_.empty(), "has_due()");
    timer_wheel::timer* t = wheel_.pop_due();
    if (due_.empty()) {
      expect(t == nullptr, "pop_due() when nothing is due");
      return false;
    }
    const size_t i = due_.front().timer;
    due_.pop_front();
    states_[i].where = state::idle;
    expect(t == timers_[i].get(), absl::StrCat("pop_due() when it is ", i));
    expect(!timers_[i]->scheduled(), "scheduled() after pop_due()");
    return true;
  }

  std::optional<tick> next() {
    std::optional<tick> expected;
    if (!armed_.empty()) expected = armed_.begin()->first;
    expect(wheel_.next_deadline() == expected, "next_deadline()");
    return expected;
  }

  void check_size() {
    drop_forgotten();
    const auto due = static_cast<size_t>(
        std::count_if(due_.begin(), due_.end(),
                      [this](const due_timer& x) { return !forgotten(x); }));
    expect(wheel_.size() == armed_.size() + due, "size()");
    expect(wheel_.empty() == (wheel_.size() == 0), "empty()");
  }

  void check_bounds() {
    const timer_wheel::statistics stats = wheel_.stats();
    expect(stats.live == wheel_.size(), "stats().live");
    expect(stats.stale <= 2 * stats.live + 1024,
           absl::StrCat(stats.stale, " stale of ", stats.live, " live"));
  }

  void check_invariants() {
    const absl::Status status = wheel_.check_invariants();
    expect(status.ok(), status.ToString());
    check_size();
  }

 private:
  static constexpr tick kFirst = std::numeric_limits<tick>::min();
  static constexpr tick kLast = std::numeric_limits<tick>::max();

  struct named_timer : timer_wheel::timer {
    explicit named_timer(size_t i) : name(i) {}
    const size_t name;  // So that a timer looks like what embeds one.
  };
  struct state {
    enum { idle, armed, due } where = idle;
    std::multimap<tick, size_t>::iterator place;  // If armed.
    uint64_t sequence = 0;                        // If due.
  };
  struct due_timer {
    size_t timer;
    uint64_t sequence;
  };

  // Returns whether it was armed or due.
  bool forget(size_t i) {
    const bool scheduled = states_[i].where != state::idle;
    if (states_[i].where == state::armed) armed_.erase(states_[i].place);
    states_[i].where = state::idle;
    return scheduled;
  }
  bool forgotten(const due_timer& x) const {
    return states_[x.timer].where != state::due ||
           states_[x.timer].sequence != x.sequence;
  }
  void drop_forgotten() {
    while (!due_.empty() && forgotten(due_.front())) due_.pop_front();
  }
  void expect(bool ok, const char* what) {
    if (!ok && error_.empty()) error_ = what;
  }
  void expect(bool ok, const std::string& what) { expect(ok, what.c_str()); }

  tick now_;
  std::multimap<tick, size_t> armed_;
  std::deque<due_timer> due_;
  uint64_t sequence_ = 0;
  std::vector<state> states_;
  std::vector<std::unique_ptr<named_timer>> timers_;
  // Last: it goes first, and leaves the timers that are still scheduled idle.
  timer_wheel wheel_;
  std::string error_;
};

}  // namespace ratchet

#endif  // RATCHET_TESTS_TIMER_WHEEL_MODEL_H_
