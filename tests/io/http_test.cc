#include "ratchet/io/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "demos/http_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "ratchet/when_all.h"
#include "tests/io/raw_server.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// -- Without a loop -----------------------------------------------------------

TEST(HttpHeadersTest, AreFoundWhateverTheirCase) {
  http_headers h = {{"Content-Type", "text/html"}, {"Set-Cookie", "a=1"}};
  h.add("set-cookie", "b=2");
  EXPECT_EQ(h.get("content-type"), "text/html");
  EXPECT_THAT(h.get_all("SET-COOKIE"), ElementsAre("a=1", "b=2"));
  EXPECT_FALSE(h.contains("Content"));
  h.set("SET-COOKIE", "c=3");
  EXPECT_THAT(h.get_all("set-cookie"), ElementsAre("c=3"));
  EXPECT_EQ(h.size(), 2u);
}

TEST(HttpErrorTest, HasTheCodeThatFitsTheStatus) {
  const auto code = [](int status) {
    http_response r;
    r.status = status;
    return http_error(r).code();
  };
  EXPECT_EQ(code(200), absl::StatusCode::kOk);
  EXPECT_EQ(code(304), absl::StatusCode::kOk);
  EXPECT_EQ(code(400), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(401), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(code(403), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code(404), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(418), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(429), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(500), absl::StatusCode::kInternal);
  EXPECT_EQ(code(503), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(504), absl::StatusCode::kDeadlineExceeded);
}

TEST(LibcurlTest, LooksNamesUpWithoutBlocking) {
  EXPECT_NE(
      curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS, 0);
}

// -- With a server ------------------------------------------------------------

std::string text_of_file(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.is_open()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

constexpr const char* kCertificate = "tests/io/tls/server.pem";

// The number at the end of a path.
int number_in(const std::string& path) {
  const size_t slash = path.rfind('/');
  int n = 0;
  EXPECT_TRUE(absl::SimpleAtoi(path.substr(slash + 1), &n)) << path;
  return n;
}

demo::http_answer answer(const demo::http_request& r) {
  const absl::string_view path = r.path;
  if (path == "/echo") {
    std::string text = absl::StrCat(r.method, "\n");
    for (const auto& [name, value] : r.headers) {
      absl::StrAppend(&text, name, "=", value, "\n");
    }
    return {200, absl::StrCat(text, "\n", r.body)};
  }
  if (path == "/headers") {
    return {200, "", {{"X-One", "1"}, {"x-two", "a"}, {"X-Two", "b"}}};
  }
  if (path == "/missing") return {404, "nothing here"};
  if (absl::StartsWith(path, "/bytes/")) {
    return {200, std::string(static_cast<size_t>(number_in(r.path)), 'x')};
  }
  if (absl::StartsWith(path, "/after/")) {
    return {200, "late", {}, absl::Milliseconds(number_in(r.path))};
  }
  if (absl::StartsWith(path, "/redirects/")) {
    const int left = number_in(r.path);
    if (left == 0) return {200, "arrived"};
    return {302, "", {{"Location", absl::StrCat("/redirects/", left - 1)}}};
  }
  if (path == "/to-file")
    return {302, "", {{"Location", "file:///etc/passwd"}}};
  if (path == "/see-other") return {303, "", {{"Location", "/echo"}}};
  if (path == "/cut") return {200, std::string(10000, 'x'), {}, {}, 5000};
  return {200, "hello"};
}

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    options.proxy = "";
    absl::StatusOr<std::unique_ptr<demo::http_server>> started =
        demo::http_server::start(answer);
    EXPECT_THAT(started, IsOk());
    server = *std::move(started);
    client.emplace(options);
  }

  http_request to(std::string_view path) const {
    http_request request;
    request.url = server->url() + std::string(path);
    return request;
  }
  absl::StatusOr<http_response> fetch(http_request request) {
    return loop.run_until_complete(client->fetch(std::move(request)));
  }

  event_loop loop;
  http_client_options options;
  std::unique_ptr<demo::http_server> server;
  std::optional<http_client> client;
};

TEST_F(HttpTest, GetsAPage) {
  const absl::StatusOr<http_response> r =
      loop.run_until_complete(client->get(server->url() + "/"));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->status, 200);
  EXPECT_TRUE(r->ok());
  EXPECT_EQ(r->body, "hello");
  EXPECT_EQ(r->effective_url, server->url() + "/");
  EXPECT_EQ(r->version, http_version::http_1_1);
  EXPECT_EQ(r->new_connections, 1);
  EXPECT_GT(r->timings.total, absl::ZeroDuration());
  EXPECT_EQ(client->pending(), 0u);
}

TEST_F(HttpTest, IsNeverDoneInsideTheCall) {
  const future<http_response> f = client->fetch(to("/"));
  EXPECT_FALSE(f.done());
  EXPECT_EQ(client->pending(), 1u);
}

TEST_F(HttpTest, SendsMethodHeadersAndBody) {
  http_request request = to("/echo");
  request.method = "POST";
  request.headers = {{"X-Key", "secret"}, {"X-Empty", ""}};
  request.body = std::string("a\0b", 3);
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  ASSERT_THAT(r, IsOk());
  EXPECT_THAT(
      r->body,
      AllOf(StartsWith("POST\n"), HasSubstr("X-Key=secret\n"),
            HasSubstr("X-Empty=\n"), HasSubstr("User-Agent=ratchet\n"),
            HasSubstr("Content-Length=3\n"), Not(HasSubstr("Content-Type")),
            Not(HasSubstr("Expect")), EndsWith(std::string("\n\na\0b", 5))));
}

TEST_F(HttpTest, SendsOtherMethodsToo) {
  for (const char* method : {"PUT", "PATCH", "DELETE", "GET", "OPTIONS"}) {
    http_request request = to("/echo");
    request.method = method;
    request.body = "text";
    const absl::StatusOr<http_response> r = fetch(std::move(request));
    ASSERT_THAT(r, IsOk());
    EXPECT_THAT(r->body, AllOf(StartsWith(absl::StrCat(method, "\n")),
                               EndsWith("\n\ntext")));
  }
}

TEST_F(HttpTest, AHeadHasNoBody) {
  http_request request = to("/bytes/5000");
  request.method = "HEAD";
  request.max_response_bytes = 10;
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->headers.get("Content-Length"), "5000");
  EXPECT_THAT(r->body, IsEmpty());
}

TEST_F(HttpTest, GivesAllHeaders) {
  const absl::StatusOr<http_response> r = fetch(to("/headers"));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->headers.get("x-one"), "1");
  EXPECT_THAT(r->headers.get_all("X-TWO"), ElementsAre("a", "b"));
}

TEST_F(HttpTest, AStatusIsNoError) {
  const absl::StatusOr<http_response> r = fetch(to("/missing"));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->status, 404);
  EXPECT_EQ(r->body, "nothing here");
  EXPECT_THAT(http_error(*r),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("404"), HasSubstr("/missing"))));
}

// -- Redirects ----------------------------------------------------------------

TEST_F(HttpTest, FollowsRedirects) {
  const absl::StatusOr<http_response> r = fetch(to("/redirects/3"));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->body, "arrived");
  EXPECT_EQ(r->redirects, 3);
  EXPECT_EQ(r->effective_url, server->url() + "/redirects/0");
  EXPECT_FALSE(r->headers.contains("Location"));
}

TEST_F(HttpTest, FollowsNoMoreThanItMay) {
  http_request request = to("/redirects/4");
  request.max_redirects = 3;
  EXPECT_THAT(
      fetch(std::move(request)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("redirects"), HasSubstr(server->url()))));
}

TEST_F(HttpTest, GivesTheRedirectIfItMayFollowNone) {
  http_request request = to("/redirects/4");
  request.max_redirects = 0;
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->status, 302);
  EXPECT_EQ(r->headers.get("Location"), "/redirects/3");
}

TEST_F(HttpTest, NeverFollowsARedirectToAFile) {
  EXPECT_THAT(fetch(to("/to-file")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file")));
}

TEST_F(HttpTest, APostBecomesAGetWhenItIsToLookElsewhere) {
  http_request request = to("/see-other");
  request.method = "POST";
  request.body = "text";
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  ASSERT_THAT(r, IsOk());
  EXPECT_THAT(r->body, AllOf(StartsWith("GET\n"), Not(HasSubstr("text"))));
}

// -- Limits -------------------------------------------------------------------

TEST_F(HttpTest, ABodyAsLongAsAllowedIsNoError) {
  http_request request = to("/bytes/100000");
  request.max_response_bytes = 100000;
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->body.size(), 100000u);
}

TEST_F(HttpTest, ABodyThatIsTooLongIsAnError) {
  for (const size_t most : {size_t{0}, size_t{1}, size_t{99999}}) {
    http_request request = to("/bytes/100000");
    request.max_response_bytes = most;
    EXPECT_THAT(
        fetch(std::move(request)),
        StatusIs(absl::StatusCode::kResourceExhausted,
                 HasSubstr(absl::StrCat("more than ", most, " bytes"))));
  }
}

TEST_F(HttpTest, ABodyWhoseLengthIsNotAnnouncedIsLimitedToo) {
  raw_server raw([](const std::string&) {
    return raw_server::reply{
        absl::StrCat("HTTP/1.1 200 OK\r\n\r\n", std::string(50000, 'x'))};
  });
  http_request request;
  request.url = raw.url();
  request.max_response_bytes = 40000;
  EXPECT_THAT(
      fetch(std::move(request)),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("40000")));
}

TEST_F(HttpTest, HeadersAreLimited) {
  raw_server raw([](const std::string&) {
    std::string all = "HTTP/1.1 200 OK\r\n";
    while (all.size() < 300000) {
      absl::StrAppend(&all, "X-Field: ", std::string(1000, 'x'), "\r\n");
    }
    return raw_server::reply{all + "\r\n"};
  });
  EXPECT_THAT(loop.run_until_complete(client->get(raw.url())),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("headers have more than")));
}

TEST_F(HttpTest, ATimeoutIsOneOfTheLibrarys) {
  http_request request = to("/after/20000");
  request.timeout = absl::Milliseconds(30);
  const absl::Time begin = absl::Now();
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  EXPECT_THAT(
      r, IsKind(error_kind::timeout,
                AllOf(HasSubstr("GET http://127.0.0.1:"), HasSubstr("30ms"))));
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(30));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(HttpTest, ATimeoutCountsTheWaitForAConnection) {
  options.connections_per_host = 1;
  client.emplace(options);
  const future<http_response> first = client->fetch(to("/after/20000"));
  http_request second = to("/");
  second.timeout = absl::Milliseconds(30);
  EXPECT_THAT(fetch(std::move(second)),
              IsKind(error_kind::timeout, HasSubstr("30ms")));
  EXPECT_EQ(server->connections(), 1u);
}

// -- What goes wrong ----------------------------------------------------------

TEST_F(HttpTest, NobodyThereIsUnavailable) {
  raw_server raw([](const std::string&) { return raw_server::reply{}; });
  raw.stop_listening();
  EXPECT_THAT(loop.run_until_complete(client->get(raw.url() + "/path")),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("GET " + raw.url() + "/path"),
                             HasSubstr("onnect"))));
}

TEST_F(HttpTest, AConnectionThatBreaksInTheMiddleIsUnavailable) {
  EXPECT_THAT(fetch(to("/cut")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/cut")));
}

TEST_F(HttpTest, AnEmptyReplyIsUnavailable) {
  raw_server raw([](const std::string&) { return raw_server::reply{}; });
  EXPECT_THAT(
      loop.run_until_complete(client->get(raw.url())),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Empty reply")));
}

TEST_F(HttpTest, WhatIsNoHttpIsDataLoss) {
  raw_server raw([](const std::string&) {
    return raw_server::reply{"220 mail.example.org ESMTP\r\n"};
  });
  EXPECT_THAT(loop.run_until_complete(client->get(raw.url())),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("HTTP/0.9")));
}

TEST_F(HttpTest, WhatIsNoRequestIsRefusedAtOnce) {
  const auto refused = [this](http_request request) {
    const future<http_response> f = client->fetch(std::move(request));
    return f.done() ? f.status() : absl::OkStatus();
  };
  const auto is_refused = [](const char* words) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words));
  };
  for (const char* url :
       {"", "/path", "http://", "http://a b/", "http://a\n"}) {
    http_request request;
    request.url = url;
    EXPECT_THAT(refused(std::move(request)), is_refused("is no URL")) << url;
  }
  http_request request;
  request.url = "ftp://127.0.0.1/";
  EXPECT_THAT(refused(std::move(request)), is_refused("only http"));
  request = to("/");
  request.method = "GET / HTTP/1.1\r\nX:";
  EXPECT_THAT(refused(std::move(request)), is_refused("no method"));
  request = to("/");
  request.headers.add("X-A", "1\r\nX-B: 2");
  EXPECT_THAT(refused(std::move(request)), is_refused("'X-A'"));
  request = to("/");
  request.headers.add("X A", "1");
  EXPECT_THAT(refused(std::move(request)), is_refused("'X A'"));
}

TEST_F(HttpTest, NoMessageHasThePassword) {
  raw_server raw([](const std::string&) { return raw_server::reply{}; });
  raw.stop_listening();
  const std::string url = raw.url();
  const absl::StatusOr<http_response> r = loop.run_until_complete(client->get(
      "http://me:secret@" + url.substr(std::string("http://").size())));
  EXPECT_THAT(r, StatusIs(absl::StatusCode::kUnavailable,
                          AllOf(HasSubstr(url), Not(HasSubstr("secret")))));
}

// Seeded: what a server might say, some of it HTTP.
TEST_F(HttpTest, WhateverComesEndsWithAResponseOrAnError) {
  uint64_t seed = 1;
  const auto random = [&seed](uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
  };
  const std::vector<std::string> parts = {
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 ",
      "HTTP/9.9 200\r\n",
      "\r\n",
      "\r\n\r\n",
      "Content-Length: 5\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: chunked\r\n",
      "5\r\nhello\r\n0\r\n\r\n",
      "zz\r\n",
      "Content-Encoding: gzip\r\n",
      "\x1f\x8b\x08",
      "Location: /x\r\n",
      "HTTP/1.1 302 Found\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      ": \r\n",
      " folded\r\n",
      std::string("\0\xff\x80", 3),
      "hello",
      "Connection: close\r\n",
      "HTTP/2 200\r\n",
      "HTTP/1.1 999999999999 X\r\n",
      "Set-Cookie: a\r\n"};
  raw_server raw([&](const std::string&) {
    std::string all = random(3) != 0 ? "HTTP/1.1 200 OK\r\n" : "";
    for (uint64_t n = random(8); n > 0; --n) {
      all += random(10) == 0 ? std::string(1, static_cast<char>(random(256)))
                             : parts[random(parts.size())];
    }
    return raw_server::reply{all};
  });
  int responses = 0;
  int errors = 0;
  for (int i = 0; i < 400; ++i) {
    SCOPED_TRACE(absl::StrCat("response ", i));
    http_request request;
    request.url = raw.url();
    request.max_redirects = 3;
    request.timeout = absl::Seconds(20);
    const absl::StatusOr<http_response> r = fetch(std::move(request));
    ++(r.ok() ? responses : errors);
    if (!r.ok()) {
      EXPECT_NE(kind_of(r.status()), error_kind::timeout) << r.status();
      EXPECT_NE(r.status().code(), absl::StatusCode::kInternal) << r.status();
      EXPECT_THAT(std::string(r.status().message()),
                  StartsWith(absl::StrCat("GET ", raw.url(), "/: ")));
    }
  }
  EXPECT_GT(responses, 40);
  EXPECT_GT(errors, 40);
}

// -- Ends ---------------------------------------------------------------------

TEST_F(HttpTest, CancellingClosesTheConnection) {
  raw_server raw([](const std::string&) {
    return raw_server::reply{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
                             /*close=*/false};
  });
  future<http_response> f = client->get(raw.url());
  ASSERT_THAT(loop.run_until_complete(sleep_for(absl::Milliseconds(30))),
              IsOk());
  ASSERT_EQ(raw.accepted(), 1);
  EXPECT_EQ(raw.left(), 0);
  raw.on_left = [this] { loop.stop(); };
  const absl::Time begin = absl::Now();
  EXPECT_TRUE(f.cancel("enough"));
  EXPECT_EQ(client->pending(), 0u);
  EXPECT_EQ(cancel_reason(f.status()), "enough");
  ASSERT_THAT(loop.run_forever(), IsOk());
  EXPECT_EQ(raw.left(), 1);
  RecordProperty("microseconds_until_the_server_saw_it",
                 absl::StrCat(absl::ToInt64Microseconds(absl::Now() - begin)));
}

TEST_F(HttpTest, ATimeOutAroundItEndsTheTransfer) {
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  client->fetch(to("/after/20000")), absl::Milliseconds(20))),
              IsKind(error_kind::timeout, HasSubstr("")));
  EXPECT_EQ(client->pending(), 0u);
}

TEST_F(HttpTest, DroppingTheFutureChangesNothing) {
  (void)client->fetch(to("/"));
  while (client->pending() > 0) {
    ASSERT_THAT(loop.run_until_complete(sleep_for(absl::Milliseconds(1))),
                IsOk());
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(HttpTest, DestroyingTheClientFailsWhatIsPending) {
  future<http_response> f = client->fetch(to("/after/20000"));
  loop.call_later(absl::Milliseconds(10), [this] { client.reset(); });
  EXPECT_THAT(loop.run_until_complete(std::move(f)),
              IsKind(error_kind::destroyed, HasSubstr("http_client")));
}

TEST_F(HttpTest, CanBeMoved) {
  http_client other(std::move(*client));
  future<http_response> f = other.fetch(to("/"));
  *client = std::move(other);
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
}

TEST_F(HttpTest, ClosingTheLoopLeavesWhatIsPending) {
  event_loop inner;
  http_client of_inner(options);
  future<http_response> f = of_inner.fetch(to("/"));
  const bool* dropped = nullptr;
  bool gone = false;
  dropped = &gone;
  f = std::move(f).then([told = std::shared_ptr<bool>(&gone, [](bool* b) {
                           *b = true;
                         })](http_response r) { return r; });
  EXPECT_FALSE(*dropped);
  ASSERT_THAT(inner.close(), IsOk());
  EXPECT_TRUE(*dropped);  // Nobody will run it.
  EXPECT_FALSE(f.done());
  EXPECT_EQ(of_inner.pending(), 0u);
  EXPECT_THAT(of_inner.fetch(to("/")),
              IsKind(error_kind::closed, HasSubstr("")));
}

TEST_F(HttpTest, AClientMayOutliveItsLoop) {
  std::optional<event_loop> inner(std::in_place);
  http_client of_inner(options);
  const future<http_response> f = of_inner.fetch(to("/"));
  inner.reset();
  EXPECT_FALSE(f.done());
}

TEST_F(HttpTest, AClientMayEndWithTheLoopThatDropsItsFuture) {
  event_loop inner;
  auto of_inner = std::make_shared<http_client>(options);
  future<http_response> f = of_inner->fetch(to("/"));
  const future<void> last =
      std::move(f).then([kept = std::move(of_inner)](const http_response&) {});
  EXPECT_THAT(inner.close(), IsOk());
}

// -- Connections --------------------------------------------------------------

TEST_F(HttpTest, UsesAConnectionAgain) {
  for (int i = 0; i < 5; ++i) {
    const absl::StatusOr<http_response> r = fetch(to("/"));
    ASSERT_THAT(r, IsOk());
    EXPECT_EQ(r->new_connections, i == 0 ? 1 : 0);
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(HttpTest, AHundredAtOnceShareTheConnectionsThereMayBe) {
  options.connections_per_host = 8;
  client.emplace(options);
  std::vector<future<http_response>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(client->fetch(to(absl::StrCat("/bytes/", i * 100))));
  }
  const auto responses = loop.run_until_complete(when_all(std::move(all)));
  ASSERT_THAT(responses, IsOk());
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ((*responses)[i].body.size(), i * 100);
  }
  EXPECT_LE(server->connections(), 8u);
}

TEST_F(HttpTest, TheLoopGoesOnMeanwhile) {
  int beats = 0;
  std::function<void()> beat = [&] {
    ++beats;
    loop.call_later(absl::Milliseconds(1), beat);
  };
  beat();
  ASSERT_THAT(fetch(to("/after/100")), IsOk());
  EXPECT_GT(beats, 10);
}

// -- TLS ----------------------------------------------------------------------

class HttpsTest : public HttpTest {
 protected:
  HttpsTest() {
    absl::StatusOr<std::unique_ptr<demo::http_server>> started =
        demo::http_server::start(answer,
                                 {0, text_of_file(kCertificate),
                                  text_of_file("tests/io/tls/server.key")});
    EXPECT_THAT(started, IsOk());
    server = *std::move(started);
  }
};

TEST_F(HttpsTest, ACertificateThatNobodyVouchesForIsRefused) {
  EXPECT_THAT(fetch(to("/")), StatusIs(absl::StatusCode::kUnauthenticated,
                                       AllOf(HasSubstr("GET https://127.0.0.1"),
                                             HasSubstr("certificate"))));
}

TEST_F(HttpsTest, ACertificateThatIsTrustedIsTaken) {
  http_request request = to("/bytes/100000");
  request.tls.ca_file = kCertificate;
  const absl::StatusOr<http_response> r = fetch(std::move(request));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->body.size(), 100000u);
  EXPECT_GT(r->timings.tls_done, absl::ZeroDuration());
}

TEST_F(HttpsTest, ACertificateForAnotherNameIsRefused) {
  http_request request = to("/");
  request.tls.ca_file = kCertificate;
  request.url = absl::StrCat("https://localhost",
                             request.url.substr(request.url.rfind(':')));
  EXPECT_THAT(
      fetch(std::move(request)),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("localhost")));
}

TEST_F(HttpsTest, WhoDoesNotVerifyTakesAny) {
  http_request request = to("/");
  request.tls.verify = false;
  EXPECT_THAT(fetch(std::move(request)), IsOk());
}

TEST_F(HttpsTest, AFileThatIsNotThereIsSaid) {
  http_request request = to("/");
  request.tls.ca_file = "/no/such/file";
  EXPECT_THAT(fetch(std::move(request)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("/no/such/file")));
}

TEST_F(HttpsTest, PlainHttpOnTheOtherSideIsUnavailable) {
  raw_server raw([](const std::string&) {
    return raw_server::reply{"HTTP/1.1 400 Bad Request\r\n\r\n"};
  });
  http_request request;
  request.url =
      absl::StrCat("https://", absl::StripPrefix(raw.url(), "http://"));
  EXPECT_THAT(fetch(std::move(request)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("SSL")));
}

}  // namespace
}  // namespace ratchet::test
