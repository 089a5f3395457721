// HTTP/2, against nghttpd, if that is installed (Debian's nghttp2-server).

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/http.h"
#include "ratchet/retry.h"
#include "ratchet/run.h"
#include "ratchet/when_all.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

constexpr const char* kCertificate = "tests/io/tls/server.pem";

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(fd, any, size), 0);
  EXPECT_EQ(getsockname(fd, any, &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

// Serves one file, "/page", with 1000 bytes.
class Http2Test : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const char* program = "/usr/sbin/nghttpd";
    if (access(program, X_OK) != 0) program = "/usr/bin/nghttpd";
    if (access(program, X_OK) != 0) GTEST_SKIP() << "there is no nghttpd";
    const std::string folder = ::testing::TempDir();
    std::ofstream(folder + "/page") << std::string(1000, 'x');
    const int port = free_port();
    std::vector<std::string> words = {program, "--address=127.0.0.1",
                                      "--htdocs=" + folder};
    if (!tls()) words.emplace_back("--no-tls");
    words.push_back(absl::StrCat(port));
    if (tls()) words.emplace_back("tests/io/tls/server.key");
    if (tls()) words.emplace_back(kCertificate);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ASSERT_EQ(posix_spawn(&server_, program, nullptr, nullptr, arguments.data(),
                          environ),
              0);
    url_ =
        absl::StrCat(tls() ? "https" : "http", "://127.0.0.1:", port, "/page");
    // Once it listens.
    retry_options patiently;
    patiently.max_attempts = 100;
    patiently.max_delay = absl::Milliseconds(50);
    http_client first(options());
    ASSERT_THAT(loop_.run_until_complete(
                    retry(patiently, [&] { return first.fetch(request()); })),
                IsOk());
  }
  void TearDown() override {
    if (server_ <= 0) return;
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
  }

  static bool tls() { return GetParam(); }
  // Before 8.0, libcurl shares no connection without TLS.
  static bool shares() {
    return tls() || curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000;
  }
  static http_client_options options() {
    http_client_options o;
    o.proxy = "";
    return o;
  }
  http_request request(http_version version = http_version::http_2) const {
    http_request r;
    r.url = url_;
    r.version = version;
    r.tls.ca_file = kCertificate;
    return r;
  }

  event_loop loop_;
  std::string url_;
  pid_t server_ = -1;
};

INSTANTIATE_TEST_SUITE_P(Tls, Http2Test, ::testing::Bool(),
                         [](const auto& test) {
                           return test.param ? "with" : "without";
                         });

TEST_P(Http2Test, ManyRequestsShareOneConnection) {
  http_client client(options());
  std::vector<future<http_response>> all;
  for (int i = 0; i < 50; ++i) all.push_back(client.fetch(request()));
  const auto responses = loop_.run_until_complete(when_all(std::move(all)));
  ASSERT_THAT(responses, IsOk());
  int connections = 0;
  for (const http_response& r : *responses) {
    EXPECT_EQ(r.version, http_version::http_2);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body.size(), 1000u);
    connections += r.new_connections;
  }
  EXPECT_EQ(connections, shares() ? 1 : 50);
}

TEST_P(Http2Test, CancellingEndsAStreamAndNotItsConnection) {
  http_client client(options());
  ASSERT_THAT(loop_.run_until_complete(client.fetch(request())), IsOk());
  future<http_response> cancelled = client.fetch(request());
  future<http_response> other = client.fetch(request());
  loop_.call_soon([&] { cancelled.cancel(); });
  const absl::StatusOr<http_response> r =
      loop_.run_until_complete(std::move(other));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->new_connections, shares() ? 0 : 1);
}

TEST_P(Http2Test, IsNegotiatedThroughTls) {
  if (!tls()) GTEST_SKIP() << "only TLS negotiates";
  http_client client(options());
  const absl::StatusOr<http_response> r =
      loop_.run_until_complete(client.fetch(request(http_version::any)));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->version, http_version::http_2);
}

}  // namespace
}  // namespace ratchet::test
