#include "ratchet/io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/internal/open_file.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/thread/thread_pool.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"
#include "tests/thread/gate.h"

namespace ratchet {
namespace {

using test::gate;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr size_t kAll = std::numeric_limits<size_t>::max();

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return names;
  while (const dirent* const entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void put(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  EXPECT_TRUE(out.good()) << path;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string random_bytes(size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// Each test has a folder of its own, and a pool.
class FileTest : public test::loop_test {
 protected:
  FileTest() {
    std::string pattern = ::testing::TempDir() + "/file_test.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  ~FileTest() override {
    for (const std::string& name : entries(folder)) {
      const std::string path = in_folder(name);
      if (unlink(path.c_str()) != 0) rmdir(path.c_str());
    }
    rmdir(folder.c_str());
  }

  std::string in_folder(const std::string& name) { return folder + "/" + name; }

  template <class A>
  auto now(A&& awaitable) {
    return loop.run_until_complete(std::forward<A>(awaitable));
  }

  file opened(const std::string& path, file_mode mode = file_mode::read) {
    auto f = now(file::open(pool, path, mode));
    EXPECT_THAT(f, IsOk());
    return f.ok() ? *std::move(f) : file();
  }

  // Keeps all threads of `pool`, which has one, busy until `busy` is opened.
  void occupy() {
    gate started;
    blocked = run_in(pool, [&] {
      started.open();
      busy.wait();
    });
    started.wait();
  }

  // How many descriptors this process has.
  size_t descriptors() { return entries("/proc/self/fd").size(); }

  std::string folder;
  gate busy;
  thread_pool pool{1, "disk"};
  future<void> blocked;
};

// -- Opening ------------------------------------------------------------------

TEST_F(FileTest, ModesSayWhatIsDoneWithAFileThatIsThereAndWithOneThatIsNot) {
  const auto kNotFound = absl::StatusCode::kNotFound;
  const auto kExists = absl::StatusCode::kAlreadyExists;
  const auto kOk = absl::StatusCode::kOk;
  const struct {
    file_mode mode;
    absl::StatusCode missing;
    absl::StatusCode there;
    const char* left;  // Of one that was there.
  } cases[] = {
      {file_mode::read, kNotFound, kOk, "old"},
      {file_mode::update, kNotFound, kOk, "old"},
      {file_mode::open_or_create, kOk, kOk, "old"},
      {file_mode::truncate, kOk, kOk, ""},
      {file_mode::create, kOk, kExists, "old"},
  };
  const std::string path = in_folder("x");
  for (const auto& c : cases) {
    SCOPED_TRACE(static_cast<int>(c.mode));
    EXPECT_EQ(now(file::open(pool, path, c.mode)).status().code(), c.missing);
    EXPECT_EQ(exists(path), c.missing == kOk);
    put(path, "old");
    auto f = now(file::open(pool, path, c.mode));
    EXPECT_EQ(f.status().code(), c.there);
    EXPECT_EQ(contents(path), c.left);
    if (f.ok()) {
      const bool writes = c.mode != file_mode::read;
      EXPECT_EQ(now(f->write_at(0, "new")).ok(), writes);
      EXPECT_THAT(now(f->read_at(0, kAll)),
                  IsOkAndHolds(std::string(writes ? "new" : c.left)));
      EXPECT_EQ(f->path(), path);
    }
    unlink(path.c_str());
  }
}

TEST_F(FileTest, AFileThatIsNotThereIsNotFound) {
  const std::string path = in_folder("missing");
  EXPECT_THAT(now(file::open(pool, path)),
              StatusIs(absl::StatusCode::kNotFound,
                       absl::StrCat("open(\"", path,
                                    "\"): No such file or directory")));
  EXPECT_THAT(now(read_file(pool, path)),
              StatusIs(absl::StatusCode::kNotFound,
                       absl::StrCat("read_file(\"", path,
                                    "\"): No such file or directory")));
  EXPECT_THAT(now(write_file(pool, path + "/x", "")),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("write_file(")));
}

TEST_F(FileTest, AFolderIsNoFile) {
  for (const file_mode mode : {file_mode::read, file_mode::update}) {
    EXPECT_THAT(
        now(file::open(pool, folder, mode)),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 absl::StrCat("open(\"", folder, "\"): Is a directory")));
  }
  EXPECT_THAT(now(read_file(pool, folder)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Is a directory")));
  EXPECT_THAT(now(write_file(pool, folder, "")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Is a directory")));
}

TEST_F(FileTest, WhatIsForbiddenIsDenied) {
  const std::string path = in_folder("secret");
  put(path, "secret");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0500), 0);
  // Root may do everything. To the system that is a matter of the thread.
  const long dropped = now(run_in(pool, [] {
                         __user_cap_header_struct header = {};
                         header.version = _LINUX_CAPABILITY_VERSION_3;
                         const __user_cap_data_struct none[2] = {};
                         return syscall(SYS_capset, &header, none);
                       })).value();
  ASSERT_EQ(dropped, 0);
  EXPECT_THAT(
      now(file::open(pool, path)),
      StatusIs(absl::StatusCode::kPermissionDenied,
               absl::StrCat("open(\"", path, "\"): Permission denied")));
  EXPECT_THAT(now(read_file(pool, path)),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(path)));
  EXPECT_THAT(now(write_file(pool, path, "")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(path)));
  ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
  EXPECT_THAT(entries(folder), ElementsAre("secret"));
}

TEST_F(FileTest, APathWithAZeroIsRefused) {
  const std::string path("a\0b", 3);
  for (const absl::Status& status :
       {now(file::open(pool, path)).status(),
        now(read_file(pool, path)).status(), now(write_file(pool, path, ""))}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("the path has a zero in it")));
  }
}

TEST_F(FileTest, WhatHasNoPositionsIsRefusedByTheSystem) {
  const std::string path = in_folder("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  file f = opened(path, file_mode::update);  // Both ends: nobody waits.
  EXPECT_THAT(now(f.read_at(0, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       absl::StrCat("read_at(\"", path, "\"): Illegal seek")));
}

// -- Reading and writing ------------------------------------------------------

TEST_F(FileTest, ReadsWhatIsThere) {
  put(in_folder("x"), "0123456789");
  const file f = opened(in_folder("x"));
  const struct {
    uint64_t offset;
    size_t size;
    std::string bytes;
  } cases[] = {
      {0, 10, "0123456789"},
      {0, 4, "0123"},
      {4, 3, "456"},
      {8, 2, "89"},
      {8, 3, "89"},
      {8, kAll, "89"},
      {0, 0, ""},
      {10, 1, ""},
      {uint64_t{1} << 62, 100, ""},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(now(f.read_at(c.offset, c.size)), IsOkAndHolds(c.bytes))
        << c.offset << ' ' << c.size;
  }
}

TEST_F(FileTest, APositionBeyondAllFilesIsRefused) {
  file f = opened(in_folder("x"), file_mode::create);
  const uint64_t beyond = uint64_t{1} << 63;
  EXPECT_THAT(
      now(f.read_at(beyond, 1)),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("read_at(")));
  EXPECT_THAT(
      now(f.write_at(beyond, "x")),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("write_at(")));
  EXPECT_THAT(
      now(f.resize(beyond)),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("resize(")));
}

TEST_F(FileTest, HolesAreZeros) {
  file f = opened(in_folder("x"), file_mode::create);
  EXPECT_THAT(now(f.write_at(5, "five")), IsOk());
  EXPECT_THAT(now(f.size()), IsOkAndHolds(9u));
  EXPECT_THAT(now(f.write_at(0, "0")), IsOk());
  EXPECT_THAT(now(f.read_at(0, kAll)),
              IsOkAndHolds(std::string("0\0\0\0\0five", 9)));
  EXPECT_THAT(now(f.resize(3)), IsOk());
  EXPECT_THAT(now(f.resize(4)), IsOk());
  EXPECT_THAT(now(f.sync()), IsOk());
  EXPECT_EQ(contents(in_folder("x")), std::string("0\0\0\0", 4));
}

TEST_F(FileTest, AFileWithoutASizeIsReadToItsEnd) {
  const auto whole = now(read_file(pool, "/proc/self/maps"));
  ASSERT_THAT(whole, IsOk());
  EXPECT_GT(whole->size(), 100u);
  EXPECT_EQ(whole->back(), '\n');
}

TEST_F(FileTest, ManyOperationsAreUnderWayAtOnce) {
  constexpr size_t kPiece = 64 << 10;
  constexpr size_t kPieces = 128;
  const std::string all = random_bytes(kPiece * kPieces - 1000);
  thread_pool threads(3);
  const std::string path = in_folder("big");
  file f = now(file::open(threads, path, file_mode::create)).value();
  std::vector<future<void>> writes;
  for (size_t i = kPieces; i-- > 0;) {
    writes.push_back(f.write_at(i * kPiece, all.substr(i * kPiece, kPiece)));
  }
  run_until_idle();
  for (const auto& w : writes) EXPECT_THAT(w, IsOk());
  EXPECT_TRUE(contents(path) == all);

  std::vector<future<std::string>> reads;
  for (size_t i = 0; i < kPieces; ++i) {
    reads.push_back(f.read_at(i * kPiece, kPiece));
  }
  run_until_idle();
  std::string read;
  for (const auto& r : reads) read += r.value();
  EXPECT_TRUE(read == all);
  EXPECT_TRUE(now(read_file(threads, path)).value() == all);
}

// -- What the system does to a call -------------------------------------------

// Answers that are given one after the other; each is asked for one byte less
// or more than it gives.
struct answer {
  ssize_t result;  // At most: as much as there is room for.
  int error = 0;
};
struct {
  std::vector<answer> answers;
  std::string data;
  std::vector<std::pair<off_t, size_t>> asked;

  answer next(off_t offset, size_t size) {
    answer a{0};
    if (asked.size() < answers.size()) a = answers[asked.size()];
    asked.emplace_back(offset, size);
    errno = a.error;
    a.result = std::min(a.result, static_cast<ssize_t>(size));
    return a;
  }
} fake;

ssize_t fake_read(int, void* data, size_t size, off_t offset) {
  const answer a = fake.next(offset, size);
  if (a.result > 0) {
    std::memcpy(data, fake.data.data() + offset, static_cast<size_t>(a.result));
  }
  return a.result;
}
ssize_t fake_write(int, const void* data, size_t size, off_t offset) {
  const answer a = fake.next(offset, size);
  if (a.result > 0) {
    fake.data.resize(static_cast<size_t>(offset + a.result));
    std::memcpy(fake.data.data() + offset, data, static_cast<size_t>(a.result));
  }
  return a.result;
}
constexpr internal::file_calls kFakeCalls = {fake_read, fake_write};

TEST(FileCallsTest, InterruptedAndShortReadsAreContinued) {
  fake = {};
  fake.data = "0123456789";
  fake.answers = {{-1, EINTR}, {2}, {-1, EINTR}, {-1, EINTR}, {1}, {100}};
  EXPECT_THAT(internal::read_fully(kFakeCalls, -1, 1, 6, "read"),
              IsOkAndHolds(std::string("123456")));
  EXPECT_THAT(fake.asked, SizeIs(6));
  EXPECT_EQ(fake.asked.back(), (std::pair<off_t, size_t>(4, 3)));
}

TEST(FileCallsTest, AReadEndsWithTheFile) {
  fake = {};
  fake.data = "0123456789";
  fake.answers = {{4}, {0}, {4}};
  EXPECT_THAT(internal::read_fully(kFakeCalls, -1, 0, 8, "read"),
              IsOkAndHolds(std::string("0123")));
  EXPECT_THAT(fake.asked, SizeIs(2));
}

TEST(FileCallsTest, AReadThatFailsFails) {
  fake = {};
  fake.data = "0123456789";
  fake.answers = {{4}, {-1, EIO}};
  EXPECT_THAT(internal::read_fully(kFakeCalls, -1, 0, 8, "read"),
              StatusIs(absl::StatusCode::kUnknown, "read: Input/output error"));
}

TEST(FileCallsTest, InterruptedAndShortWritesAreContinued) {
  fake = {};
  fake.answers = {{-1, EINTR}, {2}, {-1, EINTR}, {1}, {100}};
  EXPECT_THAT(internal::write_fully(kFakeCalls, -1, 0, "abcdef", "write"),
              IsOk());
  EXPECT_EQ(fake.data, "abcdef");
  EXPECT_THAT(fake.asked, SizeIs(5));
}

TEST(FileCallsTest, AWriteThatFailsFails) {
  fake = {};
  fake.answers = {{2}, {-1, ENOSPC}};
  EXPECT_THAT(internal::write_fully(kFakeCalls, -1, 0, "abcdef", "write"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "write: No space left on device"));
  EXPECT_EQ(fake.data, "ab");
}

TEST(FileCallsTest, AWriteOfNothingIsNoEndlessLoop) {
  fake = {};
  fake.answers = {{2}, {0}};
  EXPECT_THAT(internal::write_fully(kFakeCalls, -1, 0, "abcdef", "write"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("")));
}

// -- Closing ------------------------------------------------------------------

TEST_F(FileTest, AClosedFileDoesNothingMore) {
  put(in_folder("x"), "x");
  const size_t before = descriptors();
  file f = opened(in_folder("x"));
  EXPECT_EQ(descriptors(), before + 1);
  EXPECT_TRUE(f.is_open());
  future<void> closed = f.close();
  EXPECT_FALSE(f.is_open());
  EXPECT_EQ(f.path(), "");
  EXPECT_THAT(now(std::move(closed)), IsOk());
  EXPECT_EQ(descriptors(), before);
  const auto is_refused = [](const char* call) {
    return StatusIs(absl::StatusCode::kFailedPrecondition,
                    StartsWith(absl::StrCat(call, ": the file is not open")));
  };
  EXPECT_THAT(f.read_at(0, 1), is_refused("read_at()"));
  EXPECT_THAT(f.write_at(0, ""), is_refused("write_at()"));
  EXPECT_THAT(f.size(), is_refused("size()"));
  EXPECT_THAT(f.resize(0), is_refused("resize()"));
  EXPECT_THAT(f.sync(), is_refused("sync()"));
  EXPECT_THAT(f.close(), is_refused("close()"));
  EXPECT_THAT(file().size(), is_refused("size()"));
}

TEST_F(FileTest, TheDescriptorIsOpenUntilNothingIsUnderWay) {
  put(in_folder("x"), "x");
  const size_t before = descriptors();
  file f = opened(in_folder("x"));
  occupy();
  const future<std::string> read = f.read_at(0, 1);
  f = file();
  EXPECT_EQ(descriptors(), before + 1);
  busy.open();
  run_until_idle();
  EXPECT_THAT(read, IsOk());
  EXPECT_EQ(read.value(), "x");
  EXPECT_EQ(descriptors(), before);
}

TEST_F(FileTest, AFileThatGoesIsClosed) {
  put(in_folder("x"), "x");
  const size_t before = descriptors();
  {
    const file f = opened(in_folder("x"));
    EXPECT_EQ(descriptors(), before + 1);
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(FileTest, ClosingComesBehindWhatIsUnderWay) {
  file f = opened(in_folder("x"), file_mode::create);
  occupy();
  std::vector<future<void>> all;
  all.push_back(f.write_at(0, "x"));
  all.push_back(f.sync());
  all.push_back(f.close());
  iterate(3);
  for (const auto& a : all) EXPECT_FALSE(a.done());
  busy.open();
  run_until_idle();
  for (const auto& a : all) EXPECT_THAT(a, IsOk());
  EXPECT_EQ(contents(in_folder("x")), "x");
}

TEST_F(FileTest, ACloseThatIsCancelledClosesAllTheSame) {
  put(in_folder("x"), "x");
  const size_t before = descriptors();
  file f = opened(in_folder("x"));
  occupy();
  future<void> closed = f.close();
  EXPECT_TRUE(closed.cancel());
  EXPECT_EQ(descriptors(), before + 1);
  busy.open();
  run_until_idle();
  EXPECT_EQ(descriptors(), before);
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(FileTest, AfterAShutDownOperationsAreRefusedAndClosingIsNot) {
  put(in_folder("x"), "x");
  const size_t before = descriptors();
  file f = opened(in_folder("x"));
  pool.shutdown();
  EXPECT_THAT(f.read_at(0, 1),
              IsKind(error_kind::not_accepting, HasSubstr("disk")));
  EXPECT_THAT(file::open(pool, in_folder("x")),
              IsKind(error_kind::not_accepting, HasSubstr("disk")));
  EXPECT_THAT(read_file(pool, in_folder("x")),
              IsKind(error_kind::not_accepting, HasSubstr("disk")));
  EXPECT_THAT(now(f.close()), IsOk());
  EXPECT_EQ(descriptors(), before);
  run_until_idle();
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(FileTest, AFileOutlivesItsPool) {
  const size_t before = descriptors();
  auto other = std::make_unique<thread_pool>(1, "other");
  file f = now(file::open(*other, in_folder("x"), file_mode::create)).value();
  gate started;
  const future<void> blocks = run_in(*other, [&] {
    started.open();
    busy.wait();
  });
  started.wait();
  const future<void> write = f.write_at(0, "x");
  std::thread opener([this, core = other->core()] {
    // Until the pool has given up what waits for a thread.
    while (core->queued() > 0) std::this_thread::yield();
    busy.open();
  });
  other.reset();
  opener.join();
  run_until_idle();
  EXPECT_THAT(write, IsKind(error_kind::destroyed, HasSubstr("other")));
  EXPECT_THAT(f.write_at(0, "x"),
              IsKind(error_kind::not_accepting, HasSubstr("other")));
  EXPECT_THAT(now(f.close()), IsOk());
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(contents(in_folder("x")), "");
}

// -- Cancelling ---------------------------------------------------------------

TEST_F(FileTest, WhatIsCancelledBeforeItStartsNeverHappens) {
  file f = opened(in_folder("x"), file_mode::create);
  occupy();
  future<void> write = f.write_at(0, "x");
  future<void> whole = write_file(pool, in_folder("y"), "y");
  EXPECT_TRUE(write.cancel());
  EXPECT_TRUE(whole.cancel());
  EXPECT_TRUE(write.cancelled());
  busy.open();
  EXPECT_THAT(now(f.close()), IsOk());
  EXPECT_EQ(contents(in_folder("x")), "");
  EXPECT_FALSE(exists(in_folder("y")));
}

// A named pipe keeps the thread that opens it until there is somebody else.
TEST_F(FileTest, WhatIsCancelledInFlightLeavesNoDescriptor) {
  const std::string path = in_folder("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const size_t before = descriptors();
  gate started;
  const future<void> first = run_in(pool, [&started] { started.open(); });
  future<file> f = file::open(pool, path);
  started.wait();
  while (pool.queued() > 0) std::this_thread::yield();
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
  const int other_end = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(other_end, 0);
  run_until_idle();
  close(other_end);
  EXPECT_EQ(descriptors(), before);
}

// -- Whole files --------------------------------------------------------------

TEST_F(FileTest, AFileIsReadUpToALimit) {
  const std::string path = in_folder("x");
  put(path, "0123456789");
  EXPECT_THAT(now(read_file(pool, path)),
              IsOkAndHolds(std::string("0123456789")));
  EXPECT_THAT(now(read_file(pool, path, 10)),
              IsOkAndHolds(std::string("0123456789")));
  EXPECT_THAT(now(read_file(pool, path, 9)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       absl::StrCat("read_file(\"", path,
                                    "\"): the file has 10 bytes, more than "
                                    "the limit of 9 bytes")));
  EXPECT_THAT(now(read_file(pool, "/proc/self/maps", 9)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("the file has more than the limit of 9")));
  put(path, "");
  EXPECT_THAT(now(read_file(pool, path, 0)), IsOkAndHolds(std::string()));
}

TEST_F(FileTest, WritesANewFileWithThePermissionsOfNewFiles) {
  const std::string path = in_folder("x");
  const std::string all = random_bytes(3 << 20);
  EXPECT_THAT(now(write_file(pool, path, all)), IsOk());
  EXPECT_TRUE(contents(path) == all);
  EXPECT_THAT(entries(folder), ElementsAre("x"));
  put(in_folder("y"), "");
  struct stat x;
  struct stat y;
  ASSERT_EQ(stat(path.c_str(), &x), 0);
  ASSERT_EQ(stat(in_folder("y").c_str(), &y), 0);
  EXPECT_EQ(x.st_mode, y.st_mode);
}

TEST_F(FileTest, AFileThatIsReplacedKeepsItsPermissionsAndItsReaders) {
  const std::string path = in_folder("x");
  put(path, "the old contents");
  ASSERT_EQ(chmod(path.c_str(), 0606), 0);
  const file old = opened(path);
  EXPECT_THAT(now(write_file(pool, path, "new")), IsOk());
  EXPECT_EQ(contents(path), "new");
  EXPECT_THAT(now(old.read_at(0, kAll)),
              IsOkAndHolds(std::string("the old contents")));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0606u);
  EXPECT_THAT(entries(folder), ElementsAre("x"));
}

TEST_F(FileTest, ALinkGoesOnPointingAtWhatIsWritten) {
  put(in_folder("x"), "old");
  ASSERT_EQ(symlink("x", in_folder("link").c_str()), 0);
  EXPECT_THAT(now(write_file(pool, in_folder("link"), "new")), IsOk());
  EXPECT_EQ(contents(in_folder("x")), "new");
  struct stat info;
  ASSERT_EQ(lstat(in_folder("link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}

TEST_F(FileTest, WhatIsNoRegularFileIsNotReplaced) {
  const std::string path = in_folder("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(now(write_file(pool, path, "new")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(path), HasSubstr("no regular file"))));
  EXPECT_THAT(entries(folder), ElementsAre("pipe"));
}

TEST_F(FileTest, ARelativePathIsInTheCurrentFolder) {
  const std::string name = absl::StrCat("file_test.", getpid());
  EXPECT_THAT(now(write_file(pool, name, "x")), IsOk());
  EXPECT_THAT(now(write_file(pool, name, "y")), IsOk());
  EXPECT_THAT(now(read_file(pool, name)), IsOkAndHolds(std::string("y")));
  unlink(name.c_str());
}

}  // namespace
}  // namespace ratchet
