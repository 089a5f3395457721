// Measures an echo server: the one load generator for all of them, with epoll
// and no library, on one thread.
//
//   client --server=PATH --row=64x64 [--peer=NAME] [--requests=N] [--seconds=T]
//          [--warm-up=N] [--client-cpu=N] [--server-cpu=N]
//
// Starts the server, which prints its port; opens all connections; and on each
// sends a message, waits for all of the echo, checks it, and sends the next,
// which differs. So there are as many messages on their way as connections, and
// the server is as busy as this program can make it. After --warm-up requests
// it measures until --requests more were answered, or --seconds have passed,
// whatever comes first. Then it ends the server and prints a line of JSON:
//
//   peer, row, connections, bytes       what was measured
//   warm_up, requests                   how many were answered before, and
//   during it seconds, rps                        how long that took; requests
//   per second p50_us, p99_us, max_us              from before a message was
//   sent until its echo
//                                       was there. What waits while this
//                                       program is busy with other connections
//                                       is in it.
//   server_cpu_ns_per_request           of all threads of the server, user and
//   system client_cpu_ns_per_request           of this program server_busy,
//   client_busy            these times as a part of the seconds: nearly 1
//                                       is who bounds the requests per second
//   server_rss_kb                       the most memory that the server has had
//   check                               the sum of the numbers in the echoes:
//   with n
//                                       in all, warm-up included, n * (n + 1) /
//                                       2
//
// Exit status: 0; 1 when something failed, such as an echo that is not what was
// sent, or none for 20 seconds; 2 for a flag it does not know.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tests/benchmarks/echo/histogram.h"
#include "tests/benchmarks/echo/server_process.h"
#include "tests/benchmarks/harness.h"

namespace echo {
namespace {

struct row {
  const char* name;
  size_t connections;
  size_t bytes;  // Of a message; at least those of two numbers.
};

constexpr row kRows[] = {
    {"64x64", 64, 64},
    {"1000x1k", 1000, 1024},
};

struct options {
  std::string server;
  std::string peer;
  row what = kRows[0];
  uint64_t requests = 1'000'000;
  uint64_t warm_up = 20'000;
  double seconds = 2;
  int client_cpu = kAnyCpu;
  int server_cpu = kAnyCpu;
};

int64_t now() { return bench::clock_ns(CLOCK_MONOTONIC); }

int connected_to(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) bench::fail("socket(): %s.", strerror(errno));
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const void* const generic = &address;
  if (connect(fd, static_cast<const sockaddr*>(generic), sizeof address) != 0) {
    bench::fail("connect(): %s.", strerror(errno));
  }
  return fd;
}

struct connection {
  int fd;
  size_t received;  // Of the echo.
  int64_t sent_at;
  char* message;
  char* echo;  // Has room for a byte more than the message.
};

// What was measured, and where the clocks were when that began.
struct figures {
  histogram latencies;
  uint64_t requests = 0;
  int64_t begin = 0;
  int64_t server_cpu = 0;
  int64_t client_cpu = 0;
};

class load {
 public:
  load(const options& o, const server_process& server)
      : o_(o),
        server_(&server),
        bytes_(o.what.bytes),
        memory_(new char[o.what.connections * (2 * bytes_ + 1)]),
        connections_(o.what.connections),
        events_(o.what.connections),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) bench::fail("epoll_create1(): %s.", strerror(errno));
    for (size_t i = 0; i < connections_.size(); ++i) {
      connection& c = connections_[i];
      c.fd = connected_to(server.port());
      c.received = 0;
      c.message = memory_.get() + i * (2 * bytes_ + 1);
      c.echo = c.message + bytes_;
      for (size_t k = 0; k < bytes_; ++k) {
        c.message[k] = static_cast<char>(i * 31 + k * 7);
      }
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &c;
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) {
        bench::fail("epoll_ctl(): %s.", strerror(errno));
      }
    }
  }
  load(const load&) = delete;
  load& operator=(const load&) = delete;
  ~load() {
    for (const connection& c : connections_) close(c.fd);
    close(epoll_);
  }

  // All of it; then `figures_` are right.
  void run() {
    // Each connection alone, so that the server has taken all of them: how fast
    // it does that is not what is measured.
    for (connection& c : connections_) {
      to_send_ = sent_ + 1;
      send_next(c, now());
      receive_all();
    }
    warm_up_ = answered_ + o_.warm_up;
    to_send_ = warm_up_ + o_.requests;
    deadline_ = now() + most_ns();  // Of the warm-up.
    if (answered_ == warm_up_) begin();
    for (connection& c : connections_) {
      if (sent_ < to_send_) send_next(c, now());
    }
    receive_all();
    end();
  }

  void print(const rusage& used) const {
    const auto n = static_cast<double>(figures_.requests);
    const auto wall = static_cast<double>(figures_.begin);
    const auto server = static_cast<double>(figures_.server_cpu);
    const auto client = static_cast<double>(figures_.client_cpu);
    const auto us = [](int64_t ns) { return static_cast<double>(ns) / 1e3; };
    const histogram& h = figures_.latencies;
    printf(
        "{\"peer\":%s,\"row\":\"%s\",\"connections\":%zu,\"bytes\":%zu,"
        "\"warm_up\":%" PRIu64 ",\"requests\":%" PRIu64
        ",\"seconds\":%.6f,\"rps\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,"
        "\"max_us\":%.3f,\"server_cpu_ns_per_request\":%.1f,"
        "\"client_cpu_ns_per_request\":%.1f,\"server_busy\":%.4f,"
        "\"client_busy\":%.4f,\"server_rss_kb\":%ld,\"check\":%" PRIu64 "}\n",
        bench::detail::quoted(o_.peer).c_str(), o_.what.name,
        o_.what.connections, bytes_, answered_ - figures_.requests,
        figures_.requests, wall / 1e9, n / wall * 1e9, us(h.quantile(0.5)),
        us(h.quantile(0.99)), us(h.max()), server / n, client / n,
        server / wall, client / wall, used.ru_maxrss, check_);
  }

 private:
  int64_t most_ns() const { return static_cast<int64_t>(o_.seconds * 1e9); }

  // Until all that was sent is answered.
  void receive_all() {
    while (answered_ < sent_) {
      const int n = epoll_wait(epoll_, events_.data(),
                               static_cast<int>(events_.size()), kPatienceMs);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        bench::fail("%s: no echo for %d seconds, after %" PRIu64 " of them.",
                    o_.peer.c_str(), kPatienceMs / 1000, answered_);
      }
      for (int i = 0; i < n; ++i) {
        receive(*static_cast<connection*>(
            events_[static_cast<size_t>(i)].data.ptr));
      }
    }
  }

  void begin() {
    measuring_ = true;
    figures_.server_cpu = server_->cpu_ns();
    figures_.client_cpu = bench::clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    figures_.begin = now();
    deadline_ = figures_.begin + most_ns();
  }
  void end() {
    if (figures_.latencies.count() == 0) {
      bench::fail("%s: nothing was measured.", o_.peer.c_str());
    }
    figures_.requests = figures_.latencies.count();
    figures_.begin = now() - figures_.begin;
    figures_.client_cpu =
        bench::clock_ns(CLOCK_PROCESS_CPUTIME_ID) - figures_.client_cpu;
    figures_.server_cpu = server_->cpu_ns() - figures_.server_cpu;
  }

  // The number of the message is at both of its ends.
  void send_next(connection& c, int64_t at) {
    const uint64_t number = ++sent_;
    memcpy(c.message, &number, sizeof number);
    memcpy(c.message + bytes_ - sizeof number, &number, sizeof number);
    c.sent_at = at;
    const ssize_t n = send(c.fd, c.message, bytes_, MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(bytes_)) {
      bench::fail("%s: send() has taken %zd bytes of a message: %s.",
                  o_.peer.c_str(), n, strerror(errno));
    }
  }

  void receive(connection& c) {
    const ssize_t n =
        recv(c.fd, c.echo + c.received, bytes_ + 1 - c.received, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      bench::fail("%s: the server has closed a connection: %s.",
                  o_.peer.c_str(), n == 0 ? "end of file" : strerror(errno));
    }
    c.received += static_cast<size_t>(n);
    if (c.received < bytes_) return;
    const int64_t at = now();
    if (c.received > bytes_ || memcmp(c.echo, c.message, bytes_) != 0) {
      bench::fail("%s: an echo is not what was sent.", o_.peer.c_str());
    }
    c.received = 0;
    uint64_t number = 0;
    memcpy(&number, c.echo, sizeof number);
    check_ += number;
    ++answered_;
    if (measuring_) {
      figures_.latencies.add(at - c.sent_at);
    } else if (answered_ == warm_up_ || at > deadline_) {
      to_send_ = sent_ + std::min(to_send_ - sent_, o_.requests);
      begin();
    }
    if (at > deadline_) to_send_ = sent_;
    if (sent_ < to_send_) send_next(c, at);
  }

  const options& o_;
  const server_process* server_;
  const size_t bytes_;
  const std::unique_ptr<char[]> memory_;
  std::vector<connection> connections_;
  std::vector<epoll_event> events_;
  const int epoll_;
  bool measuring_ = false;
  uint64_t warm_up_ = std::numeric_limits<uint64_t>::max();
  uint64_t to_send_ = 0;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  uint64_t check_ = 0;
  int64_t deadline_ = std::numeric_limits<int64_t>::max();
  figures figures_;
};

[[noreturn]] void refuse(const char* program, const std::string& why) {
  fprintf(stderr,
          "%s: %s\n\n%s --server=PATH --row=64x64|1000x1k [--peer=NAME] "
          "[--requests=1000000] [--seconds=2] [--warm-up=20000] "
          "[--client-cpu=N] [--server-cpu=N]\n",
          program, why.c_str(), program);
  exit(2);
}

// At least `least`, at most 10^9.
double number(const char* program, const std::string& text, double least) {
  char* end = nullptr;
  const double x = strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(x >= least) || x > 1e9) {
    refuse(program, "what number is '" + text + "'?");
  }
  return x;
}

options parse(int argc, char** argv) {
  options o;
  std::string value;
  const char* const program = argv[0];
  bool has_row = false;
  for (int i = 1; i < argc; ++i) {
    const auto is = [&](const char* name) {
      return bench::detail::has_value(argv[i], name, &value);
    };
    if (is("--server")) {
      o.server = value;
    } else if (is("--peer")) {
      o.peer = value;
    } else if (is("--row")) {
      for (const row& r : kRows) {
        if (value != r.name) continue;
        o.what = r;
        has_row = true;
      }
    } else if (is("--requests")) {
      o.requests = static_cast<uint64_t>(number(program, value, 1));
    } else if (is("--warm-up")) {
      o.warm_up = static_cast<uint64_t>(number(program, value, 0));
    } else if (is("--seconds")) {
      o.seconds = number(program, value, 0.001);
    } else if (is("--client-cpu")) {
      o.client_cpu = static_cast<int>(number(program, value, 0));
    } else if (is("--server-cpu")) {
      o.server_cpu = static_cast<int>(number(program, value, 0));
    } else {
      refuse(program, std::string("what is ") + argv[i] + "?");
    }
  }
  if (o.server.empty() || !has_row) {
    refuse(program, "a server and one of the rows are wanted.");
  }
  if (o.peer.empty()) o.peer = o.server.substr(o.server.rfind('/') + 1);
  return o;
}

// The connections of the largest row need some more than there may be.
void allow_many_files() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace echo

int main(int argc, char** argv) {
  const echo::options o = echo::parse(argc, argv);
  echo::allow_many_files();
  echo::server_process server(o.server, o.server_cpu);
  echo::run_on(o.client_cpu);
  const auto load = std::make_unique<echo::load>(o, server);
  load->run();
  load->print(server.stop());
  return 0;
}
