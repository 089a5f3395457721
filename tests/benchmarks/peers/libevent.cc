// libevent, without locks but for w10.
//
// Absent:
//   w3, w8f         There is no other clock: w3r and w8fr.
//   w4, w5, w6, w7  There are callbacks, no futures and no tasks.
//   w9              Nor a channel within the loop.
//   w12             Nor a thread pool.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/peers/mailbox.h"

namespace bench {
namespace {

timeval as_timeval(int64_t ns) {
  const int64_t us = (ns + 999) / 1000;
  return {us / 1'000'000, us % 1'000'000};
}

struct base {
  explicit base(bool other_threads = false) {
    event_config* const config = event_config_new();
    if (!other_threads) {
      event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    }
    b = event_base_new_with_config(config);
    event_config_free(config);
  }
  base(const base&) = delete;
  base& operator=(const base&) = delete;
  ~base() { event_base_free(b); }
  void run() { event_base_dispatch(b); }

  // In a callback, where time stands still and need not be asked for.
  template <class F>
  void run_inside(F f) {
    const timeval now = {0, 0};
    event_base_once(
        b, -1, EV_TIMEOUT,
        [](evutil_socket_t, short, void* p) { (*static_cast<F*>(p))(); }, &f,
        &now);
    event_base_loop(b, EVLOOP_ONCE);
  }

  event_base* b;
};

// -- w1 -----------------------------------------------------------------------

struct repeated {
  event handle;
  uint64_t left;
  uint64_t* runs;
};

void repost(run& r, uint64_t ready, uint64_t each) {
  std::vector<repeated> all(ready);
  base l;
  uint64_t runs = 0;
  r.start();
  for (repeated& one : all) {
    one.left = each;
    one.runs = &runs;
    event_assign(
        &one.handle, l.b, -1, 0,
        [](evutil_socket_t, short, void* p) {
          auto* const self = static_cast<repeated*>(p);
          ++*self->runs;
          if (--self->left > 0) event_active(&self->handle, EV_TIMEOUT, 0);
        },
        &one);
    event_active(&one.handle, EV_TIMEOUT, 0);
  }
  l.run();
  r.stop(ready * each);
  r.check = runs;
}

// -- w2, w3 -------------------------------------------------------------------

void ignore(evutil_socket_t, short, void*) {}

void w2(run& r, uint64_t timers, bool in_place) {
  const std::vector<int64_t> delays = w2_delays(timers);
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  std::vector<event> each(timers);
  base l;
  uint64_t check = 0;
  l.run_inside([&] {
    for (size_t i = 0; i < timers; ++i) {
      evtimer_assign(&each[i], l.b, ignore, nullptr);
      const timeval delay = as_timeval(delays[i]);
      evtimer_add(&each[i], &delay);
    }
    r.start();
    for (const rearming& one : all) {
      event* const t = &each[one.timer];
      if (in_place) {
        check += one.timer + 1;
      } else {
        check += evtimer_del(t) == 0 ? 1 : 0;
      }
      const timeval delay = as_timeval(one.delay);
      evtimer_add(t, &delay);
    }
    r.stop(all.size());
    for (event& t : each) evtimer_del(&t);
  });
  r.check = check;
}

struct indexed_timer {
  event handle;
  uint32_t index;
  uint64_t* sum;
};

void w3(run& r) {
  const std::vector<int64_t> delays = w3_delays(r.scaled(kW3Timers));
  std::vector<indexed_timer> each(delays.size());
  base l;
  uint64_t sum = 0;
  for (size_t i = 0; i < delays.size(); ++i) {
    each[i].index = static_cast<uint32_t>(i);
    each[i].sum = &sum;
    evtimer_assign(
        &each[i].handle, l.b,
        [](evutil_socket_t, short, void* p) {
          auto* const self = static_cast<indexed_timer*>(p);
          *self->sum += self->index + 1;
        },
        &each[i]);
  }
  r.start();
  l.run_inside([&] {
    for (size_t i = 0; i < delays.size(); ++i) {
      const timeval delay = as_timeval(delays[i]);
      evtimer_add(&each[i].handle, &delay);
    }
  });
  l.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w8: what sleeps is a timer of its own ------------------------------------

struct sleeper {
  event handle;
  uint32_t index;
  uint64_t* sum;
};

void fall_asleep(event_base* b, int64_t ns, uint32_t index, uint64_t* sum) {
  auto* const s = new sleeper{{}, index, sum};
  evtimer_assign(
      &s->handle, b,
      [](evutil_socket_t, short, void* p) {
        auto* const self = static_cast<sleeper*>(p);
        *self->sum += self->index + 1;
        delete self;
      },
      s);
  const timeval delay = as_timeval(ns);
  evtimer_add(&s->handle, &delay);
}

void w8m(run& r) {
  const uint64_t tasks = r.scaled(kW8Tasks);
  const uint64_t before = resident_bytes();
  auto* const l = new base;  // They never end.
  r.start();
  l->run_inside([&] {
    for (uint64_t i = 0; i < tasks; ++i) {
      event* const t = evtimer_new(
          l->b,
          [](evutil_socket_t, short, void* p) {
            event_free(static_cast<event*>(p));
          },
          event_self_cbarg());
      const timeval delay = as_timeval(kW8mDelay);
      evtimer_add(t, &delay);
    }
  });
  r.stop(tasks);
  r.bytes_per_item = static_cast<double>(resident_bytes() - before) /
                     static_cast<double>(tasks);
  r.check = tasks;
}

void w8f(run& r) {
  const std::vector<int64_t> delays = w8f_delays(r.scaled(kW8Tasks));
  base l;
  uint64_t sum = 0;
  r.start();
  l.run_inside([&] {
    for (size_t i = 0; i < delays.size(); ++i) {
      fall_asleep(l.b, delays[i], static_cast<uint32_t>(i), &sum);
    }
  });
  l.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w10 ----------------------------------------------------------------------

struct posts {
  mailbox box;
  event wake;
  uint64_t left;
  uint64_t sum;
};

void w10(run& r, uint64_t producers) {
  evthread_use_pthreads();
  base l(true);
  const uint64_t all = r.scaled(kW10Posts);
  posts to{{}, {}, all, 0};
  event_assign(
      &to.wake, l.b, -1, EV_PERSIST,
      [](evutil_socket_t, short, void* p) {
        auto* const self = static_cast<posts*>(p);
        self->box.call_all();
        if (self->left == 0) event_base_loopbreak(event_get_base(&self->wake));
      },
      &to);
  std::vector<std::thread> threads;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&to, n = w10_share(all, producers, p)] {
      const auto arrive = [](void* what, uint64_t i) {
        auto* const self = static_cast<posts*>(what);
        self->sum += i;
        --self->left;
      };
      for (uint64_t i = 0; i < n; ++i) {
        if (to.box.put({arrive, &to, i})) event_active(&to.wake, EV_TIMEOUT, 0);
      }
    });
  }
  event_base_loop(l.b, EVLOOP_NO_EXIT_ON_EMPTY);
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = to.sum;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "event_active()",
      [](run& r) { repost(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "event_active()",
      [](run& r) { repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  const struct {
    const char* suffix;
    uint64_t timers;
  } sizes[] = {{"_1e3", 1'000}, {"_1e5", 100'000}, {"_1e6", 1'000'000}};
  for (const auto& size : sizes) {
    add(std::string("w2") + size.suffix, "evtimer_del(), evtimer_add()",
        [n = size.timers](run& r) { w2(r, r.scaled(n), false); });
    add(std::string("w2r") + size.suffix, "evtimer_add() again",
        [n = size.timers](run& r) { w2(r, r.scaled(n), true); });
  }
  add("w3r", "real time", w3);
  add("w8m", "evtimer, 10 s", w8m, cold);
  add("w8fr", "evtimer, real time", w8f);
  add("w10_1", "vector and event_active()", [](run& r) { w10(r, 1); });
  add("w10_3", "vector and event_active()", [](run& r) { w10(r, 3); });
  return main_of("libevent", argc, argv);
}
