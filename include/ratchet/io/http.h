#ifndef RATCHET_IO_HTTP_H_
#define RATCHET_IO_HTTP_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/future.h"

namespace ratchet {

class event_loop;

namespace internal {
class http_engine;
}  // namespace internal

// http_headers: the fields of a message, in their order. A name may come
// several times; "Content-Type" and "content-type" are one. Look-ups are
// O(size).
class http_headers {
 public:
  using field = std::pair<std::string, std::string>;

  http_headers() = default;
  http_headers(std::initializer_list<field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // In place of all of this name.
  void set(std::string name, std::string value);
  // The first one of this name, which lives as long as this is not changed.
  std::optional<std::string_view> get(std::string_view name) const;
  std::vector<std::string_view> get_all(std::string_view name) const;
  bool contains(std::string_view name) const { return get(name).has_value(); }

  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  void clear() { fields_.clear(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<field> fields_;
};

enum class http_version {
  any,       // HTTP/2 through TLS if the server has it, else HTTP/1.1.
  http_1_0,  // Only in responses.
  http_1_1,
  // Without TLS, too, where the server must be known to have it (and libcurl
  // before 8.0 takes a connection for each request).
  http_2,
  http_3,  // Only in responses.
};

struct http_tls {
  // Whether the server has to have a valid certificate for its name. Without,
  // anybody can be the server: for tests.
  bool verify = true;
  // Certificates to trust (PEM), in place of the system's. Empty: the system's.
  std::string ca_file;
  // Our own certificate and its key (PEM), for servers that ask.
  std::string certificate_file;
  std::string key_file;
};

struct http_request {
  std::string method = "GET";
  std::string url;  // With "http://" or "https://", and percent-encoded.
  // Host, User-Agent, Accept-Encoding and Content-Length come by themselves; a
  // Content-Type does not.
  http_headers headers;
  std::string body;

  // From fetch() on, the wait for a connection, redirects and the body
  // included.
  absl::Duration timeout = absl::Seconds(60);
  // For the name, the connection and TLS alone.
  absl::Duration connect_timeout = absl::Seconds(10);
  // More than these is an error; with 0 the redirect itself is the response. A
  // POST becomes a GET after 301, 302 and 303; other methods stay what they
  // are. Authorization and Cookie do not go to another host.
  int max_redirects = 10;
  // Of the body, after decoding: more is an error.
  size_t max_response_bytes = 64 << 20;
  // Asks for compressed bodies (gzip and what else is there), and decodes them.
  bool compressed = true;
  http_version version = http_version::any;
  http_tls tls;
};

// When what was there, from fetch() on; zero for what did not happen.
struct http_timings {
  absl::Duration name_looked_up;
  absl::Duration connected;
  absl::Duration tls_done;
  absl::Duration first_byte;
  absl::Duration total;
};

struct http_response {
  int status = 0;             // 200, 404, ...
  std::string effective_url;  // After redirects.
  http_version version = http_version::any;
  http_headers headers;  // Of the last response. Trailers come last.
  std::string body;
  int redirects = 0;  // That were followed.
  // That were made for it: 0 if one from before was used.
  int new_connections = 0;
  http_timings timings;

  bool ok() const { return status >= 200 && status < 300; }
};

// The error that a status of 400 and more is, for retry() and the like:
// kUnavailable for 429, 502, 503; kDeadlineExceeded for 408, 504; kInternal for
// other 5xx; kNotFound for 404, 410; kUnauthenticated for 401;
// kPermissionDenied for 403; kInvalidArgument for 400, 422; kAborted for 409;
// kUnimplemented for 501; else kFailedPrecondition. The message has the status
// and the URL. OK for less than 400.
absl::Status http_error(const http_response& response);

struct http_client_options {
  // At the same time, to one host and port, and to all; more requests wait for
  // their turn. 0: no limit.
  int connections_per_host = 0;
  int connections = 0;
  // Kept open for later requests.
  int idle_connections = 32;
  std::string user_agent = "ratchet";
  // "http://host:port", also https and socks5; "" for none. nullopt: what the
  // environment says (https_proxy, no_proxy, ...).
  std::optional<std::string> proxy;
};

// http_client: HTTP requests in a loop, done by libcurl: HTTP/1.1 and HTTP/2,
// TLS, redirects, compression, connections that are used again.
//
//   ratchet::http_client client;
//   client.get("https://example.org").then([](ratchet::http_response r) {
//     std::cout << r.status << ' ' << r.body.size() << " bytes\n";
//   });
//
// Everything happens on the loop's thread, none of it blocks; names are looked
// up by threads of libcurl's. A status like 404 is a response, no error (but
// see http_error).
//
// Errors of the futures, each with the method, the URL (without a password) and
// libcurl's words:
//   kInvalidArgument     the URL, the method or a header is none; also where a
//                        redirect leads; from fetch() at once
//   kUnavailable         no such name, no connection, or it broke, also in the
//                        middle of the body; a TLS handshake that failed
//   kDeadlineExceeded    `timeout` or `connect_timeout` (error_kind::timeout)
//   kUnauthenticated     the server's certificate is not valid
//   kResourceExhausted   the body has more than max_response_bytes, or the
//   headers
//                        have more than 256 KiB (retry() takes this for
//                        transient: say otherwise in its options)
//   kFailedPrecondition  too many redirects; a file of `tls` cannot be used;
//                        error_kind::closed on a closed loop
//   kDataLoss            what came is no HTTP, or cannot be decoded
//   kAborted             error_kind::destroyed: the client was
//   kUnknown             any other failure of libcurl's
//
// Real time: with a virtual clock, time-outs pass while nothing is ready.
// Lifetime: movable; destroying it ends what is under way. When the loop is
// closed, pending futures stay so for ever (S24), and connections are closed.
// It may outlive the loop. Thread-safety: on the loop's thread only. Source:
// libcurl's multi interface, https://curl.se/libcurl/c/libcurl-multi.html.
class http_client {
 public:
  // Of the current loop, or of `loop`.
  explicit http_client(const http_client_options& options = {});
  explicit http_client(event_loop& loop,
                       const http_client_options& options = {});
  http_client(http_client&& other) noexcept;
  http_client& operator=(http_client&& other) noexcept;
  ~http_client();

  // The response to `request`: it has come as a whole when the future is done,
  // in a later iteration, never inside the call. Errors are above.
  //
  // Cancelling *loses data*: it ends the transfer at once and closes its
  // connection (resets its stream, for HTTP/2); what the server has done by
  // then is done. Dropping the future changes nothing: the request is sent all
  // the same. Complexity: O(size of the request), and what libcurl takes.
  future<http_response> fetch(http_request request);
  // GET, with everything as it is in http_request.
  future<http_response> get(std::string url);

  // Requests that are not done.
  size_t pending() const;

 private:
  internal::http_engine* engine_;  // Owned.
};

}  // namespace ratchet

#endif  // RATCHET_IO_HTTP_H_
