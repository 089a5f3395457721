#ifndef RATCHET_INTERNAL_GUARDED_H_
#define RATCHET_INTERNAL_GUARDED_H_

// Included wherever the library calls code of its user.

#include <exception>
#include <type_traits>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"

namespace ratchet::internal {

#ifdef ABSL_HAVE_EXCEPTIONS
// The exception being handled as a status: kUnknown, its type and its text.
absl::Status status_of_current_exception();
#endif

// Calls f(), which returns absl::Status or anything else, which is dropped.
// An exception becomes a status: nothing ever crosses the loop.
template <class F>
absl::Status call_guarded(F&& f) {
#ifdef ABSL_HAVE_EXCEPTIONS
  try {
#endif
    if constexpr (std::is_same_v<decltype(std::forward<F>(f)()),
                                 absl::Status>) {
      return std::forward<F>(f)();
    } else {
      std::forward<F>(f)();
      return absl::OkStatus();
    }
#ifdef ABSL_HAVE_EXCEPTIONS
  } catch (...) {
    return status_of_current_exception();
  }
#endif
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_GUARDED_H_
