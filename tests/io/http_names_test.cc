// Names that take long to be looked up: getaddrinfo() is this file's.

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/http.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "tests/support/status_matchers.h"

namespace {

constexpr std::chrono::seconds kLookUp{2};
std::atomic<int> slow_look_ups{0};

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service,
                           const addrinfo* hints, addrinfo** result) {
  if (name != nullptr && std::string_view(name) == "slow.test") {
    ++slow_look_ups;
    std::this_thread::sleep_for(kLookUp);
    return EAI_NONAME;
  }
  using function = int(const char*, const char*, const addrinfo*, addrinfo**);
  static auto* const real =
      reinterpret_cast<function*>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(name, service, hints, result);
}

namespace ratchet::test {
namespace {

using ::testing::HasSubstr;

class HttpNamesTest : public ::testing::Test {
 protected:
  HttpNamesTest() : client_(options()) {}

  static http_client_options options() {
    http_client_options o;
    o.proxy = "";
    return o;
  }
  static http_request slow() {
    http_request request;
    request.url = "http://slow.test/";
    request.timeout = absl::Milliseconds(50);
    return request;
  }

  event_loop loop_;
  http_client client_;
  const absl::Time begin_ = absl::Now();
};

TEST_F(HttpNamesTest, ATimeoutDoesNotWaitForTheName) {
  EXPECT_THAT(loop_.run_until_complete(client_.fetch(slow())),
              IsKind(error_kind::timeout, HasSubstr("slow.test")));
  EXPECT_EQ(slow_look_ups, 1);
  EXPECT_LT(absl::Now() - begin_, absl::FromChrono(kLookUp));
}

TEST_F(HttpNamesTest, NeitherDoCancellingNorDestroying) {
  {
    http_client other(options());
    future<http_response> cancelled = client_.fetch(slow());
    const future<http_response> destroyed = other.fetch(slow());
    EXPECT_THAT(loop_.run_until_complete(sleep_for(absl::Milliseconds(20))),
                IsOk());
    EXPECT_TRUE(cancelled.cancel());
  }
  EXPECT_LT(absl::Now() - begin_, absl::FromChrono(kLookUp));
}

TEST_F(HttpNamesTest, ANameThatIsNoneIsUnavailable) {
  http_request request = slow();
  request.timeout = absl::Seconds(60);
  EXPECT_THAT(loop_.run_until_complete(client_.fetch(std::move(request))),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("slow.test")));
}

}  // namespace
}  // namespace ratchet::test
