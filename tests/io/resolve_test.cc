#include "ratchet/io/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/internal/name_lookup.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/thread/thread_pool.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"
#include "tests/thread/gate.h"

namespace ratchet {
namespace {

using test::IsKind;
using test::IsOk;
using test::StatusIs;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using addresses = std::vector<socket_address>;

addresses parsed(const std::vector<const char*>& texts) {
  addresses all;
  for (const char* text : texts) {
    all.push_back(socket_address::parse(text).value());
  }
  return all;
}

std::vector<std::string> texts(const addresses& all) {
  std::vector<std::string> texts;
  for (const socket_address& a : all) texts.push_back(a.to_string());
  return texts;
}

// What the system answers, in these tests; and what it was asked.
struct {
  addresses found;
  int error = 0;
  int error_number = 0;
  test::gate* waits_for = nullptr;
  test::gate* has_begun = nullptr;

  std::string host;
  int family = -1;
  int flags = -1;
  int released = 0;
} fake;

int fake_look_up(const char* host, const char*, const addrinfo* hints,
                 addrinfo** result) {
  if (fake.has_begun != nullptr) fake.has_begun->open();
  if (fake.waits_for != nullptr) fake.waits_for->wait();
  fake.host = host;
  fake.family = hints->ai_family;
  fake.flags = hints->ai_flags;
  errno = fake.error_number;
  if (fake.error != 0) return fake.error;
  addrinfo* list = nullptr;
  for (auto a = fake.found.rbegin(); a != fake.found.rend(); ++a) {
    auto* const storage = new sockaddr_storage();
    std::copy_n(reinterpret_cast<const char*>(a->data()), a->size(),
                reinterpret_cast<char*>(storage));
    auto* const entry = new addrinfo();
    entry->ai_addr = reinterpret_cast<sockaddr*>(storage);
    entry->ai_addrlen = a->size();
    entry->ai_family = a->family();
    entry->ai_next = std::exchange(list, entry);
  }
  *result = list;
  return 0;
}

void fake_release(addrinfo* list) {
  ++fake.released;
  while (list != nullptr) {
    addrinfo* const next = list->ai_next;
    delete reinterpret_cast<sockaddr_storage*>(list->ai_addr);
    delete std::exchange(list, next);
  }
}

class ResolveTest : public test::loop_test {
 protected:
  ResolveTest() { fake = {}; }

  future<addresses> ask(std::string host, int family = AF_UNSPEC) {
    resolve_options options;
    options.family = family;
    return internal::resolve_with({fake_look_up, fake_release}, pool,
                                  std::move(host), 80, options);
  }
  absl::StatusOr<addresses> answer(std::string host, int family = AF_UNSPEC) {
    return loop.run_until_complete(ask(std::move(host), family));
  }

  thread_pool pool{1, "names"};
};

// -- Numeric ------------------------------------------------------------------

TEST_F(ResolveTest, ANumericAddressIsThereAtOnce) {
  for (const char* host : {"127.0.0.1", "::1", "fe80::1%3"}) {
    const future<addresses> f = resolve(pool, host, 80);
    ASSERT_TRUE(f.done()) << host;
    ASSERT_THAT(f, IsOk());
    EXPECT_THAT(f.value(), ElementsAre(socket_address::ip(host, 80).value()));
  }
}

TEST_F(ResolveTest, ANumericAddressNeedsNoPool) {
  pool.shutdown();
  EXPECT_THAT(resolve(pool, "127.0.0.1", 80), IsOk());
  EXPECT_THAT(resolve(pool, "localhost", 80),
              IsKind(error_kind::not_accepting, HasSubstr("names")));
}

TEST_F(ResolveTest, ANumericAddressOfAnotherFamilyIsRefused) {
  EXPECT_THAT(ask("127.0.0.1", AF_INET6),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("resolve(\"127.0.0.1\"): this is an address "
                                 "of another family")));
  EXPECT_THAT(ask("::1", AF_INET),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("::1")));
  EXPECT_THAT(ask("::1", AF_INET6), IsOk());
  EXPECT_THAT(ask("127.0.0.1", AF_INET), IsOk());
}

TEST_F(ResolveTest, WhatCanBeNoNameIsRefusedAtOnce) {
  const struct {
    std::string host;
    absl::StatusCode code;
    const char* why;
  } cases[] = {
      {"", absl::StatusCode::kInvalidArgument, "there is no name"},
      {std::string("a\0b", 3), absl::StatusCode::kInvalidArgument, "a zero"},
      {"a:80", absl::StatusCode::kInvalidArgument, "is not a numeric"},
      {"[::1]", absl::StatusCode::kInvalidArgument, "brackets are for"},
      {"fe80::1%no-such-if", absl::StatusCode::kNotFound, "no-such-if"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ask(c.host), StatusIs(c.code, AllOf(HasSubstr("resolve(\""),
                                                    HasSubstr(c.why))));
  }
  EXPECT_THAT(ask("x", AF_UNIX), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("family")));
}

// -- Names --------------------------------------------------------------------

TEST_F(ResolveTest, GivesWhatTheSystemFindsInItsOrderAndOnce) {
  fake.found = parsed({"[2001:db8::1]:0", "1.2.3.4:0", "1.2.3.4:0",
                       "[2001:db8::2]:0", "1.2.3.4:0"});
  const auto found = answer("example.org");
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(texts(*found), ElementsAre("[2001:db8::1]:80", "1.2.3.4:80",
                                         "[2001:db8::2]:80"));
  EXPECT_EQ(fake.host, "example.org");
  EXPECT_EQ(fake.released, 1);
}

TEST_F(ResolveTest, AsksForFamiliesOfThisMachineUnlessToldOtherwise) {
  fake.found = parsed({"1.2.3.4:0"});
  EXPECT_THAT(answer("example.org"), IsOk());
  EXPECT_EQ(fake.family, AF_UNSPEC);
  EXPECT_EQ(fake.flags, AI_ADDRCONFIG);
  EXPECT_THAT(answer("example.org", AF_INET), IsOk());
  EXPECT_EQ(fake.family, AF_INET);
  EXPECT_EQ(fake.flags, 0);
}

TEST_F(ResolveTest, ErrorsHaveTheNameAndTheWordsOfTheSystem) {
  const struct {
    int error;
    absl::StatusCode code;
  } cases[] = {
      {EAI_NONAME, absl::StatusCode::kNotFound},
      {EAI_AGAIN, absl::StatusCode::kUnavailable},
      {EAI_FAIL, absl::StatusCode::kInternal},
      {EAI_MEMORY, absl::StatusCode::kResourceExhausted},
      {EAI_FAMILY, absl::StatusCode::kInvalidArgument},
  };
  for (const auto& c : cases) {
    fake.error = c.error;
    EXPECT_THAT(answer("example.org"),
                StatusIs(c.code, absl::StrCat("resolve(\"example.org\"): ",
                                              gai_strerror(c.error))));
  }
  fake.error = EAI_SYSTEM;
  fake.error_number = EMFILE;
  EXPECT_THAT(answer("example.org"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "resolve(\"example.org\"): Too many open files"));
  fake.error_number = 0;
  EXPECT_THAT(answer("example.org"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("example.org")));
  EXPECT_EQ(fake.released, 0);
}

TEST_F(ResolveTest, ANameWithoutAddressesIsNotFound) {
  EXPECT_THAT(answer("example.org"),
              StatusIs(absl::StatusCode::kNotFound,
                       "resolve(\"example.org\"): the name has no address"));
}

TEST_F(ResolveTest, CancellingDoesNotWaitForTheSystem) {
  test::gate has_begun;
  test::gate busy;
  fake.has_begun = &has_begun;
  fake.waits_for = &busy;
  fake.found = parsed({"1.2.3.4:0"});
  auto f = ask("example.org");
  auto queued = ask("example.com");
  has_begun.wait();
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_TRUE(queued.cancel());
  EXPECT_EQ(pool.queued(), 0u);
  busy.open();
  run_until_idle();
  EXPECT_EQ(fake.host, "example.org");
  EXPECT_EQ(fake.released, 1);
}

// -- The system's own ---------------------------------------------------------

TEST_F(ResolveTest, FindsTheLocalHost) {
  const auto found = loop.run_until_complete(resolve(pool, "localhost", 80));
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(*found, Not(IsEmpty()));
  EXPECT_THAT(texts(*found), Each(AnyOf("127.0.0.1:80", "[::1]:80")));
}

TEST_F(ResolveTest, FindsTheLocalHostOfOneFamily) {
  resolve_options options;
  options.family = AF_INET;
  const auto found =
      loop.run_until_complete(resolve(pool, "localhost", 80, options));
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(texts(*found), ElementsAre("127.0.0.1:80"));
}

TEST_F(ResolveTest, DoesNotFindWhatIsNotThere) {
  const char* const name = "no-such-host.invalid";
  const auto found = loop.run_until_complete(resolve(pool, name, 80));
  // The latter where no name server can be reached.
  EXPECT_THAT(found,
              AnyOf(StatusIs(absl::StatusCode::kNotFound, HasSubstr(name)),
                    StatusIs(absl::StatusCode::kUnavailable, HasSubstr(name))));
}

// -- Families in turn ---------------------------------------------------------

TEST(InterleaveFamiliesTest, TheFirstOnesFamilyGoesFirst) {
  const struct {
    std::vector<const char*> before;
    std::vector<const char*> after;
  } cases[] = {
      {{}, {}},
      {{"[::1]:1"}, {"[::1]:1"}},
      {{"1.1.1.1:1", "1.1.1.2:1"}, {"1.1.1.1:1", "1.1.1.2:1"}},
      {{"[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"},
       {"[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"}},
      {{"1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"},
       {"1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"}},
      {{"1.1.1.1:1", "unix:/a", "unix:/b", "1.1.1.2:1", "[::1]:1"},
       {"1.1.1.1:1", "unix:/a", "[::1]:1", "1.1.1.2:1", "unix:/b"}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(interleave_families(parsed(c.before)), parsed(c.after));
  }
}

}  // namespace
}  // namespace ratchet
