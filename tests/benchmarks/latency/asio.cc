// How late the timers of Asio fire.

#include <asio.hpp>
#include <chrono>

#include "tests/benchmarks/latency/latency.h"

namespace {

using latency::recorder;

void arm(asio::steady_timer& timer, recorder& r, asio::io_context& context) {
  timer.expires_after(std::chrono::nanoseconds(r.next_delay()));
  timer.async_wait([&](const asio::error_code&) {
    if (r.fired()) {
      arm(timer, r, context);
    } else {
      context.stop();
    }
  });
}

struct busy_callback {
  asio::io_context* context;
  void operator()() const {
    latency::work();
    asio::defer(*context, *this);
  }
};

void measure(recorder& r, bool busy) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  for (int i = 0; busy && i < latency::kBusyCallbacks; ++i) {
    asio::post(context, busy_callback{&context});
  }
  asio::steady_timer timer(context);
  arm(timer, r, context);
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  return latency::main_of("asio", argc, argv, measure);
}
