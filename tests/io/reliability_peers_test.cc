// Peers that break the connection, end half of it, vanish or are killed, many
// at a time: who waits for them is told what has happened, and nobody else.

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/bound_group.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/serve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/io/figures.h"
#include "tests/io/other_process.h"
#include "tests/io/sockets.h"
#include "tests/support/loop_test.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What becomes of a peer, which is the first that it sends.
enum class fate : char {
  stays = 's',         // Sends a message, gets it back, and ends.
  resets_read = 'r',   // Resets in the middle of a message of its own, or
  resets_write = 'w',  // while it is written to,
  resets_both = 'b',   // or both.
  closes = 'c',        // Ends, and is written to all the same: EPIPE.
  half_closes = 'h',   // Sends all, ends its half, and reads the answer.
  vanishes = 'v',      // Is never heard of again.
};
const char* name_of(fate f) {
  switch (f) {
    case fate::stays:
      return "in order";
    case fate::resets_read:
      return "reset while read";
    case fate::resets_write:
      return "reset while written to";
    case fate::resets_both:
      return "reset while both";
    case fate::closes:
      return "closed and written to";
    case fate::half_closes:
      return "half-closed";
    case fate::vanishes:
      return "vanished";
  }
  return "";
}
constexpr fate kFates[] = {
    fate::stays,  fate::resets_read, fate::resets_write, fate::resets_both,
    fate::closes, fate::half_closes, fate::vanishes};

constexpr size_t kMessage = 1000;
constexpr size_t kAnswers = 100;
constexpr absl::Duration kDeadline = absl::Seconds(30);

// What the server has seen of a peer.
struct experience {
  bool begun = false;  // It has come to where the fate decides.
  std::optional<absl::Status> read;
  std::optional<absl::Status> written;
  size_t come = 0;  // Of a message that is not complete.

  bool over() const { return read.has_value() && written.has_value(); }
};

// Reads a message, and notes how that ended.
class reads_message final : public task<void> {
 public:
  reads_message(stream& s, experience& e) : stream_(s), experience_(e) {}
  step start() {
    return await<&reads_message::got>(
        with_timeout(stream_.read_exactly(kMessage), kDeadline));
  }

 private:
  step got(absl::StatusOr<std::string_view> message) {
    experience_.read = message.status();
    experience_.come = message.ok() ? message->size() : stream_.buffered();
    return done(message.status());
  }

  stream& stream_;
  experience& experience_;
};

class session final : public task<void> {
 public:
  session(stream s, experience& e) : stream_(std::move(s)), experience_(e) {}
  step start() { return await<&session::met>(stream_.read_exactly(1)); }

 private:
  step met(std::string_view first) {
    switch (static_cast<fate>(first[0])) {
      case fate::stays:
        return await<&session::got>(stream_.read_exactly(kMessage));
      case fate::half_closes:
        experience_.begun = true;
        return await<&session::got_all>(stream_.read_all(kMessage));
      case fate::resets_read:
      case fate::vanishes:
        experience_.begun = true;
        experience_.written = absl::OkStatus();
        return await<&session::end>(reads_message(stream_, experience_));
      case fate::resets_both:
        group_ = std::make_unique<bound_group>();
        reading_ = group_->create_task(reads_message(stream_, experience_));
        return write_more(absl::OkStatus());
      case fate::resets_write:
        experience_.read = absl::OkStatus();
        return write_more(absl::OkStatus());
      case fate::closes:
        experience_.begun = true;
        experience_.read = absl::OkStatus();
        return talk(absl::OkStatus());
    }
    return fail(absl::InternalError("no fate"));
  }

  step got(std::string_view message) {
    experience_.begun = true;
    return await<&session::answered>(stream_.write(message));
  }
  step answered() { return await<&session::silent>(stream_.read_some()); }
  step silent(std::string_view nothing) {
    experience_.read =
        nothing.empty() ? absl::OkStatus() : absl::InternalError("more came");
    experience_.written = absl::OkStatus();
    return done();
  }

  step got_all(const std::string& all) {
    experience_.read =
        all.size() == kMessage ? absl::OkStatus() : absl::DataLossError(all);
    for (size_t i = 0; i < kAnswers; ++i) {
      static_cast<void>(stream_.write(all));
    }
    return await<&session::wrote>(stream_.shutdown_write());
  }

  // Until it has to wait, for ever.
  step write_more(absl::Status status) {
    if (!status.ok()) return wrote(std::move(status));
    stream::writing w = stream_.write(std::string(kMessage, 'x'));
    experience_.begun |= !w.ready();
    return await<&session::write_more>(std::move(w));
  }

  // A little, for ever.
  step talk(absl::Status status) {
    if (!status.ok()) return wrote(std::move(status));
    return await<&session::talked>(stream_.write("are you there?"));
  }
  step talked(absl::Status status) {
    if (!status.ok()) return wrote(std::move(status));
    return yield<&session::talk>();
  }

  step wrote(absl::Status status) {
    experience_.written = status;
    if (reading_.valid()) return await<&session::end>(std::move(reading_));
    return done(std::move(status));
  }
  step end(absl::Status status) { return done(std::move(status)); }

  stream stream_;
  experience& experience_;
  future<void> reading_;
  std::unique_ptr<bound_group> group_;  // Ends first what is in it.
};

char pattern(size_t at) { return static_cast<char>(at * 31 + at / 251); }

struct peer {
  fate what;
  client connection;
  size_t sent = 0;  // Of its message.
  std::string heard = {};
  experience* seen = nullptr;
};

// What outlives the loop.
struct served_peers {
  listener l;
  std::map<uint16_t, experience> experiences;  // By the port of the peer.
};

class peers_test : public served_peers, public loop_test {
 protected:
  peers_test() { raise_descriptor_limit(); }

  void begin_to_serve() {
    l = *listener::listen(socket_address::loopback(0));
    serve_options options;
    options.on_error = [this](const socket_address&, const absl::Status&) {
      ++failed;
    };
    served = loop.create_task(serve(
        l,
        [this](accepted a) {
          return session(std::move(a.stream), experiences[a.peer.port()]);
        },
        std::move(options)));
  }

  peer comes(fate what, size_t sent) {
    peer p{what, client(l.address()), sent};
    EXPECT_TRUE(p.connection.connected());
    p.seen = &experiences[p.connection.own_address().port()];
    p.connection.send(absl::StrCat(std::string(1, static_cast<char>(what)),
                                   std::string(sent, 'm')));
    return p;
  }

  // No time of the loop's passes meanwhile.
  template <class Condition>
  bool run_until(Condition condition) {
    const uint64_t begin = wall_ns();
    while (!condition()) {
      iterate();
      if (wall_ns() - begin > uint64_t{20'000'000'000}) return false;
    }
    return true;
  }

  future<void> served;
  size_t failed = 0;
};

class ReliabilityPeersTest : public peers_test,
                             public ::testing::WithParamInterface<unsigned> {
 protected:
  ReliabilityPeersTest() { begin_to_serve(); }

  // What a peer does that is `begun`.
  static void meet_fate(peer& p) {
    switch (p.what) {
      case fate::resets_read:
      case fate::resets_write:
      case fate::resets_both:
        p.connection.reset();
        break;
      case fate::closes:
        // What was sent to it and is not read would make a reset of it.
        p.heard = p.connection.received();
        p.connection.close();
        break;
      case fate::half_closes:
        shutdown(p.connection.fd(), SHUT_WR);
        break;
      case fate::stays:
      case fate::vanishes:
        break;
    }
  }

  static void expect_told(const peer& p) {
    SCOPED_TRACE(name_of(p.what));
    const auto broken =
        StatusIs(absl::StatusCode::kUnavailable,
                 AnyOf(HasSubstr("reset by peer"), HasSubstr("Broken pipe")));
    ASSERT_TRUE(p.seen->over());
    const absl::Status& read = *p.seen->read;
    const absl::Status& written = *p.seen->written;
    switch (p.what) {
      case fate::stays:
        EXPECT_THAT(read, IsOk());
        EXPECT_EQ(p.heard, std::string(kMessage, 'm'));
        break;
      case fate::half_closes:
        EXPECT_THAT(read, IsOk());
        EXPECT_THAT(written, IsOk());
        EXPECT_EQ(p.heard, std::string(kAnswers * kMessage, 'm'));
        break;
      case fate::resets_read:
        EXPECT_THAT(read, broken);
        EXPECT_EQ(p.seen->come, p.sent);
        break;
      case fate::resets_both:
        EXPECT_THAT(read, broken);
        EXPECT_THAT(written, broken);
        EXPECT_EQ(p.seen->come, p.sent);
        break;
      case fate::resets_write:
      case fate::closes:
        EXPECT_THAT(written, broken);
        break;
      case fate::vanishes:
        EXPECT_THAT(read, IsKind(error_kind::timeout, _));
        EXPECT_EQ(p.seen->come, p.sent);
        break;
    }
  }
};

TEST_P(ReliabilityPeersTest, EachFateIsToldAndTheServerGoesOn) {
  constexpr size_t kPeers = kSanitized ? 100 : 300;
  std::minstd_rand random(GetParam());
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  const size_t descriptors = open_descriptors();
  std::map<fate, size_t> counts;

  std::vector<peer> peers;
  for (size_t i = 0; i < kPeers; ++i) {
    const fate what = kFates[random() % std::size(kFates)];
    ++counts[what];
    const bool all = what == fate::stays || what == fate::half_closes;
    peers.push_back(comes(what, all ? kMessage : random() % kMessage));
    if (random() % 8 == 0) iterate();
  }
  ASSERT_TRUE(run_until([&] {
    return std::all_of(peers.begin(), peers.end(),
                       [](const peer& p) { return p.seen->begun; });
  }));

  std::shuffle(peers.begin(), peers.end(), random);
  for (peer& p : peers) {
    meet_fate(p);
    if (random() % 4 == 0) iterate();
  }
  ASSERT_TRUE(run_until([&] {
    size_t over = 0;
    for (peer& p : peers) {
      if (p.what == fate::stays || p.what == fate::half_closes) {
        p.heard += p.connection.received();
      }
      if (p.what == fate::stays && p.heard.size() == kMessage) {
        p.connection.close();
      }
      const bool ended = p.what != fate::half_closes || p.connection.ended();
      over += p.seen->over() && ended ? 1 : 0;
    }
    return over == kPeers - counts[fate::vanishes];
  }));
  // Of those who have vanished, time alone can tell.
  for (const peer& p : peers) {
    EXPECT_EQ(p.seen->over(), p.what != fate::vanishes);
  }
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  EXPECT_THAT(loop.run_until_complete(sleep_for(2 * kDeadline)), IsOk());
  for (const peer& p : peers) expect_told(p);
  EXPECT_EQ(failed, kPeers - counts[fate::stays] - counts[fate::half_closes]);
  EXPECT_THAT(reports, IsEmpty());

  peers.clear();
  EXPECT_EQ(open_descriptors(), descriptors);
  experiences.clear();
  peer last = comes(fate::stays, kMessage);
  ASSERT_TRUE(run_until([&] {
    last.heard += last.connection.received();
    return last.heard.size() == kMessage;
  }));

  std::string of_each;
  for (const auto& [what, count] : counts) {
    absl::StrAppend(&of_each, of_each.empty() ? "" : ", ", count, " ",
                    name_of(what));
  }
  report_figure(
      absl::StrCat("peers_", GetParam()),
      absl::StrCat(kPeers, " peers, each told as what it was: ", of_each));
}

INSTANTIATE_TEST_SUITE_P(
    Seeds, ReliabilityPeersTest,
    ::testing::Range(1u, 1u + static_cast<unsigned>(3 * scale())));

// -- Processes that are killed

// Sends a message of which there is no end, until it is killed. Reads nothing.
void send_for_ever(int control) {
  uint16_t port = 0;
  if (!other_process::receive(control, port)) return;
  const socket_address server = socket_address::loopback(port);
  const int fd = socket(server.family(), SOCK_STREAM, 0);
  if (connect(fd, server.data(), server.size()) != 0) return;
  for (size_t at = 0;;) {
    char piece[997];
    const size_t size = 1 + at % sizeof piece;
    for (size_t i = 0; i < size; ++i) piece[i] = pattern(at + i);
    const ssize_t n = send(fd, piece, size, MSG_NOSIGNAL);
    if (n <= 0) return;
    at += static_cast<size_t>(n);
  }
}

class KilledPeersTest : public peers_test {};

TEST_F(KilledPeersTest, WhoReadsIsToldHowMuchHasCome) {
  constexpr size_t kTogether = 8;
  const size_t times = (kSanitized ? 2 : 6) * scale();
  constexpr size_t kWanted = size_t{1} << 30;
  std::minstd_rand random(1);
  l = *listener::listen(socket_address::loopback(0));
  const size_t descriptors = open_descriptors();
  size_t ends = 0;
  size_t resets = 0;
  size_t bytes = 0;
  for (size_t time = 0; time < times; ++time) {
    // All before the first connection, of which they would have a copy.
    std::vector<other_process> processes;
    for (size_t i = 0; i < kTogether; ++i) {
      processes.emplace_back(send_for_ever);
    }
    for (other_process& p : processes) {
      other_process::send(p.control(), l.address().port());
      future<accepted> f = loop.create_task(l.accept());
      ASSERT_TRUE(run_until([&] { return f.done(); }));
      absl::StatusOr<accepted> a = loop.run_until_complete(std::move(f));
      ASSERT_THAT(a, IsOk());
      stream& s = a->stream;
      // What it has not read makes a reset of its end.
      const bool is_to_reset = random() % 2 == 0;
      if (is_to_reset) {
        EXPECT_THAT(loop.run_until_complete(s.write("unread")), IsOk());
      }
      future<std::string_view> message =
          loop.create_task(s.read_exactly(kWanted));
      const size_t enough = 1 + random() % 100'000;
      ASSERT_TRUE(run_until([&] { return s.buffered() >= enough; }));
      p.kill();
      ASSERT_TRUE(run_until([&] { return message.done(); }));
      const size_t come = s.buffered();
      if (is_to_reset) {
        ++resets;
        EXPECT_THAT(message,
                    StatusIs(absl::StatusCode::kUnavailable,
                             HasSubstr(absl::StrCat("reset by peer, after ",
                                                    come, " bytes"))));
      } else {
        ++ends;
        EXPECT_THAT(message,
                    StatusIs(absl::StatusCode::kOutOfRange,
                             HasSubstr(absl::StrCat(
                                 "ended after ", come, " bytes, before the ",
                                 kWanted, " that were asked for"))));
      }
      EXPECT_GE(come, enough);
      bytes += come;
      absl::StatusOr<std::string_view> all =
          loop.run_until_complete(s.read_some(SIZE_MAX));
      ASSERT_THAT(all, IsOk());
      EXPECT_EQ(all->size(), come);
      size_t at = 0;
      for (const char c : *all) {
        if (c != pattern(at++)) break;
      }
      EXPECT_EQ(at, come);
    }
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_GT(ends, 0u);
  EXPECT_GT(resets, 0u);
  report_figure(
      "killed_peers",
      absl::StrCat(ends + resets, " killed in the middle of a message: ", ends,
                   " ends, ", resets, " resets, ", grouped(bytes),
                   " bytes that had come before can all be read"));
}

}  // namespace
}  // namespace ratchet::test
