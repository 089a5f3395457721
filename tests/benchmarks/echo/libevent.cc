// libevent with bufferevents, without locks.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/socket.h>

#include "tests/benchmarks/echo/server.h"

namespace {

// Writes at once what it can. A bufferevent that is given something to write
// waits until it may, which takes three system calls more; whatever is left
// does that, and moves from one buffer to the other without being copied.
void echo(bufferevent* connection, void*) {
  evbuffer* const input = bufferevent_get_input(connection);
  if (evbuffer_get_length(bufferevent_get_output(connection)) == 0) {
    evbuffer_write(input, bufferevent_getfd(connection));
  }
  if (evbuffer_get_length(input) > 0) {
    bufferevent_write_buffer(connection, input);
  }
}

void end(bufferevent* connection, short what, void*) {
  if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
    bufferevent_free(connection);
  }
}

void take(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void*) {
  echo_no_delay(fd);
  bufferevent* const connection = bufferevent_socket_new(
      evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(connection, echo, nullptr, end, nullptr);
  bufferevent_set_max_single_read(connection, ECHO_BUFFER);
  bufferevent_enable(connection, EV_READ | EV_WRITE);
}

}  // namespace

int main() {
  event_config* const config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  // To write and not to write any more are one system call less.
  event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  event_base* const base = event_base_new_with_config(config);
  event_config_free(config);
  const sockaddr_in address = echo_address();
  evconnlistener* const listener = evconnlistener_new_bind(
      base, take, nullptr, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
      ECHO_BACKLOG, reinterpret_cast<const sockaddr*>(&address),
      sizeof address);
  echo_require(listener != nullptr, "evconnlistener_new_bind()");
  echo_announce(evconnlistener_get_fd(listener));
  event_base_dispatch(base);
  return 0;
}
