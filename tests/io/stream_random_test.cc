// Two ends of a connection, random sizes of everything, system calls that do as
// little as they may, and readers that are cancelled: what arrives is what was
// written.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/io/pipes.h"
#include "tests/io/splitting_calls.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using random_bits = std::minstd_rand;

std::string random_text(random_bits& random, size_t size) {
  std::string text(size, ' ');
  for (char& c : text) {
    c = random() % 12 == 0 ? '\n' : static_cast<char>('a' + random() % 26);
  }
  return text;
}

// Writes `text` in pieces of random size, then shuts down.
class random_writer final : public task<void> {
 public:
  random_writer(stream& to, std::string text, unsigned seed)
      : to_(to), text_(std::move(text)), random_(seed) {}

  step start() {
    if (at_ == text_.size()) {
      return await<&random_writer::shut>(to_.shutdown_write());
    }
    const std::string_view piece =
        std::string_view(text_).substr(at_, 1 + random_() % 3000);
    at_ += piece.size();
    switch (random_() % 3) {
      case 0:
        return await<&random_writer::start>(to_.write(piece));
      case 1:
        return await<&random_writer::start>(to_.write(std::string(piece)));
      default:
        const size_t half = piece.size() / 2;
        return await<&random_writer::start>(
            to_.write({piece.substr(0, half), piece.substr(half)}));
    }
  }

 private:
  step shut() { return done(); }

  stream& to_;
  const std::string text_;
  random_bits random_;
  size_t at_ = 0;
};

// Reads to the end with random functions, and gives all that came.
class random_reader final : public task<std::string> {
 public:
  random_reader(stream& from, std::string& all, unsigned seed)
      : from_(from), all_(all), random_(seed) {}

  step start() {
    switch (random_() % 5) {
      case 0:
        return await<&random_reader::some>(
            from_.read_some(1 + random_() % 500));
      case 1:
        return await<&random_reader::into>(
            from_.read_some(buffer_, 1 + random_() % sizeof buffer_));
      case 2:
        return await<&random_reader::piece>(
            from_.read_exactly(1 + random_() % 2000));
      case 3:
        return await<&random_reader::piece>(
            from_.read_until("\n", 1 + random_() % 300));
      default:
        return await<&random_reader::line>(
            from_.read_line(1 + random_() % 300));
    }
  }

 private:
  step add(std::string_view data) {
    all_.append(data);
    if (random_() % 8 == 0) return yield<&random_reader::start>();
    return start();
  }
  step some(std::string_view data) {
    if (data.empty()) return done(std::move(all_));
    return add(data);
  }
  step into(size_t n) {
    if (n == 0) return done(std::move(all_));
    return add(std::string_view(buffer_, n));
  }
  step piece(absl::StatusOr<std::string_view> data) {
    if (is_cancelled(data.status())) return fail(data.status());
    // The limit, or the end: what is there is read otherwise.
    if (!data.ok()) return await<&random_reader::some>(from_.read_some());
    return add(*data);
  }
  step line(absl::StatusOr<std::optional<std::string_view>> data) {
    if (is_cancelled(data.status())) return fail(data.status());
    if (!data.ok()) return await<&random_reader::some>(from_.read_some());
    if (!data->has_value()) return done(std::move(all_));
    all_.append(**data);
    all_ += '\n';  // The text has no other ends of lines, and ends with one.
    return start();
  }

  stream& from_;
  std::string& all_;  // Survives the task.
  random_bits random_;
  char buffer_[700];
};

class StreamRandomTest : public loop_test,
                         public ::testing::WithParamInterface<unsigned> {};

TEST_P(StreamRandomTest, WhatIsWrittenArrivesWhateverTheSystemSplits) {
  const unsigned seed = GetParam();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  random_bits random(seed);
  const splitting_calls splitting(seed, 1 + seed % 2 * 999);
  socket_pair pair;
  absl::StatusOr<stream> from = stream::adopt(pair.take_ours());
  absl::StatusOr<stream> to = stream::adopt(
      pair.take_theirs(), stream_options{seed % 3 == 0 ? size_t{100} : 65536});
  ASSERT_THAT(from, IsOk());
  ASSERT_THAT(to, IsOk());
  const std::string text = random_text(random, 20'000) + "\n";
  future<void> writing = loop.create_task(random_writer(*to, text, seed + 1));

  // Readers that are cancelled at random, until one comes to the end.
  std::string all;
  for (unsigned i = 0;; ++i) {
    ASSERT_LT(i, 10'000u);
    future<std::string> reading =
        loop.create_task(random_reader(*from, all, seed + i));
    const unsigned long turns =
        random() % 2 == 0 ? 1 + random() % 50 : 2'000'000UL;
    for (unsigned long t = 0; t < turns && !reading.done(); ++t) iterate();
    if (!reading.done()) {
      reading.cancel();
      loop.run_until_complete(std::move(reading)).IgnoreError();
      continue;
    }
    absl::StatusOr<std::string> end =
        loop.run_until_complete(std::move(reading));
    if (is_cancelled(end.status())) continue;
    ASSERT_THAT(end, IsOk());
    EXPECT_EQ(*end, text);
    break;
  }
  EXPECT_THAT(loop.run_until_complete(std::move(writing)), IsOk());
  EXPECT_GT(splitting.calls(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, StreamRandomTest, ::testing::Range(1u, 101u));

}  // namespace
}  // namespace ratchet::test
