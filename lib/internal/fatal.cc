#include "ratchet/internal/fatal.h"

#include <cstdio>
#include <cstdlib>

namespace ratchet::internal {

void fatal(std::string_view sentence) {
  std::fprintf(stderr, "ratchet: %.*s\n", static_cast<int>(sentence.size()),
               sentence.data());
  std::abort();
}

}  // namespace ratchet::internal
