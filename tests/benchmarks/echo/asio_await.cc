// Asio with awaitables: a coroutine for each connection, in a context without
// locks, with sockets of a known executor. Errors are values: an exception at
// the end of a connection is none of what is measured.

#include <array>
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <cstddef>
#include <utility>

#include "tests/benchmarks/echo/server.h"

namespace {

using executor = asio::io_context::executor_type;
using socket_type = asio::basic_stream_socket<asio::ip::tcp, executor>;
using acceptor_type = asio::basic_socket_acceptor<asio::ip::tcp, executor>;
using awaitable = asio::awaitable<void, executor>;
constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<executor>>
    use_awaitable;

awaitable echo(socket_type socket) {
  std::array<char, ECHO_BUFFER> buffer;
  for (;;) {
    const auto [read_error, n] =
        co_await socket.async_read_some(asio::buffer(buffer), use_awaitable);
    if (read_error) break;
    const auto [write_error, written] = co_await asio::async_write(
        socket, asio::buffer(buffer.data(), n), use_awaitable);
    if (write_error) break;
  }
}

awaitable take(acceptor_type& acceptor) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(use_awaitable);
    if (error) continue;
    socket.set_option(asio::ip::tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)),
                   asio::detached);
  }
}

}  // namespace

int main() {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  acceptor_type acceptor(context.get_executor(), asio::ip::tcp::v4());
  acceptor.bind({asio::ip::address_v4::loopback(), 0});
  acceptor.listen(ECHO_BACKLOG);
  echo_announce(acceptor.native_handle());
  asio::co_spawn(context, take(acceptor), asio::detached);
  context.run();
  return 0;
}
