// The snippets of docs/guide.md, compiled and run.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/bound_group.h"
#include "ratchet/interval.h"
#include "ratchet/io/file.h"
#include "ratchet/io/resolve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/ratchet.h"
#include "ratchet/retry.h"
#include "ratchet/sync.h"
#include "ratchet/task_local.h"
#include "ratchet/thread/cross_thread_promise.h"
#include "ratchet/thread/submit.h"
#include "ratchet/thread/thread_pool.h"

namespace {

// -- The snippets

class transfer final : public ratchet::task<void> {
 public:
  transfer(ratchet::mutex& books, int& balance)
      : books_(books), balance_(balance) {}
  step start() { return await<&transfer::locked>(books_.hold()); }

 private:
  step locked(ratchet::held<ratchet::mutex> lock) {
    lock_ = std::move(lock);
    seen_ = balance_;
    return sleep_for<&transfer::stored>(absl::Milliseconds(10));
  }
  step stored() {
    balance_ = seen_ + 1;  // Nobody else was between the two states.
    lock_.release();
    return done();
  }

  ratchet::mutex& books_;
  int& balance_;
  int seen_ = 0;
  ratchet::held<ratchet::mutex> lock_;
};

class consumer final : public ratchet::task<int> {
 public:
  explicit consumer(ratchet::queue<int>& numbers) : numbers_(numbers) {}
  step start() { return await<&consumer::add>(numbers_.get()); }

 private:
  step add(absl::StatusOr<int> number) {
    if (ratchet::kind_of(number.status()) ==
        ratchet::error_kind::queue_shut_down) {
      return done(sum_);
    }
    if (!number.ok()) return fail(number.status());
    sum_ += *number;
    numbers_.task_done().IgnoreError();
    return start();
  }

  ratchet::queue<int>& numbers_;
  int sum_ = 0;
};

class producer final : public ratchet::task<void> {
 public:
  explicit producer(ratchet::queue<int>& numbers) : numbers_(numbers) {}
  step start() {
    if (next_ > 10) return await<&producer::all_added>(numbers_.join());
    return await<&producer::start>(numbers_.put(next_++));
  }

 private:
  step all_added() {
    numbers_.shutdown();
    return done();
  }

  ratchet::queue<int>& numbers_;
  int next_ = 1;
};

class runner final : public ratchet::task<void> {
 public:
  runner(ratchet::barrier& at_the_line, ratchet::event& gun,
         ratchet::semaphore& lanes)
      : at_the_line_(at_the_line), gun_(gun), lanes_(lanes) {}
  step start() { return await<&runner::all_here>(at_the_line_.wait()); }

 private:
  step all_here(size_t index) {
    if (index == 0) gun_.set();  // One of them does it for all.
    return await<&runner::off>(gun_.wait());
  }
  step off() { return await<&runner::in_a_lane>(lanes_.acquire()); }
  step in_a_lane() { return sleep_for<&runner::home>(absl::Seconds(10)); }
  step home() {
    lanes_.release();
    return done();
  }

  ratchet::barrier& at_the_line_;
  ratchet::event& gun_;
  ratchet::semaphore& lanes_;
};

class waits_for_stock final : public ratchet::task<void> {
 public:
  waits_for_stock(ratchet::condition& changed, int& stock)
      : changed_(changed), stock_(stock) {}
  step start() { return await<&waits_for_stock::locked>(changed_.acquire()); }

 private:
  step locked() {
    return await<&waits_for_stock::enough>(
        changed_.wait([this] { return stock_ >= 3; }));
  }
  step enough() {
    stock_ -= 3;
    return done(changed_.release());
  }

  ratchet::condition& changed_;
  int& stock_;
};

class asks_for_its_budget final : public ratchet::task<absl::Duration> {
 public:
  step start() {
    ratchet::event_loop& loop = ratchet::event_loop::current();
    return done(loop.current_task().deadline() - loop.now());
  }
};

class has_two_limits final : public ratchet::task<absl::Duration> {
 public:
  step start() {
    return await<&has_two_limits::finish>(ratchet::with_timeout(
        ratchet::with_timeout(asks_for_its_budget(), absl::Seconds(60)),
        absl::Seconds(5)));
  }

 private:
  step finish(absl::Duration budget) { return done(budget); }  // 5 s
};

class answer_after final : public ratchet::task<int> {
 public:
  explicit answer_after(int seconds) : seconds_(seconds) {}
  step start() {
    return sleep_for<&answer_after::answer>(absl::Seconds(seconds_));
  }

 private:
  step answer() { return done(seconds_); }

  const int seconds_;
};

class first_answer final : public ratchet::task<int> {
 public:
  step start() {
    group_.enter().IgnoreError();
    for (const int seconds : {3, 1, 2}) {
      (void)group_.create_task(answer_after(seconds)).then([this](int answer) {
        answer_ = answer;
        group_.cancel("there is an answer").IgnoreError();
      });
    }
    return await<&first_answer::finish>(group_.leave());
  }

 private:
  step finish() { return done(answer_); }  // After one second.

  int answer_ = 0;
  ratchet::task_group group_;
};

class checksum final : public ratchet::task<int> {
 public:
  checksum(ratchet::thread_pool& pool, std::vector<int> data)
      : pool_(pool), data_(std::move(data)) {}
  step start() {
    return await<&checksum::finish>(
        ratchet::run_in(pool_, [data = std::move(data_)] {
          return std::accumulate(data.begin(), data.end(), 0);
        }));
  }

 private:
  step finish(int sum) { return done(sum); }

  ratchet::thread_pool& pool_;
  std::vector<int> data_;
};

ratchet::future<int> ask_the_driver(std::thread& driver) {
  ratchet::cross_thread_promise<int> promise;
  ratchet::future<int> answer = promise.get_future();
  driver = std::thread([p = std::move(promise)]() mutable {
    p.set_value(42).IgnoreError();  // The consumer may have cancelled.
  });
  return answer;
}

absl::StatusOr<int> ask_the_loop(const ratchet::remote& loop) {
  return ratchet::submit(loop, answer_after(1)).get();  // Blocks this thread.
}

// Adds one to a number that is kept in a file.
class counts_a_visit final : public ratchet::task<int> {
 public:
  counts_a_visit(ratchet::thread_pool& disk, std::string path)
      : disk_(disk), path_(std::move(path)) {}
  step start() {
    return await<&counts_a_visit::read>(ratchet::read_file(disk_, path_, 100));
  }

 private:
  step read(absl::StatusOr<std::string> text) {
    if (absl::IsNotFound(text.status())) text = "0";  // The first visit.
    if (!text.ok()) return fail(text.status());
    visits_ = std::atoi(text->c_str()) + 1;
    return await<&counts_a_visit::written>(
        ratchet::write_file(disk_, path_, std::to_string(visits_)));
  }
  step written() { return done(visits_); }

  ratchet::thread_pool& disk_;
  std::string path_;
  int visits_ = 0;
};

// The first and the last bytes of a file, read at once.
class both_ends final : public ratchet::task<std::string> {
 public:
  both_ends(ratchet::thread_pool& disk, std::string path)
      : disk_(disk), path_(std::move(path)) {}
  step start() {
    return await<&both_ends::opened>(ratchet::file::open(disk_, path_));
  }

 private:
  step opened(ratchet::file file) {
    file_ = std::move(file);
    return await<&both_ends::sized>(file_.size());
  }
  step sized(uint64_t size) {
    const uint64_t last = size < 5 ? 0 : size - 5;
    return await<&both_ends::read>(
        ratchet::when_all(file_.read_at(0, 5), file_.read_at(last, 5)));
  }
  step read(std::tuple<std::string, std::string> ends) {
    return done(std::get<0>(ends) + "..." + std::get<1>(ends));
  }

  ratchet::thread_pool& disk_;
  std::string path_;
  ratchet::file file_;
};

class finds_a_host final : public ratchet::task<std::string> {
 public:
  finds_a_host(ratchet::thread_pool& names, std::string host)
      : names_(names), host_(std::move(host)) {}
  step start() {
    return await<&finds_a_host::found>(ratchet::with_timeout(
        ratchet::resolve(names_, host_, 443), absl::Seconds(5)));
  }

 private:
  step found(std::vector<ratchet::socket_address> addresses) {
    in_turn_ = ratchet::interleave_families(addresses);
    return done(in_turn_.front().to_string());  // The one to be tried first.
  }

  ratchet::thread_pool& names_;
  std::string host_;
  std::vector<ratchet::socket_address> in_turn_;
};

// A server that is busy at every first call for a page.
class flaky_server {
 public:
  absl::StatusOr<int> get(int page) {
    if (asked_.insert(page).second) return absl::UnavailableError("busy");
    return page * page;
  }

 private:
  std::set<int> asked_;
};

class fetch_all final : public ratchet::task<std::vector<int>> {
 public:
  fetch_all(flaky_server& server, std::vector<int> pages)
      : server_(server), pages_(std::move(pages)) {}
  step start() {
    return await<&fetch_all::got>(
        ratchet::map_concurrent(std::move(pages_), 2, [this](int page) {
          return ratchet::retry(options(),
                                [this, page] { return server_.get(page); });
        }));
  }

 private:
  static ratchet::retry_options options() {
    ratchet::retry_options o;
    o.max_attempts = 3;
    o.first_delay = absl::Seconds(1);
    o.jitter = ratchet::retry_jitter::none;
    return o;
  }
  step got(std::vector<int> squares) { return done(std::move(squares)); }

  flaky_server& server_;
  std::vector<int> pages_;
};

class heartbeat final : public ratchet::task<void> {
 public:
  explicit heartbeat(int& beats) : beats_(beats) {}
  step start() { return await<&heartbeat::beat>(every_minute_.next()); }

 private:
  step beat() {
    ++beats_;
    return start();  // Until it is cancelled.
  }

  int& beats_;
  ratchet::interval every_minute_{absl::Minutes(1)};
};

class session final {
 public:
  explicit session(std::vector<std::string>& log) : log_(log) {
    work_.call_later(absl::Seconds(10), [this] { log_.push_back("late"); });
    (void)ratchet::sleep_for(absl::Seconds(1)).then(work_.bind([this] {
      log_.push_back("pinged");
    }));
  }

 private:
  std::vector<std::string>& log_;
  ratchet::bound_group work_{"session"};  // The last member: ends first.
};

// Blinks every second, and draws once however often it is asked to.
class lamp final : private ratchet::event_loop::timer,
                   private ratchet::event_loop::callback {
 public:
  lamp(ratchet::event_loop& loop, std::string& screen)
      : loop_(loop), screen_(screen) {
    timer_due();
  }

  void redraw() { loop_.queue(*this); }

 private:
  void timer_due() override {
    on_ = !on_;
    redraw();
    loop_.arm(*this, loop_.now() + absl::Seconds(1));
  }
  void run() override { screen_ += on_ ? '*' : '.'; }

  ratchet::event_loop& loop_;
  std::string& screen_;
  bool on_ = false;
};

inline ratchet::task_local<std::string> request_id{"-"};

std::string log_line(const std::string& what) {
  return "[" + request_id.get() + "] " + what;
}

class request final : public ratchet::task<std::string> {
 public:
  explicit request(std::string id) : id_(std::move(id)) {}
  step start() {
    request_id.set(id_);  // For this task, and for what it starts.
    return await<&request::slept>(ratchet::sleep_for(absl::Seconds(1)).then([] {
      return log_line("slept");
    }));
  }

 private:
  step slept(std::string line) { return done(std::move(line)); }

  std::string id_;
};

int blocking_square(ratchet::event_loop& loop, int x) {
  loop.allow_nested_runs(true);
  auto square =
      ratchet::sleep_for(absl::Seconds(1)).then([x] { return x * x; });
  return loop.run_until_complete(std::move(square)).value();
}

// -- What they do

class GuideTest : public ::testing::Test {
 protected:
  absl::Duration elapsed() { return clock.now() - absl::UnixEpoch(); }

  ratchet::virtual_clock clock;
  ratchet::event_loop loop{clock};
};

TEST_F(GuideTest, TransfersDoNotInterleave) {
  ratchet::mutex books;
  int balance = 0;
  std::vector<transfer> transfers;
  for (int i = 0; i < 5; ++i) transfers.emplace_back(books, balance);
  auto all = ratchet::when_all(std::move(transfers));
  ASSERT_TRUE(loop.run_until_complete(std::move(all)).ok());
  EXPECT_EQ(balance, 5);
  EXPECT_EQ(elapsed(), absl::Milliseconds(50));
}

TEST_F(GuideTest, TheConsumersAddEverything) {
  ratchet::queue<int> numbers(2);
  auto sums = ratchet::when_all(consumer(numbers), consumer(numbers),
                                producer(numbers));
  const auto result = loop.run_until_complete(std::move(sums));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(std::get<0>(*result) + std::get<1>(*result), 55);
}

TEST_F(GuideTest, TheRunnersRunInLanes) {
  ratchet::barrier at_the_line(5);
  ratchet::event gun;
  ratchet::semaphore lanes(2);
  std::vector<runner> runners(5, runner(at_the_line, gun, lanes));
  auto all = ratchet::when_all(std::move(runners));
  ASSERT_TRUE(loop.run_until_complete(std::move(all)).ok());
  EXPECT_EQ(elapsed(), absl::Seconds(30));
}

TEST_F(GuideTest, TheStockIsWaitedFor) {
  ratchet::condition changed;
  int stock = 0;
  for (int i = 1; i <= 3; ++i) {
    loop.call_later(absl::Seconds(i), [&] {
      ASSERT_TRUE(changed.try_acquire());
      ++stock;
      changed.notify_all().IgnoreError();
      changed.release().IgnoreError();
    });
  }
  ASSERT_TRUE(loop.run_until_complete(waits_for_stock(changed, stock)).ok());
  EXPECT_EQ(stock, 0);
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(GuideTest, TheTighterLimitCounts) {
  EXPECT_EQ(loop.run_until_complete(has_two_limits()).value(),
            absl::Seconds(5));
}

TEST_F(GuideTest, TheFirstAnswerEndsTheGroup) {
  EXPECT_EQ(loop.run_until_complete(first_answer()).value(), 1);
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(GuideTest, TheSumComesFromTheThreads) {
  ratchet::thread_pool pool(2);
  auto sum = loop.run_until_complete(checksum(pool, {1, 2, 3}));
  EXPECT_EQ(sum.value(), 6);
}

TEST_F(GuideTest, TheDriverAnswers) {
  std::thread driver;
  EXPECT_EQ(loop.run_until_complete(ask_the_driver(driver)).value(), 42);
  driver.join();
}

TEST_F(GuideTest, TheLoopAnswersOtherThreads) {
  absl::StatusOr<int> answer;
  std::thread other([&answer, remote = loop.make_remote(), this] {
    answer = ask_the_loop(remote);
    remote.post([this] { loop.stop(); }).IgnoreError();
  });
  EXPECT_TRUE(loop.run_forever().ok());
  other.join();
  EXPECT_EQ(answer.value(), 1);
}

TEST_F(GuideTest, VisitsAreCounted) {
  ratchet::thread_pool disk(1);
  const std::string path = ::testing::TempDir() + "/guide_test.visits";
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(loop.run_until_complete(counts_a_visit(disk, path)).value(), i);
  }
  std::remove(path.c_str());
}

TEST_F(GuideTest, AFileHasTwoEnds) {
  ratchet::thread_pool disk(2);
  const std::string path = ::testing::TempDir() + "/guide_test.ends";
  const std::string text = "Tasks that wait for each other";
  auto written = ratchet::write_file(disk, path, text);
  ASSERT_TRUE(loop.run_until_complete(std::move(written)).ok());
  EXPECT_EQ(loop.run_until_complete(both_ends(disk, path)).value(),
            "Tasks...other");
  std::remove(path.c_str());
}

TEST_F(GuideTest, AHostIsFound) {
  ratchet::thread_pool names(1);
  EXPECT_EQ(loop.run_until_complete(finds_a_host(names, "::1")).value(),
            "[::1]:443");
}

TEST_F(GuideTest, AllPagesAreFetched) {
  flaky_server server;
  const auto squares = loop.run_until_complete(fetch_all(server, {1, 2, 3, 4}));
  EXPECT_EQ(squares.value(), (std::vector<int>{1, 4, 9, 16}));
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(GuideTest, TheHeartBeats) {
  int beats = 0;
  const absl::Status status = loop.run_until_complete(
      ratchet::with_timeout(heartbeat(beats), absl::Seconds(150)));
  EXPECT_TRUE(ratchet::is_timeout(status));
  EXPECT_EQ(beats, 3);  // At 0, 60 and 120 seconds.
}

TEST_F(GuideTest, WhatASessionHasGoingOnEndsWithIt) {
  std::vector<std::string> log;
  {
    session s(log);
    ASSERT_TRUE(
        loop.run_until_complete(ratchet::sleep_for(absl::Seconds(2))).ok());
  }
  ASSERT_TRUE(
      loop.run_until_complete(ratchet::sleep_for(absl::Seconds(20))).ok());
  EXPECT_EQ(log, (std::vector<std::string>{"pinged"}));
}

TEST_F(GuideTest, TheLampBlinks) {
  std::string screen;
  {
    lamp l(loop, screen);
    l.redraw();
    ASSERT_TRUE(
        loop.run_until_complete(ratchet::sleep_for(absl::Milliseconds(3500)))
            .ok());
  }
  ASSERT_TRUE(
      loop.run_until_complete(ratchet::sleep_for(absl::Seconds(5))).ok());
  EXPECT_EQ(screen, "*.*.");
}

TEST_F(GuideTest, EveryRequestHasItsId) {
  const auto lines =
      loop.run_until_complete(ratchet::when_all(request("r1"), request("r2")));
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(std::get<0>(*lines), "[r1] slept");
  EXPECT_EQ(std::get<1>(*lines), "[r2] slept");
  EXPECT_EQ(log_line("outside"), "[-] outside");
}

TEST_F(GuideTest, ACallbackWaitsForAResult) {
  int squared = 0;
  loop.call_soon([this, &squared] { squared = blocking_square(loop, 7); });
  ASSERT_TRUE(
      loop.run_until_complete(ratchet::sleep_for(absl::Seconds(2))).ok());
  EXPECT_EQ(squared, 49);
}

}  // namespace
