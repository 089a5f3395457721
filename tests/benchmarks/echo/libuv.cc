// libuv: what was read is tried to be written at once, which mostly is all of
// it; else the rest is a request to write.

#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "tests/benchmarks/echo/server.h"

namespace {

// Of whoever reads: what comes is used up before the next one does.
char buffer[ECHO_BUFFER];

struct rest {
  uv_write_t request;
  char data[1];
};

void free_connection(uv_handle_t* handle) {
  delete static_cast<uv_tcp_t*>(handle->data);
}

void echo(uv_stream_t* stream, ssize_t n, const uv_buf_t* read) {
  if (n < 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(stream), free_connection);
    return;
  }
  if (n == 0) return;
  const auto size = static_cast<size_t>(n);
  uv_buf_t all = uv_buf_init(read->base, static_cast<unsigned>(size));
  const int written = uv_try_write(stream, &all, 1);
  const size_t done = written > 0 ? static_cast<size_t>(written) : 0;
  if (done == size || (written < 0 && written != UV_EAGAIN)) return;
  const size_t left = size - done;
  auto* const r = static_cast<rest*>(malloc(offsetof(rest, data) + left));
  memcpy(r->data, read->base + done, left);
  r->request.data = r;
  uv_buf_t buf = uv_buf_init(r->data, static_cast<unsigned>(left));
  uv_write(&r->request, stream, &buf, 1,
           [](uv_write_t* w, int) { free(w->data); });
}

void take(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* const connection = new uv_tcp_t;
  uv_tcp_init(listener->loop, connection);
  connection->data = connection;
  auto* const stream = reinterpret_cast<uv_stream_t*>(connection);
  if (uv_accept(listener, stream) != 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(connection), free_connection);
    return;
  }
  uv_tcp_nodelay(connection, 1);
  uv_read_start(
      stream,
      [](uv_handle_t*, size_t, uv_buf_t* to) {
        *to = uv_buf_init(buffer, sizeof buffer);
      },
      echo);
}

}  // namespace

int main() {
  uv_loop_t* const loop = uv_default_loop();
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  const sockaddr_in address = echo_address();
  uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  echo_require(uv_listen(reinterpret_cast<uv_stream_t*>(&listener),
                         ECHO_BACKLOG, take) == 0,
               "uv_listen()");
  uv_os_fd_t fd;
  uv_fileno(reinterpret_cast<uv_handle_t*>(&listener), &fd);
  echo_announce(fd);
  return uv_run(loop, UV_RUN_DEFAULT);
}
