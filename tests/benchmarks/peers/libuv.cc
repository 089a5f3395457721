// libuv, with handles that are parts of their owners.
//
// Absent:
//   w3, w8f         There is no other clock: w3r and w8fr.
//   w4, w5, w6, w7  There are callbacks, no futures and no tasks.
//   w9              Nor a channel within the loop.

#include <stdlib.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/peers/mailbox.h"

namespace bench {
namespace {

// libuv's unit, rounded up.
uint64_t milliseconds(int64_t ns) {
  return static_cast<uint64_t>((ns + kMillisecond - 1) / kMillisecond);
}

struct uv_loop {
  uv_loop() { uv_loop_init(&loop); }
  ~uv_loop() {
    uv_walk(
        &loop,
        [](uv_handle_t* h, void*) {
          if (!uv_is_closing(h)) uv_close(h, nullptr);
        },
        nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    require(uv_loop_close(&loop) == 0, "uv_loop_close() == 0");
  }
  void run() { uv_run(&loop, UV_RUN_DEFAULT); }
  uv_loop_t loop;
};

// -- w1: libuv's callback that runs in each iteration -------------------------

struct repeated {
  uv_idle_t handle;
  uint64_t left;
  uint64_t* runs;
};

void repost(run& r, uint64_t ready, uint64_t each) {
  std::vector<repeated> all(ready);
  uv_loop l;
  uint64_t runs = 0;
  r.start();
  for (repeated& one : all) {
    one.left = each;
    one.runs = &runs;
    one.handle.data = &one;
    uv_idle_init(&l.loop, &one.handle);
    uv_idle_start(&one.handle, [](uv_idle_t* h) {
      auto* const self = static_cast<repeated*>(h->data);
      ++*self->runs;
      if (--self->left == 0) uv_idle_stop(h);
    });
  }
  l.run();
  r.stop(ready * each);
  r.check = runs;
}

// -- w2, w3 -------------------------------------------------------------------

void ignore(uv_timer_t*) {}

void w2(run& r, uint64_t timers, bool in_place) {
  const std::vector<int64_t> delays = w2_delays(timers);
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  std::vector<uv_timer_t> each(timers);
  uv_loop l;
  for (size_t i = 0; i < timers; ++i) {
    uv_timer_init(&l.loop, &each[i]);
    uv_timer_start(&each[i], ignore, milliseconds(delays[i]), 0);
  }
  uint64_t check = 0;
  r.start();
  for (const rearming& one : all) {
    uv_timer_t* const t = &each[one.timer];
    if (in_place) {
      check += one.timer + 1;
    } else {
      check += uv_is_active(reinterpret_cast<uv_handle_t*>(t)) != 0 ? 1 : 0;
      uv_timer_stop(t);
    }
    uv_timer_start(t, ignore, milliseconds(one.delay), 0);
  }
  r.stop(all.size());
  r.check = check;
}

struct indexed_timer {
  uv_timer_t handle;
  uint32_t index;
  uint64_t* sum;
};

void w3(run& r) {
  const std::vector<int64_t> delays = w3_delays(r.scaled(kW3Timers));
  std::vector<indexed_timer> each(delays.size());
  uv_loop l;
  uint64_t sum = 0;
  for (size_t i = 0; i < delays.size(); ++i) {
    each[i].index = static_cast<uint32_t>(i);
    each[i].sum = &sum;
    each[i].handle.data = &each[i];
    uv_timer_init(&l.loop, &each[i].handle);
  }
  r.start();
  uv_update_time(&l.loop);
  for (size_t i = 0; i < delays.size(); ++i) {
    uv_timer_start(
        &each[i].handle,
        [](uv_timer_t* t) {
          auto* const self = static_cast<indexed_timer*>(t->data);
          *self->sum += self->index + 1;
        },
        milliseconds(delays[i]), 0);
  }
  l.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w8: what sleeps is a timer of its own ------------------------------------

struct sleeper {
  uv_timer_t handle;
  uint32_t index;
  uint64_t* sum;
};

void wake_up(uv_timer_t* t) {
  auto* const self = static_cast<sleeper*>(t->data);
  *self->sum += self->index + 1;
  uv_close(reinterpret_cast<uv_handle_t*>(t),
           [](uv_handle_t* h) { delete static_cast<sleeper*>(h->data); });
}

void fall_asleep(uv_loop_t* loop, int64_t delay, uint32_t index,
                 uint64_t* sum) {
  auto* const s = new sleeper{{}, index, sum};
  s->handle.data = s;
  uv_timer_init(loop, &s->handle);
  uv_timer_start(&s->handle, wake_up, milliseconds(delay), 0);
}

void w8m(run& r) {
  const uint64_t tasks = r.scaled(kW8Tasks);
  const uint64_t before = resident_bytes();
  auto* const l = new uv_loop;  // They never end.
  r.start();
  for (uint64_t i = 0; i < tasks; ++i) {
    auto* const t = new uv_timer_t;
    uv_timer_init(&l->loop, t);
    uv_timer_start(
        t,
        [](uv_timer_t* due) {
          uv_close(reinterpret_cast<uv_handle_t*>(due), [](uv_handle_t* h) {
            delete reinterpret_cast<uv_timer_t*>(h);
          });
        },
        milliseconds(kW8mDelay), 0);
  }
  r.stop(tasks);
  r.bytes_per_item = static_cast<double>(resident_bytes() - before) /
                     static_cast<double>(tasks);
  r.check = tasks;
  use(l);
}

void w8f(run& r) {
  const std::vector<int64_t> delays = w8f_delays(r.scaled(kW8Tasks));
  uv_loop l;
  uint64_t sum = 0;
  r.start();
  uv_update_time(&l.loop);
  for (size_t i = 0; i < delays.size(); ++i) {
    fall_asleep(&l.loop, delays[i], static_cast<uint32_t>(i), &sum);
  }
  l.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w10, w12 -----------------------------------------------------------------

struct posts {
  mailbox box;
  uv_async_t wake;
  uint64_t left;
  uint64_t sum;
};

void w10(run& r, uint64_t producers) {
  uv_loop l;
  const uint64_t all = r.scaled(kW10Posts);
  posts to{{}, {}, all, 0};
  to.wake.data = &to;
  uv_async_init(&l.loop, &to.wake, [](uv_async_t* h) {
    auto* const self = static_cast<posts*>(h->data);
    self->box.call_all();
    if (self->left == 0) {
      uv_close(reinterpret_cast<uv_handle_t*>(h), nullptr);
    }
  });
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
        if (to.box.put({arrive, &to, i})) uv_async_send(&to.wake);
      }
    });
  }
  l.run();
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = to.sum;
}

struct chain {
  uv_work_t work;
  uint64_t i;
  uint64_t result;
  uint64_t* next;
  uint64_t end;
  uint64_t sum;
};

void go_on(chain* c);

void come_back(uv_work_t* w, int) {
  auto* const c = static_cast<chain*>(w->data);
  c->sum += c->result;
  go_on(c);
}

void go_on(chain* c) {
  if (*c->next >= c->end) return;
  c->i = (*c->next)++;
  uv_queue_work(
      c->work.loop, &c->work,
      [](uv_work_t* w) {
        auto* const self = static_cast<chain*>(w->data);
        self->result = self->i + 1;
      },
      come_back);
}

void w12(run& r, int in_flight) {
  setenv("UV_THREADPOOL_SIZE", std::to_string(kW12Threads).c_str(), 1);
  uv_loop l;
  const uint64_t all = r.scaled(kW12Functions);
  uint64_t next = 0;
  std::vector<chain> chains(static_cast<size_t>(in_flight));
  r.start();
  for (chain& c : chains) {
    c.work.data = &c;
    c.work.loop = &l.loop;
    c.next = &next;
    c.end = all;
    go_on(&c);
  }
  l.run();
  r.stop(all);
  for (const chain& c : chains) r.check += c.sum;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "1 uv_idle_t", [](run& r) { repost(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "1,000 uv_idle_t",
      [](run& r) { repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  const struct {
    const char* suffix;
    uint64_t timers;
  } sizes[] = {{"_1e3", 1'000}, {"_1e5", 100'000}, {"_1e6", 1'000'000}};
  for (const auto& size : sizes) {
    add(std::string("w2") + size.suffix, "uv_timer_stop(), uv_timer_start()",
        [n = size.timers](run& r) { w2(r, r.scaled(n), false); });
    add(std::string("w2r") + size.suffix, "uv_timer_start() again",
        [n = size.timers](run& r) { w2(r, r.scaled(n), true); });
  }
  add("w3r", "real time", w3);
  add("w8m", "uv_timer_t, 10 s", w8m, cold);
  add("w8fr", "uv_timer_t, real time", w8f);
  add("w10_1", "vector and uv_async_send()", [](run& r) { w10(r, 1); });
  add("w10_3", "vector and uv_async_send()", [](run& r) { w10(r, 3); });
  add("w12a", "uv_queue_work()", [](run& r) { w12(r, 1); });
  add("w12b", "uv_queue_work()", [](run& r) { w12(r, kW12InFlight); });
  return main_of("libuv", argc, argv);
}
