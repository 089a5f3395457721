#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/stream_core.h"

namespace ratchet::internal {

std::string_view read_buffer::take(size_t n) {
  const std::string_view taken(memory_ + begin_, n);
  begin_ += n;
  return taken;
}

char* read_buffer::room(size_t most) {
  const size_t have = size();
  if (have == 0) begin_ = end_ = 0;
  size_t wanted = std::max(capacity_, least_);
  // Doubled when it is full, so that gathering is linear, or was filled.
  if (have == capacity_ || (filled_ && capacity_ < kMostForSome)) {
    wanted = std::max({std::min(2 * capacity_, most), have + 1, wanted});
  }
  if (begin_ > 0 &&
      (capacity_ < wanted || end_ == capacity_ || begin_ > have)) {
    // Cheap, or needed.
    std::memmove(memory_, memory_ + begin_, have);
    begin_ = 0;
    end_ = have;
  }
  if (capacity_ < wanted) grow(wanted);
  return memory_ + end_;
}

void read_buffer::give_back() {
  if (memory_ == nullptr) return;
  least_ = std::min(capacity_, kSlabMost);
  free_memory();
  memory_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

// REQUIRES: begin_ == 0.
void read_buffer::grow(size_t capacity) {
  void* memory;
  if (capacity <= kSlabMost) {
    memory = allocate(capacity, kSlabGrain, block_kind::plain);
  } else if (capacity < kMapped) {
    memory = ::operator new(capacity);
  } else if (capacity_ < kMapped) {
    memory = mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  } else {
    memory = mremap(memory_, capacity_, capacity, MREMAP_MAYMOVE);
  }
  if (memory == MAP_FAILED) {
    fatal(absl::StrCat("out of memory: ", capacity,
                       " bytes for what a stream has to read"));
  }
  if (capacity_ < kMapped) {
    if (end_ > 0) std::memcpy(memory, memory_, end_);
    free_memory();
  }
  memory_ = static_cast<char*>(memory);
  capacity_ = capacity;
}

void read_buffer::free_memory() {
  if (memory_ == nullptr) return;
  if (capacity_ <= kSlabMost) {
    deallocate(memory_, capacity_, kSlabGrain, block_kind::plain);
  } else if (capacity_ < kMapped) {
    ::operator delete(memory_);
  } else {
    munmap(memory_, capacity_);
  }
}

void write_buffer::append(std::string_view data) {
  if (data.empty()) return;
  if (pieces_.empty() || pieces_.back().size() + data.size() > kPiece) {
    pieces_.emplace_back();
    // One that is smaller than a piece is likely to get more.
    if (data.size() < kPiece)
      pieces_.back().reserve(std::min(kPiece, 4 * data.size()));
  }
  pieces_.back().append(data);
  size_ += data.size();
}

void write_buffer::append(std::string&& data, size_t from) {
  if (from == data.size()) return;
  size_ += data.size() - from;
  if (pieces_.empty()) at_ = from;
  if (!pieces_.empty()) data.erase(0, from);
  pieces_.push_back(std::move(data));
}

void write_buffer::clear() {
  pieces_ = std::vector<std::string>();
  next_ = at_ = size_ = 0;
}

size_t write_buffer::first(iovec (&parts)[kMostParts]) const {
  size_t count = 0;
  size_t at = at_;
  for (size_t i = next_; i < pieces_.size() && count < kMostParts; ++i) {
    parts[count].iov_base = const_cast<char*>(pieces_[i].data()) + at;
    parts[count].iov_len = pieces_[i].size() - at;
    ++count;
    at = 0;
  }
  return count;
}

void write_buffer::sent(size_t n) {
  size_ -= n;
  while (n > 0) {
    const size_t left = pieces_[next_].size() - at_;
    if (n < left) {
      at_ += n;
      break;
    }
    n -= left;
    at_ = 0;
    pieces_[next_] = std::string();
    ++next_;
  }
  if (size_ == 0) {
    clear();
  } else if (next_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(),
                  pieces_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
}

}  // namespace ratchet::internal
