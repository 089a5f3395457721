#include "demos/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ratchet/io/readiness.h"

namespace demo {

std::string http_request::header(const std::string& name) const {
  for (const auto& [its_name, value] : headers) {
    if (absl::EqualsIgnoreCase(its_name, name)) return value;
  }
  return "";
}

// A request and its answer.
class http_server::exchange final {
 public:
  exchange(http_server& server, MHD_Connection* connection)
      : server_(server), connection_(connection) {}
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;
  ~exchange() {
    server_.delayed_.erase(this);
    timer_.cancel();
  }

  http_request request;

  // Once the request is there as a whole: queues the answer, or puts that off.
  MHD_Result respond() {
    if (!answer_.has_value()) {
      answer_ = server_.answer_(request);
      if (answer_->delay > absl::ZeroDuration()) {
        MHD_suspend_connection(connection_);
        server_.delayed_.insert(this);
        timer_ = ratchet::event_loop::current().call_later(
            answer_->delay, [this] { resume(); });
        return MHD_YES;
      }
    }
    MHD_Response* const response = make_response();
    for (const auto& [name, value] : answer_->headers) {
      MHD_add_response_header(response, name.c_str(), value.c_str());
    }
    const MHD_Result queued = MHD_queue_response(
        connection_, static_cast<unsigned>(answer_->status), response);
    MHD_destroy_response(response);
    return queued;
  }

  // It goes on with respond().
  void resume() {
    server_.delayed_.erase(this);
    timer_.cancel();
    http_server& server = server_;
    MHD_resume_connection(connection_);
    server.serve();
  }
  void resume_to_end() { MHD_resume_connection(connection_); }

 private:
  MHD_Response* make_response() {
    if (!answer_->cut_after.has_value()) {
      return MHD_create_response_from_buffer(
          answer_->body.size(), answer_->body.data(), MHD_RESPMEM_MUST_COPY);
    }
    return MHD_create_response_from_callback(
        answer_->body.size(), 1024, &exchange::read_until_cut, this, nullptr);
  }

  static ssize_t read_until_cut(void* self, uint64_t position, char* buffer,
                                size_t most) {
    const http_answer& answer = *static_cast<exchange*>(self)->answer_;
    const size_t end = std::min(*answer.cut_after, answer.body.size());
    if (position >= end) return MHD_CONTENT_READER_END_WITH_ERROR;
    const size_t size = std::min(most, end - static_cast<size_t>(position));
    std::memcpy(buffer, answer.body.data() + position, size);
    return static_cast<ssize_t>(size);
  }

  http_server& server_;
  MHD_Connection* const connection_;
  std::optional<http_answer> answer_;
  ratchet::callback_handle timer_;
};

// What libmicrohttpd calls.
struct http_server::hooks {
  static MHD_Result on_request(void* self, MHD_Connection* connection,
                               const char* url, const char* method,
                               const char* /*version*/, const char* data,
                               size_t* size, void** of_request) {
    auto& server = *static_cast<http_server*>(self);
    auto* current = static_cast<exchange*>(*of_request);
    if (current == nullptr) {  // The headers are there.
      current = new exchange(server, connection);
      *of_request = current;
      current->request.method = method;
      current->request.path = url;
      MHD_get_connection_values(connection, MHD_HEADER_KIND, &add_header,
                                &current->request);
      return MHD_YES;
    }
    if (*size > 0) {  // A part of the body.
      current->request.body.append(data, *size);
      *size = 0;
      return MHD_YES;
    }
    return current->respond();
  }

  static MHD_Result add_header(void* request, MHD_ValueKind /*kind*/,
                               const char* name, const char* value) {
    static_cast<http_request*>(request)->headers.emplace_back(
        name, value == nullptr ? "" : value);
    return MHD_YES;
  }

  static void on_request_end(void* /*self*/, MHD_Connection* /*connection*/,
                             void** of_request,
                             MHD_RequestTerminationCode /*how*/) {
    delete static_cast<exchange*>(*of_request);
    *of_request = nullptr;
  }

  static void on_connection(void* self, MHD_Connection* /*connection*/,
                            void** /*of_connection*/,
                            MHD_ConnectionNotificationCode what) {
    auto& server = *static_cast<http_server*>(self);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
      ++server.connections_;
      ++server.open_;
    } else {
      --server.open_;
    }
  }
};

absl::StatusOr<std::unique_ptr<http_server>> http_server::start(
    handler answer, const http_server_options& options) {
  std::unique_ptr<http_server> server(new http_server(std::move(answer)));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(options.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

  const bool tls = !options.certificate.empty();
  std::vector<MHD_OptionItem> items = {
      {MHD_OPTION_SOCK_ADDR, 0, &address},
      {MHD_OPTION_NOTIFY_COMPLETED,
       reinterpret_cast<intptr_t>(&hooks::on_request_end), server.get()},
      {MHD_OPTION_NOTIFY_CONNECTION,
       reinterpret_cast<intptr_t>(&hooks::on_connection), server.get()},
  };
  if (tls) {
    items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0,
                     const_cast<char*>(options.certificate.c_str())});
    items.push_back(
        {MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(options.key.c_str())});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
  if (tls) flags |= MHD_USE_TLS;
  errno = 0;
  server->daemon_ =
      MHD_start_daemon(flags, static_cast<uint16_t>(options.port), nullptr,
                       nullptr, &hooks::on_request, server.get(),
                       MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
  if (server->daemon_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve on 127.0.0.1:", options.port, ": ",
                     std::generic_category().message(errno)));
  }
  server->epoll_ =
      MHD_get_daemon_info(server->daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  const int port =
      MHD_get_daemon_info(server->daemon_, MHD_DAEMON_INFO_BIND_PORT)->port;
  server->url_ = absl::StrCat(tls ? "https" : "http", "://127.0.0.1:", port);
  server->wait();
  return server;
}

http_server::~http_server() {
  timer_.cancel();
  ready_ = {};
  if (daemon_ == nullptr) return;
  // It would wait for them for ever.
  for (exchange* const e : delayed_) e->resume_to_end();
  MHD_stop_daemon(daemon_);
}

void http_server::serve() {
  MHD_run(daemon_);
  wait();
}

void http_server::wait() {
  timer_.cancel();
  MHD_UNSIGNED_LONG_LONG millis;
  if (MHD_get_timeout(daemon_, &millis) == MHD_YES) {
    timer_ = ratchet::event_loop::current().call_later(
        absl::Milliseconds(static_cast<int64_t>(millis)), [this] { serve(); });
  }
  ready_ = ratchet::readable(epoll_).then([this] { serve(); });
}

}  // namespace demo
