#include "ratchet/internal/slab.h"

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"

namespace ratchet::internal {
namespace {

struct size_case {
  size_t size, alignment;
};

// Every class boundary, the large blocks, and over-aligned ones.
constexpr size_case kSizes[] = {
    {1, 1},      {16, 16},     {17, 16},     {64, 64},      {65, 64},
    {128, 128},  {200, 256},   {1024, 16},   {1025, 16},    {2048, 32},
    {3000, 64},  {16384, 16},  {16385, 16},  {70000, 16},   {300000, 64},
    {100, 4096}, {8192, 4096}, {100, 32768}, {40000, 32768}};

void* fill(void* block, size_t size, int with) {
  return std::memset(block, with, size);
}

bool holds(const void* block, size_t size, int with) {
  const auto* const bytes = static_cast<const unsigned char*>(block);
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != static_cast<unsigned char>(with)) return false;
  }
  return true;
}

TEST(SlabTest, BlocksAreAlignedAndDoNotOverlap) {
  struct block {
    void* at;
    size_case size;
    block_kind kind;
    int with;
  };
  std::vector<block> blocks;
  int with = 0;
  for (int round = 0; round < 3; ++round) {
    for (const size_case& c : kSizes) {
      for (const block_kind kind : {block_kind::plain, block_kind::task}) {
        with = with % 100 + 1;
        void* const at = allocate(c.size, c.alignment, kind);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % c.alignment, 0u)
            << c.size << " aligned to " << c.alignment;
        // Even, as the first word of an object with virtual functions is.
        blocks.push_back({fill(at, c.size, with * 2), c, kind, with * 2});
      }
    }
  }
  for (const block& b : blocks) {
    EXPECT_TRUE(holds(b.at, b.size.size, b.with))
        << b.size.size << " aligned to " << b.size.alignment;
    deallocate(b.at, b.size.size, b.size.alignment, b.kind);
  }
}

TEST(SlabTest, CountsWhatItGaveAndWhatIsOut) {
  const slab_statistics before = slab_stats();
  void* const a = allocate(40, 8, block_kind::plain);
  void* const b = allocate(40, 8, block_kind::task);
  EXPECT_EQ(slab_stats().total, before.total + 2);
  EXPECT_EQ(slab_stats().live, before.live + 2);
  deallocate(a, 40, 8, block_kind::plain);
  EXPECT_EQ(slab_stats().total, before.total + 2);
  EXPECT_EQ(slab_stats().live, before.live + 1);
  deallocate(b, 40, 8, block_kind::task);
  EXPECT_EQ(slab_stats().live, before.live);
}

#ifndef ABSL_HAVE_ADDRESS_SANITIZER  // There, plain blocks come from the heap.
TEST(SlabTest, TheLastOneBackIsTheNextOneOut) {
  void* const a = allocate(40, 8, block_kind::plain);
  void* const b = allocate(40, 8, block_kind::plain);
  deallocate(a, 40, 8, block_kind::plain);
  deallocate(b, 40, 8, block_kind::plain);
  // 33 to 48 bytes are one class.
  EXPECT_EQ(allocate(48, 8, block_kind::plain), b);
  EXPECT_EQ(allocate(33, 8, block_kind::plain), a);
  deallocate(a, 33, 8, block_kind::plain);
  deallocate(b, 48, 8, block_kind::plain);
}
#endif

// What for_each_task_block needs to see of a live block.
struct object {
  virtual ~object() = default;
  char bytes[50];
};

std::set<void*> task_blocks() {
  std::set<void*> seen;
  for_each_task_block(
      [&](void* block) { EXPECT_TRUE(seen.insert(block).second); });
  return seen;
}

TEST(SlabTest, WalksOverTheLiveTaskBlocksAndNothingElse) {
  const std::set<void*> before = task_blocks();
  std::set<void*> expected = before;
  std::vector<object*> objects;
  for (int i = 0; i < 3000; ++i) {  // More than a page.
    objects.push_back(new (allocate(sizeof(object), 8, block_kind::task))
                          object);
    expected.insert(objects.back());
  }
  void* const large = allocate(100000, 256, block_kind::task);
  void* const plain = allocate(sizeof(object), 8, block_kind::plain);
  new (large) object;
  new (plain) object;
  expected.insert(large);
  EXPECT_EQ(task_blocks(), expected);

  for (size_t i = 0; i < objects.size(); i += 3) {
    deallocate(objects[i], sizeof(object), 8, block_kind::task);
    expected.erase(objects[i]);
  }
  EXPECT_EQ(task_blocks(), expected);
  for (size_t i = 0; i < objects.size(); ++i) {
    if (i % 3 != 0) {
      deallocate(objects[i], sizeof(object), 8, block_kind::task);
    }
  }
  deallocate(large, 100000, 256, block_kind::task);
  deallocate(plain, sizeof(object), 8, block_kind::plain);
  EXPECT_EQ(task_blocks(), before);
}

TEST(SlabTest, BlocksGivenBackOnAnotherThreadFindTheirWayHome) {
  const uint64_t before = slab_stats().live;
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) {
    blocks.push_back(new (allocate(sizeof(object), 8, block_kind::task))
                         object);
  }
  void* const large = allocate(100000, 64, block_kind::task);
  std::thread other([&] {
    for (void* const block : blocks) {
      deallocate(block, sizeof(object), 8, block_kind::task);
    }
    deallocate(large, 100000, 64, block_kind::task);
  });
  other.join();
  EXPECT_EQ(slab_stats().live, before);
  // And are used again.
  std::set<void*> again;
  for (int i = 0; i < 1000; ++i) {
    again.insert(new (allocate(sizeof(object), 8, block_kind::task)) object);
  }
  size_t reused = 0;
  for (void* const block : blocks) reused += again.count(block);
  EXPECT_EQ(reused, blocks.size());
  for (void* const block : again) {
    deallocate(block, sizeof(object), 8, block_kind::task);
  }
}

TEST(SlabTest, TheSlabOfAThreadThatEndedIsTakenOver) {
  void* of_the_first = nullptr;
  std::thread([&] {
    void* const block =
        new (allocate(sizeof(object), 8, block_kind::task)) object;
    deallocate(block, sizeof(object), 8, block_kind::task);
    of_the_first = block;
  }).join();
  void* of_the_second = nullptr;
  std::thread([&] {
    of_the_second = new (allocate(sizeof(object), 8, block_kind::task)) object;
    deallocate(of_the_second, sizeof(object), 8, block_kind::task);
  }).join();
  EXPECT_EQ(of_the_first, of_the_second);
}

TEST(SlabTest, ManyThreadsGiveBackToOneAtOnce) {
  constexpr int kThreads = 4, kEach = 2000;
  const uint64_t before = slab_stats().live;
  std::array<std::vector<void*>, kThreads> blocks;
  for (auto& some : blocks) {
    for (int i = 0; i < kEach; ++i) {
      some.push_back(new (allocate(sizeof(object), 8, block_kind::task))
                         object);
    }
  }
  std::vector<std::thread> threads;
  for (auto& some : blocks) {
    threads.emplace_back([&some] {
      for (void* const block : some) {
        deallocate(block, sizeof(object), 8, block_kind::task);
      }
    });
  }
  for (int i = 0; i < kEach; ++i) {  // The owner goes on meanwhile.
    void* const block =
        new (allocate(sizeof(object), 8, block_kind::task)) object;
    deallocate(block, sizeof(object), 8, block_kind::task);
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(slab_stats().live, before);
}

TEST(SlabTest, ReturnsGoHomeManyAtATime) {
  const uint64_t before = slab_stats().live;
  // More than wait for a flush, of two sizes by turns, and large ones.
  std::vector<void*> small, other, large;
  for (int i = 0; i < 500; ++i) {
    small.push_back(fill(allocate(40, 8, block_kind::plain), 40, i));
    other.push_back(fill(allocate(72, 8, block_kind::plain), 72, i));
  }
  for (int i = 0; i < 3; ++i) {
    large.push_back(allocate(5000, 64, block_kind::plain));
  }
  std::thread([&] {
    slab_returns returns;
    for (int i = 0; i < 500; ++i) {
      EXPECT_TRUE(holds(small[static_cast<size_t>(i)], 40, i % 256));
      returns.add(small[static_cast<size_t>(i)], 40, 8);
      returns.add(other[static_cast<size_t>(i)], 72, 8);
      // One of its own goes the usual way.
      returns.add(allocate(40, 8, block_kind::plain), 40, 8);
      if (i == 100) returns.flush();
    }
    for (void* const block : large) returns.add(block, 5000, 64);
  }).join();  // Where the last ones go, too.
  EXPECT_EQ(slab_stats().live, before);
  std::set<void*> again;
  for (int i = 0; i < 500; ++i) {
    again.insert(fill(allocate(40, 8, block_kind::plain), 40, 1));
  }
  EXPECT_EQ(again.size(), 500u);
  if (kSlabInline) {  // Else the heap has them.
    for (void* const block : small) EXPECT_EQ(again.count(block), 1u);
  }
  for (void* const block : again) deallocate(block, 40, 8, block_kind::plain);
  EXPECT_EQ(slab_stats().live, before);
}

TEST(SlabTest, ReturnsGoToAllWhoseTheyAre) {
  constexpr int kThreads = 9, kEach = 300;
  std::array<std::vector<void*>, kThreads> blocks;
  std::array<uint64_t, kThreads> live{};
  slab_returns returns;
  std::mutex mutex;
  std::condition_variable changed;
  int made = 0;
  bool returned = false;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const uint64_t before = slab_stats().live;
      for (int i = 0; i < kEach; ++i) {
        blocks[t].push_back(allocate(48, 16, block_kind::plain));
      }
      std::unique_lock<std::mutex> lock(mutex);
      ++made;
      changed.notify_all();
      changed.wait(lock, [&] { return returned; });
      live[t] = slab_stats().live - before;
    });
  }
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return made == kThreads; });
  }
  for (size_t i = 0; i < kEach; ++i) {
    for (auto& some : blocks) returns.add(some[i], 48, 16);
  }
  returns.flush();
  {
    const std::lock_guard<std::mutex> lock(mutex);
    returned = true;
    changed.notify_all();
  }
  for (std::thread& t : threads) t.join();
  if (kSlabInline) {
    for (const uint64_t left : live) EXPECT_EQ(left, 0u);
  }
}

TEST(SlabTest, RandomUseKeepsEveryBlockIntact) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    struct block {
      void* at;
      size_t size, alignment;
      block_kind kind;
      int with;
    };
    std::vector<block> live;
    const uint64_t before = slab_stats().live;
    for (int i = 0; i < 20000; ++i) {
      if (live.empty() || random() % 5 < 3) {
        block b;
        b.size = 1 + random() % (random() % 50 == 0 ? 40000 : 300);
        b.alignment = size_t{1} << (random() % 8);
        b.kind = random() % 2 == 0 ? block_kind::plain : block_kind::task;
        b.with = static_cast<int>(random() % 100) * 2;
        b.at = fill(allocate(b.size, b.alignment, b.kind), b.size, b.with);
        ASSERT_EQ(reinterpret_cast<uintptr_t>(b.at) % b.alignment, 0u);
        live.push_back(b);
      } else {
        std::swap(live[random() % live.size()], live.back());
        const block b = live.back();
        live.pop_back();
        ASSERT_TRUE(holds(b.at, b.size, b.with));
        deallocate(b.at, b.size, b.alignment, b.kind);
      }
    }
    ASSERT_EQ(slab_stats().live, before + live.size());
    for (const block& b : live) {
      ASSERT_TRUE(holds(b.at, b.size, b.with));
      deallocate(b.at, b.size, b.alignment, b.kind);
    }
  }
}

TEST(SlabDeathTest, RefusesAnAlignmentPastHalfAPage) {
  EXPECT_DEATH((void)allocate(1, size_t{1} << 16, block_kind::task),
               "ratchet: a type aligned to more than 32 KiB");
}

struct base : slab_allocated<block_kind::plain> {
  virtual ~base() = default;
};
struct alignas(256) derived : base {
  char bytes[300];
};

TEST(SlabAllocatedTest, DeleteThroughTheBaseFindsSizeAndAlignment) {
  const uint64_t before = slab_stats().live;
  base* const small = new base;
  base* const wide = new derived;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide) % 256, 0u);
  EXPECT_EQ(slab_stats().live, before + 2);
  delete small;
  delete wide;
  EXPECT_EQ(slab_stats().live, before);
}

}  // namespace
}  // namespace ratchet::internal
