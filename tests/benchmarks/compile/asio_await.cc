// Ten awaitables, each of which awaits the one before, and one that sleeps.

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace {

using asio::awaitable;

template <int kStep>
awaitable<int> step(awaitable<int> f) {
  co_return co_await std::move(f) + kStep;
}

awaitable<void> one(asio::io_context& context, int& x) {
  asio::steady_timer timer(context, std::chrono::seconds(1));
  co_await timer.async_wait(asio::use_awaitable);
  ++x;
}

}  // namespace

awaitable<int> ten_thens(awaitable<int> f) {
  return step<10>(step<9>(step<8>(step<7>(
      step<6>(step<5>(step<4>(step<3>(step<2>(step<1>(std::move(f)))))))))));
}

void one_task(asio::io_context& context, int& x) {
  asio::co_spawn(context, one(context, x), asio::detached);
}
