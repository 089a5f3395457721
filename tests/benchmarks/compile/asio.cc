// Ten completion handlers, each of which starts what the next one is for, and a
// timer's.

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <utility>

namespace {

template <int kStep, class Done>
void step(asio::io_context& context, int x, Done done) {
  asio::post(context, [&context, x, done = std::move(done)]() mutable {
    if constexpr (kStep == 10) {
      done(x + kStep);
    } else {
      step<kStep + 1>(context, x + kStep, std::move(done));
    }
  });
}

}  // namespace

void ten_thens(asio::io_context& context, int x, void (*done)(int)) {
  step<1>(context, x, done);
}

void one_task(asio::steady_timer& timer, int x, void (*done)(int)) {
  timer.expires_after(std::chrono::seconds(1));
  timer.async_wait([x, done](const asio::error_code&) { done(x + 1); });
}
