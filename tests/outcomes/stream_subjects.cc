// Streams, and descriptors of somebody else's making.

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/io/readiness.h"
#include "ratchet/io/stream.h"
#include "tests/io/pipes.h"
#include "tests/outcomes/pool.h"
#include "tests/outcomes/subject.h"

namespace ratchet::outcomes {
namespace {

// A stream, and who is at its other end.
struct conversation {
  stream ours;
  std::unique_ptr<test::socket_pair> pair;

  std::string fate() const {
    return ours.is_closed() ? "stream closed" : "stream goes on";
  }
  void send(std::string_view data) const { pair->send(data); }
  void end() const { shutdown(pair->theirs, SHUT_WR); }
  // "Connection reset by peer": there is something that was not read.
  void break_off() const {
    EXPECT_EQ(::write(ours.descriptor(), "x", 1), 1);
    pair->close_theirs();
  }
  void take_everything() const {
    while (!pair->received().empty()) {
    }
  }
};

using conversations = pool<conversation>;
using happening = std::function<void(const conversation&)>;

absl::StatusOr<conversation> begun(bool full) {
  conversation c;
  c.pair = std::make_unique<test::socket_pair>();
  if (full) test::socket_pair::fill(c.pair->ours);
  stream_options options;
  options.high_water = 0;  // So that whatever is unsent is to be waited for.
  absl::StatusOr<stream> adopted = stream::adopt(c.pair->take_ours(), options);
  if (!adopted.ok()) return adopted.status();
  c.ours = *std::move(adopted);
  return c;
}

// For all of them, and until it is noticed.
std::function<void()> on_each(stage& on, std::shared_ptr<conversations> all,
                              happening what) {
  return [&on, all, what] {
    for (const auto& c : all->all()) what(*c);
    on.turn(kUntilItLooks);
  };
}

// Reads what begins with `first`, which is there before anybody reads.
template <class Begin, class Words>
subject reads(stage& on, std::string first, Begin begin, Words words,
              happening give, happening fail) {
  auto all = std::make_shared<conversations>([first] {
    absl::StatusOr<conversation> c = begun(false);
    if (c.ok() && !first.empty()) c->send(first);
    return c;
  });
  subject made = awaits_of(
      all, [begin](conversation& c) { return begin(c.ours); }, words);
  made.give = on_each(on, all, std::move(give));
  made.fail = on_each(on, all, std::move(fail));
  made.fate = [all] { return all->all().front()->fate(); };
  return made;
}

// Of what has to be `expected`: the first part of it, too, if it was cancelled.
auto words_for(std::string_view expected) {
  return [expected](const auto& outcome) -> std::string {
    if (!outcome.ok()) return word_of(outcome.status());
    return *outcome == expected ? "value" : "another value";
  };
}

void break_off(const conversation& c) { c.break_off(); }
void end(const conversation& c) { c.end(); }

subject reading_some(stage& on) {
  return reads(
      on, "", [](stream& s) { return s.read_some(); }, words_for("x"),
      [](const conversation& c) { c.send("x"); }, break_off);
}

subject reading_exactly(stage& on) {
  return reads(
      on, "a", [](stream& s) { return s.read_exactly(2); }, words_for("ab"),
      [](const conversation& c) { c.send("b"); }, end);
}

subject reading_until(stage& on) {
  return reads(
      on, "a", [](stream& s) { return s.read_until(";"); }, words_for("a;"),
      [](const conversation& c) { c.send(";"); }, end);
}

subject reading_line(stage& on) {
  return reads(
      on, "a", [](stream& s) { return s.read_line(); }, words_for("a"), end,
      break_off);
}

subject reading_all(stage& on) {
  return reads(
      on, "a", [](stream& s) { return s.read_all(2); }, words_for("a"), end,
      [](const conversation& c) { c.send("bc"); });
}

// Writes to somebody who does not read, with `unsent` already written.
template <class Begin>
subject writes(stage& on, bool unsent, Begin begin) {
  auto all = std::make_shared<conversations>([unsent] {
    absl::StatusOr<conversation> c = begun(true);
    if (c.ok() && unsent) {
      EXPECT_TRUE(c->ours.write("x").status().ok());
    }
    return c;
  });
  subject made = awaits_of(
      all, [begin](conversation& c) { return begin(c.ours); }, kStatusWords);
  made.give =
      on_each(on, all, [](const conversation& c) { c.take_everything(); });
  made.fail =
      on_each(on, all, [](const conversation& c) { c.pair->close_theirs(); });
  made.fate = [all] { return all->all().front()->fate(); };
  return made;
}

subject writing(stage& on) {
  return writes(on, false, [](stream& s) { return s.write("x"); });
}

subject flushing(stage& on) {
  return writes(on, true, [](stream& s) { return s.flush(); });
}

subject shutting_down(stage& on) {
  return writes(on, true, [](stream& s) { return s.shutdown_write(); });
}

subject awaiting_readable(stage& on) {
  auto pair = std::make_shared<test::socket_pair>();
  subject made = awaits([pair] { return readable(pair->ours); }, kVoidWords);
  made.give = [pair, &on] {
    pair->send("x");
    on.turn(kUntilItLooks);
  };
  return made;
}

subject awaiting_writable(stage& on) {
  auto pair = std::make_shared<test::socket_pair>();
  test::socket_pair::fill(pair->ours);
  subject made = awaits([pair] { return writable(pair->ours); }, kVoidWords);
  made.give = [pair, &on] {
    while (!pair->received().empty()) {
    }
    on.turn(kUntilItLooks);
  };
  return made;
}

}  // namespace

std::vector<named_subject> stream_subjects() {
  return {
      {"stream_read_some", reading_some},
      {"stream_read_exactly", reading_exactly},
      {"stream_read_until", reading_until},
      {"stream_read_line", reading_line},
      {"stream_read_all", reading_all},
      {"stream_write", writing},
      {"stream_flush", flushing},
      {"stream_shutdown_write", shutting_down},
      {"readable", awaiting_readable},
      {"writable", awaiting_writable},
  };
}

}  // namespace ratchet::outcomes
