// A timer_wheel against a std::multimap, over operations that a fuzzer picks.
//
//   clang++ -fsanitize=fuzzer,address ...   makes a libFuzzer target of it;
//   with RATCHET_FUZZ_DRIVER defined it is a test which runs a fixed number of
//   pseudo-random inputs, or the files that it is given.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/timer_wheel_model.h"

namespace {

// The input as numbers; zeros when it has come to its end.
class fuzz_input {
 public:
  fuzz_input(const uint8_t* data, size_t size)
      : data_(data), end_(data + size) {}

  bool empty() const { return data_ == end_; }
  uint8_t byte() { return empty() ? uint8_t{0} : *data_++; }

  // A number of up to 64 bits: the next byte is its length, in bits.
  uint64_t number() {
    const unsigned bits = byte() % 65;
    uint64_t n = 0;
    for (unsigned i = 0; i < bits; i += 8) n = n << 8 | byte();
    return bits == 64 ? n : n & ((uint64_t{1} << bits) - 1);
  }

 private:
  const uint8_t* data_;
  const uint8_t* const end_;
};

void step(fuzz_input& input, ratchet::timer_wheel_model& model) {
  const uint8_t operation = input.byte();
  const size_t i = input.byte() % model.timers();
  switch (operation % 10) {
    case 0:
      return model.schedule(i, model.after(input.number()));
    case 1:
      return model.schedule(i, model.before(input.number()));
    case 2: {  // Many at once, so that slots are divided.
      const uint64_t delay = input.number();
      const uint64_t stride = input.byte();
      for (size_t k = 0; k < operation / 4u; ++k) {
        model.schedule((i + k) % model.timers(),
                       model.after(delay + k * stride));
      }
      return;
    }
    case 3:
      return model.cancel(i);
    case 4:
      for (size_t k = 0; k < operation / 4u; ++k) {
        model.cancel((i + k) % model.timers());
      }
      return;
    case 5:
      return model.destroy(i);
    case 6:
      return model.advance(model.after(input.number()));
    case 7:
      if (const auto next = model.next()) model.advance(*next);
      return;
    case 8:
      for (size_t k = 0; k < operation / 4u && model.pop(); ++k) {
      }
      return;
    default:
      model.next();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz_input input(data, size);
  const auto start = static_cast<int64_t>(input.number());
  ratchet::timer_wheel_model model(256, start);
  while (!input.empty() && model.error().empty()) step(input, model);
  model.check_bounds();
  model.check_invariants();
  if (!model.error().empty()) {
    std::fprintf(stderr, "timer_wheel differs: %s\n", model.error().c_str());
    std::abort();
  }
  return 0;
}

#ifdef RATCHET_FUZZ_DRIVER

#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace {

constexpr int kInputs = 3000;
constexpr size_t kMaxBytes = 2000;

void run(const std::vector<uint8_t>& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    run(std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {}));
  }
  if (argc > 1) return 0;
  for (int seed = 0; seed < kInputs; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<uint8_t> input(random() % kMaxBytes);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
    run(input);
  }
  return 0;
}

#endif  // RATCHET_FUZZ_DRIVER
