// Asio with callbacks, in a context without locks, with sockets of a known
// executor: nothing is asked through a table.

#include <array>
#include <asio.hpp>
#include <cstddef>
#include <memory>
#include <utility>

#include "tests/benchmarks/echo/server.h"

namespace {

using executor = asio::io_context::executor_type;
using socket_type = asio::basic_stream_socket<asio::ip::tcp, executor>;
using acceptor_type = asio::basic_socket_acceptor<asio::ip::tcp, executor>;

// Ends itself when its connection does.
class connection {
 public:
  explicit connection(socket_type socket) : socket_(std::move(socket)) {}

  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [this](const asio::error_code& error, size_t n) {
                              if (error) {
                                delete this;
                              } else {
                                write(n);
                              }
                            });
  }

 private:
  void write(size_t n) {
    asio::async_write(socket_, asio::buffer(buffer_.data(), n),
                      [this](const asio::error_code& error, size_t) {
                        if (error) {
                          delete this;
                        } else {
                          read();
                        }
                      });
  }

  socket_type socket_;
  std::array<char, ECHO_BUFFER> buffer_;
};

void take(acceptor_type& acceptor) {
  acceptor.async_accept(
      [&acceptor](const asio::error_code& error, socket_type socket) {
        if (!error) {
          socket.set_option(asio::ip::tcp::no_delay(true));
          (new connection(std::move(socket)))->read();
        }
        take(acceptor);
      });
}

}  // namespace

int main() {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  acceptor_type acceptor(context.get_executor(), asio::ip::tcp::v4());
  acceptor.bind({asio::ip::address_v4::loopback(), 0});
  acceptor.listen(ECHO_BACKLOG);
  echo_announce(acceptor.native_handle());
  take(acceptor);
  context.run();
  return 0;
}
