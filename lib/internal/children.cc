#include "ratchet/internal/children.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"

namespace ratchet::internal {

void children_of_different_loops(std::string_view call) {
  fatal(absl::StrCat(absl::string_view(call.data(), call.size()),
                     " was given futures of different event loops"));
}

}  // namespace ratchet::internal
