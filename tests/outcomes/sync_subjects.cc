// What tasks of one loop wait for each other with.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/sync/barrier.h"
#include "ratchet/sync/condition.h"
#include "ratchet/sync/event.h"
#include "ratchet/sync/held.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/sync/queue.h"
#include "ratchet/sync/semaphore.h"
#include "ratchet/task.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"
#include "tests/support/machines.h"

namespace ratchet::outcomes {
namespace {

using test::script;

// A primitive, until it is destroyed.
template <class P>
using shared_primitive = std::shared_ptr<std::optional<P>>;

template <class P, class... Args>
shared_primitive<P> make_primitive(Args&&... args) {
  return std::make_shared<std::optional<P>>(std::in_place,
                                            std::forward<Args>(args)...);
}

template <class P>
subject of_primitive(subject s, shared_primitive<P> p) {
  s.destroy_source = [p] { p->reset(); };
  // There would be nothing to begin with.
  s.only_while_waiting.push_back(event::source_is_destroyed);
  return s;
}

// Asks `probe` for a fate, where that can still be told.
template <class Probe>
std::function<std::string()> unless_closed(stage& on, Probe probe) {
  return [&on, probe]() -> std::string {
    return on.loop().is_closed() ? "" : probe();
  };
}

void expect_ok(const absl::Status& status) {
  EXPECT_TRUE(status.ok()) << status;
}

// One that somebody else has; `what` it is that is acquired.
template <class Lock>
shared_primitive<Lock> make_taken() {
  auto lock = make_primitive<Lock>();
  EXPECT_TRUE((*lock)->try_acquire());
  return lock;
}

template <class Lock>
subject acquiring(stage& on, const std::string& what) {
  auto lock = make_taken<Lock>();
  subject made = awaits([lock] { return (*lock)->acquire(); }, kVoidWords);
  made.give = [lock] { static_cast<void>((*lock)->release()); };
  made.fate = unless_closed(on, [lock, what, &on] {
    static_cast<void>((*lock)->release());
    on.turn(10);
    return what + ((*lock)->try_acquire() ? " free" : " taken");
  });
  return of_primitive(std::move(made), lock);
}

template <class Lock>
subject holding_lock(stage& on, const std::string& what) {
  auto lock = make_taken<Lock>();
  auto guards = std::make_shared<std::vector<held<Lock>>>();
  guards->emplace_back(**lock);
  subject made = awaits([lock] { return (*lock)->hold(); },
                        [guards, lock](absl::StatusOr<held<Lock>>& outcome) {
                          if (outcome.ok())
                            guards->push_back(*std::move(outcome));
                          return word_of(outcome.status());
                        });
  made.give = [guards] { guards->clear(); };
  made.fate = unless_closed(on, [guards, lock, what, &on] {
    guards->clear();
    on.turn(10);
    return what + ((*lock)->try_acquire() ? " free" : " taken");
  });
  return of_primitive(std::move(made), lock);
}

// Waits for a condition, with its mutex around it; `make` makes the machine.
template <class Make>
subject waiting_for_condition(stage& on, shared_primitive<condition> c,
                              Make make) {
  subject made;
  made.await = [c, make](const seen& out) {
    return script({[c](script& me, const absl::Status&) {
                     return me.on((*c)->acquire());
                   },
                   [make, out](script& me, const absl::Status&) {
                     return me.on(internal::observing(make, kVoidWords, out));
                   },
                   [c](script& me, absl::Status status) {
                     if (c->has_value()) expect_ok((*c)->release());
                     return me.end(std::move(status));
                   }});
  };
  made.give = [c] {
    EXPECT_TRUE((*c)->try_acquire());
    expect_ok((*c)->notify());
    expect_ok((*c)->release());
  };
  made.fate = unless_closed(on, [c]() -> std::string {
    return (*c)->try_acquire() ? "mutex free" : "mutex taken";
  });
  return of_primitive(std::move(made), c);
}

subject condition_wait(stage& on) {
  auto c = make_primitive<condition>();
  subject made = waiting_for_condition(on, c, [c] { return (*c)->wait(); });
  made.only_while_waiting.push_back(event::source_gives_value);
  return made;
}

subject condition_wait_until(stage& on) {
  auto c = make_primitive<condition>();
  auto units = std::make_shared<int>(0);
  subject made = waiting_for_condition(on, c, [c, units] {
    return (*c)->wait([units] { return *units > 0 && (*units)-- > 0; });
  });
  made.give = [units, notify = made.give] {
    ++*units;
    notify();
  };
  return made;
}

subject event_wait(stage& on) {
  auto e = make_primitive<ratchet::event>();
  subject made = awaits([e] { return (*e)->wait(); }, kVoidWords);
  made.give = [e] { (*e)->set(); };
  made.fate = unless_closed(on, [e]() -> std::string {
    return (*e)->is_set() ? "event set" : "event untouched";
  });
  return of_primitive(std::move(made), e);
}

// A barrier of three; its value is the place in the round.
subject barrier_wait(stage& on) {
  struct crowd {
    std::optional<barrier> b{std::in_place, 3};
    std::vector<future<size_t>> others;
    std::optional<future<void>> aborted;
  };
  auto all = std::make_shared<crowd>();
  subject made =
      awaits([all] { return all->b->wait(); },
             [](const absl::StatusOr<size_t>& index) {
               if (!index.ok()) return word_of(index.status());
               return std::string(*index == 0 ? "value" : "value of another");
             });
  made.give = [all] {
    all->others.push_back(create_task(all->b->wait()));
    all->others.push_back(create_task(all->b->wait()));
  };
  made.fail = [all] { all->aborted = create_task(all->b->abort()); };
  made.destroy_source = [all] { all->b.reset(); };
  made.only_while_waiting = {event::source_is_destroyed,
                             event::source_gives_value};
  made.fate = unless_closed(on, [all]() -> std::string {
    return all->b->n_waiting() == 0 ? "barrier one fewer" : "barrier counts it";
  });
  return made;
}

subject queue_get(stage& on) {
  auto q = make_primitive<queue<int>>();
  subject made = awaits([q] { return (*q)->get(); }, kIntWords);
  made.give = [q] { expect_ok((*q)->put_nowait(1)); };
  made.fail = [q] { (*q)->shutdown(); };
  made.fate = unless_closed(on, [q, &on]() -> std::string {
    expect_ok((*q)->put_nowait(1));
    on.turn(10);
    return (*q)->empty() ? "item taken" : "item left";
  });
  return of_primitive(std::move(made), q);
}

subject queue_put(stage& on) {
  using item = std::unique_ptr<int>;
  auto q = make_primitive<queue<item>>(1u);
  expect_ok((*q)->put_nowait(item()));
  auto mine = std::make_shared<item>(std::make_unique<int>(1));
  subject made = awaits(
      [q, mine] { return (*q)->put(std::move(*mine)); },
      [q](const absl::Status& status) -> std::string {
        if (!status.ok()) return word_of(status);
        return *(*q)->get_nowait() == nullptr ? "value of nothing" : "value";
      });
  made.give = [q] { expect_ok((*q)->get_nowait().status()); };
  made.fail = [q] { (*q)->shutdown(); };
  made.fate = unless_closed(on, [q, &on]() -> std::string {
    expect_ok((*q)->get_nowait().status());
    on.turn(10);
    return (*q)->empty() ? "item lost" : "item put";
  });
  return of_primitive(std::move(made), q);
}

subject queue_join(stage& on) {
  auto q = make_primitive<queue<int>>();
  expect_ok((*q)->put_nowait(1));
  subject made = awaits([q] { return (*q)->join(); }, kVoidWords);
  made.give = [q] { expect_ok((*q)->task_done()); };
  made.fate = unless_closed(on, [q]() -> std::string {
    return (*q)->unfinished() == 1 ? "queue untouched" : "queue done";
  });
  return of_primitive(std::move(made), q);
}

}  // namespace

std::vector<named_subject> sync_subjects() {
  return {
      {"mutex_acquire",
       [](stage& on) { return acquiring<mutex>(on, "mutex"); }},
      {"mutex_hold",
       [](stage& on) { return holding_lock<mutex>(on, "mutex"); }},
      {"semaphore_acquire",
       [](stage& on) { return acquiring<semaphore>(on, "unit"); }},
      {"semaphore_hold",
       [](stage& on) { return holding_lock<semaphore>(on, "unit"); }},
      {"bounded_semaphore_acquire",
       [](stage& on) { return acquiring<bounded_semaphore>(on, "unit"); }},
      {"condition_wait", condition_wait},
      {"condition_wait_until", condition_wait_until},
      {"event_wait", event_wait},
      {"barrier_wait", barrier_wait},
      {"queue_get", queue_get},
      {"queue_put", queue_put},
      {"queue_join", queue_join},
  };
}

}  // namespace ratchet::outcomes
