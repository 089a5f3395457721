#include "ratchet/io/socket_address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsOk;
using test::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

socket_address parsed(std::string_view text) {
  absl::StatusOr<socket_address> address = socket_address::parse(text);
  EXPECT_THAT(address, IsOk()) << text;
  if (!address.ok()) std::abort();
  return *address;
}

socket_address raw(const void* data, size_t size) {
  auto address = socket_address::from_raw(static_cast<const sockaddr*>(data),
                                          static_cast<socklen_t>(size));
  EXPECT_THAT(address, IsOk());
  if (!address.ok()) std::abort();
  return *address;
}

// -- Text ---------------------------------------------------------------------

TEST(SocketAddressTest, ParsesWhatItPrints) {
  const struct {
    const char* text;
    int family;
    const char* host;
    uint16_t port;
  } cases[] = {
      {"127.0.0.1:80", AF_INET, "127.0.0.1", 80},
      {"0.0.0.0:0", AF_INET, "0.0.0.0", 0},
      {"255.255.255.255:65535", AF_INET, "255.255.255.255", 65535},
      {"[::1]:80", AF_INET6, "::1", 80},
      {"[::]:0", AF_INET6, "::", 0},
      {"[2001:db8::a]:443", AF_INET6, "2001:db8::a", 443},
      {"[::ffff:1.2.3.4]:5", AF_INET6, "::ffff:1.2.3.4", 5},
      {"[fe80::1%4000000000]:80", AF_INET6, "fe80::1%4000000000", 80},
      {"unix:/run/x.sock", AF_UNIX, "/run/x.sock", 0},
      {"unix:x", AF_UNIX, "x", 0},
      {"unix:/a:1", AF_UNIX, "/a:1", 0},
      {"unix:@name", AF_UNIX, "@name", 0},
      {"unix:@", AF_UNIX, "@", 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const socket_address a = parsed(c.text);
    EXPECT_EQ(a.to_string(), c.text);
    EXPECT_EQ(a.family(), c.family);
    EXPECT_EQ(a.data()->sa_family, c.family);
    EXPECT_EQ(a.host_string(), c.host);
    EXPECT_EQ(a.port(), c.port);
    EXPECT_EQ(a.is_ip(), c.family != AF_UNIX);
    std::ostringstream out;
    out << a;
    EXPECT_EQ(out.str(), c.text);
  }
}

TEST(SocketAddressTest, PrintsTheShortestForm) {
  EXPECT_EQ(parsed("[0:0:0:0:0:0:0:1]:080").to_string(), "[::1]:80");
  EXPECT_EQ(parsed("[2001:DB8::A]:1").to_string(), "[2001:db8::a]:1");
  EXPECT_EQ(parsed("[::1%0]:1").to_string(), "[::1]:1");
}

TEST(SocketAddressTest, SaysWhatIsWrongWithAText) {
  const struct {
    std::string_view text;
    const char* why;
  } cases[] = {
      {"", "\"\" has no port"},
      {"127.0.0.1", "\"127.0.0.1\" has no port: write ADDRESS:PORT"},
      {"[::1]", "\"[::1]\" has no port"},
      {"127.0.0.1:", "no number from 0 to 65535"},
      {"127.0.0.1:65536", "no number from 0 to 65535"},
      {"127.0.0.1:99999999999999999999", "no number from 0 to 65535"},
      {"127.0.0.1:+1", "no number from 0 to 65535"},
      {"127.0.0.1: 1", "no number from 0 to 65535"},
      {"127.0.0.1:http", "no number from 0 to 65535"},
      {"::1:80", "is ambiguous: write an IPv6 address"},
      {"[::1:80", "has a [ without its ]"},
      {"[127.0.0.1]:80", "brackets around what is no IPv6 address"},
      {"[]:80", "brackets around what is no IPv6 address"},
      {":80", "has no address: 0.0.0.0 and [::] are every interface"},
      {"localhost:80", "\"localhost\" is not a numeric IP address"},
      {"localhost:80", "resolve() looks names up"},
      {"1.2.3:80", "\"1.2.3\" is not a numeric"},
      {"01.2.3.4:80", "is not a numeric"},
      {"[::g]:80", "\"::g\" is not a numeric"},
      {std::string_view("1.2.3.4\0:80", 11), "is not a numeric"},
      {"unix:", "it is empty"},
      {std::string_view("unix:a\0b", 8), "it has a zero in it"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(
        socket_address::parse(c.text),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("socket_address: \""), HasSubstr(c.why))));
  }
}

TEST(SocketAddressTest, AnIpHasNoBracketsWithoutAPort) {
  EXPECT_THAT(socket_address::ip("[::1]", 80),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("brackets are for an address with a port")));
}

// -- Scopes -------------------------------------------------------------------

TEST(SocketAddressTest, TheScopeIsAnInterface) {
  const unsigned index = if_nametoindex("lo");
  if (index == 0) GTEST_SKIP() << "this machine has no interface called lo";
  const socket_address by_name = parsed("[fe80::1%lo]:80");
  EXPECT_EQ(by_name, parsed(absl::StrCat("[fe80::1%", index, "]:80")));
  EXPECT_EQ(by_name.to_string(), "[fe80::1%lo]:80");
  EXPECT_NE(by_name, parsed("[fe80::1]:80"));
  sockaddr_in6 in;
  std::memcpy(&in, by_name.data(), sizeof in);
  EXPECT_EQ(in.sin6_scope_id, index);
}

TEST(SocketAddressTest, AnInterfaceThatIsNotThereIsNotFound) {
  for (const char* text : {"[fe80::1%no-such-if]:80", "[fe80::1%]:80"}) {
    EXPECT_THAT(socket_address::parse(text),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr("names a network interface")));
  }
}

// -- Unix ---------------------------------------------------------------------

TEST(SocketAddressTest, UnixPathsHaveALimit) {
  EXPECT_THAT(socket_address::unix_path(std::string(107, 'a')), IsOk());
  EXPECT_THAT(socket_address::unix_path(std::string(108, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("it has 108 bytes, and 107 are the most")));
}

TEST(SocketAddressTest, AnAbstractNameHasASizeAndAnyBytes) {
  const std::string name("@a\0b", 4);
  const auto a = socket_address::unix_path(name);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(a->host_string(), name);
  EXPECT_EQ(a->size(), offsetof(sockaddr_un, sun_path) + 4);
  sockaddr_un un;
  std::memcpy(&un, a->data(), sizeof un);
  EXPECT_EQ(un.sun_path[0], '\0');
  EXPECT_NE(*a, parsed("unix:@a"));
}

TEST(SocketAddressTest, APathEndsAtItsZero) {
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  std::strcpy(un.sun_path, "/tmp/x");
  un.sun_path[50] = 'y';
  const socket_address expected = parsed("unix:/tmp/x");
  const size_t begin = offsetof(sockaddr_un, sun_path);
  EXPECT_EQ(raw(&un, sizeof un), expected);
  EXPECT_EQ(raw(&un, begin + 7), expected);
  EXPECT_EQ(raw(&un, begin + 6), expected);
  EXPECT_EQ(expected.size(), begin + 7);
}

TEST(SocketAddressTest, APathOfTheSystemMayHaveNoZero) {
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  std::fill(std::begin(un.sun_path), std::end(un.sun_path), 'a');
  const socket_address a = raw(&un, sizeof un);
  EXPECT_EQ(a.to_string(), "unix:" + std::string(108, 'a'));
  EXPECT_EQ(a.size(), sizeof un);
}

TEST(SocketAddressTest, AFileWhoseNameBeginsWithAnAtIsPrintedAsAPath) {
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  std::strcpy(un.sun_path, "@x");
  EXPECT_EQ(raw(&un, sizeof un).to_string(), "unix:./@x");
}

TEST(SocketAddressTest, WhoDidNotBindHasNoName) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  ASSERT_EQ(getsockname(ends[0], reinterpret_cast<sockaddr*>(&storage), &size),
            0);
  close(ends[0]);
  close(ends[1]);
  const socket_address a = raw(&storage, size);
  EXPECT_EQ(a.to_string(), "unix:");
  EXPECT_EQ(a.host_string(), "");
}

// -- Raw ----------------------------------------------------------------------

TEST(SocketAddressTest, IsWhatTheSystemBindsAndNames) {
  const socket_address wanted = socket_address::loopback(0);
  const int fd = socket(wanted.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(bind(fd, wanted.data(), wanted.size()), 0);
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size), 0);
  close(fd);
  const socket_address bound = raw(&storage, size);
  EXPECT_NE(bound.port(), 0);
  EXPECT_EQ(bound, wanted.with_port(bound.port()));
}

TEST(SocketAddressTest, RefusesWhatIsNoAddress) {
  sockaddr_storage storage = {};
  const auto* const address = reinterpret_cast<const sockaddr*>(&storage);
  EXPECT_THAT(socket_address::from_raw(nullptr, 100),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("are no address")));
  EXPECT_THAT(socket_address::from_raw(address, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("1 bytes are no address")));
  storage.ss_family = AF_NETLINK;
  EXPECT_THAT(socket_address::from_raw(address, sizeof storage),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is neither AF_INET nor")));
  for (const int family : {AF_INET, AF_INET6}) {
    storage.ss_family = static_cast<sa_family_t>(family);
    EXPECT_THAT(socket_address::from_raw(address, 8),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("8 bytes are not the size")));
  }
}

TEST(SocketAddressTest, TheFlowLabelIsNoPartOfIt) {
  sockaddr_in6 in = {};
  in.sin6_family = AF_INET6;
  in.sin6_addr = in6addr_loopback;
  in.sin6_port = htons(80);
  in.sin6_flowinfo = htonl(7);
  EXPECT_EQ(raw(&in, sizeof in), parsed("[::1]:80"));
}

// -- Made of parts ------------------------------------------------------------

TEST(SocketAddressTest, LoopbackAndAnyAreOfEitherFamily) {
  EXPECT_EQ(socket_address::loopback(1).to_string(), "127.0.0.1:1");
  EXPECT_EQ(socket_address::loopback(1, AF_INET6).to_string(), "[::1]:1");
  EXPECT_EQ(socket_address::any(2).to_string(), "0.0.0.0:2");
  EXPECT_EQ(socket_address::any(2, AF_INET6).to_string(), "[::]:2");
}

TEST(SocketAddressTest, WithPortChangesTheCopyAlone) {
  for (const char* text : {"1.2.3.4:80", "[fe80::1%7]:80"}) {
    const socket_address a = parsed(text);
    const socket_address b = a.with_port(81);
    EXPECT_EQ(a.port(), 80);
    EXPECT_EQ(b.port(), 81);
    EXPECT_EQ(b.host_string(), a.host_string());
    EXPECT_EQ(b.with_port(80), a);
  }
}

#ifndef NDEBUG
TEST(SocketAddressDeathTest, AUnixSocketHasNoPortToChange) {
  const socket_address a = parsed("unix:@x");
  EXPECT_DEATH((void)a.with_port(1), "unix:@x, which has no port");
}
TEST(SocketAddressDeathTest, LoopbackIsOfIp) {
  EXPECT_DEATH((void)socket_address::loopback(1, AF_UNIX), "neither AF_INET");
  EXPECT_DEATH((void)socket_address::any(1, AF_UNIX), "neither AF_INET");
}
#endif

TEST(SocketAddressTest, AreInOrderOfFamilyThenAddressThenPort) {
  const std::vector<socket_address> ordered = {
      parsed("unix:/a"),          parsed("unix:/b"),
      parsed("1.2.3.4:80"),       parsed("1.2.3.4:1000"),
      parsed("10.2.3.4:1"),       parsed("[::1]:1"),
      parsed("[fe80::1]:2"),      parsed("[fe80::1%2]:1"),
      parsed("[fe80::1%3000]:1"), parsed("[ff00::]:0"),
  };
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t k = 0; k < ordered.size(); ++k) {
      SCOPED_TRACE(absl::StrCat(ordered[i].to_string(), " and ",
                                ordered[k].to_string()));
      EXPECT_EQ(ordered[i] == ordered[k], i == k);
      EXPECT_EQ(ordered[i] != ordered[k], i != k);
      EXPECT_EQ(ordered[i] < ordered[k], i < k);
      EXPECT_EQ(absl::HashOf(ordered[i]) == absl::HashOf(ordered[k]), i == k);
    }
  }
}

// -- Whatever comes -----------------------------------------------------------

// Any address: of random bytes, small ones more often than not.
socket_address random_address(std::mt19937& random) {
  const auto byte = [&random] {
    return static_cast<char>(random() % 2 == 0 ? random() % 3 : random());
  };
  sockaddr_storage storage = {};
  auto* const bytes = reinterpret_cast<char*>(&storage);
  std::generate(bytes, bytes + sizeof storage, byte);
  switch (random() % 3) {
    case 0:
      storage.ss_family = AF_INET;
      return raw(&storage, sizeof(sockaddr_in));
    case 1:
      storage.ss_family = AF_INET6;
      return raw(&storage, sizeof(sockaddr_in6));
    default:
      storage.ss_family = AF_UNIX;
      // With a name, and a path that has its zero.
      return raw(&storage, offsetof(sockaddr_un, sun_path) + 1 +
                               random() % (sizeof(sockaddr_un::sun_path) - 1));
  }
}

TEST(SocketAddressTest, WhatIsPrintedIsParsedAsTheSame) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    const socket_address a = random_address(random);
    SCOPED_TRACE(absl::StrCat("address ", i, ": ", a.to_string()));
    EXPECT_EQ(raw(a.data(), a.size()), a);
    const bool odd_file =
        a.family() == AF_UNIX && a.host_string().substr(0, 2) == "./";
    if (odd_file) continue;
    const auto again = socket_address::parse(a.to_string());
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(*again, a);
    EXPECT_EQ(absl::HashOf(*again), absl::HashOf(a));
    if (a.is_ip()) {
      const auto by_host = socket_address::ip(a.host_string(), a.port());
      ASSERT_THAT(by_host, IsOk());
      EXPECT_EQ(*by_host, a);
    }
  }
}

TEST(SocketAddressTest, NoTextIsTooOddToBeParsedOrRefused) {
  constexpr std::string_view kLetters = "0123456789:.[]%@/afx-u";
  const std::string starts[] = {
      "", "[", "unix:", "127.0.0.1", "[fe80::1", "::"};
  std::mt19937 random(2);
  int good = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string text = starts[random() % std::size(starts)];
    for (size_t n = random() % 12; n > 0; --n) {
      text += random() % 50 == 0 ? static_cast<char>(random())
                                 : kLetters[random() % kLetters.size()];
    }
    const auto a = socket_address::parse(text);
    if (!a.ok()) {
      EXPECT_FALSE(a.status().message().empty());
      continue;
    }
    ++good;
    const auto again = socket_address::parse(a->to_string());
    ASSERT_THAT(again, IsOk()) << text;
    EXPECT_EQ(*again, *a) << text;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace ratchet
